//! Asking until there is an answer or no point in asking on.

use std::time::Duration;

use serde_json::{Map, Value};

use super::http::{Client, HttpSettings};
use super::key::ApiKey;
use super::openai;
use super::retry::RetryPolicy;
use crate::types::{Attempt, Endpoint, Failure, ModelOutput, Request};

/// A model at an endpoint, ready to be asked from many tasks at once.
#[derive(Debug)]
pub struct Provider {
    client: Client,
    model: String,
    params: Map<String, Value>,
    policy: RetryPolicy,
}

/// How asking ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The answer, or why there is none.
    pub outcome: Result<ModelOutput, Failure>,
    /// What there was of an answer that failed (its tokens were paid for).
    pub unusable: Option<ModelOutput>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
}

impl Provider {
    /// A provider for `endpoint`; opens no connection yet.
    ///
    /// # Errors
    /// A text that says which header or setting HTTP does not allow.
    pub fn new(
        endpoint: &Endpoint,
        key: Option<ApiKey>,
        http: &HttpSettings,
        policy: RetryPolicy,
    ) -> Result<Self, String> {
        let url = format!("{}{}", endpoint.base_url, openai::PATH);
        Ok(Self {
            client: Client::new(url, key, http)?,
            model: endpoint.model.clone(),
            params: endpoint.params.clone(),
            policy,
        })
    }

    /// The address that requests go to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.client.url()
    }

    /// The body of a request. Worth a blocking thread where it has pictures.
    #[must_use]
    pub fn body(&self, request: &Request) -> bytes::Bytes {
        openai::body(&self.model, &self.params, request)
    }

    /// Sends `body` until it is answered, refused for good, or `max_retries` are used up. `may_wait` is called
    /// with each wait before a retry and says whether to go on after it; `None` means that it said no and the
    /// sample has not ended.
    pub async fn ask<W: Future<Output = bool>>(
        &self,
        body: bytes::Bytes,
        may_wait: impl Fn(Duration) -> W,
    ) -> Option<Asked> {
        let mut attempts = Vec::new();
        let mut retry = 0;
        loop {
            let mut sent = self.client.send(body.clone()).await;
            let (outcome, unusable) = self.read(&mut sent.attempt, sent.body);
            let retry_after =
                sent.attempt.retry_after.and_then(|wait| Duration::try_from_secs_f64(wait).ok());
            attempts.push(sent.attempt);
            let ended = match &outcome {
                Ok(_) => true,
                Err(failure) => retry >= self.policy.max_retries || !RetryPolicy::can_help(failure.kind),
            };
            if ended {
                return Some(Asked { outcome, unusable, attempts });
            }
            if !may_wait(self.policy.delay(retry, retry_after)).await {
                return None;
            }
            retry += 1;
        }
    }

    /// The meaning of one attempt; a reply that cannot be used becomes the attempt's error too.
    fn read(
        &self,
        attempt: &mut Attempt,
        body: Option<bytes::Bytes>,
    ) -> (Result<ModelOutput, Failure>, Option<ModelOutput>) {
        if let Some(failure) = &attempt.error {
            return (Err(failure.clone()), None);
        }
        match openai::parse(&body.unwrap_or_default()) {
            Ok(output) => (Ok(output), None),
            Err((failure, unusable)) => {
                let failure = self.client.redacted(failure);
                attempt.error = Some(failure.clone());
                (Err(failure), unusable.map(|output| *output))
            }
        }
    }
}
