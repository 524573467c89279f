//! A token bucket: so much a minute, saved up for at most a few seconds. Pure; time is given.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds' worth that can be saved up, so that a pause is not followed by a burst that the endpoint refuses.
const SAVED_SECONDS: f64 = 3.0;

/// What may be spent, refilled steadily.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    most: f64,
    level: f64,
    filled: Instant,
}

impl Bucket {
    /// Full at `now`, with what `per_minute` gives in a few seconds, and at least 1.
    pub(super) fn new(per_minute: f64, now: Instant) -> Self {
        let per_second = per_minute / 60.0;
        let most = (per_second * SAVED_SECONDS).max(1.0);
        Self { per_second, most, level: most, filled: now }
    }

    /// When `amount` can be spent: now (`Ok`), or at that time. An amount beyond what can be saved up needs a full
    /// bucket and leaves a debt.
    pub(super) fn check(&mut self, amount: f64, now: Instant) -> Result<(), Instant> {
        self.fill(now);
        let missing = amount.min(self.most) - self.level;
        if missing <= 1e-9 {
            return Ok(());
        }
        Err(now + Duration::from_secs_f64((missing / self.per_second).min(3600.0)))
    }

    /// Spends `amount`; a negative one gives back. No debt is larger than what a minute gives: whatever an endpoint
    /// claims that a request cost, it forgets by then.
    pub(super) fn spend(&mut self, amount: f64) {
        self.level = (self.level - amount).clamp(-60.0 * self.per_second, self.most);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.most);
        self.filled = now.max(self.filled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_spent_than_comes_in() {
        let start = Instant::now();
        let mut bucket = Bucket::new(600.0, start);
        let (mut now, mut spent) = (start, 0);
        while now < start + Duration::from_secs(60) {
            match bucket.check(1.0, now) {
                Ok(()) => {
                    bucket.spend(1.0);
                    spent += 1;
                }
                Err(later) => now = later,
            }
        }
        assert!((600..=631).contains(&spent), "{spent} of 600 a minute, 30 of them saved up");
    }

    #[test]
    fn an_amount_beyond_the_bucket_is_spent_once_it_is_full_and_paid_off_afterwards() {
        let start = Instant::now();
        let mut bucket = Bucket::new(6_000.0, start);
        assert_eq!(bucket.check(1_000.0, start), Ok(()));
        bucket.spend(1_000.0);
        let later = bucket.check(1.0, start).unwrap_err();
        let seconds = (later - start).as_secs_f64();
        assert!((seconds - 7.01).abs() < 0.01, "300 were there, 701 are missing at 100 a second: {seconds}");
        bucket.spend(-1_000.0);
        assert_eq!(bucket.check(1.0, start), Ok(()));
    }
}
