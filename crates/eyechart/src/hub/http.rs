//! One request to the Hub, from blocking code: redirects, the token, and what the headers say.
//!
//! The token goes to the Hub's own host and nowhere else, wherever redirects lead. Knows nothing of caches and files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LINK,
    LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{Client, Method, Response, Url};
use tokio::runtime::Runtime;

use super::endpoint::Endpoint;
use super::environment::Token;
use super::{HubError, Settings};

/// More in a row are a loop.
const MOST_REDIRECTS: usize = 10;
/// A longer wait that a server asks for is cut to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The client and a runtime of its own, so that blocking callers inside and outside of a runtime can use it.
pub(super) struct Http {
    caller: Caller,
    settings: Settings,
    /// Absent only while it is dropped.
    runtime: Option<Runtime>,
    /// Whether the Hub answered anything so far.
    reached: AtomicBool,
}

/// What is asked.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The first byte and the one after the last; absent for all there are.
    pub(super) range: Option<(u64, Option<u64>)>,
}

/// A good answer; its body is still to come.
pub(super) struct Reply {
    pub(super) response: Response,
    pub(super) facts: Facts,
}

/// What the Hub says of a file, gathered along the redirects.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Without quotes and without the mark of a weak one.
    pub(super) etag: Option<String>,
    /// Bytes of the whole file.
    pub(super) size: Option<u64>,
}

/// Why there is no good answer.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// No connection, no answer, or a broken one.
    Transport(String),
    /// An answer with a status that is no success.
    Status(Status),
}

/// An answer that is no success.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) code: u16,
    /// Who said so.
    pub(super) host: String,
    /// The Hub's own word, such as `GatedRepo`.
    pub(super) error: Option<String>,
    /// How long the server wants to be left alone.
    retry_after: Option<Duration>,
    /// Whether the Hub itself said so, and not a storage that it redirected to.
    pub(super) by_hub: bool,
}

impl Http {
    pub(super) fn new(
        endpoint: Endpoint,
        token: Option<&Token>,
        settings: Settings,
    ) -> Result<Self, HubError> {
        // Another part of the process may have done so already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("eyechart/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| HubError::Client(cause(error)))?;
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

    /// Patience for one thing that is wanted.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(&self.settings)
    }

    /// One try.
    pub(super) fn send(&self, ask: Ask) -> Result<Reply, Failure> {
        let caller = self.caller.clone();
        self.noted(self.wait(async move { caller.send(ask).await })?)
    }

    /// What `HEAD` says, tried more than once.
    pub(super) fn head(&self, url: Url) -> Result<Facts, Failure> {
        self.insist(|| Ok(self.send(Ask { method: Method::HEAD, url: url.clone(), range: None })?.facts))
    }

    /// A whole small body and the address of the next page where there is one, tried more than once.
    pub(super) fn page(&self, url: Url) -> Result<(Bytes, Option<Url>), Failure> {
        self.insist(|| {
            let caller = self.caller.clone();
            let ask = Ask { method: Method::GET, url: url.clone(), range: None };
            self.noted(self.wait(async move {
                let response = caller.send(ask).await?.response;
                let next = next_page(response.headers(), response.url());
                let body = response.bytes().await.map_err(Failure::transport)?;
                Ok((body, next))
            })?)
        })
    }

    /// The next bytes of a body; nothing at its end.
    pub(super) fn chunk(&self, mut response: Response) -> Result<Option<(Bytes, Response)>, Failure> {
        self.wait(async move {
            let chunk = response.chunk().await.map_err(Failure::transport)?;
            Ok(chunk.map(|chunk| (chunk, response)))
        })?
    }

    /// A Hub that never answered is asked only once.
    fn insist<T>(&self, attempt: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut patience = self.patience();
        loop {
            match attempt() {
                // The caller has other ways, and should not wait for long.
                Err(failure) if !self.reached.load(Ordering::Relaxed) => return Err(failure),
                Err(failure) => patience.wait(failure)?,
                done => return done,
            }
        }
    }

    fn noted<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
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
            // A name look-up that hangs must not hold up anybody, and the caller may be inside another runtime.
            runtime.shutdown_background();
        }
    }
}

/// What a request needs; cheap to clone.
#[derive(Clone)]
struct Caller {
    client: Client,
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
}

