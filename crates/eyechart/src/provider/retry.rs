//! When to ask again, and after how long.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::types::FailureKind;

/// Before the first retry, without jitter and without a `Retry-After`.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Backoff stops growing here.
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// No endpoint is believed beyond this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Failures with answers to others in between that are enough to show that a sample is at fault, at most.
const MOST_HELD_AGAINST: u32 = 3;

/// HTTP's dates of old, which recipients must still accept (RFC 9110, 5.6.7).
const OBSOLETE_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How often and how patiently a sample is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Requests after the first.
    pub max_retries: u32,
}

impl RetryPolicy {
    /// Whether asking again can help: 408, 409, 429, 5xx, broken connections, timeouts and unreadable bodies.
    /// What the endpoint has understood and refused stays refused.
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

    /// How many failures with answers to others in between are held against a sample that has used up its retries:
    /// the first of them and the last may have been an outage's.
    #[must_use]
    pub(super) fn enough_failures(&self) -> u32 {
        self.max_retries.saturating_add(1).min(MOST_HELD_AGAINST)
    }

    /// The wait before retry number `retry` (from 0): what the endpoint asked for, plus a little jitter so that
    /// those it turned away do not come back at once; else half to all of 0.5 s doubled for each earlier retry,
    /// at most 60 s.
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

/// In [0, 1). Jitter needs to differ between requests and machines, nothing more.
fn random_fraction() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// What a `Retry-After` header asks for: seconds or an HTTP date (RFC 9110, 10.2.3). `None` for anything else; a
/// date in the past asks for nothing.
#[must_use]
pub(super) fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let obsolete = |format| Offset::UTC.to_timestamp(DateTime::strptime(format, value).ok()?).ok();
    let date = jiff::fmt::rfc2822::parse(value).ok().map(|date| date.timestamp());
    let date = date.or_else(|| OBSOLETE_DATES.iter().find_map(obsolete))?;
    Some(date.duration_since(now).max(SignedDuration::ZERO).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let read = |value| parse_retry_after(value, now);
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(" 0.5 "), Some(Duration::from_millis(500)));
        assert_eq!(read("Tue, 24 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Tuesday, 24-Nov-26 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Tue Nov 24 10:00:30 2026"), Some(Duration::from_secs(30)));
        assert_eq!(read("Tue, 24 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "-1", "soon", "NaN", "1e300"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
    }

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
