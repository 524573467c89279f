//! One attempt: send a body, read the whole reply, say what it was and how long it took.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::key::ApiKey;
use super::openai;
use super::retry::parse_retry_after;
use crate::types::{Attempt, Failure, FailureKind};

/// No reply to one question is longer than this.
const LARGEST_REPLY: usize = 16 << 20;
/// Characters of a foreign error text that are kept.
const EXCERPT: usize = 300;
/// A shorter header value is no secret, and hiding it would garble every text.
const SECRET: usize = 6;

/// How requests are sent.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// For one attempt, from sending to the whole reply.
    pub timeout: Duration,
    /// Connections kept open between requests.
    pub connections: usize,
    /// Additional headers, names and values.
    pub headers: Vec<(String, String)>,
}

/// A client for one address.
pub(super) struct Client {
    client: reqwest::Client,
    url: String,
    secrets: Vec<String>,
    timeout: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An attempt with its reply's body, where there was a good one.
pub(super) struct Sent {
    pub(super) attempt: Attempt,
    pub(super) body: Option<Bytes>,
}

impl Client {
    pub(super) fn new(url: String, key: Option<ApiKey>, settings: &HttpSettings) -> Result<Self, String> {
        // An error means that a provider is installed already, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .default_headers(headers(key.as_ref(), &settings.headers)?)
            .user_agent(concat!("eyechart/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(20)))
            .pool_max_idle_per_host(settings.connections)
            .tcp_nodelay(true)
            // A redirect would carry key and pictures to an address that nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| describe(&error))?;
        let values = settings.headers.iter().map(|(_, value)| value.clone());
        let secrets =
            key.iter().map(ApiKey::secret).chain(values).filter(|secret| secret.len() >= SECRET).collect();
        Ok(Self { client, url, secrets, timeout: settings.timeout })
    }

    pub(super) async fn send(&self, body: Bytes) -> Sent {
        let mut attempt = Attempt {
            started: Timestamp::now().to_string(),
            seconds: 0.0,
            status: None,
            request_id: None,
            retry_after: None,
            error: None,
        };
        let clock = Instant::now();
        let outcome = self.exchange(body, &mut attempt).await;
        attempt.seconds = clock.elapsed().as_secs_f64();
        let body = match outcome {
            Ok(body) => Some(body),
            Err(failure) => {
                attempt.error = Some(self.redacted(failure));
                None
            }
        };
        Sent { attempt, body }
    }

    async fn exchange(&self, body: Bytes, attempt: &mut Attempt) -> Result<Bytes, Failure> {
        let sent = self.client.post(&self.url).body(body).send().await;
        let mut reply = sent.map_err(|error| self.transport(&error))?;
        let status = reply.status();
        attempt.status = Some(status.as_u16());
        attempt.request_id = header(reply.headers(), "x-request-id");
        attempt.retry_after = header(reply.headers(), RETRY_AFTER.as_str())
            .and_then(|value| parse_retry_after(&value, Timestamp::now()))
            .map(|wait| wait.as_secs_f64());
        let mut whole = BytesMut::new();
        while let Some(part) = reply.chunk().await.map_err(|error| self.transport(&error))? {
            if whole.len() + part.len() > LARGEST_REPLY {
                let message = format!("the reply is longer than {} MiB", LARGEST_REPLY >> 20);
                return Err(Failure::new(FailureKind::Malformed, message));
            }
            whole.extend_from_slice(&part);
        }
        if status.as_u16() == 200 {
            return Ok(whole.freeze());
        }
        let said = openai::error_message(&whole);
        let message =
            if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
        let kind =
            if refuses_key(status.as_u16(), &said) { FailureKind::Auth } else { kind_of(status.as_u16()) };
        Err(Failure::new(kind, message))
    }

    fn transport(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            let message = format!("no whole reply within {} s (--timeout)", self.timeout.as_secs_f64());
            return Failure::new(FailureKind::Timeout, message);
        }
        Failure::new(FailureKind::Connection, describe(error))
    }

    /// The failure without any secret in it: endpoints quote keys back in their errors.
    pub(super) fn redacted(&self, failure: Failure) -> Failure {
        let hide = |text: String, secret: &String| text.replace(secret, "[key]");
        Failure { message: self.secrets.iter().fold(failure.message, hide), ..failure }
    }
}

fn headers(key: Option<&ApiKey>, additional: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = key {
        let mut bearer = HeaderValue::try_from(key.bearer()).map_err(|error| error.to_string())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    for (name, value) in additional {
        let wrong = || format!("--header {name}: expected NAME=VALUE that HTTP allows as a header");
        let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// How a status other than 200 is counted.
fn kind_of(status: u16) -> FailureKind {
    match status {
        401 | 403 => FailureKind::Auth,
        404 => FailureKind::NotFound,
        408 | 409 | 500.. => FailureKind::ServerError,
        429 => FailureKind::RateLimited,
        201..=299 => FailureKind::Malformed,
        _ => FailureKind::BadRequest,
    }
}

/// Whether a 400 is about the key after all: some gateways have no other status for it, so only its words tell.
fn refuses_key(status: u16, said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    let refused = ["invalid", "not valid", "incorrect", "expired"].iter().any(|word| said.contains(word));
    status == 400 && refused && (said.contains("api key") || said.contains("api_key"))
}

/// The whole chain of causes: the outermost says only that sending failed.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes.join(": ")
}

/// The beginning of a foreign text, on one line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(EXCERPT * 8)];
    let words = String::from_utf8_lossy(head).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = words.chars().take(EXCERPT).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}