impl Caller {
    async fn send(&self, ask: Ask) -> Result<Reply, Failure> {
        let mut url = ask.url.clone();
        let mut facts = Facts::default();
        for _ in 0..MOST_REDIRECTS {
            let by_hub = self.endpoint.serves(&url);
            let response = self.hop(&ask, url.clone()).await?;
            let headers = response.headers();
            facts.gather(headers, by_hub && response.status().is_success());
            let known = ask.method == Method::HEAD && facts.etag.is_some();
            match target(&response, &url) {
                Some(next) if !known => url = next,
                None if !response.status().is_success() => {
                    return Err(Failure::Status(Status::of(&response, by_hub)));
                }
                _ => return Ok(Reply { response, facts }),
            }
        }
        Err(Failure::Transport(format!("more than {MOST_REDIRECTS} redirects")))
    }

    async fn hop(&self, ask: &Ask, url: Url) -> Result<Response, Failure> {
        let token = self.authorization.as_ref().filter(|_| self.endpoint.serves(&url));
        // Sizes and ranges are of the file, not of a compressed form of it.
        let mut request = self.client.request(ask.method.clone(), url).header(ACCEPT_ENCODING, "identity");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        if let Some((from, end)) = ask.range {
            let last = end.map(|end| (end - 1).to_string()).unwrap_or_default();
            request = request.header(RANGE, format!("bytes={from}-{last}"));
        }
        request.send().await.map_err(Failure::transport)
    }
}

impl Facts {
    /// What was said first counts, and the linked file's word before the answer's own, which is the Hub's only where
    /// the Hub itself sends the file.
    fn gather(&mut self, headers: &HeaderMap, is_file: bool) {
        let own = |name: &str| text(headers, name).filter(|_| is_file);
        let etag = text(headers, "x-linked-etag").or_else(|| own(ETAG.as_str()));
        self.etag = self.etag.take().or_else(|| etag.as_deref().map(normalized));
        let linked = text(headers, "x-linked-size").and_then(|size| size.parse().ok());
        self.size = self.size.or(linked).or_else(|| whole_size(headers).filter(|_| is_file));
    }
}

impl Failure {
    fn transport(error: reqwest::Error) -> Self {
        Self::Transport(cause(error))
    }

    /// Whether the same request may do better later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            // A storage refuses signatures that have become too old; the Hub gives new ones.
            Self::Status(status) => !status.by_hub || matches!(status.code, 408 | 416 | 429 | 500..),
        }
    }
}

impl Status {
    fn of(response: &Response, by_hub: bool) -> Self {
        let seconds =
            text(response.headers(), RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
        Self {
            code: response.status().as_u16(),
            host: response.url().host_str().unwrap_or_default().to_owned(),
            error: text(response.headers(), "x-error-code"),
            retry_after: seconds.map(Duration::from_secs),
            by_hub,
        }
    }
}

/// Waits between tries, longer each time, and ends after some without progress.
pub(super) struct Patience {
    first_wait: Duration,
    most: u32,
    failed: u32,
}

impl Patience {
    fn new(settings: &Settings) -> Self {
        Self { first_wait: settings.first_wait, most: settings.attempts.max(1), failed: 0 }
    }

    /// There was progress: all tries count anew.
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }

    /// Waits before the next try; gives the failure back where another try is of no use.
    pub(super) fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        self.failed += 1;
        if self.failed >= self.most || !failure.is_transient() {
            return Err(failure);
        }
        let asked = match &failure {
            Failure::Status(status) => status.retry_after,
            _ => None,
        };
        let own = self.first_wait.saturating_mul(1 << (self.failed - 1).min(10));
        std::thread::sleep(asked.unwrap_or(own).min(LONGEST_WAIT));
        Ok(())
    }
}

fn bearer(token: &Token) -> Result<HeaderValue, HubError> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", token.reveal())).map_err(|_| HubError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The whole file's size, by an answer that has all of it or a part.
pub(super) fn whole_size(headers: &HeaderMap) -> Option<u64> {
    match text(headers, CONTENT_RANGE.as_str()) {
        Some(range) => range.rsplit_once('/')?.1.parse().ok(),
        None => text(headers, CONTENT_LENGTH.as_str())?.parse().ok(),
    }
}

/// The first byte of the part that an answer has.
pub(super) fn part_start(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

/// As `huggingface_hub` names blobs.
fn normalized(etag: &str) -> String {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned()
}

/// Where a redirect leads; nothing for any other answer.
fn target(response: &Response, from: &Url) -> Option<Url> {
    let location = response.status().is_redirection().then(|| text(response.headers(), LOCATION.as_str()))?;
    from.join(&location?).ok()
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(headers: &HeaderMap, from: &Url) -> Option<Url> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(", ")).find(|link| link.contains("rel=\"next\""))?;
    from.join(next.split_once('<')?.1.split_once('>')?.0).ok()
}

/// What went wrong, down to its cause; without the address, which may hold a signature.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
