//! The server itself: connections, paths and the latency. What it says is the script's.
//!
//! It runs on a thread of its own with a runtime of its own, so that blocking tests and asynchronous callers start it
//! alike.

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

use super::capacity::{Capacity, Place, Places};
use super::draw::Faults;
use super::embeddings::EmbeddingsRequest;
use super::fault::Fault;
use super::reply::{self, Outcome, Reply};
use super::request::{CHAT, ChatRequest, EMBEDDINGS};
use super::script::{Action, Player, Script};
use super::stats::{Counters, InFlight, RecordedRequest, Stats};
use super::wire::Wire;

/// How a server behaves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// From the whole request to the reply, where a rule says nothing.
    pub latency: Duration,
    /// What it says.
    pub script: Script,
    /// Which requests meet which fault instead.
    pub faults: Faults,
    /// How many requests it works on at once.
    pub capacity: Capacity,
    /// Whether every request is kept whole in memory, for tests.
    pub keep_requests: bool,
    /// Whether bodies are compared, so that repeated ones are counted.
    pub count_repeated: bool,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds the port and serves from then on.
    ///
    /// # Errors
    /// Where the port is taken, or the system has no thread or file left.
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

    /// The base address for a client, such as `http://127.0.0.1:8000/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What it counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.stats()
    }

    /// Blocks until the requests that came in are what `enough` waits for.
    pub fn wait_for(&self, enough: impl Fn(&Stats) -> bool) {
        self.shared.counters.wait_for(enough);
    }

    /// As [`Server::wait_for`], but for `longest` at most; whether it is what `enough` waits for.
    #[must_use]
    pub fn wait_at_most(&self, longest: Duration, enough: impl Fn(&Stats) -> bool) -> bool {
        self.shared.counters.wait_at_most(longest, enough)
    }

    /// The requests so far in the order of their arrival; empty unless [`Options::keep_requests`] is set.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.counters.kept()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the thread itself.
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
    places: Places,
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
            places: Places::new(options.capacity),
            player: Player::new(options.script),
            counters: Counters::default(),
            numbers: AtomicU64::new(0),
        }
    }
}

/// Accepts until the other end of `stopped` is dropped.
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
            // Out of files, as a rule: connections that end free some.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it a reply may wait for the client's acknowledgement; with an old system it just is slower.
    let _ = stream.set_nodelay(true);
    let unsent = Mutex::new(None);
    let service = service_fn(|request| answer(request, &shared, &unsent));
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It ends with an error where the client, a rule or a fault closes it: none is anybody's fault here.
    let _ = Pin::new(&mut http).await;
    let stream = http.into_parts().io.into_inner();
    let unsent = unsent.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(Unsent { wire, .. }) = unsent {
        // A client that goes away before the end is what some faults are for.
        let _ = wire.send(stream).await;
    }
}

/// A reply that is still to be sent on the bare connection, by a request that is in flight until then.
struct Unsent<'a> {
    wire: Wire,
    _in_flight: InFlight<'a>,
    _place: Option<Place<'a>>,
}

/// The connection ends here without a reply by HTTP's rules.
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
    shared.notice(&head, &body);
    let place = shared.places.take();
    let turn = match &place {
        Some(_) => route(&head, &body, shared, number),
        None => {
            in_flight.refused();
            Turn::at_once(reply::error(429, "too many requests at once"))
        }
    };
    if let Some(fault) = turn.fault {
        in_flight.met(fault.name());
    }
    if !turn.latency.is_zero() {
        tokio::time::sleep_until(received + turn.latency).await;
    }
    match turn.outcome {
        Outcome::Reply(reply) => {
            in_flight.answered(reply.status().as_u16());
            Ok(reply::tag(reply, number).map(Full::new))
        }
        Outcome::Spoilt(spoil, reply) => {
            let wire = Wire::new(spoil, &reply::tag(reply, number));
            let later = Unsent { wire, _in_flight: in_flight, _place: place };
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
    /// Keeps and compares a request as far as that is asked for.
    fn notice(&self, head: &hyper::http::request::Parts, body: &Bytes) {
        if self.keep_requests {
            self.counters.keep(record(head, body.clone()));
        }
        if self.count_repeated {
            self.counters.compare(body);
        }
    }
}

/// What becomes of a request.
struct Turn {
    outcome: Outcome,
    latency: Duration,
    fault: Option<Fault>,
}

impl Turn {
    fn at_once(reply: Reply) -> Self {
        Self { outcome: Outcome::Reply(reply), latency: Duration::ZERO, fault: None }
    }
}

fn route(head: &hyper::http::request::Parts, body: &[u8], shared: &Shared, number: u64) -> Turn {
    let path = head.uri.path();
    match (path.strip_prefix("/v1").unwrap_or(path), &head.method) {
        (CHAT, &Method::POST) => chat(body, shared, number),
        (EMBEDDINGS, &Method::POST) => embeddings(body, shared, number),
        (CHAT | EMBEDDINGS, _) => Turn::at_once(reply::wrong_method("POST")),
        ("/models", &Method::GET) => Turn::at_once(reply::models(&shared.player.script.models())),
        ("/models", _) => Turn::at_once(reply::wrong_method("GET")),
        _ => {
            let message = format!("no such path: {path}; expected /v1{CHAT}, /v1{EMBEDDINGS} or /v1/models");
            Turn::at_once(reply::error(404, &message))
        }
    }
}

fn chat(body: &[u8], shared: &Shared, number: u64) -> Turn {
    let request = match ChatRequest::parse(body) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("the body is not a chat completion request: {error}");
            return Turn::at_once(reply::error(400, &message));
        }
    };
    turn(&request, shared, number, |action| reply::act(action, &request, number))
}

fn embeddings(body: &[u8], shared: &Shared, number: u64) -> Turn {
    let asked = match EmbeddingsRequest::parse(body) {
        Ok(asked) => asked,
        Err(error) => {
            let message = format!("the body is not an embeddings request: {error}");
            return Turn::at_once(reply::error(400, &message));
        }
    };
    let request = ChatRequest::of_texts(&asked.model, asked.texts());
    turn(&request, shared, number, |action| reply::act_on_embeddings(action, &request, &asked.reply()))
}

/// What the rule for `request`, carried out by `act`, and the faults make of it.
fn turn(
    request: &ChatRequest<'_>,
    shared: &Shared,
    number: u64,
    act: impl FnOnce(Option<&Action>) -> Outcome,
) -> Turn {
    let rule = shared.player.pick(request);
    let latency = rule.and_then(|rule| rule.latency).unwrap_or(shared.latency);
    let outcome = act(rule.map(|rule| &rule.action));
    let scripted = rule.and_then(|rule| rule.action.fault());
    let drawn = if scripted.is_none() { shared.faults.of(number) } else { None };
    let outcome = match drawn {
        Some(fault) => reply::meet(fault, outcome),
        None => outcome,
    };
    Turn { outcome, latency, fault: scripted.or(drawn) }
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
