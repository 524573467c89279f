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
    /// The endpoint is at fault: ask again, later.
    Endpoint,
}

/// What is known of the endpoint.
#[derive(Debug)]
pub(super) struct Health {
    give_up_after: Duration,
    /// When it last dealt with a request, well or not.
    answered: Option<Instant>,
    /// Whether it has ever sent anything back.
    reached: bool,
    /// The first failure since.
    failing_since: Option<Instant>,
    /// Samples given up since, though it had answered nobody meanwhile.
    doubtful: u32,
}

impl Health {
    pub(super) fn new(give_up_after: Duration) -> Self {
        Self { give_up_after, answered: None, reached: false, failing_since: None, doubtful: 0 }
    }

    /// Something has come back, if only a status.
    pub(super) fn reached(&mut self) {
        self.reached = true;
    }

    /// Hears how an attempt ended.
    pub(super) fn hear(&mut self, outcome: Result<(), &Failure>, now: Instant) -> Result<(), Halt> {
        // What asking again can mend says nothing of the sample.
        let Some(failure) = outcome.err().filter(|failure| RetryPolicy::can_help(failure.kind)) else {
            self.answered = Some(now);
            self.failing_since = None;
            self.doubtful = 0;
            return outcome.or_else(refused);
        };
        // What is wrong with the very first connection is wrong with all.
        if failure.kind == FailureKind::Tls && !self.reached {
            return Err(Halt::Insecure { failure: failure.clone() });
        }
        let silence = now.saturating_duration_since(*self.failing_since.get_or_insert(now));
        if silence >= self.give_up_after {
            return Err(Halt::Silent { silence, failure: failure.clone() });
        }
        Ok(())
    }

    /// The endpoint has asked for this much more of a wait, which is no silence.
    pub(super) fn excuse(&mut self, wait: Duration) {
        self.failing_since = self.failing_since.map(|since| since + wait);
    }

    /// Judges a sample that was first asked at `first` and has used up its retries, while `others` are being asked.
    pub(super) fn judge(
        &mut self,
        failure: &Failure,
        first: Instant,
        others: usize,
    ) -> Result<Verdict, Halt> {
        if !RetryPolicy::can_help(failure.kind) || self.answered.is_some_and(|answered| answered >= first) {
            return Ok(Verdict::Sample);
        }
        if failure.kind == FailureKind::Connection && !self.reached && self.answered.is_none() {
            return Err(Halt::Unreachable { failure: failure.clone() });
        }
        // Asked alone, a sample may itself be what the endpoint breaks on: one is believed to be, a second is not.
        let unconnected = matches!(failure.kind, FailureKind::Connection | FailureKind::Tls);
        if others == 0 && !unconnected && self.doubtful == 0 {
            self.doubtful += 1;
            return Ok(Verdict::Sample);
        }
        Ok(Verdict::Endpoint)
    }
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
        health.hear(Ok(()), Instant::now()).unwrap();
        let heard = health.hear(Err(&failure(FailureKind::Auth)), Instant::now());
        assert!(matches!(heard, Err(Halt::Refused { .. })));
    }

    #[test]
    fn an_endpoint_that_answers_nobody_is_given_up_after_the_time_set_and_not_before() {
        let (mut health, start) = (health(), Instant::now());
        let failing = failure(FailureKind::ServerError);
        let mut at = |seconds| health.hear(Err(&failing), start + Duration::from_secs(seconds));
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(299), Ok(()));
        assert!(matches!(at(300), Err(Halt::Silent { .. })));
        health.hear(Ok(()), start + Duration::from_secs(301)).unwrap();
        assert_eq!(health.hear(Err(&failing), start + Duration::from_secs(700)), Ok(()));
    }

    #[test]
    fn a_sample_fails_only_where_others_were_answered_meanwhile() {
        let (mut health, start) = (health(), Instant::now());
        let failing = failure(FailureKind::Timeout);
        assert_eq!(health.judge(&failing, start, 3), Ok(Verdict::Endpoint));
        health.hear(Ok(()), start + Duration::from_secs(1)).unwrap();
        assert_eq!(health.judge(&failing, start, 3), Ok(Verdict::Sample));
        assert_eq!(health.judge(&failing, start + Duration::from_secs(2), 3), Ok(Verdict::Endpoint));
    }

    #[test]
    fn asked_one_by_one_the_first_that_fails_is_the_samples_fault_and_the_next_the_endpoints() {
        let (mut health, start) = (health(), Instant::now());
        health.hear(Ok(()), start).unwrap();
        let (failing, later) = (failure(FailureKind::ServerError), start + Duration::from_secs(1));
        assert_eq!(health.judge(&failing, later, 0), Ok(Verdict::Sample));
        assert_eq!(health.judge(&failing, later, 0), Ok(Verdict::Endpoint));
    }

    #[test]
    fn a_connection_that_is_not_secure_halts_at_once_unless_another_was() {
        let (mut health, start) = (health(), Instant::now());
        let failing = failure(FailureKind::Tls);
        assert!(matches!(health.hear(Err(&failing), start), Err(Halt::Insecure { .. })));
        health.reached();
        assert_eq!(health.hear(Err(&failing), start), Ok(()));
    }

    #[test]
    fn an_address_where_nobody_ever_was_halts_at_the_first_sample() {
        let verdict = health().judge(&failure(FailureKind::Connection), Instant::now(), 7);
        assert!(matches!(verdict, Err(Halt::Unreachable { .. })));
    }
}
