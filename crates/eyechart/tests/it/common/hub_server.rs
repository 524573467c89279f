//! A Hugging Face Hub on this machine, with the faults that networks have: the API, the files, and a storage on
//! another host that large files are redirected to.
//!
//! It speaks the protocol as it was read off `huggingface_hub`, whose own client is a client of this server in the
//! tests.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

#[path = "hub_repo.rs"]
mod repo;

use repo::HubFile;
pub use repo::Repo;

/// The commit of every repository.
pub const COMMIT: &str = "5e1cbd8f0a4e4f2ab3b7b7f2d9ad3ce1f0a1b2c3";
/// Files on a page of the API's list.
const PAGE: usize = 2;

/// What goes wrong with one download of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes after these bytes of the body.
    Cut(usize),
    /// The body comes in this many pieces with a pause before each.
    Drip(usize, Duration),
    /// The first byte of the body is another one.
    Wrong,
    /// The whole file comes, whatever range was asked for.
    NoRange,
    /// This status, with no body.
    Status(u16),
    /// No answer at all until the client gives up.
    Silence,
    /// After these bytes of the body nothing comes until [`HubServer::release`].
    Hold(usize),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whether it reached the storage and not the Hub.
    pub storage: bool,
    pub method: String,
    /// With the query.
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// How often a wait for requests checks whether their sender is still running.
const CHECK_EVERY: Duration = Duration::from_millis(100);

#[derive(Default)]
struct State {
    repos: Vec<Repo>,
    faults: Vec<(String, VecDeque<Fault>)>,
    asked: Vec<Asked>,
    released: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    storage: SocketAddr,
}

/// The running Hub; it ends with the test's process.
pub struct HubServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl HubServer {
    pub fn start(repos: impl IntoIterator<Item = Repo>) -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").unwrap();
        let storage = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = hub.local_addr().unwrap();
        let state = State { repos: repos.into_iter().collect(), ..State::default() };
        let storage_address = storage.local_addr().unwrap();
        let shared =
            Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), storage: storage_address });
        for (listener, is_storage) in [(hub, false), (storage, true)] {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || shared.serve(&stream, is_storage));
                }
            });
        }
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The next downloads of the file's content go wrong in these ways, one after the other.
    pub fn faults(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.shared.state().faults.push((path.to_owned(), faults.into_iter().collect()));
    }

    /// Lets what [`Fault::Hold`] holds go on.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// Blocks until the requests so far are enough. Fails with the text of `ended` if those who send them end before.
    pub fn wait_for(&self, mut ended: impl FnMut() -> Option<String>, enough: impl Fn(&[Asked]) -> bool) {
        let mut state = self.shared.state();
        while !enough(&state.asked) {
            state = self.shared.changed.wait_timeout(state, CHECK_EVERY).unwrap().0;
            if !enough(&state.asked)
                && let Some(text) = ended()
            {
                drop(state);
                // Other threads of the test must not wait for ever.
                self.release();
                panic!("{text}");
            }
        }
    }

    /// Requests for the content of large files.
    pub fn downloads(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.storage && asked.method == "GET").collect()
    }

    /// The `Range` headers of [`HubServer::downloads`].
    pub fn ranges(&self) -> Vec<Option<String>> {
        self.downloads().iter().map(|asked| asked.header("range").map(str::to_owned)).collect()
    }
}

