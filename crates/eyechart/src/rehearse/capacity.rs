//! How many requests are worked on at once: beyond that the endpoint answers 429 at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The most requests that are worked on at once, as it changes over time. The default has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capacity {
    steps: Vec<(Duration, usize)>,
}

impl Capacity {
    /// The same for ever.
    #[must_use]
    pub fn fixed(most: usize) -> Self {
        Self::default().from(Duration::ZERO, most)
    }

    /// From `after` the server's start on, `most`. Later steps are given later.
    #[must_use]
    pub fn from(mut self, after: Duration, most: usize) -> Self {
        self.steps.push((after, most));
        self
    }

    /// The limit at a time since the server's start; none before the first step.
    fn at(&self, since_start: Duration) -> Option<usize> {
        let reached = self.steps.iter().take_while(|(after, _)| *after <= since_start);
        reached.last().map(|(_, most)| *most)
    }
}

/// The places at which requests are worked on.
#[derive(Debug)]
pub(super) struct Places {
    capacity: Capacity,
    started: Instant,
    taken: AtomicUsize,
}

impl Places {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self { capacity, started: Instant::now(), taken: AtomicUsize::new(0) }
    }

    /// A place, unless all are taken.
    pub(super) fn take(&self) -> Option<Place<'_>> {
        let most = self.capacity.at(self.started.elapsed()).unwrap_or(usize::MAX);
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.taken.try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Place(self))
    }
}

/// A taken place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
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
    fn no_more_places_are_taken_than_there_are_and_each_comes_free_again() {
        let places = Places::new(Capacity::fixed(2));
        let first = places.take();
        let _second = places.take().unwrap();
        assert!(places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
