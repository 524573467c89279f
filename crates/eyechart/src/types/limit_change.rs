//! A change of the limit on concurrent requests: a line of `load.jsonl`.

use serde::{Deserialize, Serialize};

/// The limit on concurrent requests from a moment on, and how much of it was used at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitChange {
    /// The moment in UTC, RFC 3339.
    pub at: String,
    /// The largest number of requests that may be in flight.
    pub limit: usize,
    /// The number of requests in flight.
    #[serde(rename = "under_way")]
    pub in_flight: usize,
    /// The number of samples that have a request in flight or wait to be asked again.
    pub samples: usize,
}
