//! Whether a sample is at fault or the endpoint, by which requests were answered and which failed.
//!
//! The rules are in the documentation of [`super`]. Pure: the time is given. Requests are known by their numbers: the
//! larger number was sent later.

use std::time::Duration;

use tokio::time::Instant;

use super::halt::Halt;
use super::limits::{EndedAttempt, Pause};
use super::outcome::AttemptOutcome;
use super::retry::RetryPolicy;
use crate::types::{Failure, FailureKind};

/// An endpoint that asks for a longer wait stops the run, which can be resumed then. In a time without any answer, the
/// waits of a rate limit are believed up to this much altogether.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Whether a sample that has used up its retries has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleVerdict {
    /// The sample has failed.
    Failed,
    /// The endpoint was at fault and works again: send the sample now.
    AskAgain,
    /// Not known yet.
    Undecided,
}

/// The samples whose answers may still show whether the endpoint works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherSamples {
    /// Some are being asked for the first time, or will be.
    Running,
    /// All other samples that are left have failed too and will be asked again.
    AllFailing,
    /// No other sample is left.
    None,
}

/// Where the reply to a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum ReplyOrigin {
    /// There was no reply.
    NoReply,
    /// A server or a proxy in front of the API: a 407, a 408, an HTML page or a 5xx.
    Gateway,
    /// The API, if only with a status.
    Api,
}

/// The failed attempts of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FailureHistory {
    policy: RetryPolicy,
    /// Failed attempts.
    attempts: u32,
    /// Failed attempts that used up a retry.
    failures: u32,
    /// Whether the last failed attempt used up a retry.
    last_used_retry: bool,
    /// Failures that count against the sample, the undecided one left out.
    counted: u32,
    /// The latest failure. It counts once a request with a larger number than this is answered.
    undecided: Option<u64>,
    /// Requests of all samples that had been turned away at the last failure.
    turned_away_before: u64,
    /// The first of the attempts that were turned away, with no other failure since.
    turned_away_since: Option<TurnedAway>,
    /// Answers to all samples before the last failure.
    answers_before: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TurnedAway {
    at: Instant,
    number: u64,
}

/// A time in which the endpoint has answered no request.
#[derive(Debug)]
struct Silence {
    /// The first failure, later by the waits that the endpoint asked for.
    since: Instant,
    /// The latest request at the first failure. The endpoint may still answer the requests up to it.
    latest: u64,
    /// Samples that failed meanwhile, those left out that may be at fault themselves.
    samples: usize,
    /// Waits that were added to `since`, and until when they last.
    excused: Duration,
    excused_until: Instant,
}

/// What is known about the endpoint.
#[derive(Debug)]
pub(super) struct EndpointHealth {
    give_up_after: Duration,
    /// As `give_up_after`, as long as the API has not replied but something else has.
    first_reply_within: Duration,
    /// Requests that the endpoint handled, whether the answer could be used or not.
    answers: u64,
    /// The largest number among those requests; 0 if there is none.
    latest_answered: u64,
    /// Requests that the endpoint turned away.
    turned_away: u64,
    /// Whether the endpoint has ever sent a reply.
    was_reached: bool,
    /// Whether a reply was one of the API.
    has_reply_of_api: bool,
    silence: Option<Silence>,
}

impl FailureHistory {
    /// Whether the last failure used up a retry. An attempt that was turned away does so only if no other sample was
    /// turned away since the sample last failed: otherwise the run sends too much.
    pub(super) fn last_used_retry(&self) -> bool {
        self.last_used_retry
    }

    /// Failed attempts.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl EndpointHealth {
    pub(super) fn new(give_up_after: Duration, first_reply_within: Duration) -> Self {
        Self {
            give_up_after,
            first_reply_within,
            answers: 0,
            latest_answered: 0,
            turned_away: 0,
            was_reached: false,
            has_reply_of_api: false,
            silence: None,
        }
    }

    /// The history of a sample that is about to be asked.
    pub(super) fn begin_sample(&self, policy: RetryPolicy) -> FailureHistory {
        FailureHistory {
            policy,
            attempts: 0,
            failures: 0,
            last_used_retry: false,
            counted: 0,
            undecided: None,
            turned_away_before: self.turned_away,
            turned_away_since: None,
            answers_before: None,
        }
    }

