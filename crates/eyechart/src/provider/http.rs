//! One attempt: send a body, read the whole reply, say what it was and how long it took.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::allowance;
use super::key::{ApiKey, Secrets, is_placeholder};
use super::said::Said;
use crate::types::{Attempt, Failure, FailureKind, causes};

/// No reply to one question is longer than this.
const LARGEST_REPLY: usize = 16 << 20;
/// Bytes of a foreign error text that are looked at.
const LONGEST_ERROR: usize = 64 << 10;
/// Characters of a failure's message that are kept.
const EXCERPT: usize = 400;

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
    secrets: Secrets,
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
    /// For how long the endpoint's headers say that nothing more may be sent.
    pub(super) exhausted_for: Option<Duration>,
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
            .map_err(|error| causes(&error))?;
        let secrets = Secrets::of(key.as_ref(), &settings.headers);
        Ok(Self { client, url, secrets, timeout: settings.timeout })
    }

    /// Where requests go.
    pub(super) fn url(&self) -> &str {
        &self.url
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
        let mut exhausted_for = None;
        let outcome = self.exchange(body, &mut attempt, &mut exhausted_for).await;
        attempt.seconds = clock.elapsed().as_secs_f64();
        let body = match outcome {
            Ok(body) => Some(body),
            Err(failure) => {
                attempt.error = Some(self.presentable(failure));
                None
            }
        };
        Sent { attempt, body, exhausted_for }
    }

    async fn exchange(
        &self,
        body: Bytes,
        attempt: &mut Attempt,
        exhausted_for: &mut Option<Duration>,
    ) -> Result<Bytes, Failure> {
        let sent = self.client.post(&self.url).body(body).send().await;
        let mut reply = sent.map_err(|error| self.transport(error))?;
        let status = reply.status();
        attempt.status = Some(status.as_u16());
        attempt.request_id = header(reply.headers(), "x-request-id");
        let now = Timestamp::now();
        attempt.retry_after = allowance::retry_after(reply.headers(), now).map(|wait| wait.as_secs_f64());
        *exhausted_for = allowance::exhausted_for(reply.headers(), now);
        let redirected = header(reply.headers(), "location").filter(|_| status.is_redirection());
        let mut whole = BytesMut::new();
        while let Some(part) = reply.chunk().await.map_err(|error| self.transport(error))? {
            if whole.len() + part.len() > LARGEST_REPLY {
                let message = format!("the reply is longer than {} MiB", LARGEST_REPLY >> 20);
                return Err(Failure::new(FailureKind::Malformed, message));
            }
            whole.extend_from_slice(&part);
        }
        if status.as_u16() == 200 {
            return Ok(whole.freeze());
        }
        let said = Said::of_body(&whole);
        Err(Failure::new(said.kind(status.as_u16()), told(status, &said.message, redirected)))
    }

    /// Why no whole reply came.
    fn transport(&self, error: reqwest::Error) -> Failure {
        let kind = if is_tls(&error) { FailureKind::Tls } else { FailureKind::Connection };
        if error.is_timeout() && !error.is_connect() {
            let message = format!("no whole reply within {} s (--timeout)", self.timeout.as_secs_f64());
            return Failure::new(FailureKind::Timeout, message);
        }
        Failure::new(kind, causes(&error.without_url()))
    }

    /// The failure without any secret in it (endpoints quote keys back in their errors), then cut to a length that
    /// a record bears.
    pub(super) fn presentable(&self, failure: Failure) -> Failure {
        Failure { message: shortened(&self.secrets.hide(failure.message)), ..failure }
    }
}

/// Whether it was the encryption that failed: errors of the TLS library hide inside those of the connection.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || hidden.is_some_and(|hidden| is_tls(hidden))
        || error.source().is_some_and(is_tls)
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
        let name = HeaderName::try_from(name).map_err(|_| wrong())?;
        if name == AUTHORIZATION && value.split_whitespace().last().is_some_and(is_placeholder) {
            return Err(format!("--header {name} holds a placeholder, not a key: give the provider's key"));
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What a reply that is no answer comes to, in words.
fn told(status: StatusCode, said: &str, redirected: Option<String>) -> String {
    match redirected {
        Some(address) => format!("status {status}: it redirects to {address}, which is never followed"),
        None if said.is_empty() => format!("status {status}"),
        None => format!("status {status}: {said}"),
    }
}

/// A foreign text on one line, as far as anybody would read it.
pub(super) fn one_line(body: &[u8]) -> String {
    let head = &body[..body.len().min(LONGEST_ERROR)];
    String::from_utf8_lossy(head).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_it_was_given_in_and_before_the_text_is_cut() {
        let headers = [("Authorization".to_owned(), "Bearer sk-live-SECRET123456".to_owned())];
        let settings =
            HttpSettings { timeout: Duration::from_secs(1), connections: 1, headers: headers.into() };
        let client = Client::new("http://127.0.0.1/".to_owned(), None, &settings).unwrap();
        let shown = |text: String| client.presentable(Failure::new(FailureKind::Auth, text)).message;
        assert_eq!(shown("wrong: sk-live-SECRET123456".to_owned()), "wrong: [key]");
        assert_eq!(shown("wrong: Bearer sk-live-SECRET123456".to_owned()), "wrong: [key]");
        for filler in EXCERPT - 20..EXCERPT {
            let cut = shown(format!("{}sk-live-SECRET123456", "x".repeat(filler)));
            assert!(!cut.contains("sk-l"), "{cut}");
            assert!(cut.chars().count() <= EXCERPT + 1);
        }
    }

    #[test]
    fn a_placeholder_in_the_authorization_header_is_refused() {
        let given = [("authorization".to_owned(), "Bearer YOUR_API_KEY".to_owned())];
        assert!(headers(None, &given).unwrap_err().contains("placeholder"));
    }
}
