//! Asking until there is an answer or no point in asking on, whatever an answer is.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::allowance::Allowance;
use super::gate::{Appeal, Gate, Judged, Report};
use super::health::Halt;
use super::http::{Client, Sent};
use super::retry::RetryPolicy;
use crate::types::{Attempt, Failure, ModelOutput};

/// How asking ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<T = ModelOutput> {
    /// The answer, or why there is none.
    pub outcome: Result<T, Failure>,
    /// What there was of an answer that failed (its tokens were paid for).
    pub unusable: Option<T>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
}

/// What a reply with status 200 comes to.
pub(super) struct Read<T> {
    /// The answer, or why it is none.
    pub(super) outcome: Result<T, Failure>,
    /// What there was of one that is none.
    pub(super) unusable: Option<T>,
    /// Tokens that it cost, where it says so.
    pub(super) tokens: Option<u64>,
}

impl<T> Read<T> {
    pub(super) fn failed(failure: Failure) -> Self {
        Self { outcome: Err(failure), unusable: None, tokens: None }
    }
}

/// One attempt, and what came of it.
pub(super) struct Tried<T> {
    pub(super) attempt: Attempt,
    /// What the endpoint's headers say of its limits.
    pub(super) allowances: Vec<Allowance>,
    pub(super) read: Read<T>,
}

/// One address, and how patiently it is asked.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) client: Client,
    pub(super) policy: RetryPolicy,
}

impl Asker {
    /// Sends `body` through `gate` until `read` finds an answer in the reply, it is refused for good, or given up.
    /// `None`: `stopped` came first, while it waited.
    ///
    /// # Errors
    /// [`Halt`] where there is no point in asking anything more.
    pub(super) async fn ask<T>(
        &self,
        body: Bytes,
        gate: &Arc<Gate>,
        stopped: impl Future<Output = ()>,
        read: impl Fn(&[u8]) -> Read<T>,
    ) -> Result<Option<Asked<T>>, Halt> {
        let send = || self.send(body.clone(), &read);
        until_settled(self.policy, gate, stopped, send).await
    }

    async fn send<T>(&self, body: Bytes, read: impl Fn(&[u8]) -> Read<T>) -> Tried<T> {
        let Sent { mut attempt, body, allowances } = self.client.send(body).await;
        let read = self.meaning(&mut attempt, body, read);
        Tried { attempt, allowances, read }
    }

    /// The meaning of one attempt; a reply that cannot be used becomes the attempt's error too.
    fn meaning<T>(
        &self,
        attempt: &mut Attempt,
        body: Option<Bytes>,
        read: impl Fn(&[u8]) -> Read<T>,
    ) -> Read<T> {
        if let Some(failure) = &attempt.error {
            return Read::failed(failure.clone());
        }
        let mut found = read(&body.unwrap_or_default());
        found.outcome = found.outcome.map_err(|failure| self.client.presentable(failure));
        attempt.error = found.outcome.as_ref().err().cloned();
        found
    }
}

/// Makes attempts through `gate` until one brings an answer or there is no point in another.
pub(super) async fn until_settled<T, F: Future<Output = Tried<T>>>(
    policy: RetryPolicy,
    gate: &Arc<Gate>,
    stopped: impl Future<Output = ()>,
    send: impl Fn() -> F,
) -> Result<Option<Asked<T>>, Halt> {
    tokio::pin!(stopped);
    let (mut attempts, mut case) = (Vec::new(), gate.open());
    for retry in 0.. {
        let Some(admission) = unless(&mut stopped, gate.admit()).await else { return Ok(None) };
        let Tried { attempt, allowances, read: Read { outcome, unusable, tokens } } = send().await;
        case.hear(admission, &Report { attempt: &attempt, tokens, allowances: &allowances })?;
        let asked_to_wait = attempt.retry_after.and_then(|wait| Duration::try_from_secs_f64(wait).ok());
        attempts.push(attempt);
        if let Err(failure) = outcome.as_ref()
            && RetryPolicy::can_help(failure.kind)
        {
            let again = Instant::now() + policy.delay(retry, asked_to_wait);
            let judging = async {
                if retry < policy.max_retries {
                    tokio::time::sleep_until(again).await;
                    return Ok(Judged::AskAgain);
                }
                case.verdict(Appeal { failure, enough: policy.enough_failures(), again }).await
            };
            match unless(&mut stopped, judging).await.transpose()? {
                None => return Ok(None),
                Some(Judged::AskAgain) => continue,
                Some(Judged::Failed) => {}
            }
        }
        return Ok(Some(Asked { outcome, unusable, attempts }));
    }
    Ok(None)
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

#[cfg(test)]
mod tests;
