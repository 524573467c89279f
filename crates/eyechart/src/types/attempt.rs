//! One HTTP exchange for a sample.

use serde::{Deserialize, Serialize};

use super::Failure;

/// One HTTP request and its reply. Never includes the wait before a retry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was sent: UTC, RFC 3339.
    pub started: String,
    /// From sending to the whole reply, in seconds.
    pub seconds: f64,
    /// The reply's status; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The endpoint's id of the request (`x-request-id`), for its operator's logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What the reply's `Retry-After` asked for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// Why it failed; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}
