//! Durations as command lines and HTTP headers write them.

use std::time::Duration;

/// Units in seconds, the largest first.
const UNITS: [(&str, f64); 8] = [
    ("d", 86_400.0),
    ("h", 3_600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("ms", 1e-3),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ns", 1e-9),
];

/// Parses numbers with units, the larger units first: `90s`, `200ms`, `1h30m`, `0.5h`, `1h2m3.5s`.
///
/// This is the notation of Go's `time.Duration`, which OpenAI and Google use, with days in addition. Returns `None`
/// for any other text, such as a number without a unit, a sign, or a space.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut units = UNITS.iter();
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let (number, after) = split_before(rest, |c| !c.is_ascii_digit() && c != '.');
        let (name, after) = split_before(after, |c| c.is_ascii_digit() || c == '.');
        // The iterator continues behind the unit before, so that units only get smaller.
        let (_, length) = units.find(|(unit, _)| *unit == name)?;
        seconds += number.parse::<f64>().ok()? * length;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !text.is_empty())
}

fn split_before(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_are_read_with_their_units_and_nothing_else() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("45m", 2_700.0),
            ("1h30m", 5_400.0),
            ("0.5h", 1_800.0),
            ("1d2h3m4s", 93_784.0),
            ("6m0s", 360.0),
            ("1h2m3.5s", 3_723.5),
            ("15.002s", 15.002),
            ("200ms", 0.2),
            ("1s20ms", 1.02),
            ("17us", 17e-6),
            ("17µs", 17e-6),
            ("0s", 0.0),
        ] {
            assert_eq!(parse_duration(text).map(|read| read.as_secs_f64()), Some(seconds), "{text}");
        }
        let nonsense = [
            "", "90", "s", "m", "-1s", "+1s", "1m1h", "1s1s", "1h 30m", "infs", "1e9d", "1x", "1.2.3s", ".s",
        ];
        for text in nonsense {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
        assert_eq!(parse_duration(&format!("{}h", "9".repeat(400))), None, "no duration is that long");
    }
}
