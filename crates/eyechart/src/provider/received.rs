//! A response as far as it was received: where it came from, what error it is, and how long it asks to wait.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::flow::health::ReplyOrigin;
use super::protocol::{ErrorReport, Protocol};
use crate::net::retry_after;
use crate::text::{shown_address, without_query_values};
use crate::types::Failure;

/// A response as far as it was received.
#[derive(Default)]
pub(super) struct ReceivedReply {
    pub(super) status: Option<StatusCode>,
    pub(super) headers: HeaderMap,
    /// The bytes of the body.
    pub(super) bytes: usize,
    /// The first byte that is not white space.
    pub(super) first_byte: Option<u8>,
    /// The body of an error; of other responses the beginning, if a log wants it.
    pub(super) body: BytesMut,
    /// Why this machine could not connect, if it has a shortage.
    pub(super) shortage: Option<std::io::Error>,
}

impl ReceivedReply {
    /// Where the reply came from. Servers and proxies in front of an API answer with web pages.
    pub(super) fn origin(&self) -> ReplyOrigin {
        let Some(status) = self.status else { return ReplyOrigin::NoReply };
        let is_page = is_web_page(&self.headers) || self.first_byte == Some(b'<');
        let is_other = status.is_server_error() || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        if is_other || is_page { ReplyOrigin::Gateway } else { ReplyOrigin::Api }
    }

    /// The error that the response is. Only a response with status 200 can be an answer.
    pub(super) fn error(&self, protocol: &dyn Protocol) -> Option<ErrorReport> {
        let status = self.status.filter(|status| *status != StatusCode::OK)?;
        Some(protocol.read_error(status.as_u16(), &self.body))
    }
}

fn is_web_page(headers: &HeaderMap) -> bool {
    header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.trim_start().starts_with("text/html"))
}

/// How long a response asks to wait: its headers say so, or else the error that it is (Gemini's).
pub(super) fn asked_wait(
    headers: &HeaderMap,
    error: Option<&ErrorReport>,
    now: Timestamp,
) -> Option<Duration> {
    retry_after(headers, now).or_else(|| error?.wait)
}

/// The failure that a response with another status than 200 is.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, error: &ErrorReport) -> Failure {
    let redirected = header(headers, "location").filter(|_| status.is_redirection());
    let message = match redirected {
        Some(address) => {
            let address = without_query_values(&shown_address(&address));
            format!("status {status}: it redirects to {address}, which is never followed")
        }
        None if error.message.is_empty() => format!("status {status}"),
        None => format!("status {status}: {}", error.message),
    };
    Failure::new(error.kind, message)
}

/// Why the reply cannot be read, if it is compressed in a way that the client does not unpack. The client removes the header
/// `Content-Encoding` of a reply that it unpacks.
pub(super) fn unknown_coding(headers: &HeaderMap) -> Option<String> {
    let coding = header(headers, "content-encoding")
        .filter(|coding| !coding.trim().eq_ignore_ascii_case("identity"))?;
    Some(format!(
        "the reply has the Content-Encoding {coding:?}: expected one of gzip, br, deflate and zstd, or none"
    ))
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
