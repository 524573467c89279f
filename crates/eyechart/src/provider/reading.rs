//! Reads one whole response without a network, as a run would.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::answer::AnswerReader;
use super::flow::allowance::{self, Allowance};
use super::protocol::{Parameter, Protocol};
use super::received::{asked_wait, no_body, refusal};
use super::reply::{Read, ReplyReader};
use crate::types::{Failure, FailureKind, ModelOutput};

/// A response that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The answer, or why the response is not one.
    pub outcome: Result<ModelOutput, Failure>,
    /// How long the response asks to wait.
    pub retry_after: Option<Duration>,
    /// What the headers report about the endpoint's limits.
    pub allowances: Vec<Allowance>,
}

/// Reads a whole response of `protocol` that arrived at `now`. Ignores headers that HTTP does not allow. `None` if
/// `status` is not an HTTP status.
#[must_use]
pub fn read_reply(
    protocol: &dyn Protocol,
    status: u16,
    headers: &[(&str, &[u8])],
    body: &[u8],
    now: Timestamp,
) -> Option<Reading> {
    let status = StatusCode::from_u16(status).ok()?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_bytes(value)) {
            map.insert(name, value);
        }
    }
    let error = (!status.is_success()).then(|| protocol.read_error(status.as_u16(), body));
    let outcome = match &error {
        None if body.trim_ascii().is_empty() => Err(no_body(status)),
        None => read_answer(protocol, body, false).outcome,
        Some(error) => Err(refusal(status, &map, error)),
    };
    let retry_after = asked_wait(&map, error.as_ref(), now);
    let allowances = allowance::allowances(&map, now);
    Some(Reading { outcome, retry_after, allowances })
}

/// The answer in a reply of `protocol` that another tool has received, judged as if it had come just now.
///
/// # Errors
/// Why it cannot be used, such as a refusal or another status than 2xx.
pub(crate) fn read_recorded(
    protocol: &dyn Protocol,
    status: u16,
    body: &[u8],
    keeps_reasoning: bool,
) -> Result<ModelOutput, Failure> {
    let no_status = |_| Failure::new(FailureKind::Malformed, format!("{status} is no HTTP status"));
    match StatusCode::from_u16(status).map_err(no_status)? {
        status if status.is_success() => read_answer(protocol, body, keeps_reasoning).outcome,
        other => Err(refusal(other, &HeaderMap::new(), &protocol.read_error(status, body))),
    }
}

/// The answer in the whole body of a successful response.
pub(super) fn read_answer(protocol: &dyn Protocol, body: &[u8], keeps_reasoning: bool) -> Read<ModelOutput> {
    let max_tokens = protocol.parameter_names(Parameter::MaxTokens).first().copied().unwrap_or_default();
    let mut reader = AnswerReader::new(protocol.decoder(), max_tokens).keep_reasoning(keeps_reasoning);
    reader.push(body);
    reader.finish()
}