/// A reply: a status, headers and perhaps the content of a file.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    fn error(status: u16, code: &'static str) -> Self {
        Self::new(status).with("X-Error-Code", code)
    }

    fn json(value: &serde_json::Value) -> Self {
        Self { body: value.to_string().into_bytes(), ..Self::new(200) }
            .with("Content-Type", "application/json")
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, stream: &TcpStream, storage: bool) {
        let Some(asked) = read(stream, storage) else { return };
        self.state().asked.push(asked.clone());
        self.changed.notify_all();
        let path = asked.path.split('?').next().unwrap().trim_start_matches('/');
        let (reply, fault) = match (storage, path.split_once("/resolve-cache/")) {
            (true, _) => self.stored(&asked, path),
            (false, Some((_, rest))) => self.small(&asked, rest),
            (false, None) => (self.hub(&asked, path), None),
        };
        self.send(stream, &asked, reply, fault);
    }

    /// The API and `resolve`.
    fn hub(&self, asked: &Asked, path: &str) -> Reply {
        let token = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let api = path.strip_prefix("api/");
        let (kind, rest) = match api.unwrap_or(path).split_once('/') {
            Some((kind @ ("datasets" | "models"), rest)) => (kind, rest),
            _ => ("models", path),
        };
        let parts: Vec<&str> = rest.splitn(5, '/').collect();
        let [owner, name, verb, revision, ..] = parts[..] else { return Reply::new(404) };
        let repos = self.state().repos.clone();
        let id = format!("{owner}/{name}");
        let Some(repo) = repos.into_iter().find(|repo| repo.kind == kind && repo.id == id) else {
            return Reply::error(if token.is_some() { 404 } else { 401 }, "RepoNotFound");
        };
        match repo.token {
            Some(right) if token != Some(right) && repo.gated => {
                return Reply::error(if token.is_some() { 403 } else { 401 }, "GatedRepo");
            }
            Some(right) if token != Some(right) => return Reply::error(401, "RepoNotFound"),
            _ => {}
        }
        if !["main", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
            return Reply::error(404, "RevisionNotFound");
        }
        match (api.is_some(), verb) {
            (true, "revision") => info(&repo),
            (true, "tree") => self.tree(&repo, asked),
            (false, "resolve") => self.resolve(&repo, parts[4]),
            _ => Reply::new(404),
        }
    }

    fn tree(&self, repo: &Repo, asked: &Asked) -> Reply {
        let cursor = asked.path.split_once("cursor=").map_or(0, |(_, cursor)| cursor.parse().unwrap());
        let node = |file: &HubFile| {
            let mut node = serde_json::json!({"type": "file", "path": file.path, "size": file.content.len(),
                "oid": file.git_hash});
            if file.large {
                node["lfs"] =
                    serde_json::json!({"oid": file.etag, "size": file.content.len(), "pointerSize": 130});
            }
            node
        };
        let folder = serde_json::json!({"type": "directory", "path": "data", "size": 0, "oid": "0"});
        let page = repo.files.iter().skip(cursor).take(PAGE).map(node).chain([folder]);
        let reply = Reply::json(&page.collect());
        if cursor + PAGE >= repo.files.len() {
            return reply;
        }
        let host = asked.header("host").unwrap();
        let base = format!("http://{host}/api/{}/{}/tree/{COMMIT}?recursive=true", repo.kind, repo.id);
        reply.with("Link", format!("<{base}&cursor={}>; rel=\"next\"", cursor + PAGE))
    }

    fn resolve(&self, repo: &Repo, path: &str) -> Reply {
        let Some(file) = repo.files.iter().find(|file| file.path == decoded(path)) else {
            return Reply::error(404, "EntryNotFound").with("X-Repo-Commit", COMMIT);
        };
        let (status, location) = match file.large {
            true => {
                let port = self.storage.port();
                (302, format!("http://127.0.0.1:{port}/store/{}?Signature=signed", file.etag))
            }
            false => (307, format!("/api/resolve-cache/{}/{}/{COMMIT}/{path}", repo.kind, repo.id)),
        };
        Reply::new(status)
            .with("Location", location)
            .with("X-Repo-Commit", COMMIT)
            .with("X-Linked-Etag", format!("\"{}\"", file.etag))
            .with("X-Linked-Size", file.content.len().to_string())
    }

    /// A file that git keeps, sent by the Hub itself.
    fn small(&self, asked: &Asked, rest: &str) -> (Reply, Option<Fault>) {
        let file = self
            .find(|repo, file| decoded(rest) == format!("{}/{}/{COMMIT}/{}", repo.kind, repo.id, file.path));
        let (reply, fault) = self.content(asked, &file);
        (reply.with("ETag", format!("W/\"{}\"", file.etag)).with("X-Repo-Commit", COMMIT), fault)
    }

    /// A file on the storage, which has its own idea of an ETag and refuses tokens.
    fn stored(&self, asked: &Asked, path: &str) -> (Reply, Option<Fault>) {
        if asked.header("authorization").is_some() || !asked.path.contains("Signature=signed") {
            return (Reply::new(400), None);
        }
        let file = self.find(|_, file| file.large && path == format!("store/{}", file.etag));
        let (reply, fault) = self.content(asked, &file);
        (reply.with("ETag", "\"of-the-storage\""), fault)
    }

    fn find(&self, is_it: impl Fn(&Repo, &HubFile) -> bool) -> HubFile {
        let state = self.state();
        let mut files = state.repos.iter().flat_map(|repo| repo.files.iter().map(move |file| (repo, file)));
        files.find(|(repo, file)| is_it(repo, file)).expect("only files that exist are linked").1.clone()
    }

    /// The content or the part of it that was asked for, and what goes wrong with it.
    fn content(&self, asked: &Asked, file: &HubFile) -> (Reply, Option<Fault>) {
        let fault = if asked.method == "GET" { self.next_fault(&file.path) } else { None };
        let size = file.content.len();
        let range = asked.header("range").filter(|_| fault != Some(Fault::NoRange));
        let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
        else {
            return (Reply { body: file.content.to_vec(), ..Reply::new(200) }, fault);
        };
        let first: usize = first.parse().unwrap();
        let end = last.parse().map_or(size, |last: usize| (last + 1).min(size));
        if first >= end {
            return (Reply::new(416), None);
        }
        let body = file.content[first..end].to_vec();
        let range = format!("bytes {first}-{}/{size}", end - 1);
        (Reply { body, ..Reply::new(206) }.with("Content-Range", range), fault)
    }

    fn next_fault(&self, path: &str) -> Option<Fault> {
        self.state()
            .faults
            .iter_mut()
            .filter(|(other, _)| other == path)
            .find_map(|(_, faults)| faults.pop_front())
    }

    /// A client that has had enough closes early, which is nobody's fault here.
    fn send(&self, mut stream: &TcpStream, asked: &Asked, mut reply: Reply, fault: Option<Fault>) {
        match fault {
            Some(Fault::Status(status)) => reply = Reply::new(status),
            Some(Fault::Wrong) => reply.body[0] ^= 1,
            Some(Fault::Silence) => {
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
                return;
            }
            _ => {}
        }
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", reply.body.len()));
        let body = if asked.method == "HEAD" { &[] } else { &reply.body[..] };
        let _ = stream.write_all(head.as_bytes()).and_then(|()| self.send_body(stream, body, fault));
    }

    fn send_body(&self, mut stream: &TcpStream, body: &[u8], fault: Option<Fault>) -> std::io::Result<()> {
        match fault {
            Some(Fault::Cut(bytes)) => stream.write_all(&body[..bytes.min(body.len())]),
            Some(Fault::Drip(pieces, pause)) => {
                body.chunks(body.len().div_ceil(pieces)).try_for_each(|piece| {
                    std::thread::sleep(pause);
                    stream.write_all(piece)
                })
            }
            Some(Fault::Hold(bytes)) => {
                stream.write_all(&body[..bytes])?;
                drop(self.changed.wait_while(self.state(), |state| !state.released).unwrap());
                stream.write_all(&body[bytes..])
            }
            _ => stream.write_all(body),
        }
    }
}

/// What the API says of a repository.
fn info(repo: &Repo) -> Reply {
    let siblings: Vec<_> =
        repo.files.iter().map(|file| serde_json::json!({"rfilename": file.path})).collect();
    Reply::json(&serde_json::json!({"id": repo.id, "sha": COMMIT, "siblings": siblings, "private": false,
            "gated": false, "disabled": false, "downloads": 0, "likes": 0, "tags": []}))
}

fn read(stream: &TcpStream, storage: bool) -> Option<Asked> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let mut lines = lines.collect::<Vec<String>>().into_iter();
    let first = lines.next()?;
    let (method, rest) = first.split_once(' ')?;
    let path = rest.split(' ').next()?.to_owned();
    let header = |line: String| {
        line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
    };
    Some(Asked { storage, method: method.to_owned(), path, headers: lines.filter_map(header).collect() })
}

/// Without percent-encoding.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let byte = u8::from_str_radix(&part[..2], 16).unwrap();
        text + std::str::from_utf8(&[byte]).unwrap() + &part[2..]
    })
}