    /// Records where the reply to a request came from.
    pub(super) fn record_reply(&mut self, origin: ReplyOrigin) {
        self.was_reached |= origin != ReplyOrigin::NoReply;
        self.has_reply_of_api |= origin == ReplyOrigin::Api;
    }

    /// Whether something has replied, but never the API.
    fn is_only_gateway(&self) -> bool {
        self.was_reached && !self.has_reply_of_api
    }

    /// How long the endpoint may be silent.
    fn patience(&self) -> Duration {
        match self.is_only_gateway() {
            true => self.give_up_after.min(self.first_reply_within),
            false => self.give_up_after,
        }
    }

    /// The outcome with the wait that counts: if only a server in front of the API has replied, no wait lasts longer than the
    /// run waits for the API. A wait that stops the run is left as it is.
    pub(super) fn with_limited_wait(&self, outcome: AttemptOutcome, now: Instant) -> AttemptOutcome {
        if !self.is_only_gateway() || outcome.wait().is_none_or(|wait| wait > LONGEST_WAIT) {
            return outcome;
        }
        let since = self.silence.as_ref().map_or(now, |silence| silence.since);
        outcome.with_wait_at_most((since + self.patience()).saturating_duration_since(now))
    }

    /// Records how an attempt of the sample with this history ended.
    ///
    /// # Errors
    /// [`Halt`] if the run must stop.
    pub(super) fn record_outcome(
        &mut self,
        outcome: &AttemptOutcome,
        history: &mut FailureHistory,
        ended: &EndedAttempt<'_>,
    ) -> Result<(), Halt> {
        let Some(failure) = outcome.retryable_failure() else {
            self.answers += 1;
            self.latest_answered = self.latest_answered.max(ended.request.number);
            self.silence = None;
            return match outcome {
                AttemptOutcome::FinalFailure { failure } => {
                    Halt::of_final_failure(failure).map_or(Ok(()), Err)
                }
                _ => Ok(()),
            };
        };
        // What is wrong with the very first connection is wrong with all of them.
        if failure.kind == FailureKind::Tls && !self.was_reached {
            return Err(Halt::Insecure { failure: failure.clone() });
        }
        self.record_failure(outcome, history, ended);
        self.extend_silence(history, ended);
        self.check_silence(failure, ended)?;
        match outcome {
            AttemptOutcome::TurnedAway { wait: Some(wait), .. } if *wait > LONGEST_WAIT => {
                Err(Halt::Postponed { wait: *wait })
            }
            _ => Ok(()),
        }
    }

    fn record_failure(
        &mut self,
        outcome: &AttemptOutcome,
        history: &mut FailureHistory,
        ended: &EndedAttempt<'_>,
    ) {
        let number = ended.request.number;
        let is_turned_away = outcome.is_turned_away();
        let is_only_one = self.turned_away == history.turned_away_before;
        self.turned_away += u64::from(is_turned_away);
        history.turned_away_before = self.turned_away;
        let since = history.turned_away_since.unwrap_or(TurnedAway { at: ended.now, number });
        history.turned_away_since = is_turned_away.then_some(since);

        history.attempts += 1;
        history.last_used_retry = !is_turned_away || is_only_one || history.policy.max_retries == 0;
        if !history.last_used_retry {
            return;
        }
        history.failures += 1;
        if history.undecided.is_none() || self.is_decided(history) {
            history.counted += u32::from(history.undecided.is_some());
            history.undecided = Some(match outcome.retryable_failure().map(|failure| failure.kind) {
                // The request has failed from the start, though this shows only now.
                Some(FailureKind::Timeout) => number,
                // An answer from before the failure does not show that the endpoint works.
                _ => number.max(self.latest_answered),
            });
        }
    }

    /// Whether the latest failure counts against the sample.
    fn is_decided(&self, history: &FailureHistory) -> bool {
        history.undecided.is_some_and(|number| self.latest_answered > number)
    }

    fn extend_silence(&mut self, history: &mut FailureHistory, ended: &EndedAttempt<'_>) {
        let may_be_at_fault = history.counted > 0 || self.is_decided(history);
        let is_new = history.answers_before.replace(self.answers) != Some(self.answers);
        let silence = self.silence.get_or_insert(Silence {
            since: ended.now,
            latest: ended.latest,
            samples: 0,
            excused: Duration::ZERO,
            excused_until: ended.now,
        });
        silence.samples += usize::from(is_new && !may_be_at_fault);
    }

