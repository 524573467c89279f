//! Whether it is a sample that fails, or the endpoint.
//!
//! A sample is given up only where the endpoint answered others meanwhile; an endpoint that answers nobody for
//! long stops the run, with nothing marked failed that it never answered. Pure; time is given.

use std::time::Duration;

use tokio::time::Instant;

use super::retry::RetryPolicy;
use crate::types::{Failure, FailureKind};

/// Why the run must not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// It refuses the key or the address.
    #[error("the endpoint refuses to answer ({failure}); check {check}")]
    Refused {
        /// What it said.
        failure: Failure,
        /// What to look at.
        check: &'static str,
    },
    /// It cannot be reached, and never could.
    #[error("the endpoint cannot be reached ({failure}); check that it runs and that the base URL is right")]
    Unreachable {
        /// The last failure.
        failure: Failure,
    },
    /// No connection to it is secure, and none ever was.
    #[error(
        "no secure connection to the endpoint ({failure}); check whether the base URL begins with https or http, and \
         the certificate (SSL_CERT_FILE names a file of authorities that are trusted)"
    )]
    Insecure {
        /// What was wrong.
        failure: Failure,
    },
    /// It has answered nobody for too long.
    #[error("the endpoint has answered nothing for {} s ({failure}); --give-up-after waits longer", silence.as_secs())]
    Silent {
        /// For how long.
        silence: Duration,
        /// The last failure.
        failure: Failure,
    },
    /// It asks for a wait that nobody sits out.
    #[error("the endpoint asks to wait for {} min before the next request: resume the run then", wait.as_secs().div_ceil(60))]
    Postponed {
        /// How long.
        wait: Duration,
    },
}

/// What becomes of a sample that has used up its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has failed.
    Sample,
    /// The endpoint is at fault: ask again.
    Endpoint,
    /// Not known yet: an answer to another sample will tell.
    Open,
}

/// Who else can show whether the endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Samples that are being asked, or will be.
    Asked,
    /// Nobody: those that are left wait for their own verdict.
    Waiting,
    /// Nobody: no other sample is left.
    Gone,
}

/// How one sample has failed. Failures count as one where nobody who was asked after the first of them was answered
/// before the last: that is what an outage looks like, however often the sample was asked meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failures {
    /// Answers to all samples before it was first asked.
    asked_at: u64,
    /// The same before it last failed.
    failed_at: Option<u64>,
    /// The first of the failures that count as one with the last.
    since: Option<Instant>,
    /// Failures that do not count as one; refusals that do not count are none.
    apart: u32,
    /// Whether the last one is held against the sample: a refusal is where nobody else was refused since it last
    /// failed. Else too much was sent, which is the run's fault.
    counts: bool,
    /// Refusals of all samples up to its last failure.
    refusals_at: Option<u64>,
    /// The first refusal since it last met anything else.
    refused_since: Option<Instant>,
    /// Once there are so many answers, one of them is to a request that was sent after the sample's first and was
    /// still under way when that failed.
    outlived_at: Option<u64>,
}

/// An attempt that has ended, and what was under way besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) sent: Instant,
    pub(super) now: Instant,
    /// Requests under way that were sent before it.
    pub(super) earlier: u64,
    /// The number of the oldest request under way.
    pub(super) oldest: Option<u64>,
    /// The number of the latest request.
    pub(super) latest: u64,
    /// Whether requests are paced, since the endpoint turned most of them away.
    pub(super) is_paced: bool,
}

/// A time in which the endpoint has answered nobody.
#[derive(Debug)]
struct Silence {
    /// The first failure in it, later by what it asked to wait.
    since: Instant,
    /// The latest request at that time: those up to it may still be answered.
    latest: u64,
    /// Samples that have failed in it.
    samples: usize,
    /// Waits that do not count, though they may be part of an outage.
    excused: Duration,
}

/// What is known of the endpoint.
#[derive(Debug)]
pub(super) struct Health {
    give_up_after: Duration,
    /// Requests that it dealt with, well or not.
    answers: u64,
    /// When the latest of them was sent.
    answered: Option<Instant>,
    /// Requests that it turned away since there were too many.
    refusals: u64,
    /// Whether it has ever sent anything back.
    reached: bool,
    silence: Option<Silence>,
}

impl Failures {
    /// Whether the last failure is held against the sample.
    pub(super) fn count(&self) -> bool {
        self.counts
    }
}

impl Health {
    pub(super) fn new(give_up_after: Duration) -> Self {
        Self { give_up_after, answers: 0, answered: None, refusals: 0, reached: false, silence: None }
    }

    /// A sample is about to be asked.
    pub(super) fn ask(&self) -> Failures {
        Failures {
            asked_at: self.answers,
            failed_at: None,
            since: None,
            apart: 0,
            counts: false,
            refusals_at: None,
            refused_since: None,
            outlived_at: None,
        }
    }

    /// Something has come back, if only a status.
    pub(super) fn reached(&mut self) {
        self.reached = true;
    }

