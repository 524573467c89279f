//! Which failures are worth another attempt, and the wait before it.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::types::FailureKind;

/// The wait before the first retry, without jitter and without a `Retry-After`.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The wait stops growing here.
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// A longer `Retry-After` is not believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// So many failures that count show that a sample is at fault. The first and the last of them may have been caused by
/// two outages.
const FAILURES_THAT_SUFFICE: u32 = 3;

/// How often a sample is sent again, and after which waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Requests after the first.
    pub max_retries: u32,
}

impl RetryPolicy {
    /// Whether another attempt may succeed after a failure of this kind. It may not if the endpoint has understood the
    /// request and refuses it.
    #[must_use]
    pub fn can_help(kind: FailureKind) -> bool {
        matches!(
            kind,
            FailureKind::Connection
                | FailureKind::Tls
                | FailureKind::Timeout
                | FailureKind::RateLimited
                | FailureKind::ServerError
                | FailureKind::Malformed
        )
    }

    /// How many failures that count are enough for a sample that has used up its retries: fewer than usual if it has
    /// not been sent so often.
    #[must_use]
    pub(super) fn failures_that_suffice(&self) -> u32 {
        self.max_retries.saturating_add(1).min(FAILURES_THAT_SUFFICE)
    }

    /// The wait before retry number `retry` (from 0). If the endpoint asks for a wait, it is that wait plus up to 0.5 s,
    /// so that requests that were turned away together do not come back together. Otherwise it is half to all of 0.5 s,
    /// doubled for each earlier retry, at most 60 s.
    #[must_use]
    pub fn delay(&self, retry: u32, retry_after: Option<Duration>) -> Duration {
        let jitter = random_fraction();
        match retry_after {
            Some(asked) => asked.min(LONGEST_RETRY_AFTER) + FIRST_DELAY.mul_f64(jitter),
            None => {
                let doubled = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(retry));
                doubled.min(LONGEST_DELAY).mul_f64(0.5 + jitter / 2.0)
            }
        }
    }
}

/// A number in [0, 1). Jitter only has to differ between requests and machines.
fn random_fraction() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_within_bounds_and_obeys_the_endpoint() {
        let policy = RetryPolicy { max_retries: 5 };
        for (retry, most) in [(0, 0.5), (1, 1.0), (3, 4.0), (40, 60.0)] {
            let delay = policy.delay(retry, None).as_secs_f64();
            assert!(delay >= most / 2.0 && delay <= most, "retry {retry}: {delay}");
        }
        let asked = Duration::from_secs(9);
        let delay = policy.delay(0, Some(asked));
        assert!(delay >= asked && delay < asked + FIRST_DELAY);
    }
}
