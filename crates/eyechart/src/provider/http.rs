//! One attempt: sends a body, reads the response while it arrives, and times it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};

use super::flow::allowance::{self, Allowance};
use super::flow::health::ReplyOrigin;
use super::http_log::{Exchange, HttpLog, Message};
use super::key::{ApiKey, Header, QueryParameter, is_placeholder};
use super::protocol::{ErrorReport, PROTOCOLS, Protocol};
use super::received::{ReceivedReply, asked_wait, header, no_body, refusal};
use super::reply::{Read, ReplyReader};
use super::secrets::Secrets;
use crate::files::Shortage;
use crate::net::{ACCEPTED_CODINGS, Certificates, CodingError, Proxy, Unpacker, http_client, shortage_in};
use crate::text::{causes, now, with_shown_addresses};
use crate::types::{Attempt, Failure, FailureKind, ModelOutput};

/// The largest response in bytes. A longer one fails.
const LARGEST_REPLY: usize = 16 << 20;
/// The longest time of a request that only looks whether the API answers.
const LONGEST_PROBE: Duration = Duration::from_secs(10);
/// Characters of a failure's message that are kept.
const EXCERPT: usize = 400;
/// How long the end of a response may take after its answer is complete. Once it has ended, its connection can be used
/// again.
const AFTER_ANSWER: Duration = Duration::from_millis(500);
/// Bytes of a successful response that are kept for the log.
const LOGGED: usize = 64 << 10;

/// Why requests cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A header without a name.
    #[error("--header: expected NAME=VALUE, got a text without a name")]
    NamelessHeader,
    /// A parameter without a name.
    #[error("--query: expected KEY=VALUE, got a text without a key")]
    NamelessParameter,
    /// A header that HTTP does not allow.
    #[error("--header {name}: expected NAME=VALUE that HTTP allows as a header")]
    Header {
        /// The header's name.
        name: String,
    },
    /// A header that should carry a key, and carries a placeholder from documentation.
    #[error("--header {name} holds a placeholder, not a key: give the provider's key")]
    Placeholder {
        /// The header's name.
        name: String,
    },
    /// The HTTP client cannot be set up.
    #[error("{0}")]
    Client(String),
    /// A protocol that this version does not speak.
    #[error(
        "the protocol {name:?} is unknown to this version of eyechart: expected one of {}",
        PROTOCOLS.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
    )]
    UnknownProtocol {
        /// The protocol's name.
        name: String,
    },
}

/// How requests are sent.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The longest time of one attempt, from sending to the end of the response.
    pub timeout: Duration,
    /// The number of connections that are kept open between requests.
    pub connections: usize,
    /// Headers that are sent besides those of the protocol, in place of those with the same name.
    pub headers: Vec<Header>,
    /// Parameters that the query of every request has.
    pub query: Vec<QueryParameter>,
    /// Whether the endpoint's certificate is verified.
    pub certificates: Certificates,
    /// The log of requests and responses; none is kept, if absent.
    pub log: Option<Arc<HttpLog>>,
}

/// Where requests are sent, and in which protocol.
pub(super) struct Target {
    /// The address.
    pub(super) url: String,
    pub(super) protocol: &'static dyn Protocol,
    /// The API key; none is sent, if absent.
    pub(super) key: Option<ApiKey>,
}

