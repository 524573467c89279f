//! What an endpoint's headers say about its rate limits.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;

use crate::text::parse_duration;

/// What a rate limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers.
    Tokens,
}

/// What a reply says about one rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// The header with the amount that remains. It identifies the limit.
    pub name: &'static str,
    /// What the limit counts.
    pub unit: Unit,
    /// The most that can remain, at least 1; absent if the headers do not say.
    pub limit: Option<f64>,
    /// The amount that remains, not negative.
    pub remaining: f64,
    /// The time until all of the limit is back, or a part of it: servers differ.
    pub reset: Duration,
}

/// Families of headers: what the limit counts, then the names of the headers with the amount that remains, the time
/// until it is refilled, and the most that can remain.
const FAMILIES: &[(Unit, &str, &str, &str)] = &[
    (
        Unit::Requests,
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-limit-requests",
    ),
    (Unit::Tokens, "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", "x-ratelimit-limit-tokens"),
    (
        Unit::Requests,
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-requests-limit",
    ),
    (
        Unit::Tokens,
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
        "anthropic-ratelimit-tokens-limit",
    ),
    (Unit::Requests, "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-limit"),
    (Unit::Requests, "ratelimit-remaining", "ratelimit-reset", "ratelimit-limit"),
];

/// A longer reset is not believed.
const LONGEST: Duration = Duration::from_secs(600);

/// The rate limits that a reply reports.
pub(in crate::provider) fn allowances(headers: &HeaderMap, now: Timestamp) -> Vec<Allowance> {
    let number = |name: &str| -> Option<f64> {
        text(headers, name)?.trim().parse().ok().filter(|number| *number >= 0.0)
    };
    let said = |&(unit, name, reset, limit): &(Unit, &'static str, &str, &str)| {
        let remaining = number(name)?;
        // Some gateways report a limit of 0 where there is no limit.
        if number(limit).is_some_and(|limit| limit < 1.0) {
            return None;
        }
        let reset = parse_reset(text(headers, reset)?, now)?.min(LONGEST);
        let limit = number(limit).filter(|limit| *limit >= remaining.max(1.0) && limit.is_finite());
        Some(Allowance { name, unit, limit, remaining, reset })
    };
    FAMILIES.iter().filter_map(said).collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `1.5`, `17ms`, `6m0s`, `1h2m3.5s` (Go durations, as OpenAI writes them), seconds since 1970, or a timestamp.
fn parse_reset(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        let since_1970 = now.as_millisecond() as f64 / 1e3;
        // Milliseconds since 1970, seconds since 1970, or seconds from now.
        let seconds = match seconds {
            1e11.. => seconds / 1e3 - since_1970,
            1e8.. => seconds - since_1970,
            _ => seconds,
        };
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    if let Ok(at) = value.parse::<Timestamp>() {
        return Some(at.duration_since(now).max(SignedDuration::ZERO).unsigned_abs());
    }
    parse_duration(value)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn now() -> Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_remains_is_read_with_the_time_when_it_is_replenished() {
        let read = |remaining, reset| {
            let names = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
            let said = allowances(&headers(&[(names.0, remaining), (names.1, reset)]), now());
            said.first().map(|said| (said.remaining, said.reset.as_secs_f64()))
        };
        assert_eq!(read("0", "1m2.5s"), Some((0.0, 62.5)));
        assert_eq!(read("7", "17ms"), Some((7.0, 0.017)));
        assert_eq!(read("0", "4"), Some((0.0, 4.0)));
        assert_eq!(read("0", "2026-11-24T10:00:30Z"), Some((0.0, 30.0)));
        assert_eq!(read("0", "1795514420"), Some((0.0, 20.0)));
        assert_eq!(read("0", "1795514420000"), Some((0.0, 20.0)));
        assert_eq!(read("0", "90h"), Some((0.0, 600.0)));
        for nonsense in ["", "m", "5x", "1.2.3s"] {
            assert_eq!(read("0", nonsense), None, "{nonsense:?}");
        }
        for nonsense in ["", "-1", "NaN", "many"] {
            assert_eq!(read(nonsense, "1s"), None, "{nonsense:?}");
        }
    }

    #[test]
    fn each_limit_is_read_with_what_it_counts_and_the_most_that_can_remain() {
        let said = allowances(
            &headers(&[
                ("anthropic-ratelimit-requests-limit", "50"),
                ("anthropic-ratelimit-requests-remaining", "49"),
                ("anthropic-ratelimit-requests-reset", "2026-11-24T10:00:05Z"),
                ("anthropic-ratelimit-tokens-limit", "0"),
                ("anthropic-ratelimit-tokens-remaining", "0"),
                ("anthropic-ratelimit-tokens-reset", "2026-11-24T10:00:40Z"),
            ]),
            now(),
        );
        let read: Vec<_> =
            said.iter().map(|said| (said.unit, said.limit, said.remaining, said.reset.as_secs())).collect();
        assert_eq!(read, [(Unit::Requests, Some(50.0), 49.0, 5)], "there is no limit of tokens");
    }
}
