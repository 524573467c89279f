//! The wait that a server asks for in its headers.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;

use super::header_text;

/// Headers with seconds or a date, the standard one first. LiteLLM passes on a provider's header with a prefix.
const HEADERS: [&str; 2] = ["retry-after", "llm_provider-retry-after"];

/// Obsolete formats of HTTP dates, which recipients must accept (RFC 9110, 5.6.7).
const OBSOLETE_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The wait that a reply asks for before the next request. `retry-after-ms` is more exact and comes first.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let millis = header_text(headers, "retry-after-ms").and_then(|text| text.trim().parse().ok());
    let asked = |name| parse(header_text(headers, name)?, now);
    millis.map(Duration::from_millis).or_else(|| HEADERS.into_iter().find_map(asked))
}

/// Parses seconds or an HTTP date (RFC 9110, 10.2.3). `None` for any other text. A date in the past asks for no wait.
fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let obsolete = |format| Offset::UTC.to_timestamp(DateTime::strptime(format, value).ok()?).ok();
    let date = jiff::fmt::rfc2822::parse(value).ok().map(|date| date.timestamp());
    let date = date.or_else(|| OBSOLETE_DATES.into_iter().find_map(obsolete))?;
    Some(date.duration_since(now).max(SignedDuration::ZERO).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let read = |value| parse(value, now());
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
    fn a_wait_is_read_from_each_header_that_servers_send() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let header = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            retry_after(&pairs.iter().map(header).collect(), now()).map(|wait| wait.as_secs_f64())
        };
        assert_eq!(read(&[("retry-after", "7")]), Some(7.0));
        assert_eq!(read(&[("llm_provider-retry-after", "3")]), Some(3.0));
        assert_eq!(read(&[("retry-after", "2"), ("retry-after-ms", "1500")]), Some(1.5));
        assert_eq!(read(&[("retry-after", "Tue, 24 Nov 2026 10:00:09 GMT")]), Some(9.0));
        assert_eq!(read(&[("retry-after", "soon")]), None);
    }
}
