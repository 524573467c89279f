//! The number of requests that the endpoint processes at the same time. It answers 429 to any request above it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The maximum number of concurrent requests, which may change over time. The default has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capacity {
    steps: Vec<(Duration, usize)>,
}

impl Capacity {
    /// Returns a capacity that does not change.
    #[must_use]
    pub fn fixed(most: usize) -> Self {
        Self::default().from(Duration::ZERO, most)
    }

    /// Sets the maximum to `most` from `after` the start of the server. Steps must be added in the order of time.
    #[must_use]
    pub fn from(mut self, after: Duration, most: usize) -> Self {
        self.steps.push((after, most));
        self
    }

    /// Returns the maximum at a time since the start of the server; `None` before the first step.
    fn at(&self, since_start: Duration) -> Option<usize> {
        let reached = self.steps.iter().take_while(|(after, _)| *after <= since_start);
        reached.last().map(|(_, most)| *most)
    }
}

/// The slots in which requests are processed.
#[derive(Debug)]
pub(super) struct Slots {
    capacity: Capacity,
    started: Instant,
    taken: AtomicUsize,
}

impl Slots {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self { capacity, started: Instant::now(), taken: AtomicUsize::new(0) }
    }

    /// Takes a slot; `None` if all slots are taken.
    pub(super) fn take(&self) -> Option<Slot<'_>> {
        let most = self.capacity.at(self.started.elapsed()).unwrap_or(usize::MAX);
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.taken.try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Slot(self))
    }
}

/// A taken slot. It is released when dropped.
#[derive(Debug)]
pub(super) struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_changes_at_its_times() {
        let second = Duration::from_secs;
        let capacity = Capacity::default().from(second(1), 40).from(second(10), 10).from(second(20), 40);
        let at = |seconds| capacity.at(second(seconds));
        assert_eq!([at(0), at(1), at(9), at(10), at(25)], [None, Some(40), Some(40), Some(10), Some(40)]);
    }

    #[test]
    fn no_more_slots_are_taken_than_exist_and_a_released_slot_is_taken_again() {
        let slots = Slots::new(Capacity::fixed(2));
        let first = slots.take();
        let _second = slots.take().unwrap();
        assert!(slots.take().is_none());
        drop(first);
        assert!(slots.take().is_some());
    }
}