    /// Hears how an attempt ended, of the sample that failed before as in `failures`.
    pub(super) fn hear(
        &mut self,
        outcome: Result<(), &Failure>,
        failures: &mut Failures,
        ended: Ended,
    ) -> Result<(), Halt> {
        // What asking again can mend says nothing of the sample.
        let Some(failure) = outcome.err().filter(|failure| RetryPolicy::can_help(failure.kind)) else {
            self.answers += 1;
            self.answered = self.answered.max(Some(ended.sent));
            self.silence = None;
            return outcome.or_else(refused);
        };
        // What is wrong with the very first connection is wrong with all.
        if failure.kind == FailureKind::Tls && !self.reached {
            return Err(Halt::Insecure { failure: failure.clone() });
        }
        self.note(failure.kind, failures, ended);
        self.check(failure, ended)
    }

    fn note(&mut self, kind: FailureKind, failures: &mut Failures, ended: Ended) {
        let begun = Silence { since: ended.now, latest: ended.latest, samples: 0, excused: Duration::ZERO };
        let silence = self.silence.get_or_insert(begun);
        if failures.failed_at.replace(self.answers) != Some(self.answers) {
            silence.samples += 1;
        }
        let is_refused = kind == FailureKind::RateLimited;
        failures.counts = !is_refused || (failures.refusals_at == Some(self.refusals) && !ended.is_paced);
        self.refusals += u64::from(is_refused);
        failures.refusals_at = Some(self.refusals);
        if failures.since.is_none() || self.has_answered_since(failures) {
            failures.since = Some(ended.now);
            failures.apart += u32::from(failures.counts);
        }
        let since = failures.refused_since.unwrap_or(ended.now);
        failures.refused_since = is_refused.then_some(since);
        failures.outlived_at.get_or_insert(self.answers + ended.earlier + 1);
    }

    /// Whether the endpoint has to be given up.
    fn check(&self, failure: &Failure, ended: Ended) -> Result<(), Halt> {
        let Some(silence) = &self.silence else { return Ok(()) };
        let seconds = ended.now.saturating_duration_since(silence.since);
        // One sample that fails for long beside nobody, after others were answered, is no silent endpoint.
        let is_the_endpoints = silence.samples > 1 || self.answers == 0 || is_unconnected(failure.kind);
        let may_answer = ended.oldest.is_some_and(|oldest| oldest <= silence.latest);
        if seconds >= self.give_up_after && is_the_endpoints && !may_answer {
            return Err(Halt::Silent { silence: seconds, failure: failure.clone() });
        }
        Ok(())
    }

    /// Whether anybody was answered who was asked after the sample had failed.
    fn has_answered_since(&self, failures: &Failures) -> bool {
        self.answered.zip(failures.since).is_some_and(|(answered, since)| answered >= since)
    }

    /// The endpoint has asked for this much more of a wait, since too much was sent: that is no silence.
    pub(super) fn excuse(&mut self, wait: Duration) {
        if let Some(silence) = &mut self.silence {
            silence.since += wait;
        }
    }

    /// The same where it may as well be down: believed as long again as it may be silent.
    pub(super) fn excuse_once(&mut self, wait: Duration) {
        if let Some(silence) = &mut self.silence {
            let wait = wait.min(self.give_up_after.saturating_sub(silence.excused));
            silence.excused += wait;
            silence.since += wait;
        }
    }

    /// Whether the sample has met nothing but refusals for as long as the endpoint may be silent.
    pub(super) fn is_refused_for_long(&self, failures: &Failures, now: Instant) -> bool {
        failures.refused_since.is_some_and(|since| now.saturating_duration_since(since) >= self.give_up_after)
    }

    /// Judges a sample that has used up its retries, the last time with `failure`. It has failed where it did so
    /// `enough` times apart and another was answered afterwards.
    pub(super) fn judge(
        &self,
        failure: &Failure,
        failures: &Failures,
        enough: u32,
        others: Others,
    ) -> Result<Verdict, Halt> {
        if failure.kind == FailureKind::Connection && !self.reached && self.answers == 0 {
            return Err(Halt::Unreachable { failure: failure.clone() });
        }
        if self.has_answered_since(failures) {
            let has_failed = failures.apart >= enough;
            return Ok(if has_failed { Verdict::Sample } else { Verdict::Endpoint });
        }
        let has_failed = others != Others::Asked && self.is_likelier_the_samples(failure, failures, others);
        Ok(if has_failed { Verdict::Sample } else { Verdict::Open })
    }

    /// For a sample beside which nobody is left whose answer could tell. A resumed run asks it again.
    fn is_likelier_the_samples(&self, failure: &Failure, failures: &Failures, others: Others) -> bool {
        // The endpoint was up after it had the request and after it had failed on it.
        let outlived = failures.outlived_at.is_some_and(|outlived_at| self.answers >= outlived_at);
        match (others, failure.kind) {
            _ if failures.apart > 1 => true,
            (Others::Gone, kind) if !is_unconnected(kind) => true,
            (Others::Waiting, kind) if is_unconnected(kind) => false,
            // Others had been answered long before it was known that this one would not be.
            (_, FailureKind::Timeout) => failures.asked_at < self.answers,
            _ => outlived,
        }
    }
}

/// Failures in which the request itself hardly has a part.
fn is_unconnected(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Connection | FailureKind::Tls)
}

/// Refusals that every other request would meet too.
fn refused(failure: &Failure) -> Result<(), Halt> {
    let check = match failure.kind {
        FailureKind::Auth => "the API key, what it may use, and its account's credit",
        FailureKind::NotFound => "--base-url and the model's name",
        _ => return Ok(()),
    };
    Err(Halt::Refused { failure: failure.clone(), check })
}

#[cfg(test)]
mod tests;
