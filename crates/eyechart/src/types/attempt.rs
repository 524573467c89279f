//! One HTTP exchange for a sample.

use serde::{Deserialize, Serialize};

use super::Failure;

/// One HTTP request and its reply. Never includes the wait before a retry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The time of sending: UTC, RFC 3339.
    pub started: String,
    /// From sending to the whole reply, in seconds.
    pub seconds: f64,
    /// The status of the reply; absent without a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The endpoint's id of the request (`x-request-id`), for the logs of its operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The wait that `Retry-After` asked for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// The reason of the failure; absent for a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}
