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
use crate::types::{Failure, FailureKind};

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
    /// Whether the reply is a web page, with which servers and proxies in front of an API answer.
    pub(super) fn is_web_page(&self) -> bool {
        let kind = header(&self.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        kind.trim_start().starts_with("text/html") || self.first_byte == Some(b'<')
    }

    /// Where the reply came from.
    pub(super) fn origin(&self) -> ReplyOrigin {
        let Some(status) = self.status else { return ReplyOrigin::NoReply };
        let is_other = status.is_server_error()
            || [StatusCode::PROXY_AUTHENTICATION_REQUIRED, StatusCode::REQUEST_TIMEOUT].contains(&status);
        if is_other || self.is_web_page() { ReplyOrigin::Gateway } else { ReplyOrigin::Api }
    }

    /// Adds the next bytes of the body. They are kept if `is_kept`.
    pub(super) fn add(&mut self, part: &[u8], is_kept: bool) {
        self.first_byte = self.first_byte.or_else(|| part.trim_ascii_start().first().copied());
        self.bytes += part.len();
        if is_kept {
            self.body.extend_from_slice(part);
        }
    }

    /// The error that the response is. Only a response with status 2xx can be an answer.
    pub(super) fn error(&self, protocol: &dyn Protocol) -> Option<ErrorReport> {
        let status = self.status.filter(|status| !status.is_success())?;
        Some(protocol.read_error(status.as_u16(), &self.body))
    }
}

/// How long a response asks to wait: its headers say so, or else the error that it is (Gemini's).
pub(super) fn asked_wait(
    headers: &HeaderMap,
    error: Option<&ErrorReport>,
    now: Timestamp,
) -> Option<Duration> {
    retry_after(headers, now).or_else(|| error?.wait)
}

/// The failure that a response with another status than 2xx is.
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

/// The failure that a response with status 2xx and an empty body is.
pub(super) fn no_body(status: StatusCode) -> Failure {
    Failure::new(FailureKind::Malformed, format!("status {status} with an empty body: expected an answer"))
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_the_api_is_told_from_one_of_a_server_in_front_of_it() {
        let origin = |status: u16, first_byte: u8| {
            let status = StatusCode::from_u16(status).ok();
            ReceivedReply { status, first_byte: Some(first_byte), ..Default::default() }.origin()
        };
        for status in [407, 408, 500, 502, 503, 504] {
            assert_eq!(origin(status, b'{'), ReplyOrigin::Gateway, "{status}");
        }
        for status in [200, 201, 400, 401, 404, 429] {
            assert_eq!(origin(status, b'{'), ReplyOrigin::Api, "{status}");
            assert_eq!(origin(status, b'<'), ReplyOrigin::Gateway, "{status} with a web page");
        }
        assert_eq!(ReceivedReply::default().origin(), ReplyOrigin::NoReply);
    }
}
