//! A token bucket: it fills at a constant rate, up to what a few seconds bring. Pure: the time is given.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds of income that the bucket holds: a longer pause must not be followed by a burst that the
/// endpoint refuses.
const CAPACITY_SECONDS: f64 = 3.0;

/// An amount that fills up at a constant rate.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    capacity: f64,
    level: f64,
    filled_at: Instant,
}

impl Bucket {
    /// A bucket that is full at `now`. Its capacity is at least 1.
    pub(super) fn new(per_minute: f64, now: Instant) -> Self {
        let per_second = per_minute / 60.0;
        let capacity = (per_second * CAPACITY_SECONDS).max(1.0);
        Self { per_second, capacity, level: capacity, filled_at: now }
    }

    /// When `amount` is available; `None` if it is now. An amount beyond the capacity needs a full bucket and leaves a
    /// debt.
    pub(super) fn available_at(&mut self, amount: f64, now: Instant) -> Option<Instant> {
        self.fill(now);
        let missing = amount.min(self.capacity) - self.level;
        // Rounding must not ask for a wait that brings nothing.
        if missing <= 1e-9 {
            return None;
        }
        Some(now + Duration::from_secs_f64((missing / self.per_second).min(3600.0)))
    }

    /// Takes `amount` out; a negative amount is put back. The debt is never more than comes in during a minute,
    /// whatever an endpoint claims that a request cost: the endpoint too forgets it by then.
    pub(super) fn take(&mut self, amount: f64) {
        self.level = (self.level - amount).clamp(-60.0 * self.per_second, self.capacity);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.capacity);
        self.filled_at = now.max(self.filled_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_comes_in() {
        let start = Instant::now();
        let mut bucket = Bucket::new(600.0, start);
        let (mut now, mut taken) = (start, 0);
        while now < start + Duration::from_secs(60) {
            match bucket.available_at(1.0, now) {
                None => {
                    bucket.take(1.0);
                    taken += 1;
                }
                Some(later) => now = later,
            }
        }
        assert!((600..=631).contains(&taken), "{taken} of 600 per minute, 30 of them saved up");
    }

    #[test]
    fn an_amount_beyond_the_capacity_is_taken_from_a_full_bucket_and_paid_off_afterwards() {
        let start = Instant::now();
        let mut bucket = Bucket::new(6_000.0, start);
        assert_eq!(bucket.available_at(1_000.0, start), None);
        bucket.take(1_000.0);
        let later = bucket.available_at(1.0, start).unwrap();
        let seconds = (later - start).as_secs_f64();
        assert!((seconds - 7.01).abs() < 0.01, "300 were there, 701 are missing at 100 a second: {seconds}");
        bucket.take(-1_000.0);
        assert_eq!(bucket.available_at(1.0, start), None);
    }
}
