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
    /// Failures that do not count as one.
    apart: u32,
}

/// What is known of the endpoint.
#[derive(Debug)]
pub(super) struct Health {
    give_up_after: Duration,
    /// Requests that it dealt with, well or not.
    answers: u64,
    /// When the latest of them was sent.
    answered: Option<Instant>,
    /// Whether it has ever sent anything back.
    reached: bool,
    /// The first failure since it last dealt with a request.
    failing_since: Option<Instant>,
    /// Samples that have failed since.
    failing: usize,
}

impl Health {
    pub(super) fn new(give_up_after: Duration) -> Self {
        Self { give_up_after, answers: 0, answered: None, reached: false, failing_since: None, failing: 0 }
    }

    /// A sample is about to be asked.
    pub(super) fn ask(&self) -> Failures {
        Failures { asked_at: self.answers, failed_at: None, since: None, apart: 0 }
    }

    /// Something has come back, if only a status.
    pub(super) fn reached(&mut self) {
        self.reached = true;
    }

    /// Hears how an attempt ended that was made at `sent`, of the sample that failed before as in `failures`.
    pub(super) fn hear(
        &mut self,
        outcome: Result<(), &Failure>,
        failures: &mut Failures,
        (sent, now): (Instant, Instant),
    ) -> Result<(), Halt> {
        // What asking again can mend says nothing of the sample.
        let Some(failure) = outcome.err().filter(|failure| RetryPolicy::can_help(failure.kind)) else {
            self.answers += 1;
            self.answered = self.answered.max(Some(sent));
            self.failing_since = None;
            self.failing = 0;
            return outcome.or_else(refused);
        };
        // What is wrong with the very first connection is wrong with all.
        if failure.kind == FailureKind::Tls && !self.reached {
            return Err(Halt::Insecure { failure: failure.clone() });
        }
        if failures.failed_at.replace(self.answers) != Some(self.answers) {
            self.failing += 1;
        }
        if failures.since.is_none() || self.has_answered_since(failures) {
            failures.since = Some(now);
            failures.apart += 1;
        }
        let silence = now.saturating_duration_since(*self.failing_since.get_or_insert(now));
        // One sample that fails for long beside nobody, after others were answered, is no silent endpoint.
        let is_the_endpoints = self.failing > 1 || self.answers == 0 || is_unconnected(failure.kind);
        if silence >= self.give_up_after && is_the_endpoints {
            return Err(Halt::Silent { silence, failure: failure.clone() });
        }
        Ok(())
    }

    /// Whether anybody was answered who was asked after the sample had failed.
    fn has_answered_since(&self, failures: &Failures) -> bool {
        self.answered.zip(failures.since).is_some_and(|(answered, since)| answered >= since)
    }

    /// The endpoint has asked for this much more of a wait, which is no silence.
    pub(super) fn excuse(&mut self, wait: Duration) {
        self.failing_since = self.failing_since.map(|since| since + wait);
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
        // Nobody is left whose answer could tell: believed is what is likelier. A resumed run asks it again.
        let answered_meanwhile = failures.asked_at < self.answers;
        let has_failed = match (others, is_unconnected(failure.kind)) {
            (Others::Asked, _) => false,
            _ if failures.apart > 1 => true,
            (Others::Gone, false) => true,
            (Others::Gone, true) | (Others::Waiting, false) => answered_meanwhile,
            (Others::Waiting, true) => false,
        };
        Ok(if has_failed { Verdict::Sample } else { Verdict::Open })
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
mod tests {
    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "as told")
    }

    fn health() -> Health {
        Health::new(Duration::from_secs(300))
    }

    #[test]
    fn a_refused_key_stops_the_run_whenever_it_comes() {
        let mut health = health();
        let mut failures = health.ask();
        health.hear(Ok(()), &mut failures, (Instant::now(), Instant::now())).unwrap();
        let heard =
            health.hear(Err(&failure(FailureKind::Auth)), &mut failures, (Instant::now(), Instant::now()));
        assert!(matches!(heard, Err(Halt::Refused { .. })));
    }

