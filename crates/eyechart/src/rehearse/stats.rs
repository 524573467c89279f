//! What the server counted and kept, for those who started it. It knows nothing of scripts or replies.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
    /// Requests whose connection a rule closed without a reply.
    pub dropped: u64,
    /// Requests received and neither answered nor dropped yet.
    pub in_flight: u64,
    /// The most that were in flight at once.
    pub peak_in_flight: u64,
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
    received: Condvar,
    kept: Mutex<Vec<RecordedRequest>>,
}

impl Counters {
    pub(super) fn stats(&self) -> Stats {
        lock(&self.stats).clone()
    }

    /// Blocks until `enough` holds; it is asked again after each request that comes in.
    pub(super) fn wait_for(&self, enough: impl Fn(&Stats) -> bool) {
        let waiting = self.received.wait_while(lock(&self.stats), |stats| !enough(stats));
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn kept(&self) -> Vec<RecordedRequest> {
        lock(&self.kept).clone()
    }

    pub(super) fn keep(&self, request: RecordedRequest) {
        lock(&self.kept).push(request);
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
        self.received.notify_all();
        InFlight(self)
    }
}

/// One request in flight.
pub(super) struct InFlight<'a>(&'a Counters);

impl InFlight<'_> {
    /// It gets a reply.
    pub(super) fn answered(self, status: u16) {
        *lock(&self.0.stats).answered.entry(status).or_default() += 1;
    }

    /// A rule closes its connection.
    pub(super) fn dropped(self) {
        lock(&self.0.stats).dropped += 1;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        lock(&self.0.stats).in_flight -= 1;
    }
}

/// Plain counters are whole after each statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
