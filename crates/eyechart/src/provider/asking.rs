//! Asking until there is an answer or no point in asking on, whatever an answer is.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::allowance::Allowance;
use super::gate::{Appeal, Case, Gate, Judged, Report, asked_wait};
use super::health::Halt;
use super::http::{Client, Sent};
use super::retry::RetryPolicy;
use crate::types::{Attempt, Failure, ModelOutput};

/// Waits after refusals double until this retry: to 8 s.
const LONGEST_REFUSAL_BACKOFF: u32 = 4;

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
    let (mut attempts, mut failed, mut case) = (Vec::new(), 0, gate.open());
    loop {
        let Some(admission) = unless(&mut stopped, gate.admit()).await else { return Ok(None) };
        let Tried { attempt, allowances, read: Read { outcome, unusable, tokens } } = send().await;
        case.hear(admission, &Report { attempt: &attempt, tokens, allowances: &allowances })?;
        let asked_to_wait = asked_wait(&attempt);
        attempts.push(attempt);
        if let Err(failure) = outcome.as_ref()
            && RetryPolicy::can_help(failure.kind)
        {
            let is_counted = case.counts() || policy.max_retries == 0;
            failed += u32::from(is_counted);
            let tries = Tries { all: attempts.len() as u32, failed, is_counted };
            let again = Instant::now() + policy.delay(tries.backoff(), asked_to_wait);
            let judging = async {
                if !tries.are_used_up(policy, &case) {
                    tokio::time::sleep_until(again).await;
                    return Ok(Judged::AskAgain);
                }
                let enough = if is_counted { policy.enough_failures() } else { 0 };
                case.verdict(Appeal { failure, enough, again }).await
            };
            match unless(&mut stopped, judging).await.transpose()? {
                None => return Ok(None),
                Some(Judged::AskAgain) => continue,
                Some(Judged::Failed) => {}
            }
        }
        return Ok(Some(Asked { outcome, unusable, attempts }));
    }
}

/// How often a sample was asked, the last time in vain.
#[derive(Clone, Copy)]
struct Tries {
    all: u32,
    /// Those that ended in a failure that counts.
    failed: u32,
    /// Whether the last one did.
    is_counted: bool,
}

impl Tries {
    /// The number of the retry that the next wait goes by.
    fn backoff(self) -> u32 {
        let retry = self.all.saturating_sub(1);
        // The gate sets the pace of those that are turned away: who waits for long is asked last.
        if self.is_counted { retry } else { retry.min(LONGEST_REFUSAL_BACKOFF) }
    }

    fn are_used_up(self, policy: RetryPolicy, case: &Case) -> bool {
        if self.is_counted {
            return self.failed > policy.max_retries;
        }
        self.all > policy.max_retries && case.is_refused_for_long()
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

#[cfg(test)]
mod tests;
