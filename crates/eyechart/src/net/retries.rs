//! When a download is tried again.

use std::time::Duration;

/// How often a download is tried, and how long to wait in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySchedule {
    /// Attempts without progress before the download fails. Zero counts as one.
    pub attempts: u32,
    /// Wait before the second attempt. Each later wait is twice as long.
    pub first_wait: Duration,
    /// Maximum wait. A server that asks for a longer wait is asked again after this time.
    pub longest_wait: Duration,
}

/// Counts the failed attempts of one download.
///
/// The caller decides which failures are worth another attempt, and waits.
#[derive(Debug)]
pub struct Retries {
    schedule: RetrySchedule,
    failed: u32,
}

impl Retries {
    /// No attempt has failed.
    #[must_use]
    pub fn new(schedule: RetrySchedule) -> Self {
        Self { schedule, failed: 0 }
    }

    /// Records progress: the next failure counts as the first.
    pub fn reset(&mut self) {
        self.failed = 0;
    }

    /// Records a failed attempt. Returns the wait before the next attempt, which is `asked` if the server asked for a
    /// wait, or `None` if no attempt is left.
    pub fn next_wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        if self.failed >= self.schedule.attempts {
            return None;
        }
        let backoff = self.schedule.first_wait.saturating_mul(2_u32.saturating_pow(self.failed - 1));
        Some(asked.unwrap_or(backoff).min(self.schedule.longest_wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: RetrySchedule = RetrySchedule {
        attempts: 5,
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(3),
    };

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_attempts() {
        let mut retries = Retries::new(SCHEDULE);
        let waits = std::iter::from_fn(|| retries.next_wait(None)).map(|wait| wait.as_secs());
        assert_eq!(waits.collect::<Vec<_>>(), [1, 2, 3, 3]);
        let mut once = Retries::new(RetrySchedule { attempts: 0, ..SCHEDULE });
        assert_eq!(once.next_wait(None), None);
        let mut endless = Retries::new(RetrySchedule { attempts: u32::MAX, ..SCHEDULE });
        assert_eq!((0..200).filter_map(|_| endless.next_wait(None)).last(), Some(SCHEDULE.longest_wait));
    }

    #[test]
    fn a_server_decides_the_wait_within_the_longest_and_progress_starts_over() {
        let mut retries = Retries::new(SCHEDULE);
        assert_eq!(retries.next_wait(Some(Duration::from_millis(1))), Some(Duration::from_millis(1)));
        assert_eq!(retries.next_wait(Some(Duration::from_secs(3_600))), Some(SCHEDULE.longest_wait));
        retries.reset();
        assert_eq!(retries.next_wait(None), Some(SCHEDULE.first_wait));
    }
}
