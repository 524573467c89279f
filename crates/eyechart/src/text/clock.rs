//! The time of this machine, whatever its clock shows.

use std::time::SystemTime;

use jiff::Timestamp;

/// The current time. A clock that shows a time outside the years of [`Timestamp`] counts as the nearest one of these.
#[must_use]
pub fn now() -> Timestamp {
    nearest(SystemTime::now())
}

/// Whether records can have the time that the clock of this machine shows.
#[must_use]
pub fn is_clock_usable() -> bool {
    Timestamp::try_from(SystemTime::now()).is_ok()
}

fn nearest(time: SystemTime) -> Timestamp {
    let outside = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(outside)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_beyond_the_year_9999_is_the_last_one() {
        let years = |count: u64| Duration::from_secs(count * 31_556_952);
        let after = SystemTime::UNIX_EPOCH + years(20_000);
        assert_eq!(nearest(after), Timestamp::MAX);
        assert_eq!(nearest(SystemTime::UNIX_EPOCH - years(20_000)), Timestamp::MIN);
        assert_eq!(nearest(SystemTime::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
        assert!(is_clock_usable() && now() > Timestamp::UNIX_EPOCH);
    }
}
