//! What an endpoint's headers say of its rate limits.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;

use super::retry::parse_retry_after;

/// Families of headers: what remains, and when it is replenished.
const FAMILIES: &[(&str, &str)] = &[
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// Headers that ask for a wait, the standard one first.
const WAITS: &[&str] = &["retry-after", "llm_provider-retry-after"];

/// No reset is believed beyond this.
const LONGEST: Duration = Duration::from_secs(600);

/// The wait that a reply asks for before the next request.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let millis = || Some(Duration::from_millis(text(headers, "retry-after-ms")?.trim().parse().ok()?));
    millis().or_else(|| WAITS.iter().find_map(|name| parse_retry_after(text(headers, name)?, now)))
}

/// How long nothing remains to be used, where a reply says that nothing remains and for how long.
pub(super) fn exhausted_for(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let wait = |(remaining, reset): &(&str, &str)| {
        let remaining: f64 = text(headers, remaining)?.trim().parse().ok()?;
        if remaining >= 1.0 {
            return None;
        }
        parse_reset(text(headers, reset)?, now)
    };
    FAMILIES.iter().filter_map(wait).max().map(|wait| wait.min(LONGEST))
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
    parse_parts(value)
}

fn parse_parts(value: &str) -> Option<Duration> {
    let (mut rest, mut seconds) = (value, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let unit = match &rest[digits..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number * unit;
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !value.is_empty())
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
    fn a_wait_is_read_from_each_header_that_servers_send() {
        let read = |pairs| retry_after(&headers(pairs), now()).map(|wait| wait.as_secs_f64());
        assert_eq!(read(&[("retry-after", "7")]), Some(7.0));
        assert_eq!(read(&[("llm_provider-retry-after", "3")]), Some(3.0));
        assert_eq!(read(&[("retry-after", "2"), ("retry-after-ms", "1500")]), Some(1.5));
        assert_eq!(read(&[("retry-after", "Tue, 24 Nov 2026 10:00:09 GMT")]), Some(9.0));
        assert_eq!(read(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn an_exhausted_limit_says_when_it_is_replenished() {
        let read = |remaining, reset| {
            let names = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
            let headers = headers(&[(names.0, remaining), (names.1, reset)]);
            exhausted_for(&headers, now()).map(|wait| wait.as_secs_f64())
        };
        assert_eq!(read("0", "1m2.5s"), Some(62.5));
        assert_eq!(read("0", "17ms"), Some(0.017));
        assert_eq!(read("0", "4"), Some(4.0));
        assert_eq!(read("0", "2026-11-24T10:00:30Z"), Some(30.0));
        assert_eq!(read("0", "1795514420"), Some(20.0));
        assert_eq!(read("0", "1795514420000"), Some(20.0));
        assert_eq!(read("0", "90h"), Some(600.0));
        assert_eq!(read("1", "1m"), None);
        for nonsense in ["", "m", "5x", "1.2.3s"] {
            assert_eq!(read("0", nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn of_several_limits_the_longest_wait_counts() {
        let headers = headers(&[
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-24T10:00:05Z"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-24T10:00:40Z"),
        ]);
        assert_eq!(exhausted_for(&headers, now()), Some(Duration::from_secs(40)));
    }
}
