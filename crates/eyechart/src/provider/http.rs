//! One attempt: send a body, read the whole reply, say what it was and how long it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::flow::allowance::{self, Allowance};
use super::http_log::{Exchange, HttpLog, Message};
use super::key::{ApiKey, Header, Secrets, is_placeholder};
use super::said::Said;
use crate::net::{http_client, retry_after};
use crate::text::causes;
use crate::types::{Attempt, Failure, FailureKind, ModelOutput};

/// No reply to one question is longer than this.
const LARGEST_REPLY: usize = 16 << 20;
/// Characters of a failure's message that are kept.
const EXCERPT: usize = 400;

/// How requests are sent.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// For one attempt, from sending to the whole reply.
    pub timeout: Duration,
    /// Connections kept open between requests.
    pub connections: usize,
    /// Additional headers.
    pub headers: Vec<Header>,
    /// Where requests and replies are logged; nowhere, if absent.
    pub log: Option<Arc<HttpLog>>,
}

/// A client for one address.
pub(super) struct Client {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
    secrets: Secrets,
    timeout: Duration,
    log: Option<Arc<HttpLog>>,
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
    /// What the endpoint's headers say of its limits.
    pub(super) allowances: Vec<Allowance>,
}

impl Client {
    pub(super) fn new(url: String, key: Option<ApiKey>, settings: &HttpSettings) -> Result<Self, String> {
        let headers = headers(key.as_ref(), &settings.headers)?;
        // Redirects are never followed: they would carry the key and the pictures to another address.
        let client = http_client(|client| {
            client
                .default_headers(headers.clone())
                .timeout(settings.timeout)
                .connect_timeout(settings.timeout.min(Duration::from_secs(20)))
                .pool_max_idle_per_host(settings.connections)
                .tcp_nodelay(true)
        })?;
        let secrets = Secrets::of(key.as_ref(), &settings.headers);
        Ok(Self { client, url, headers, secrets, timeout: settings.timeout, log: settings.log.clone() })
    }

    /// Where requests go.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn send(&self, body: Bytes) -> Sent {
        let started = Timestamp::now();
        let clock = Instant::now();
        let mut received = ReceivedReply::default();
        let outcome = self.exchange(body.clone(), &mut received).await;
        let seconds = clock.elapsed().as_secs_f64();
        let outcome = outcome.and_then(|()| received.checked()).map_err(|failure| self.presentable(failure));
        let now = Timestamp::now();
        let attempt = Attempt {
            started: started.to_string(),
            seconds,
            status: received.status.map(|status| status.as_u16()),
            request_id: header(&received.headers, "x-request-id").map(|id| self.secrets.hide(id)),
            retry_after: received.asked_wait(now).map(|wait| wait.as_secs_f64()),
            error: outcome.as_ref().err().cloned(),
        };
        self.note(&attempt, &body, &received);
        let allowances = allowance::allowances(&received.headers, now);
        Sent { attempt, body: outcome.is_ok().then(|| received.body.freeze()), allowances }
    }

    /// Sends the body and reads the reply into `received`, which keeps what came before a failure.
    async fn exchange(&self, body: Bytes, received: &mut ReceivedReply) -> Result<(), Failure> {
        let sent = self.client.post(&self.url).body(body).send().await;
        let mut reply = sent.map_err(|error| self.transport(error))?;
        received.status = Some(reply.status());
        received.headers = std::mem::take(reply.headers_mut());
        while let Some(part) = reply.chunk().await.map_err(|error| self.transport(error))? {
            if received.body.len() + part.len() > LARGEST_REPLY {
                let message = format!("the reply is longer than {} MiB", LARGEST_REPLY >> 20);
                return Err(Failure::new(FailureKind::Malformed, message));
            }
            received.body.extend_from_slice(&part);
        }
        Ok(())
    }

    /// Logs the attempt where somebody wants it.
    fn note(&self, attempt: &Attempt, body: &[u8], received: &ReceivedReply) {
        let Some(log) = &self.log else { return };
        let reply = received.status.map(|_| Message::reply(&received.headers, &received.body, &self.secrets));
        log.write(&Exchange {
            at: &attempt.started,
            url: &self.url,
            request: Message::request(&self.headers, body),
            status: attempt.status,
            reply,
            seconds: attempt.seconds,
            error: attempt.error.as_ref().map(ToString::to_string),
        });
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

    /// The output without a key in it: nothing that is as long occurs in an answer by chance.
    pub(super) fn without_keys(&self, output: ModelOutput) -> ModelOutput {
        let hide = |text: String| self.secrets.hide_long(text);
        ModelOutput {
            text: hide(output.text),
            reasoning: output.reasoning.map(hide),
            model: output.model.map(hide),
            ..output
        }
    }

    /// The failure without any secret in it (endpoints quote keys back in their errors), then cut to a length that
    /// a record bears.
    pub(super) fn presentable(&self, failure: Failure) -> Failure {
        Failure { message: shortened(&self.secrets.hide(failure.message)), ..failure }
    }
}

/// As much of a reply as was received.
#[derive(Default)]
struct ReceivedReply {
    status: Option<StatusCode>,
    headers: HeaderMap,
    body: BytesMut,
}

impl ReceivedReply {
    /// Nothing but status 200 can be an answer.
    fn checked(&self) -> Result<(), Failure> {
        match self.status {
            Some(StatusCode::OK) | None => Ok(()),
            Some(status) => Err(refusal(status, &self.headers, &self.body)),
        }
    }

    fn asked_wait(&self, now: Timestamp) -> Option<Duration> {
        asked_wait(self.status?, &self.headers, &self.body, now)
    }
}

/// The wait that a reply asks for: in its headers, or else in the error that it is (Gemini's have none in the headers).
pub(super) fn asked_wait(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Duration> {
    let in_body = || (status != StatusCode::OK).then(|| Said::of_body(body).wait)?;
    retry_after(headers, now).or_else(in_body)
}

/// Why a reply with another status than 200 is no answer.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let said = Said::of_body(body);
    let redirected = header(headers, "location").filter(|_| status.is_redirection());
    let message = match redirected {
        Some(address) => format!("status {status}: it redirects to {address}, which is never followed"),
        None if said.message.is_empty() => format!("status {status}"),
        None => format!("status {status}: {}", said.message),
    };
    Failure::new(said.kind(status.as_u16()), message)
}

/// Whether it was the encryption that failed: errors of the TLS library hide inside those of the connection.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || hidden.is_some_and(|hidden| is_tls(hidden))
        || error.source().is_some_and(is_tls)
}

fn headers(key: Option<&ApiKey>, additional: &[Header]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = key {
        let mut bearer = HeaderValue::try_from(key.bearer()).map_err(|error| error.to_string())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    for Header { name, value } in additional {
        let wrong = || format!("--header {name}: expected NAME=VALUE that HTTP allows as a header");
        if name.is_empty() {
            return Err("--header: expected NAME=VALUE, got a text without a name".to_owned());
        }
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
        let headers = vec![Header::new("Authorization", "Bearer sk-live-SECRET123456")];
        let settings = HttpSettings { timeout: Duration::from_secs(1), connections: 1, headers, log: None };
        assert!(!format!("{settings:?}").contains("SECRET"), "{settings:?}");
        let client = Client::new("http://127.0.0.1/".to_owned(), None, &settings).unwrap();
        assert!(!format!("{client:?}").contains("SECRET"));
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
        let given = [Header::new("authorization", "Bearer YOUR_API_KEY")];
        assert!(headers(None, &given).unwrap_err().contains("placeholder"));
    }
}
