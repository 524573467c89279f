//! The limit on concurrent requests at a moment of a run, a line of `load.jsonl`.

use serde::{Deserialize, Serialize};

/// How busy an endpoint was kept at a moment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// When: UTC, RFC 3339.
    pub at: String,
    /// Requests that might have been under way at once.
    pub limit: usize,
    /// Requests that were.
    pub under_way: usize,
    /// Samples that were, those that waited to be asked again included.
    pub samples: usize,
}
