//! The counts and the kept requests of the server.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

/// The counts of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Number of accepted connections.
    pub connections: u64,
    /// Number of received requests, for any path.
    pub requests: u64,
    /// Number of replies by status.
    pub answered: BTreeMap<u16, u64>,
    /// Number of requests whose connection a rule or a fault closed without a reply.
    pub dropped: u64,
    /// Number of requests in flight: received, and neither answered nor dropped yet.
    pub in_flight: u64,
    /// Maximum number of requests in flight so far.
    pub peak_in_flight: u64,
    /// Number of requests rejected with 429 because the [capacity](super::Capacity) was used up.
    pub refused: u64,
    /// Number of requests with a fault, by the name of the fault.
    pub faults: BTreeMap<&'static str, u64>,
    /// Number of requests with the same body as an earlier request. It is counted only if
    /// [`Options::count_repeated`](super::Options::count_repeated) is set.
    pub repeated: u64,
}

/// A request as received. Requests are kept if [`Options::keep_requests`](super::Options::keep_requests) is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method, such as `POST`.
    pub method: String,
    /// The path and the query, as sent.
    pub path: String,
    /// The headers in the order sent, with names in lower case. Keys are not masked.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// Returns the value of the first header with this name, in lower case; `None` if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The counts and the kept requests, shared by all connections.
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

    /// Blocks until `enough` returns true. It is called whenever a request arrives, gets a fault, or ends.
    pub(super) fn wait_for(&self, enough: impl Fn(&Stats) -> bool) {
        let waiting = self.changed.wait_while(lock(&self.stats), |stats| !enough(stats));
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }

    /// Like [`Counters::wait_for`], but blocks for at most `longest`. Returns whether `enough` returned true.
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

    /// Counts a body that an earlier request had. Bodies are compared by a 64-bit hash: a collision is not to be
    /// expected among fewer than hundreds of millions of bodies.
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

    /// Counts a new request. The returned guard counts how the request ends.
    pub(super) fn received(&self) -> InFlight<'_> {
        let mut stats = lock(&self.stats);
        stats.requests += 1;
        stats.in_flight += 1;
        stats.peak_in_flight = stats.peak_in_flight.max(stats.in_flight);
        self.changed.notify_all();
        InFlight(self)
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Counters);

impl InFlight<'_> {
    /// Counts a reply.
    pub(super) fn answered(self, status: u16) {
        *lock(&self.0.stats).answered.entry(status).or_default() += 1;
    }

    /// Counts a request that exceeds the capacity.
    pub(super) fn rejected(&self) {
        lock(&self.0.stats).refused += 1;
    }

    /// Counts a fault.
    pub(super) fn has_fault(&self, fault: &'static str) {
        *lock(&self.0.stats).faults.entry(fault).or_default() += 1;
        self.0.changed.notify_all();
    }

    /// Counts a connection that was closed without a reply.
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

/// Locks a mutex and ignores poisoning: the counts are consistent after each statement, so a panic cannot damage them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
