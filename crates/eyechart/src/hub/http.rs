//! Requests to the Hub from blocking code: redirects, the token, and the facts in headers.
//!
//! The token is sent only to the Hub's own host, wherever redirects lead. Knows nothing of caches and files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LINK, RANGE,
};
use reqwest::{Client, Method, Response, Url};
use tokio::runtime::Runtime;

use super::endpoint::Endpoint;
use super::environment::Token;
use super::{HubError, Settings};
use crate::files::Shortage;
use crate::net::{
    Certificates, Guard, GuardedNames, Proxy, Refused, Retries, RetrySchedule, SystemNames, header_text,
    http_client, redirect_target, retry_after, shortage_in,
};
use crate::text::now;

/// More redirects in a row are a loop.
const MOST_REDIRECTS: usize = 10;
/// A longer wait that a server asks for is cut to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where redirects may lead, besides the host of the Hub itself: a Hub could otherwise make this machine fetch what only it
/// can reach.
const REDIRECTS: Guard =
    Guard { allows: Guard::PUBLIC.allows, consequence: "the Hub's redirect to it is not followed" };

/// A client with its own runtime, so that blocking callers inside and outside of a runtime can use it.
pub(super) struct Http {
    caller: Caller,
    settings: Settings,
    /// Absent only while `Http` is dropped.
    runtime: Option<Runtime>,
    /// Whether the Hub has answered a request.
    reached: AtomicBool,
}

/// A request.
#[derive(Clone)]
pub(super) struct HubRequest {
    pub(super) method: Method,
    pub(super) url: Url,
    /// First byte, and the byte after the last one. Absent for the whole file.
    pub(super) range: Option<(u64, Option<u64>)>,
}

/// A successful reply whose body is not read yet.
pub(super) struct Reply {
    pub(super) response: Response,
    pub(super) facts: Facts,
}

/// The facts about a file in the headers of all redirects.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The etag without quotes and without the prefix of a weak etag.
    pub(super) etag: Option<String>,
    /// Size of the whole file in bytes.
    pub(super) size: Option<u64>,
}

/// Why a request failed.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// No connection, no reply, or a broken reply.
    Transport(String),
    /// A reply with an error status.
    Status(Status),
    /// A redirect that is not followed.
    Redirect(String),
}

/// A reply with an error status.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) code: u16,
    /// The host that replied.
    pub(super) host: String,
    /// The Hub's error code, such as `GatedRepo`.
    pub(super) error: Option<String>,
    /// The wait that the server asks for.
    retry_after: Option<Duration>,
    /// Whether the Hub itself replied, and not a storage that it redirected to.
    pub(super) by_hub: bool,
}