    /// Stops the run if the endpoint has been silent for too long.
    fn check_silence(&self, failure: &Failure, ended: &EndedAttempt<'_>) -> Result<(), Halt> {
        let Some(silence) = &self.silence else { return Ok(()) };
        let time = ended.now.saturating_duration_since(silence.since);
        // If one sample fails for long while no other is asked, the sample may be at fault.
        let is_endpoint = silence.samples > 1 || self.answers == 0 || is_unconnected(failure.kind);
        let may_answer = ended.oldest.is_some_and(|oldest| oldest <= silence.latest);
        if time < self.patience() || !is_endpoint || may_answer {
            return Ok(());
        }
        let failure = failure.clone();
        Err(match self.patience() < self.give_up_after {
            true => Halt::NoReplyOfApi { silence: time, failure },
            false => Halt::Silent { silence: time, failure },
        })
    }

    /// The endpoint asks for a pause. A pause is not silence, up to [`LONGEST_WAIT`] altogether; if the endpoint may be
    /// down, up to as long as it may be silent. A pause that only a server in front of the API asks for is silence.
    pub(super) fn excuse(&mut self, pause: Pause, now: Instant) {
        let most = match pause.may_be_down {
            true if self.is_only_gateway() => Duration::ZERO,
            true => self.give_up_after,
            false => LONGEST_WAIT,
        };
        let Some(silence) = &mut self.silence else { return };
        let added = pause.until.saturating_duration_since(silence.excused_until.max(now));
        let added = added.min(most.saturating_sub(silence.excused));
        silence.excused_until = silence.excused_until.max(pause.until);
        silence.excused += added;
        silence.since += added;
    }

    /// Whether the sample must not be asked again without a verdict.
    pub(super) fn is_used_up(&self, history: &FailureHistory, now: Instant) -> bool {
        let most = history.policy.max_retries;
        history.last_used_retry && history.failures > most
            || history.attempts > most && self.is_turned_away_for_long(history, now)
    }

    /// Whether every attempt was turned away for as long as the endpoint may be silent.
    fn is_turned_away_for_long(&self, history: &FailureHistory, now: Instant) -> bool {
        let since = history.turned_away_since;
        since.is_some_and(|since| now.saturating_duration_since(since.at) >= self.give_up_after)
    }

    /// Judges a sample that has used up its retries, the last time with `failure`.
    ///
    /// # Errors
    /// [`Halt`] if the endpoint was never reached.
    pub(super) fn assess(
        &self,
        failure: &Failure,
        history: &FailureHistory,
        others: OtherSamples,
        now: Instant,
    ) -> Result<SampleVerdict, Halt> {
        if failure.kind == FailureKind::Connection && !self.was_reached && self.answers == 0 {
            return Err(Halt::Unreachable { failure: failure.clone() });
        }
        let has_failed = if self.is_turned_away_for_long(history, now) {
            let answered = history.turned_away_since.is_some_and(|since| self.latest_answered > since.number);
            answered || others == OtherSamples::None
        } else {
            self.has_enough_failures(failure, history, others)
        };
        Ok(match has_failed {
            true => SampleVerdict::Failed,
            false if self.is_decided(history) => SampleVerdict::AskAgain,
            false => SampleVerdict::Undecided,
        })
    }

    fn has_enough_failures(&self, failure: &Failure, history: &FailureHistory, others: OtherSamples) -> bool {
        let is_decided = self.is_decided(history);
        if history.counted + u32::from(is_decided) >= history.policy.failures_that_suffice() {
            return true;
        }
        match others {
            OtherSamples::Running => false,
            // The endpoint works: whether the sample still fails, one more attempt will show.
            _ if is_decided => false,
            OtherSamples::AllFailing => history.counted > 0,
            OtherSamples::None => {
                history.counted > 0 || !is_unconnected(failure.kind) && history.turned_away_since.is_none()
            }
        }
    }
}

/// Whether the request had hardly a part in the failure.
fn is_unconnected(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Connection | FailureKind::Tls)
}

#[cfg(test)]
mod tests;
