//! How an attempt ended: classified once, used by the retries, by every limit and by the verdict on the sample.

use std::time::Duration;

use super::retry::RetryPolicy;
use crate::types::{Attempt, Failure, FailureKind};

/// Caps the wait that comes with a transient failure: it delays one sample only, so progress does not show it.
const LONGEST_WAIT_OF_A_FAILURE: Duration = Duration::from_secs(60);

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AttemptOutcome {
    /// The endpoint answered.
    Answered {
        /// From sending the request to the end of the reply.
        seconds: f64,
    },
    /// The endpoint accepts no request at the moment: status 429, 503 or 529. This concerns all requests.
    TurnedAway {
        /// Whether the endpoint may be down. A 429 shows that it works.
        may_be_down: bool,
        /// The wait that the endpoint asks for, before any request is sent.
        wait: Option<Duration>,
        /// How the failure is recorded.
        failure: Failure,
    },
    /// The attempt failed, and another attempt may succeed.
    TransientFailure {
        /// The wait that the endpoint asks for, before this sample is sent again.
        wait: Option<Duration>,
        /// How the failure is recorded.
        failure: Failure,
    },
    /// The endpoint handled the request, and another attempt would fail in the same way.
    FinalFailure {
        /// How the failure is recorded.
        failure: Failure,
    },
}

impl AttemptOutcome {
    /// Classifies an attempt that has ended.
    pub(super) fn classify(attempt: &Attempt) -> Self {
        let Some(failure) = attempt.error.clone() else {
            return Self::Answered { seconds: attempt.seconds };
        };
        if !RetryPolicy::can_help(failure.kind) {
            return Self::FinalFailure { failure };
        }
        let wait = attempt.retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let is_rate_limited = failure.kind == FailureKind::RateLimited;
        if is_rate_limited || matches!(attempt.status, Some(503 | 529)) {
            return Self::TurnedAway { may_be_down: !is_rate_limited, wait, failure };
        }
        Self::TransientFailure { wait: wait.map(|wait| wait.min(LONGEST_WAIT_OF_A_FAILURE)), failure }
    }

    /// The failure, if another attempt may succeed.
    pub(super) fn retryable_failure(&self) -> Option<&Failure> {
        match self {
            Self::TurnedAway { failure, .. } | Self::TransientFailure { failure, .. } => Some(failure),
            Self::Answered { .. } | Self::FinalFailure { .. } => None,
        }
    }

    /// The wait that the endpoint asks for.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::TurnedAway { wait, .. } | Self::TransientFailure { wait, .. } => *wait,
            Self::Answered { .. } | Self::FinalFailure { .. } => None,
        }
    }

    /// The outcome with a wait of at most `longest`.
    pub(super) fn with_wait_at_most(mut self, longest: Duration) -> Self {
        if let Self::TurnedAway { wait, .. } | Self::TransientFailure { wait, .. } = &mut self {
            *wait = wait.map(|wait| wait.min(longest));
        }
        self
    }

    pub(super) fn is_turned_away(&self) -> bool {
        matches!(self, Self::TurnedAway { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(status: Option<u16>, kind: Option<FailureKind>, retry_after: Option<f64>) -> Attempt {
        let error = kind.map(|kind| Failure::new(kind, "as told"));
        Attempt { started: String::new(), seconds: 0.5, status, request_id: None, retry_after, error }
    }

    /// The name of the variant, and the wait in seconds.
    fn classified(status: u16, kind: FailureKind, retry_after: f64) -> (&'static str, Option<u64>) {
        let outcome = AttemptOutcome::classify(&attempt(Some(status), Some(kind), Some(retry_after)));
        let name = match &outcome {
            AttemptOutcome::Answered { .. } => "answered",
            AttemptOutcome::TurnedAway { may_be_down: false, .. } => "turned away: rate limit",
            AttemptOutcome::TurnedAway { may_be_down: true, .. } => "turned away: may be down",
            AttemptOutcome::TransientFailure { .. } => "transient",
            AttemptOutcome::FinalFailure { .. } => "final",
        };
        (name, outcome.wait().map(|wait| wait.as_secs()))
    }

    #[test]
    fn each_attempt_ends_in_one_of_four_ways() {
        use FailureKind::{Auth, BadRequest, Malformed, RateLimited, ServerError, Timeout};
        assert_eq!(
            AttemptOutcome::classify(&attempt(Some(200), None, None)),
            AttemptOutcome::Answered { seconds: 0.5 }
        );
        assert_eq!(classified(429, RateLimited, 300.0), ("turned away: rate limit", Some(300)));
        assert_eq!(classified(400, RateLimited, 1.0), ("turned away: rate limit", Some(1)));
        assert_eq!(classified(503, ServerError, 300.0), ("turned away: may be down", Some(300)));
        assert_eq!(classified(529, ServerError, 1.0), ("turned away: may be down", Some(1)));
        assert_eq!(classified(500, ServerError, 300.0), ("transient", Some(60)));
        assert_eq!(classified(200, Malformed, 2.0), ("transient", Some(2)));
        assert_eq!(classified(200, Timeout, 1e300), ("transient", None));
        assert_eq!(classified(400, BadRequest, 1.0), ("final", None));
        assert_eq!(classified(429, Auth, 1.0), ("final", None), "no credit is left");
    }
}