impl Http {
    pub(super) fn new(
        endpoint: Endpoint,
        token: Option<&Token>,
        settings: Settings,
    ) -> Result<Self, HubError> {
        // The connections to the Hub itself and to proxies are not checked.
        let proxies = ["http://hub", "https://hub"].into_iter().filter_map(Proxy::of);
        let trusted =
            proxies.map(|proxy| proxy.host().to_owned()).chain([endpoint.name().to_owned()]).collect();
        let names = GuardedNames { names: Arc::new(SystemNames), guard: REDIRECTS, trusted };
        let client = http_client(Certificates::Verified, |client| {
            client
                .dns_resolver(names)
                .connect_timeout(settings.connect_timeout)
                .read_timeout(settings.read_timeout)
        });
        let client = client.map_err(HubError::Client)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hub")
            .enable_all()
            .build()
            .map_err(|error| HubError::Client(error.to_string()))?;
        let authorization = token.map(bearer).transpose()?;
        Ok(Self {
            caller: Caller { client, endpoint, authorization },
            settings,
            runtime: Some(runtime),
            reached: AtomicBool::new(false),
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.caller.endpoint
    }

    pub(super) fn has_token(&self) -> bool {
        self.caller.authorization.is_some()
    }

    /// The retries of one download.
    pub(super) fn retries(&self) -> Retries {
        let Settings { attempts, first_wait, .. } = self.settings;
        Retries::new(RetrySchedule { attempts, first_wait, longest_wait: LONGEST_WAIT })
    }

    /// One attempt.
    pub(super) fn send(&self, request: HubRequest) -> Result<Reply, Failure> {
        let caller = self.caller.clone();
        self.note_reached(self.wait(async move { caller.send(request).await })?)
    }

    /// The facts that `HEAD` gives. Tries again after transient failures.
    pub(super) fn head(&self, url: Url) -> Result<Facts, Failure> {
        self.with_retries(|| {
            Ok(self.send(HubRequest { method: Method::HEAD, url: url.clone(), range: None })?.facts)
        })
    }

    /// A whole small body, and the address of the next page if there is one. Tries again after transient failures.
    pub(super) fn page(&self, url: Url) -> Result<(Bytes, Option<Url>), Failure> {
        self.with_retries(|| {
            let caller = self.caller.clone();
            let request = HubRequest { method: Method::GET, url: url.clone(), range: None };
            self.note_reached(self.wait(async move {
                let response = caller.send(request).await?.response;
                let next = next_page(response.headers(), response.url());
                let body = response.bytes().await.map_err(Failure::transport)?;
                Ok((body, next))
            })?)
        })
    }

    /// The next bytes of a body. `None` at its end.
    pub(super) fn chunk(&self, mut response: Response) -> Result<Option<(Bytes, Response)>, Failure> {
        self.wait(async move {
            let chunk = response.chunk().await.map_err(Failure::transport)?;
            Ok(chunk.map(|chunk| (chunk, response)))
        })?
    }

    /// Repeats `attempt` after transient failures. A Hub that has never answered is asked only once, because the caller
    /// has other sources and must not wait long.
    fn with_retries<T>(&self, attempt: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut retries = self.retries();
        loop {
            match attempt() {
                Err(failure) if self.reached.load(Ordering::Relaxed) => failure.wait(&mut retries)?,
                done => return done,
            }
        }
    }

    fn note_reached<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if !matches!(outcome, Err(Failure::Transport(_))) {
            self.reached.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Runs the future on the runtime and waits for it on this thread, which may belong to another runtime.
    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = sync_channel(1);
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                // The receiver waits below: it is there.
                let _ = sender.send(future.await);
            });
        }
        receiver.recv().map_err(|_| Failure::Transport("the request was dropped".to_owned()))
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Must not wait for a name look-up that hangs, nor block if the caller is inside another runtime.
            runtime.shutdown_background();
        }
    }
}

/// What a request needs. Cheap to clone.
#[derive(Clone)]
struct Caller {
    client: Client,
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
}

impl Caller {
    async fn send(&self, request: HubRequest) -> Result<Reply, Failure> {
        let mut url = request.url.clone();
        let mut facts = Facts::default();
        for _ in 0..MOST_REDIRECTS {
            let by_hub = self.endpoint.serves(&url);
            let response = self.hop(&request, url.clone()).await?;
            let headers = response.headers();
            facts.gather(headers, by_hub && response.status().is_success());
            let known = request.method == Method::HEAD && facts.etag.is_some();
            match redirect_target(&response) {
                Some(next) if !known => {
                    if !self.endpoint.is_host_of(&next) {
                        REDIRECTS.check(&next).map_err(Failure::Redirect)?;
                    }
                    url = next;
                }
                None if !response.status().is_success() => {
                    return Err(Failure::Status(Status::of(&response, by_hub)));
                }
                _ => return Ok(Reply { response, facts }),
            }
        }
        Err(Failure::Transport(format!("more than {MOST_REDIRECTS} redirects")))
    }