/// A client for one address.
pub(super) struct Client {
    client: reqwest::Client,
    /// The address without the parameters that may be secrets.
    url: String,
    /// The address that requests are sent to.
    target: Url,
    proxy: Option<Proxy>,
    protocol: &'static dyn Protocol,
    headers: HeaderMap,
    secrets: Secrets,
    sends_secret: bool,
    timeout: Duration,
    log: Option<Arc<HttpLog>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An attempt that has ended.
pub(super) struct Sent<T> {
    /// Its error is that of the outcome.
    pub(super) attempt: Attempt,
    /// Where the reply came from.
    pub(super) origin: ReplyOrigin,
    /// What the response contains, or why there is no successful response.
    pub(super) outcome: Result<Read<T>, Failure>,
    /// What the response's headers report about the endpoint's limits.
    pub(super) allowances: Vec<Allowance>,
}

impl Client {
    pub(super) fn new(target: Target, settings: &HttpSettings) -> Result<Self, ProviderError> {
        let Target { url, protocol, key } = target;
        Proxy::check_environment().map_err(ProviderError::Client)?;
        let headers = headers(protocol, key.as_ref(), &settings.headers)?;
        // Redirects are never followed: they would carry the key and the pictures to another address.
        let proxy = Proxy::of(&url);
        let client = http_client(settings.certificates, |client| {
            let client = if proxy.is_none() { client.no_proxy() } else { client };
            client
                .default_headers(headers.clone())
                .timeout(settings.timeout)
                .connect_timeout(settings.timeout.min(Duration::from_secs(20)))
                .pool_max_idle_per_host(settings.connections)
                .tcp_nodelay(true)
        })
        .map_err(ProviderError::Client)?;
        let target = target_of(&url, &settings.query)?;
        let others = settings.query.iter().map(|parameter| parameter.value.clone());
        let others = others.chain(proxy.iter().flat_map(|proxy| proxy.secrets().to_vec()));
        let secrets = Secrets::of(key.as_ref(), &settings.headers, others);
        let sends_secret = key.is_some() || !settings.headers.is_empty() || !settings.query.is_empty();
        let (timeout, log) = (settings.timeout, settings.log.clone());
        Ok(Self { client, url, target, proxy, protocol, headers, secrets, sends_secret, timeout, log })
    }

    /// Whether requests carry a key, or a header or a parameter that may be a secret.
    pub(super) fn sends_secret(&self) -> bool {
        self.sends_secret
    }

    /// The address that requests are sent to, without the parameters that may be secrets.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks for `url`, with the parameters of every request, to see whether the API answers.
    ///
    /// # Errors
    /// Why it does not: no connection, an error of a server or a proxy, or a web page.
    pub(super) async fn probe(&self, url: &str) -> Result<(), Failure> {
        let mut url = Url::parse(url).map_err(|error| malformed(error.to_string()))?;
        url.set_query(self.target.query());
        let sent = self.client.get(url).timeout(self.timeout.min(LONGEST_PROBE)).send().await;
        let reply = sent.map_err(|error| self.presentable(self.transport(error)))?;
        let received = ReceivedReply {
            status: Some(reply.status()),
            headers: reply.headers().clone(),
            ..Default::default()
        };
        let status = reply.status();
        match received.origin() {
            ReplyOrigin::Api => Ok(()),
            _ if received.is_web_page() => Err(malformed(format!(
                "status {status} with a web page: expected the API; check the base URL"
            ))),
            _ => Err(Failure::new(FailureKind::ServerError, format!("status {status}"))),
        }
    }

    pub(super) async fn send<R: ReplyReader>(&self, body: Bytes, mut reader: R) -> Sent<R::Answer> {
        let shortage = Shortage::begin();
        let (mut started, mut clock) = (now(), Instant::now());
        let mut received = ReceivedReply::default();
        let mut outcome = self.exchange(body.clone(), &mut reader, &mut received).await;
        // Nothing was sent, so this was no attempt.
        while let Some(wait) = received.shortage.take().and_then(|error| shortage.next_wait(&error)) {
            tokio::time::sleep(wait).await;
            (started, clock) = (now(), Instant::now());
            outcome = self.exchange(body.clone(), &mut reader, &mut received).await;
        }
        let seconds = clock.elapsed().as_secs_f64();
        let received_at = now();
        let error = received.error(self.protocol);
        let outcome = match (outcome, received.status, &error) {
            (Ok(()), Some(status), Some(error)) => {
                let failure = self.refused(status, &received.headers, error);
                // Some endpoints report the tokens that a failed request took.
                error.usage.map(|usage| reader.fail(failure.clone(), usage)).ok_or(failure)
            }
            (Ok(()), Some(status), None) if received.first_byte.is_none() => Err(no_body(status)),
            (Ok(()), ..) => Ok(reader.finish()),
            (Err(_), ..) if reader.is_complete() => Ok(reader.finish()),
            (Err(failure), Some(status), _) if status.is_success() => {
                // What was received is kept: its tokens are paid for.
                let Read { outcome, unusable, usage } = reader.finish();
                Ok(Read { outcome: Err(failure), unusable: unusable.or(outcome.ok()), usage })
            }
            (Err(failure), ..) => Err(failure),
        };
        let outcome = outcome.map_err(|failure| self.presentable(failure));
        let attempt = Attempt {
            started: started.to_string(),
            seconds,
            status: received.status.map(|status| status.as_u16()),
            request_id: header(&received.headers, "x-request-id").map(|id| self.secrets.hide(id)),
            retry_after: asked_wait(&received.headers, error.as_ref(), received_at)
                .map(|wait| wait.as_secs_f64()),
            error: outcome.as_ref().err().cloned(),
        };
        self.note(&attempt, &body, &received);
        let allowances = allowance::allowances(&received.headers, received_at);
        Sent { attempt, origin: received.origin(), outcome, allowances }
    }

