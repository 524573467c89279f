//! The log of HTTP requests and responses (`--log-http`): one line of JSON for each attempt. It has no pictures, and
//! `[key]` in place of everything that may be secret.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde::Serialize;
use serde_json::{Map, Value};

use super::secrets::Secrets;
use crate::text::with_shown_addresses;

/// Characters of a response's body that are logged.
const EXCERPT: usize = 4_000;

/// A log of requests and responses. A line that cannot be written is left out: the run's record does not depend on it.
pub struct HttpLog(Mutex<Box<dyn Write + Send>>);

impl std::fmt::Debug for HttpLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpLog")
    }
}

/// One attempt.
#[derive(Serialize)]
pub(super) struct Exchange<'a> {
    /// The time of sending: UTC, RFC 3339.
    pub(super) at: &'a str,
    pub(super) url: &'a str,
    pub(super) request: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Message>,
    /// Seconds from sending to the end of the response.
    pub(super) seconds: f64,
    /// Why the attempt failed; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// A request or a response: headers, size, and the beginning of a response's body.
#[derive(Clone, Serialize)]
pub(super) struct Message {
    headers: Map<String, Value>,
    bytes: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
}

impl Message {
    pub(super) fn request(headers: &HeaderMap, body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), shown(value).into())).collect();
        Self { headers, bytes: body.len(), body: String::new() }
    }

    /// `body` may be the beginning only of the `bytes` that were received.
    pub(super) fn reply(headers: &HeaderMap, body: &[u8], bytes: usize, secrets: &Secrets) -> Self {
        let value = |(name, value): (_, &HeaderValue)| match name {
            // A session's cookie gives access to the session.
            &SET_COOKIE => (name.to_string(), "[key]".into()),
            // Addresses of redirects may have a password.
            _ => (name.to_string(), with_shown_addresses(&secrets.hide(shown(value))).into()),
        };
        // Secrets are hidden before the text is cut, so that no part of one is left.
        let text = secrets.hide(String::from_utf8_lossy(body).into_owned());
        let body_shown = with_shown_addresses(&text).chars().take(EXCERPT).collect();
        Self { headers: headers.iter().map(value).collect(), bytes, body: body_shown }
    }
}

fn shown(value: &HeaderValue) -> String {
    if value.is_sensitive() {
        "[key]".to_owned()
    } else {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    }
}

impl HttpLog {
    /// A log that is written to `file`.
    pub fn new(file: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(file)))
    }

    pub(super) fn write(&self, exchange: &Exchange<'_>) {
        let Ok(mut line) = serde_json::to_vec(exchange) else { return };
        line.push(b'\n');
        // One write for each line, so that lines never mix.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
    }
}
