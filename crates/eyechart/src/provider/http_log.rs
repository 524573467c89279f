//! What went over the wire, one line of JSON an attempt, for whoever has to find out what an endpoint does
//! (`--log-http`). No picture is in it, and `[key]` stands for whatever may be secret.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde::Serialize;
use serde_json::{Map, Value};

use super::key::Secrets;

/// Characters of a reply's body that are kept.
const EXCERPT: usize = 4_000;

/// A log of requests and replies. What cannot be written is left out: the run's record is elsewhere.
pub struct HttpLog(Mutex<Box<dyn Write + Send>>);

impl std::fmt::Debug for HttpLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpLog")
    }
}

/// One attempt. Missing is absent.
#[derive(Serialize)]
pub(super) struct Exchange<'a> {
    /// When the request was sent.
    pub(super) at: &'a str,
    pub(super) url: &'a str,
    pub(super) request: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Message>,
    /// From sending to the whole reply.
    pub(super) seconds: f64,
    /// Why the attempt failed, where it did before the reply's meaning was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// A request or a reply: headers, size, and the beginning of a reply's body.
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
            // Whoever has a session's cookie may go on with the session.
            &SET_COOKIE => (name.to_string(), "[key]".into()),
            _ => (name.to_string(), secrets.hide(shown(value)).into()),
        };
        // Hidden before it is cut, so that no part of a secret is left.
        let text = secrets.hide(String::from_utf8_lossy(body).into_owned());
        let body_shown = text.chars().take(EXCERPT).collect();
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
    /// A log that goes to `file`.
    pub fn new(file: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(file)))
    }

    pub(super) fn write(&self, exchange: &Exchange<'_>) {
        let Ok(mut line) = serde_json::to_vec(exchange) else { return };
        line.push(b'\n');
        // Whole lines in one write each, so that two of them never mix.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
    }
}