    /// Sends the body. A successful response goes to the reader as it arrives; of any other response, `received` keeps the
    /// body. `received` also has what came before a failure.
    async fn exchange<R: ReplyReader>(
        &self,
        body: Bytes,
        reader: &mut R,
        received: &mut ReceivedReply,
    ) -> Result<(), Failure> {
        let sent = self.client.post(self.target.clone()).body(body).send().await;
        let mut reply = sent.map_err(|error| {
            received.shortage = shortage_in(&error);
            self.transport(error)
        })?;
        received.status = Some(reply.status());
        received.headers = std::mem::take(reply.headers_mut());
        let (is_answer, is_logged) = (reply.status().is_success(), self.log.is_some());
        let failed = |error: CodingError| match error {
            CodingError::TooLong(_) => Err(malformed(error.to_string())),
            _ if is_answer => Err(malformed(error.to_string())),
            // The status of an error counts, whatever its body is.
            _ => Ok(()),
        };
        let mut unpacker = match Unpacker::new(&received.headers, LARGEST_REPLY) {
            Ok(unpacker) => unpacker,
            Err(error) => return failed(error),
        };
        loop {
            // Servers that keep the connection open after the answer must not hold the sample.
            let longest = if reader.is_complete() { AFTER_ANSWER } else { self.timeout };
            let part = match tokio::time::timeout(longest, reply.chunk()).await {
                Ok(part) => part.map_err(|error| self.transport(error))?,
                Err(_) if reader.is_complete() => return Ok(()),
                Err(_) => return Err(self.timed_out()),
            };
            let Some(part) = part else { return unpacker.finish().or_else(failed) };
            let unpacked = unpacker.push(&part, &mut |part| {
                received.add(part, !is_answer || is_logged && received.body.len() < LOGGED);
                if is_answer {
                    reader.push(part);
                }
            });
            if let Err(error) = unpacked {
                return failed(error);
            }
        }
    }

