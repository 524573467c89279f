//! Asking until there is an answer or no point in asking on.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::gate::{Gate, Report};
use super::health::Halt;
use super::http::{Client, HttpSettings, Sent};
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

    /// Sends `body` through `gate` until it is answered, refused for good, or given up. `None`: `stopped` came
    /// first, while it waited, and the sample has not ended.
    ///
    /// # Errors
    /// [`Halt`] where the run cannot go on; the sample has not ended.
    pub async fn ask(
        &self,
        body: bytes::Bytes,
        gate: &Arc<Gate>,
        stopped: impl Future<Output = ()>,
    ) -> Result<Option<Asked>, Halt> {
        tokio::pin!(stopped);
        let first = Instant::now();
        let (mut attempts, mut doubt) = (Vec::new(), None);
        for retry in 0.. {
            let Some(admission) = unless(&mut stopped, gate.admit()).await else { return Ok(None) };
            let Sent { mut attempt, body, exhausted_for } = self.client.send(body.clone()).await;
            let (outcome, unusable) = self.read(&mut attempt, body);
            let answered = outcome.as_ref().ok().or(unusable.as_ref());
            let tokens = answered.and_then(|output| output.usage).map(|usage| usage.total());
            admission.end(&Report { attempt: &attempt, tokens, exhausted_for })?;
            let asked_to_wait = attempt.retry_after.and_then(|wait| Duration::try_from_secs_f64(wait).ok());
            attempts.push(attempt);
            let has_ended = match &outcome {
                Ok(_) => true,
                Err(failure) if !RetryPolicy::can_help(failure.kind) => true,
                Err(_) if retry < self.policy.max_retries => false,
                Err(failure) => {
                    let is_the_samples = gate.judge(failure, first)?;
                    doubt.get_or_insert_with(|| gate.doubt());
                    is_the_samples
                }
            };
            if has_ended {
                return Ok(Some(Asked { outcome, unusable, attempts }));
            }
            let wait = self.policy.delay(retry, asked_to_wait);
            if unless(&mut stopped, tokio::time::sleep(wait)).await.is_none() {
                break;
            }
        }
        Ok(None)
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
            Ok(output) => (Ok(self.client.without_keys(output)), None),
            Err((failure, unusable)) => {
                let failure = self.client.presentable(failure);
                attempt.error = Some(failure.clone());
                (Err(failure), unusable.map(|output| self.client.without_keys(*output)))
            }
        }
    }
}

/// What `work` gives, unless `stopped` comes first.
async fn unless<T>(
    stopped: &mut Pin<&mut impl Future<Output = ()>>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = stopped => None,
        done = work => Some(done),
    }
}