    #[test]
    fn an_endpoint_that_answers_nobody_is_given_up_after_the_time_set_and_not_before() {
        let (mut health, start) = (health(), Instant::now());
        let failing = failure(FailureKind::ServerError);
        let mut at = |seconds, outcome| {
            let mut failures = health.ask();
            let now = start + Duration::from_secs(seconds);
            health.hear(outcome, &mut failures, (now, now))
        };
        assert_eq!(at(0, Err(&failing)), Ok(()));
        assert_eq!(at(299, Err(&failing)), Ok(()));
        assert!(matches!(at(300, Err(&failing)), Err(Halt::Silent { .. })));
        at(301, Ok(())).unwrap();
        assert_eq!(at(302, Err(&failing)), Ok(()));
        assert_eq!(at(601, Err(&failing)), Ok(()));
    }

    #[test]
    fn one_sample_that_fails_for_long_after_others_were_answered_is_no_silent_endpoint() {
        let (mut health, start) = (health(), Instant::now());
        let mut failures = health.ask();
        let mut other = health.ask();
        health.hear(Ok(()), &mut other, (start, start)).unwrap();
        for seconds in [60, 400] {
            let now = start + Duration::from_secs(seconds);
            health.hear(Err(&failure(FailureKind::Timeout)), &mut failures, (now, now)).unwrap();
        }
        let now = start + Duration::from_secs(401);
        let heard = health.hear(Err(&failure(FailureKind::Connection)), &mut failures, (now, now));
        assert!(matches!(heard, Err(Halt::Silent { .. })), "nobody is there any more");
    }

    #[test]
    fn a_sample_has_failed_where_it_did_so_between_answers_to_others_and_before_one() {
        let (mut health, start) = (health(), Instant::now());
        let failing = failure(FailureKind::Timeout);
        let (mut sample, mut other) = (health.ask(), health.ask());
        for round in 0_u64..3 {
            let at = |seconds: u64| start + Duration::from_secs(10 * round + seconds);
            // An outage between two answers counts once, however often it was asked meanwhile.
            for seconds in 2..6 {
                health.hear(Err(&failing), &mut sample, (at(1), at(seconds))).unwrap();
                assert_eq!(health.judge(&failing, &sample, 3, Others::Asked), Ok(Verdict::Open));
                // So it does where requests are still answered that had been sent before.
                health.hear(Ok(()), &mut other, (at(0), at(seconds))).unwrap();
            }
            health.hear(Ok(()), &mut other, (at(6), at(7))).unwrap();
            let verdict = if round < 2 { Verdict::Endpoint } else { Verdict::Sample };
            assert_eq!(health.judge(&failing, &sample, 3, Others::Asked), Ok(verdict), "{round}");
        }
    }

    #[test]
    fn where_nobody_is_left_to_be_answered_the_likelier_is_believed() {
        use FailureKind::{Connection, ServerError};
        let (mut health, now) = (health(), Instant::now());
        let (mut early, mut other) = (health.ask(), health.ask());
        health.hear(Ok(()), &mut other, (now, now)).unwrap();
        let mut late = health.ask();
        let later = now + Duration::from_secs(1);
        let mut verdict = |kind, sample: &mut Failures, others| {
            health.hear(Err(&failure(kind)), sample, (now, later)).unwrap();
            health.judge(&failure(kind), sample, 3, others)
        };
        assert_eq!(verdict(ServerError, &mut early, Others::Waiting), Ok(Verdict::Sample));
        assert_eq!(verdict(ServerError, &mut late, Others::Waiting), Ok(Verdict::Open));
        assert_eq!(verdict(ServerError, &mut late, Others::Gone), Ok(Verdict::Sample));
        assert_eq!(verdict(Connection, &mut early, Others::Waiting), Ok(Verdict::Open));
        assert_eq!(verdict(Connection, &mut early, Others::Gone), Ok(Verdict::Sample));
        assert_eq!(verdict(Connection, &mut late, Others::Gone), Ok(Verdict::Open));
    }

    #[test]
    fn a_connection_that_is_not_secure_halts_at_once_unless_another_was() {
        let (mut health, start) = (health(), Instant::now());
        let (failing, mut failures) = (failure(FailureKind::Tls), health.ask());
        assert!(matches!(
            health.hear(Err(&failing), &mut failures, (start, start)),
            Err(Halt::Insecure { .. })
        ));
        health.reached();
        assert_eq!(health.hear(Err(&failing), &mut failures, (start, start)), Ok(()));
    }

    #[test]
    fn an_address_where_nobody_ever_was_halts_at_the_first_sample() {
        let health = health();
        let verdict = health.judge(&failure(FailureKind::Connection), &health.ask(), 3, Others::Asked);
        assert!(matches!(verdict, Err(Halt::Unreachable { .. })));
    }
}