    /// Logs the attempt, if there is a log.
    fn note(&self, attempt: &Attempt, body: &[u8], received: &ReceivedReply) {
        let Some(log) = &self.log else { return };
        let reply = received
            .status
            .map(|_| Message::reply(&received.headers, &received.body, received.bytes, &self.secrets));
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

    /// Why there is no complete response.
    fn transport(&self, error: reqwest::Error) -> Failure {
        let kind = if is_tls(&error) { FailureKind::Tls } else { FailureKind::Connection };
        if error.is_timeout() && !error.is_connect() {
            return self.timed_out();
        }
        let is_connect = error.is_connect();
        let cause = causes(&error.without_url());
        let message = match &self.proxy {
            Some(proxy) if is_connect => format!("cannot connect through {proxy}: {cause}"),
            Some(proxy) => format!("{cause} (through {proxy})"),
            None => cause,
        };
        Failure::new(kind, message)
    }

    /// The failure that a response that is not successful is. A proxy answers in place of an endpoint that is not
    /// encrypted.
    fn refused(&self, status: StatusCode, headers: &HeaderMap, error: &ErrorReport) -> Failure {
        let failure = refusal(status, headers, error);
        match &self.proxy {
            Some(proxy) if self.target.scheme() == "http" && matches!(status.as_u16(), 407 | 502..=504) => {
                Failure { message: format!("{} (through {proxy})", failure.message), ..failure }
            }
            _ => failure,
        }
    }

    fn timed_out(&self) -> Failure {
        let message = format!("no whole reply within {} s (--timeout)", self.timeout.as_secs_f64());
        Failure::new(FailureKind::Timeout, message)
    }

    /// The output without API keys. A text as long as a key does not occur in an answer by chance.
    pub(super) fn without_keys(&self, output: ModelOutput) -> ModelOutput {
        let hide = |text: String| self.secrets.hide_long(text);
        ModelOutput {
            text: hide(output.text),
            reasoning: output.reasoning.map(hide),
            model: output.model.map(hide),
            ..output
        }
    }

    /// The failure without secrets (endpoints quote keys in their errors), cut to a length that fits a record.
    pub(super) fn presentable(&self, failure: Failure) -> Failure {
        let message = self.secrets.hide(failure.message);
        Failure { message: shortened(&with_shown_addresses(&message)), ..failure }
    }
}

fn malformed(message: String) -> Failure {
    Failure::new(FailureKind::Malformed, message)
}

/// Whether TLS failed. Errors of the TLS library are inside those of the connection.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || hidden.is_some_and(|hidden| is_tls(hidden))
        || error.source().is_some_and(is_tls)
}

/// The address with the parameters of the settings.
fn target_of(url: &str, query: &[QueryParameter]) -> Result<Url, ProviderError> {
    let mut target = Url::parse(url)
        .map_err(|error| ProviderError::Client(format!("the address is not valid: {error}")))?;
    if query.iter().any(|parameter| parameter.name.is_empty()) {
        return Err(ProviderError::NamelessParameter);
    }
    if !query.is_empty() {
        let pairs = query.iter().map(|parameter| (&parameter.name, &parameter.value));
        target.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(target)
}

fn headers(
    protocol: &dyn Protocol,
    key: Option<&ApiKey>,
    additional: &[Header],
) -> Result<HeaderMap, ProviderError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_CODINGS));
    for (name, value) in protocol.headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let authentication = protocol.authentication(key.map_or("", ApiKey::secret));
    if key.is_some() {
        insert(&mut headers, &authentication)?;
    }
    for header in additional {
        if header.name.eq_ignore_ascii_case(&authentication.name)
            && header.value.split_whitespace().last().is_some_and(is_placeholder)
        {
            return Err(ProviderError::Placeholder { name: header.name.clone() });
        }
        insert(&mut headers, header)?;
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, Header { name, value }: &Header) -> Result<(), ProviderError> {
    if name.is_empty() {
        return Err(ProviderError::NamelessHeader);
    }
    let wrong = || ProviderError::Header { name: name.clone() };
    let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
    value.set_sensitive(true);
    headers.insert(HeaderName::try_from(name).map_err(|_| wrong())?, value);
    Ok(())
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
    use crate::provider::protocol::OPENAI_CHAT;

    #[test]
    fn a_secret_is_hidden_in_every_form_it_was_given_in_and_before_the_text_is_cut() {
        let headers = vec![Header::new("Authorization", "Bearer sk-live-SECRET123456")];
        let settings = HttpSettings {
            timeout: Duration::from_secs(1),
            connections: 1,
            headers,
            query: Vec::new(),
            certificates: Certificates::Verified,
            log: None,
        };
        assert!(!format!("{settings:?}").contains("SECRET"), "{settings:?}");
        let target = Target { url: "http://127.0.0.1/".to_owned(), protocol: OPENAI_CHAT, key: None };
        let client = Client::new(target, &settings).unwrap();
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
        let refused = headers(OPENAI_CHAT, None, &given).unwrap_err();
        assert!(matches!(refused, ProviderError::Placeholder { .. }), "{refused}");
    }
}
