//! The address of an endpoint that only the record of a run names. The folder may be from somebody else, so no secret is
//! sent there before the user has seen the address.

use super::settings::is_at_preset;
use super::{PlannedRun, RunError, Settings};
use crate::provider::{ModelName, Provider};
use crate::types::Answers;

impl PlannedRun {
    /// The run, whose endpoint only its record names unless `settings` do.
    pub(super) fn of_recorded_address(mut self, settings: &Settings) -> Self {
        let is_named = settings.base_url.is_some() || settings.trusts_recorded_address;
        let sends_secret = self.provider.as_ref().is_some_and(Provider::sends_secret);
        let is_confirmed =
            is_named || !sends_secret || self.answers_to_ask() == 0 || self.base_url_option().is_none();
        self.has_unconfirmed_address = !is_confirmed;
        self
    }

    /// The question whether a secret may be sent to the address that the record of the resumed run names. Absent if the
    /// settings or the provider name the same address.
    #[must_use]
    pub fn question_about_address(&self) -> Option<String> {
        let Answers::Endpoint(endpoint) = &self.plan.spec.answers else { return None };
        self.has_unconfirmed_address.then(|| {
            format!(
                "the run was made with the endpoint {}, which is not an address of {:?}: your key would be sent there",
                endpoint.base_url, endpoint.provider
            )
        })
    }

    /// # Errors
    /// [`RunError::Config`] if [`PlannedRun::question_about_address`] has no answer.
    pub fn refuse_unconfirmed_address(&self) -> Result<(), RunError> {
        match self.question_about_address() {
            Some(question) => Err(RunError::Config(format!(
                "{question}; if it may be, give the address again (--base-url) or --yes"
            ))),
            None => Ok(()),
        }
    }

    /// Answers [`PlannedRun::question_about_address`] with yes.
    pub fn confirm_address(&mut self) {
        self.has_unconfirmed_address = false;
    }

    /// The value of `--base-url` that the run needs to be resumed. Absent if its endpoint is at the address of its provider.
    #[must_use]
    pub fn base_url_option(&self) -> Option<&str> {
        let Answers::Endpoint(endpoint) = &self.plan.spec.answers else { return None };
        let name: Option<ModelName> = self.plan.spec.model.parse().ok();
        let is_known = name.is_some_and(|name| is_at_preset(&name, endpoint));
        (!is_known).then_some(endpoint.base_url.as_str())
    }
}