    async fn hop(&self, request: &HubRequest, url: Url) -> Result<Response, Failure> {
        let token = self.authorization.as_ref().filter(|_| self.endpoint.serves(&url));
        // Sizes and ranges must refer to the file, not to a compressed form of it.
        let mut builder =
            self.client.request(request.method.clone(), url).header(ACCEPT_ENCODING, "identity");
        if let Some(token) = token {
            builder = builder.header(AUTHORIZATION, token.clone());
        }
        if let Some((from, end)) = request.range {
            let last = end.map(|end| (end - 1).to_string()).unwrap_or_default();
            builder = builder.header(RANGE, format!("bytes={from}-{last}"));
        }
        let shortage = Shortage::begin();
        loop {
            // A request without a body can always be repeated.
            let again = builder.try_clone();
            let sent = builder.send().await;
            let found = sent.as_ref().err().and_then(shortage_in);
            match (again, found.and_then(|error| shortage.next_wait(&error))) {
                (Some(again), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    builder = again;
                }
                _ => return sent.map_err(Failure::transport),
            }
        }
    }
}

impl Facts {
    /// The first reply that states a fact counts. Headers about the linked file come before those about the reply, which
    /// count only if the Hub itself sends the file.
    fn gather(&mut self, headers: &HeaderMap, is_file: bool) {
        let own = || header_text(headers, ETAG).filter(|_| is_file);
        let etag = header_text(headers, "x-linked-etag").or_else(own);
        self.etag = self.etag.take().or_else(|| etag.map(normalized));
        let linked = header_text(headers, "x-linked-size").and_then(|size| size.parse().ok());
        self.size = self.size.or(linked).or_else(|| whole_size(headers).filter(|_| is_file));
    }
}

impl Failure {
    fn transport(error: reqwest::Error) -> Self {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = next {
            if let Some(refused) = cause.downcast_ref::<Refused>() {
                return Self::Redirect(refused.to_string());
            }
            next = cause.source();
        }
        let proxy = error.url().filter(|_| error.is_connect()).and_then(|url| Proxy::of(url.as_str()));
        let cause = cause(error);
        Self::Transport(match proxy {
            Some(proxy) => format!("{cause} (through {proxy})"),
            None => cause,
        })
    }

    /// Sleeps before the next attempt. Returns the failure if another attempt cannot help or none is left.
    pub(super) fn wait(self, retries: &mut Retries) -> Result<(), Self> {
        let asked = match &self {
            Self::Status(status) => status.retry_after,
            Self::Transport(_) | Self::Redirect(_) => None,
        };
        match retries.next_wait(asked).filter(|_| self.is_transient()) {
            Some(wait) => std::thread::sleep(wait),
            None => return Err(self),
        }
        Ok(())
    }

    /// Whether the same request can succeed later.
    fn is_transient(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Redirect(_) => false,
            // A storage refuses signatures that are too old. The Hub gives new ones.
            Self::Status(status) => !status.by_hub || matches!(status.code, 408 | 416 | 429 | 500..),
        }
    }
}

impl Status {
    fn of(response: &Response, by_hub: bool) -> Self {
        let headers = response.headers();
        Self {
            code: response.status().as_u16(),
            host: response.url().host_str().unwrap_or_default().to_owned(),
            error: header_text(headers, "x-error-code").map(str::to_owned),
            retry_after: retry_after(headers, now()),
            by_hub,
        }
    }
}

fn bearer(token: &Token) -> Result<HeaderValue, HubError> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", token.reveal())).map_err(|_| HubError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The size of the whole file, from a reply with all of it or a part.
pub(super) fn whole_size(headers: &HeaderMap) -> Option<u64> {
    match header_text(headers, CONTENT_RANGE) {
        Some(range) => range.rsplit_once('/')?.1.parse().ok(),
        None => header_text(headers, CONTENT_LENGTH)?.parse().ok(),
    }
}

/// The first byte of the part that a reply has.
pub(super) fn part_start(headers: &HeaderMap) -> Option<u64> {
    header_text(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

/// The etag as `huggingface_hub` names blobs.
fn normalized(etag: &str) -> String {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned()
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(headers: &HeaderMap, from: &Url) -> Option<Url> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(", ")).find(|link| link.contains("rel=\"next\""))?;
    from.join(next.split_once('<')?.1.split_once('>')?.0).ok()
}

/// The innermost cause of an error, without the address, which may hold a signature.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
