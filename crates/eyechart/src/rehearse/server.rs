//! The server: connections, paths and latency. The script decides the replies.
//!
//! The server has its own thread and its own async runtime, so that blocking and asynchronous callers can start it in
//! the same way.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::capacity::{Capacity, Slot, Slots};
use super::draw::Faults;
use super::embeddings::EmbeddingsRequest;
use super::fault::Fault;
use super::reply::{self, Outcome, Reply};
use super::request::{CHAT, ChatRequest, EMBEDDINGS};
use super::script::{Action, Player, Script};
use super::stats::{Counters, InFlight, RecordedRequest, Stats};
use super::wire::Wire;

/// The options of a server.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port on 127.0.0.1. 0 selects a free port.
    pub port: u16,
    /// The time from the end of the request to the reply, unless a rule sets it.
    pub latency: Duration,
    /// The rules for the replies.
    pub script: Script,
    /// The faults and their shares of the requests.
    pub faults: Faults,
    /// The maximum number of concurrent requests.
    pub capacity: Capacity,
    /// Whether all requests are kept in memory, for tests.
    pub keep_requests: bool,
    /// Whether requests with repeated bodies are counted.
    pub count_repeated: bool,
}

/// A running server. It stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds the port and starts the server.
    ///
    /// # Errors
    /// An I/O error if the port is in use, or the system cannot open a file or start a thread.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::new(options));
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let serve = move || runtime.block_on(serve(listener, serving, stopped));
        let thread = std::thread::Builder::new().name("rehearse".to_owned()).spawn(serve)?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the base address for a client, such as `http://127.0.0.1:8000/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.stats()
    }

    /// Blocks until `enough` returns true for the counts.
    pub fn wait_for(&self, enough: impl Fn(&Stats) -> bool) {
        self.shared.counters.wait_for(enough);
    }

    /// Like [`Server::wait_for`], but blocks for at most `longest`. Returns whether `enough` returned true.
    #[must_use]
    pub fn wait_at_most(&self, longest: Duration, enough: impl Fn(&Stats) -> bool) -> bool {
        self.shared.counters.wait_at_most(longest, enough)
    }

    /// Returns the requests so far, in the order of their arrival; empty unless [`Options::keep_requests`] is set.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.counters.kept()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been reported by the thread.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    latency: Duration,
    keep_requests: bool,
    count_repeated: bool,
    faults: Faults,
    slots: Slots,
    player: Player,
    counters: Counters,
    numbers: AtomicU64,
}

impl Shared {
    fn new(options: Options) -> Self {
        Self {
            latency: options.latency,
            keep_requests: options.keep_requests,
            count_repeated: options.count_repeated,
            faults: options.faults,
            slots: Slots::new(options.capacity),
            player: Player::new(options.script),
            counters: Counters::default(),
            numbers: AtomicU64::new(0),
        }
    }
}

/// Accepts connections until the other end of `stopped` is dropped.
async fn serve(listener: StdListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<Infallible>) {
    let listener =
        TcpListener::from_std(listener).expect("the listener does not block and the runtime has I/O");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => return,
        };
        match accepted {
            Ok((stream, _)) => {
                shared.counters.connected();
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
            // Usually no file can be opened. Connections that end release some.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Otherwise a reply may wait for an acknowledgement of the client. A failure only makes the server slower.
    let _ = stream.set_nodelay(true);
    let unsent = Mutex::new(None);
    let service = service_fn(|request| answer(request, &shared, &unsent));
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // The connection ends with an error if the client, a rule or a fault closes it, which is expected.
    let _ = Pin::new(&mut http).await;
    let stream = http.into_parts().io.into_inner();
    let unsent = unsent.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(Unsent { wire, .. }) = unsent {
        // Some faults are meant to make the client close the connection.
        let _ = wire.send(stream).await;
    }
}

/// A reply that is sent directly on the connection. Its request stays in flight until then.
struct Unsent<'a> {
    wire: Wire,
    _in_flight: InFlight<'a>,
    _slot: Option<Slot<'a>>,
}

/// The connection is closed without a regular HTTP reply.
#[derive(Debug)]
struct Hangup;

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule, a fault or the client closed the connection")
    }
}

impl std::error::Error for Hangup {}

async fn answer<'a>(
    request: Request<Incoming>,
    shared: &'a Shared,
    unsent: &Mutex<Option<Unsent<'a>>>,
) -> Result<Response<Full<Bytes>>, Hangup> {
    let in_flight = shared.counters.received();
    let number = shared.numbers.fetch_add(1, Ordering::Relaxed) + 1;
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let received = Instant::now();
    shared.keep_request(&head, &body);
    let slot = shared.slots.take();
    let handling = match &slot {
        Some(_) => route(&head, &body, shared, number),
        None => {
            in_flight.rejected();
            Handling::immediate(reply::error(429, "too many requests at once"))
        }
    };
    if let Some(fault) = handling.fault {
        in_flight.has_fault(fault.name());
    }
    if !handling.latency.is_zero() {
        tokio::time::sleep_until(received + handling.latency).await;
    }
    match handling.outcome {
        Outcome::Reply(reply) => {
            in_flight.answered(reply.status().as_u16());
            Ok(reply::tag(reply, number).map(Full::new))
        }
        Outcome::Disturbed(disturbance, reply) => {
            let wire = Wire::new(disturbance, &reply::tag(reply, number));
            let later = Unsent { wire, _in_flight: in_flight, _slot: slot };
            *unsent.lock().unwrap_or_else(PoisonError::into_inner) = Some(later);
            Err(Hangup)
        }
        Outcome::Hang => std::future::pending().await,
        Outcome::Drop => {
            in_flight.dropped();
            Err(Hangup)
        }
    }
}

impl Shared {
    /// Keeps the request and compares it with earlier requests, as the options require.
    fn keep_request(&self, head: &hyper::http::request::Parts, body: &Bytes) {
        if self.keep_requests {
            self.counters.keep(record(head, body.clone()));
        }
        if self.count_repeated {
            self.counters.compare(body);
        }
    }
}

/// How a request ends, and when.
struct Handling {
    outcome: Outcome,
    latency: Duration,
    fault: Option<Fault>,
}

impl Handling {
    fn immediate(reply: Reply) -> Self {
        Self { outcome: Outcome::Reply(reply), latency: Duration::ZERO, fault: None }
    }
}

fn route(head: &hyper::http::request::Parts, body: &[u8], shared: &Shared, number: u64) -> Handling {
    let path = head.uri.path();
    match (path.strip_prefix("/v1").unwrap_or(path), &head.method) {
        (CHAT, &Method::POST) => chat(body, shared, number),
        (EMBEDDINGS, &Method::POST) => embeddings(body, shared, number),
        (CHAT | EMBEDDINGS, _) => Handling::immediate(reply::wrong_method("POST")),
        ("/models", &Method::GET) => Handling::immediate(reply::models(&shared.player.script.models())),
        ("/models", _) => Handling::immediate(reply::wrong_method("GET")),
        _ => {
            let message = format!("no such path: {path}; expected /v1{CHAT}, /v1{EMBEDDINGS} or /v1/models");
            Handling::immediate(reply::error(404, &message))
        }
    }
}

fn chat(body: &[u8], shared: &Shared, number: u64) -> Handling {
    let request = match ChatRequest::parse(body) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("the body is not a chat completion request: {error}");
            return Handling::immediate(reply::error(400, &message));
        }
    };
    handle(&request, shared, number, |action| reply::perform(action, &request, number))
}

fn embeddings(body: &[u8], shared: &Shared, number: u64) -> Handling {
    let asked = match EmbeddingsRequest::parse(body) {
        Ok(asked) => asked,
        Err(error) => {
            let message = format!("the body is not an embeddings request: {error}");
            return Handling::immediate(reply::error(400, &message));
        }
    };
    let request = ChatRequest::of_texts(&asked.model, asked.texts());
    handle(&request, shared, number, |action| reply::perform_on_embeddings(action, &request, &asked.reply()))
}

/// Applies the rule for `request` with `perform`, then the faults.
fn handle(
    request: &ChatRequest<'_>,
    shared: &Shared,
    number: u64,
    perform: impl FnOnce(Option<&Action>) -> Outcome,
) -> Handling {
    let rule = shared.player.pick(request);
    let latency = rule.and_then(|rule| rule.latency).unwrap_or(shared.latency);
    let outcome = perform(rule.map(|rule| &rule.action));
    let scripted = rule.and_then(|rule| rule.action.fault());
    let drawn = if scripted.is_none() { shared.faults.of(number) } else { None };
    let outcome = match drawn {
        Some(fault) => reply::apply_fault(fault, outcome),
        None => outcome,
    };
    Handling { outcome, latency, fault: scripted.or(drawn) }
}

fn record(head: &hyper::http::request::Parts, body: Bytes) -> RecordedRequest {
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    RecordedRequest {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers.iter().map(header).collect(),
        body,
    }
}
