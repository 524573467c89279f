//! What one whole reply comes to, without a network: as a run would take it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::flow::allowance::{self, Allowance};
use super::http::{asked_wait, refusal};
use super::openai;
use crate::types::{Failure, ModelOutput};

/// A reply that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The answer, or why it is none.
    pub outcome: Result<ModelOutput, Failure>,
    /// The wait that it asks for.
    pub retry_after: Option<Duration>,
    /// What its headers say of the endpoint's limits.
    pub allowances: Vec<Allowance>,
}

/// Reads a reply of the OpenAI protocol that came at `now`. Headers that HTTP does not allow are passed over; `None`
/// where `status` is no status.
#[must_use]
pub fn read_reply(status: u16, headers: &[(&str, &[u8])], body: &[u8], now: Timestamp) -> Option<Reading> {
    let status = StatusCode::from_u16(status).ok()?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_bytes(value)) {
            map.insert(name, value);
        }
    }
    let outcome = match status {
        StatusCode::OK => openai::parse(body).map_err(|(failure, _)| failure),
        status => Err(refusal(status, &map, body)),
    };
    let retry_after = asked_wait(status, &map, body, now);
    let allowances = allowance::allowances(&map, now);
    Some(Reading { outcome, retry_after, allowances })
}
