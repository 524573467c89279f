//! Wire protocols: the form of a request, and the meaning of a response. One file for each protocol.
//!
//! No other part of eyechart knows the words of a protocol. To add one, write a file that implements [`Protocol`] and
//! [`Decoder`], and add it to [`PROTOCOLS`].

mod error_body;
mod event_stream;
mod openai_chat;
pub(super) mod openai_embeddings;
mod withheld;

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::key::Header;
use crate::types::{Failure, FailureKind, Request, StopReason, Usage};
pub use openai_chat::OPENAI_CHAT;

/// Every protocol that eyechart speaks.
pub const PROTOCOLS: &[&dyn Protocol] = &[OPENAI_CHAT];

/// The protocol with this name, as a run's `spec.json` records it.
#[must_use]
pub fn protocol(name: &str) -> Option<&'static dyn Protocol> {
    PROTOCOLS.iter().copied().find(|protocol| protocol.name() == name)
}

/// A wire protocol. It has no state: what belongs to one response is in its [`Decoder`].
pub trait Protocol: Debug + Send + Sync {
    /// The name that `spec.json` records and that cached answers are stored under, such as `openai-chat`.
    fn name(&self) -> &'static str;

    /// The address that requests to `model` are sent to. `base_url` does not end with a slash.
    fn url(&self, base_url: &str, model: &str) -> String;

    /// `address` without what [`Protocol::url`] adds: users copy whole addresses from documentation.
    fn base_url<'a>(&self, address: &'a str) -> &'a str;

    /// The name and value of headers that every request has, such as a version of the API.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The header that carries the API key.
    fn authentication(&self, key: &str) -> Header;

    /// The body of a request: `request`, and the request fields `params` as they are.
    fn body(&self, model: &str, params: &Map<String, Value>, request: &Request) -> Bytes;

    /// A decoder for the body of one successful response (status 2xx).
    fn decoder(&self) -> Box<dyn Decoder>;

    /// What the body of a response with another status than 2xx reports.
    fn read_error(&self, status: u16, body: &[u8]) -> ErrorReport;

    /// The request fields that set `parameter`, the usual one first. Any of them may be in a request.
    fn parameter_names(&self, parameter: Parameter) -> &'static [&'static str];

    /// The name and value of the field of `params` that sets `parameter`; absent if none does.
    fn parameter<'a>(
        &self,
        params: &'a Map<String, Value>,
        parameter: Parameter,
    ) -> Option<(&'static str, &'a Value)> {
        self.parameter_names(parameter).iter().find_map(|name| Some((*name, params.get(*name)?)))
    }
}

/// A request field that eyechart reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// The largest number of tokens of an answer.
    MaxTokens,
    /// The sampling temperature: 0 asks for the same answer each time.
    Temperature,
}

/// Turns the bytes of one response into events while they arrive, however the network splits them.
pub trait Decoder: Send {
    /// Takes the next bytes, and appends the events that they complete.
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>);

    /// Whether the response is complete, although its body has not ended yet.
    fn is_complete(&self) -> bool {
        false
    }

    /// Ends the response, and appends the events of what is left. A response that is not complete ends with
    /// [`Event::Failed`].
    fn finish(&mut self, events: &mut Vec<Event>);
}

/// What a successful response reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The next piece of the answer. It may be empty.
    Text(String),
    /// The next piece of the model's reasoning.
    Reasoning(String),
    /// The next piece of a refusal.
    Refusal(String),
    /// The model's name. The first one counts.
    Model(String),
    /// Token counts. The last ones count.
    Usage(Usage),
    /// Why the model stopped.
    Stopped(StopReason),
    /// The response is not an answer, or its answer broke off. The first failure counts.
    Failed(Failure),
}

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReport {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The endpoint's message on one line; empty if there is none.
    pub message: String,
    /// How long the endpoint asks to wait; absent if the body does not say.
    pub wait: Option<Duration>,
    /// The tokens that the request took all the same; absent if the body does not say.
    pub usage: Option<Usage>,
}

/// `address` without the path of any protocol.
pub(super) fn without_path(address: &str) -> &str {
    let address = PROTOCOLS.iter().fold(address, |address, protocol| protocol.base_url(address));
    address.trim_end_matches(openai_embeddings::PATH)
}
