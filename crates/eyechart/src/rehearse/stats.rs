//! What the server counted and kept, for those who started it. It knows nothing of scripts or replies.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

/// What the server has seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Requests received, whatever their path.
    pub requests: u64,
    /// Replies by status.
    pub answered: BTreeMap<u16, u64>,
    /// Requests whose connection a rule or a fault closed without a reply.
    pub dropped: u64,
    /// Requests received and neither answered nor dropped yet.
    pub in_flight: u64,
    /// The most that were in flight at once.
    pub peak_in_flight: u64,
    /// Requests turned away for want of [capacity](super::Capacity).
    pub refused: u64,
    /// Requests that met a fault, by its name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests whose body had come before, byte for byte; counted where
    /// [`Options::count_repeated`](super::Options::count_repeated) is set.
    pub repeated: u64,
}

/// One request as it came, kept where [`Options::keep_requests`](super::Options::keep_requests) is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// Such as `POST`.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Header names in lower case and their values, in the order sent. A key in them is a key.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// The value of the first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The counters and the kept requests, shared by the connections and the one who asks.
#[derive(Debug, Default)]
pub(super) struct Counters {
    stats: Mutex<Stats>,
    changed: Condvar,
    kept: Mutex<Vec<RecordedRequest>>,
    bodies: Mutex<HashSet<u64>>,
}

impl Counters {
    pub(super) fn stats(&self) -> Stats {
        lock(&self.stats).clone()
    }

    /// Blocks until `enough` holds; it is asked again whenever a request comes in, meets a fault or ends.
    pub(super) fn wait_for(&self, enough: impl Fn(&Stats) -> bool) {
        let waiting = self.changed.wait_while(lock(&self.stats), |stats| !enough(stats));
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }

    /// As [`Counters::wait_for`], but for so long at most; whether `enough` holds.
    pub(super) fn wait_at_most(&self, longest: Duration, enough: impl Fn(&Stats) -> bool) -> bool {
        let waiting = self.changed.wait_timeout_while(lock(&self.stats), longest, |stats| !enough(stats));
        let (stats, waited) = waiting.unwrap_or_else(PoisonError::into_inner);
        drop(stats);
        !waited.timed_out()
    }

    pub(super) fn kept(&self) -> Vec<RecordedRequest> {
        lock(&self.kept).clone()
    }

    pub(super) fn keep(&self, request: RecordedRequest) {
        lock(&self.kept).push(request);
    }

    /// Counts the body as repeated where it came before. Two bodies with one hash are not to be expected among
    /// fewer than hundreds of millions.
    pub(super) fn compare(&self, body: &Bytes) {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        if !lock(&self.bodies).insert(hasher.finish()) {
            lock(&self.stats).repeated += 1;
        }
    }

    pub(super) fn connected(&self) {
        lock(&self.stats).connections += 1;
    }

    /// Counts a request; the guard counts how it ended, or just its end where the client went away.
    pub(super) fn received(&self) -> InFlight<'_> {
        let mut stats = lock(&self.stats);
        stats.requests += 1;
        stats.in_flight += 1;
        stats.peak_in_flight = stats.peak_in_flight.max(stats.in_flight);
        self.changed.notify_all();
        InFlight(self)
    }
}

/// One request in flight.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Counters);

impl InFlight<'_> {
    /// It gets a reply.
    pub(super) fn answered(self, status: u16) {
        *lock(&self.0.stats).answered.entry(status).or_default() += 1;
    }

    /// It is turned away for want of capacity.
    pub(super) fn refused(&self) {
        lock(&self.0.stats).refused += 1;
    }

    /// It meets this fault.
    pub(super) fn met(&self, fault: &'static str) {
        *lock(&self.0.stats).faults.entry(fault).or_default() += 1;
        self.0.changed.notify_all();
    }

    /// Its connection is closed.
    pub(super) fn dropped(self) {
        lock(&self.0.stats).dropped += 1;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        lock(&self.0.stats).in_flight -= 1;
        self.0.changed.notify_all();
    }
}

/// Plain counters are whole after each statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
