//! A model that answers requests, asked in its wire protocol.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::AnswerReader;
use super::flow::attempts::Asker;
use super::flow::{Asked, Gate, Halt, RetryPolicy};
use super::http::{Client, HttpSettings, ProviderError, Target};
use super::key::ApiKey;
use super::presets::url_below;
use super::protocol::{Parameter, Protocol};
use super::reply::{Read, ReplyReader};
use crate::types::{Endpoint, Failure, FailureKind, ModelOutput, Request, Usage};

/// Time between two looks at whether the endpoint is ready.
const BETWEEN_PROBES: Duration = Duration::from_secs(1);
/// Time between two notices that it is not.
const BETWEEN_NOTICES: Duration = Duration::from_secs(30);

/// A model at an endpoint, ready to be asked from many tasks at once.
#[derive(Debug)]
pub struct Provider {
    asker: Asker,
    protocol: &'static dyn Protocol,
    model: String,
    params: Map<String, Value>,
    keeps_reasoning: bool,
    /// The address of the list of models.
    models_url: String,
    /// The environment variable that should have the key and does not.
    unset_key_variable: Option<&'static str>,
}

impl Provider {
    /// A provider for `endpoint` that speaks `protocol`. Opens no connection yet.
    ///
    /// # Errors
    /// [`ProviderError`] if HTTP does not allow a header, or the HTTP client cannot be set up.
    pub fn new(
        endpoint: &Endpoint,
        protocol: &'static dyn Protocol,
        key: Option<ApiKey>,
        http: &HttpSettings,
        policy: RetryPolicy,
    ) -> Result<Self, ProviderError> {
        let url = url_below(&endpoint.base_url, |base_url| protocol.url(base_url, &endpoint.model));
        let client = Client::new(Target { url, protocol, key }, http)?;
        let (model, params) = (endpoint.model.clone(), endpoint.params.clone());
        let keeps_reasoning = endpoint.keeps_reasoning;
        let models_url = url_below(&endpoint.base_url, |base_url| format!("{base_url}/models"));
        let asker = Asker { client, policy };
        Ok(Self { asker, protocol, model, params, keeps_reasoning, models_url, unset_key_variable: None })
    }

    /// This provider, which has no key because the environment variable `variable` has none. An endpoint that refuses
    /// requests without a key is then explained.
    #[must_use]
    pub fn without_key_in(self, variable: Option<&'static str>) -> Self {
        Self { unset_key_variable: variable, ..self }
    }

    /// Waits until the endpoint answers `GET …/models`, asking once per second. Calls `waiting` with the reason when the
    /// endpoint is first found not to be ready, and then every half minute.
    ///
    /// # Errors
    /// [`Halt::NotReady`] if it is not ready after `longest`; [`Halt::Insecure`] if TLS fails, which no wait mends.
    pub async fn wait_until_ready(&self, longest: Duration, waiting: impl Fn(&str)) -> Result<(), Halt> {
        let start = Instant::now();
        let mut next_notice = start;
        loop {
            let Err(failure) = self.asker.client.probe(&self.models_url).await else { return Ok(()) };
            if failure.kind == FailureKind::Tls {
                return Err(Halt::Insecure { failure });
            }
            let reason = failure.to_string();
            let now = Instant::now();
            if now.duration_since(start) >= longest {
                return Err(Halt::NotReady { waited: longest, reason });
            }
            if now >= next_notice {
                waiting(&reason);
                next_notice = now + BETWEEN_NOTICES;
            }
            tokio::time::sleep(BETWEEN_PROBES).await;
        }
    }

    /// The address that requests are sent to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.asker.client.url()
    }

    /// Whether requests carry a key, or a header or a parameter that may be a secret.
    #[must_use]
    pub fn sends_secret(&self) -> bool {
        self.asker.client.sends_secret()
    }

    /// The body of a request. Encodes the pictures: call it on a blocking thread if there are any.
    #[must_use]
    pub fn body(&self, request: &Request) -> bytes::Bytes {
        self.protocol.body(&self.model, &self.params, request)
    }

    /// Sends `body` through `gate` until there is an answer, or the sample has failed. `None`: the sample waited when
    /// `stopped` came, and has not ended.
    ///
    /// # Errors
    /// [`Halt`] if the run must stop; the sample has not ended.
    pub async fn ask(
        &self,
        body: bytes::Bytes,
        gate: &Arc<Gate>,
        stopped: impl Future<Output = ()>,
    ) -> Result<Option<Asked>, Halt> {
        self.asker.ask(body, gate, stopped, || self.reader()).await.map_err(|halt| self.explained(halt))
    }

    fn explained(&self, halt: Halt) -> Halt {
        match (halt, self.unset_key_variable) {
            (Halt::Refused { failure, .. }, Some(variable)) if failure.kind == FailureKind::Auth => {
                Halt::KeyMissing { failure, variable }
            }
            (halt, _) => halt,
        }
    }

    fn reader(&self) -> WithoutKeys<'_> {
        let names = self.protocol.parameter_names(Parameter::MaxTokens);
        let given = self.protocol.parameter(&self.params, Parameter::MaxTokens).map(|(name, _)| name);
        let max_tokens = given.or(names.first().copied()).unwrap_or_default();
        WithoutKeys {
            reader: AnswerReader::new(self.protocol.decoder(), max_tokens)
                .keep_reasoning(self.keeps_reasoning),
            client: &self.asker.client,
        }
    }
}

/// Reads an answer, and removes API keys that the model repeats.
struct WithoutKeys<'a> {
    reader: AnswerReader,
    client: &'a Client,
}

impl ReplyReader for WithoutKeys<'_> {
    type Answer = ModelOutput;

    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    fn finish(self) -> Read<ModelOutput> {
        let without_keys = |output| self.client.without_keys(output);
        let Read { outcome, unusable, usage } = self.reader.finish();
        Read { outcome: outcome.map(without_keys), unusable: unusable.map(without_keys), usage }
    }

    fn fail(self, failure: Failure, usage: Usage) -> Read<ModelOutput> {
        self.reader.fail(failure, usage)
    }
}
