//! Sends the request of one sample until there is an answer or no point in another attempt.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::allowance::Allowance;
use super::gate::{AttemptReport, Gate};
use super::halt::Halt;
use super::health::ReplyOrigin;
use super::retry::RetryPolicy;
use super::sample_attempts::{NextStep, SampleAttempts};
use crate::files::unrelieved;
use crate::provider::http::{Client, Sent};
use crate::provider::reply::{Read, ReplyReader};
use crate::types::{Attempt, Failure, ModelOutput};

/// How a sample ended, with every attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<T = ModelOutput> {
    /// The answer, or why there is none.
    pub outcome: Result<T, Failure>,
    /// The part of a failed answer that can be used. Its tokens were paid for.
    pub unusable: Option<T>,
    /// What attempts before the last one had of an answer. Their tokens were paid for too.
    pub retried: Vec<T>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
}

/// One attempt, and what its reply contains.
pub(super) struct FinishedAttempt<T> {
    pub(super) attempt: Attempt,
    /// Where the reply came from.
    pub(super) origin: ReplyOrigin,
    /// What the reply's headers say about the endpoint's limits.
    pub(super) allowances: Vec<Allowance>,
    pub(super) read: Read<T>,
}

/// The client of one address, with its retries.
#[derive(Debug)]
pub(in crate::provider) struct Asker {
    pub(in crate::provider) client: Client,
    pub(in crate::provider) policy: RetryPolicy,
}

impl Asker {
    /// Sends `body` through `gate` until a reader finds an answer in the response, or the sample has failed. Each attempt
    /// has a reader of its own. `None`: the sample waited when `stopped` came, and has not ended. If answers that broke off
    /// were paid for, it fails instead, so that their tokens are recorded.
    ///
    /// # Errors
    /// [`Halt`] if the run must stop; the sample has not ended.
    pub(in crate::provider) async fn ask<R: ReplyReader>(
        &self,
        body: Bytes,
        gate: &Arc<Gate>,
        stopped: impl Future<Output = ()>,
        reader: impl Fn() -> R,
    ) -> Result<Option<Asked<R::Answer>>, Halt> {
        let send = || self.send(body.clone(), reader());
        ask_until_settled(self.policy, gate, stopped, send).await
    }

    /// Sends one attempt. Why its response cannot be used becomes the error of the attempt too.
    async fn send<R: ReplyReader>(&self, body: Bytes, reader: R) -> FinishedAttempt<R::Answer> {
        let Sent { mut attempt, origin, outcome, allowances } = self.client.send(body, reader).await;
        let mut read = outcome.unwrap_or_else(Read::failed);
        read.outcome = read.outcome.map_err(|failure| self.client.presentable(failure));
        attempt.error = read.outcome.as_ref().err().cloned();
        FinishedAttempt { attempt, origin, allowances, read }
    }
}

/// Sends attempts through `gate` until one brings an answer or the sample has failed.
pub(super) async fn ask_until_settled<T, F: Future<Output = FinishedAttempt<T>>>(
    policy: RetryPolicy,
    gate: &Arc<Gate>,
    stopped: impl Future<Output = ()>,
    send: impl Fn() -> F,
) -> Result<Option<Asked<T>>, Halt> {
    tokio::pin!(stopped);
    let mut asked = AttemptsSoFar { attempts: Vec::new(), retried: Vec::new(), last: None, is_paid: false };
    let mut sample = SampleAttempts::begin(gate, policy);
    loop {
        let Some(admission) = unless(&mut stopped, gate.admit()).await else { return Ok(asked.given_up()) };
        let FinishedAttempt { attempt, origin, allowances, read } = send().await;
        if let Some(shortage) = unrelieved().filter(|_| attempt.error.is_some()) {
            return Err(Halt::Shortage { reason: shortage.to_string() });
        }
        let ended = gate.classify(&attempt, origin);
        let tokens = read.usage.map(|usage| usage.total());
        let report = AttemptReport { outcome: &ended, origin, tokens, allowances: &allowances };
        gate.report_attempt(&attempt);
        let may_be_sent_again = ended.retryable_failure().is_some();
        if let Some(tokens) = read.usage.and_then(|usage| usage.counted()).filter(|_| may_be_sent_again) {
            asked.is_paid = true;
            gate.report_broken_off(tokens);
        }
        sample.record_outcome(admission, &report)?;
        asked.add(attempt, read);
        // A stop must not discard an answer.
        if may_be_sent_again {
            match unless(&mut stopped, sample.next_step(&ended)).await.transpose()? {
                None => return Ok(asked.given_up()),
                Some(NextStep::AskAgain) => continue,
                Some(NextStep::Settle) => {}
            }
        }
        return Ok(asked.settled());
    }
}

/// The attempts of a sample that has not ended.
struct AttemptsSoFar<T> {
    attempts: Vec<Attempt>,
    /// What attempts before the last one had of an answer.
    retried: Vec<T>,
    /// The reply to the last attempt.
    last: Option<Read<T>>,
    /// Whether the endpoint reported tokens with an answer that broke off.
    is_paid: bool,
}

impl<T> AttemptsSoFar<T> {
    fn add(&mut self, attempt: Attempt, read: Read<T>) {
        self.attempts.push(attempt);
        self.retried.extend(self.last.replace(read).and_then(|read| read.unusable));
    }

    /// The sample as its last attempt left it.
    fn settled(self) -> Option<Asked<T>> {
        let Read { outcome, unusable, .. } = self.last?;
        Some(Asked { outcome, unusable, retried: self.retried, attempts: self.attempts })
    }

    /// A sample that is not sent again because the run stops. It has failed for now if its answers were paid for, so that
    /// their tokens are in the record. Otherwise it has not ended.
    fn given_up(self) -> Option<Asked<T>> {
        if self.is_paid { self.settled() } else { None }
    }
}

/// The result of `work`, unless `stopped` comes first.
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
