//! Tests of the endpoint over plain TCP, without the client of this crate.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Options, Rule, Script, Server};

mod faults;

const CHAT: &str = "/v1/chat/completions";
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn answer(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }
}

/// A connection for several requests.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(server: &Server) -> Self {
        let url = server.url();
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
        Self(BufReader::new(TcpStream::connect(address).unwrap()))
    }

    fn head(&mut self, line: &str, length: usize, more: &str) {
        let head = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n");
        self.0.get_mut().write_all(head.as_bytes()).unwrap();
    }

    fn body(&mut self, body: &str) {
        self.0.get_mut().write_all(body.as_bytes()).unwrap();
    }

    /// Announces a request and returns when the server waits for its body.
    fn begin(&mut self, length: usize) {
        self.head(&format!("POST {CHAT}"), length, "expect: 100-continue\r\n");
        assert_eq!(self.read().unwrap().status, 100);
    }

    fn send(&mut self, line: &str, body: &str) -> Option<Reply> {
        self.head(line, body.len(), "authorization: Bearer k\r\n");
        self.body(body);
        self.read()
    }

    fn chat(&mut self, body: &Value) -> Reply {
        self.send(&format!("POST {CHAT}"), &body.to_string()).unwrap()
    }

    /// Returns `None` if the connection has ended.
    fn read(&mut self) -> Option<Reply> {
        let status = self.line()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(": ") {
            headers.push((name.to_owned(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Reply { status, headers, body: String::from_utf8(body).unwrap() })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|&bytes| bytes > 0)?;
        Some(line.trim_end().to_owned())
    }
}

fn serve(rules: impl IntoIterator<Item = Rule>) -> Server {
    Server::start(Options { script: Script::new(rules).unwrap(), ..Options::default() }).unwrap()
}

fn ask(text: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

fn ask_about(picture: &[u8]) -> Value {
    let url = format!("data:image/png;base64,{}", STANDARD.encode(picture));
    let parts = json!([{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]);
    json!({"model": "m", "messages": [{"role": "user", "content": parts}]})
}

fn load(folder: &Path, text: &str) -> Result<Script, String> {
    let path = folder.join("script.jsonl");
    std::fs::write(&path, text).unwrap();
    Script::load(&path).map_err(|error| error.to_string().replace(&folder.display().to_string(), "DIR"))
}

#[test]
fn an_answer_is_a_chat_completion_with_usage_and_an_id() {
    let server = serve([Rule { reasoning: Some("Hmm.".to_owned()), ..Rule::answer("A red bus.") }]);
    let reply = Client::connect(&server).chat(&ask_about(b"x"));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-request-id"), Some("rehearse-1"));
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "m");
    let message = json!({"role": "assistant", "content": "A red bus.", "reasoning_content": "Hmm."});
    assert_eq!(body["choices"], json!([{"index": 0, "message": message, "finish_reason": "stop"}]));
    assert_eq!(body["usage"], json!({"prompt_tokens": 260, "completion_tokens": 4, "total_tokens": 264}));
}

#[test]
fn the_first_rule_that_matches_wins_and_the_default_answer_says_what_came() {
    let server = serve([
        Rule { model: Some("other".to_owned()), ..Rule::answer("other model") },
        Rule { prompt: Some("bus".to_owned()), ..Rule::answer("a bus") },
        Rule { prompt: Some("red".to_owned()), ..Rule::answer("red") },
    ]);
    let mut client = Client::connect(&server);
    assert_eq!(client.chat(&ask("a red bus")).answer(), "a bus");
    assert_eq!(client.chat(&ask("red")).answer(), "red");
    let default = "No answer was scripted for this prompt (4 characters, 0 pictures).";
    assert_eq!(client.chat(&ask("blå?")).answer(), default);
    let default = "No answer was scripted for this prompt (5 characters, 1 picture).";
    assert_eq!(client.chat(&ask_about(b"x")).answer(), default);
    let models = client.send("GET /v1/models", "").unwrap().json();
    assert_eq!(models["data"][0]["id"], "other");
    assert_eq!(server.stats().connections, 1, "requests share a connection");
}

#[test]
fn a_rule_with_times_is_used_up() {
    let server = serve([Rule { times: Some(2), ..Rule::status(503) }, Rule::answer("at last")]);
    let mut client = Client::connect(&server);
    let statuses: Vec<u16> = (0..3).map(|_| client.chat(&ask("?")).status).collect();
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(server.stats().answered, [(200, 1), (503, 2)].into());
}

#[test]
fn a_status_has_its_headers_and_its_body_or_an_openai_error() {
    let headers = [("Retry-After".to_owned(), "3".to_owned())].into();
    let server = serve([
        Rule { times: Some(1), headers, ..Rule::status(429) },
        Rule { times: Some(1), body: Some("<html>".to_owned()), ..Rule::status(502) },
        Rule { body: Some("{\"choices\":".to_owned()), ..Rule::default() },
    ]);
    let mut client = Client::connect(&server);
    let limited = client.chat(&ask("?"));
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("3")));
    assert_eq!(limited.json()["error"]["type"], "rate_limit_error");
    let raw = client.chat(&ask("?"));
    assert_eq!((raw.status, raw.body.as_str()), (502, "<html>"));
    let malformed = client.chat(&ask("?"));
    assert_eq!((malformed.status, malformed.body.as_str()), (200, "{\"choices\":"));
}

#[test]
fn drop_closes_the_connection_without_a_reply() {
    let server = serve([Rule { drop: true, times: Some(1), ..Rule::default() }, Rule::answer("hello")]);
    let body = ask("?").to_string();
    assert!(Client::connect(&server).send(&format!("POST {CHAT}"), &body).is_none());
    assert_eq!(Client::connect(&server).chat(&ask("?")).answer(), "hello");
    let stats = server.stats();
    assert_eq!((stats.requests, stats.dropped, stats.in_flight, stats.connections), (2, 1, 0, 2));
}

#[test]
fn a_reply_takes_the_servers_latency_unless_its_rule_says_otherwise() {
    let latency = Duration::from_millis(30);
    let server = Server::start(Options { latency, ..Options::default() }).unwrap();
    let started = Instant::now();
    assert_eq!(Client::connect(&server).chat(&ask("?")).status, 200);
    assert!(started.elapsed() >= latency);

    let script = Script::new([Rule { latency_ms: Some(0), ..Rule::answer("now") }]).unwrap();
    let server = Server::start(Options { latency: HOUR, script, ..Options::default() }).unwrap();
    assert_eq!(Client::connect(&server).chat(&ask("?")).answer(), "now");
}

#[test]
fn a_picture_is_known_by_its_file_or_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pictures")).unwrap();
    std::fs::write(folder.path().join("pictures/a.png"), b"picture a").unwrap();
    let sha = sha_in_upper_case(b"picture b");
    let rules = format!(
        "{}\n\n{}\n",
        json!({"image": "pictures/a.png", "answer": "this is a"}),
        json!({"image": sha, "answer": "this is b"})
    );
    let script = load(folder.path(), &rules).unwrap();
    let server = Server::start(Options { script, ..Options::default() }).unwrap();
    let mut client = Client::connect(&server);
    assert_eq!(client.chat(&ask_about(b"picture a")).answer(), "this is a");
    assert_eq!(client.chat(&ask_about(b"picture b")).answer(), "this is b");
    assert!(client.chat(&ask_about(b"picture c")).answer().starts_with("No answer was scripted"));
}

fn sha_in_upper_case(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn requests_are_kept_whole_when_asked_for_and_not_otherwise() {
    let server = Server::start(Options { keep_requests: true, ..Options::default() }).unwrap();
    let body = ask("kept").to_string();
    Client::connect(&server).send("POST /chat/completions?a=b", &body).unwrap();
    let kept = server.requests();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].method.as_str(), kept[0].path.as_str()), ("POST", "/chat/completions?a=b"));
    assert_eq!(kept[0].header("authorization"), Some("Bearer k"));
    assert_eq!(kept[0].body, body.as_bytes());

    let server = serve([]);
    Client::connect(&server).chat(&ask("forgotten"));
    assert_eq!(server.requests(), []);
}

#[test]
fn requests_in_flight_are_counted_with_their_peak() {
    let server = serve([]);
    let body = ask("?").to_string();
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&server)).collect();
    clients.iter_mut().for_each(|client| client.begin(body.len()));
    assert_eq!(server.stats().in_flight, 4);
    for client in &mut clients {
        client.body(&body);
        assert_eq!(client.read().unwrap().status, 200);
    }
    let stats = server.stats();
    assert_eq!((stats.in_flight, stats.peak_in_flight, stats.requests), (0, 4, 4));
}

#[test]
fn stopping_the_server_ends_what_is_in_flight_and_frees_the_port() {
    let server = Server::start(Options { latency: HOUR, ..Options::default() }).unwrap();
    let mut client = Client::connect(&server);
    client.begin(1_000_000);
    let port = server.url().rsplit(':').next().unwrap().trim_end_matches("/v1").parse().unwrap();
    drop(server);
    assert!(client.read().is_none());
    let again = Server::start(Options { port, ..Options::default() }).unwrap();
    assert_eq!(Client::connect(&again).chat(&ask("?")).status, 200);
    assert!(Server::start(Options { port, ..Options::default() }).is_err(), "a port is one server's");
}

#[test]
fn what_is_no_chat_completion_gets_an_openai_error() {
    let server = serve([]);
    let mut client = Client::connect(&server);
    let broken = client.send(&format!("POST {CHAT}"), "{\"model\":").unwrap();
    assert_eq!(broken.status, 400);
    assert_eq!(broken.json()["error"]["type"], "invalid_request_error");
    let empty = client.send(&format!("POST {CHAT}"), "{\"model\": \"m\"}").unwrap();
    assert!(empty.json()["error"]["message"].as_str().unwrap().contains("messages"));
    assert_eq!(client.send("POST /v1/completions", "{}").unwrap().status, 404);
    assert_eq!(client.send("GET /v1/embeddings", "").unwrap().status, 405);
    for (body, said) in [
        ("{\"model\": \"m\"}", "missing field `input`"),
        ("{\"model\": \"m\", \"input\": []}", "'input' is an empty list"),
        ("{\"model\": \"m\", \"input\": [\"a\", \"\"]}", "'input' holds an empty string"),
    ] {
        let refused = client.send("POST /v1/embeddings", body).unwrap();
        assert_eq!(refused.status, 400);
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains(said), "{}", refused.body);
    }
    let wrong = client.send(&format!("GET {CHAT}"), "").unwrap();
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    assert_eq!(client.send("POST /v1/models", "{}").unwrap().status, 405);
}

#[test]
fn embeddings_are_one_vector_a_text_and_meet_the_rules_for_their_path() {
    let rule = |path: &str, rule: Rule| Rule { path: Some(path.to_owned()), ..rule };
    let server = serve([
        rule("/embeddings", Rule { model: Some("broken".to_owned()), ..Rule::status(503) }),
        rule("/chat/completions", Rule::status(500)),
        Rule { headers: [("x-left".to_owned(), "9".to_owned())].into(), ..Rule::answer("no vector") },
    ]);
    let mut client = Client::connect(&server);
    let body = json!({"model": "m", "input": ["a dog", "a cat", "a dog"]}).to_string();
    let reply = client.send("POST /v1/embeddings", &body).unwrap();
    assert_eq!((reply.status, reply.header("x-left")), (200, Some("9")));
    let reply = reply.json();
    assert_eq!((&reply["model"], &reply["object"]), (&json!("m"), &json!("list")));
    let vector = |at: usize| reply["data"][at]["embedding"].clone();
    assert_eq!(vector(0).as_array().unwrap().len(), 64);
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    assert_eq!((&reply["data"][1]["index"], &reply["data"][3]), (&json!(1), &Value::Null));
    let one = client.send("POST /embeddings", "{\"model\": \"m\", \"input\": \"a dog\"}").unwrap().json();
    assert_eq!(one["data"][0]["embedding"], vector(0));
    let broken = client.send("POST /v1/embeddings", "{\"model\": \"broken\", \"input\": \"a\"}").unwrap();
    assert_eq!(broken.status, 503);
    assert_eq!(client.chat(&ask("x")).status, 500);
}

#[test]
fn a_bad_script_is_reported_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        |line: &str| load(folder.path(), &format!("{{\"answer\": \"fine\"}}\n\n{line}\n")).unwrap_err();
    let starts = |line: &str, start: &str| {
        let error = error(line);
        assert!(error.starts_with(&format!("DIR/script.jsonl:3: {start}")), "{error}");
        assert!(!error.contains("at line 1"), "{error}");
    };
    starts("{\"answer\"}", "expected `:` (column 10)");
    starts("{\"anser\": \"x\"}", "unknown field `anser`, expected one of `path`, `model`, ");
    starts("{\"prompt\": \"x\"}", "has no action: expected `answer`, `status`, `body`, `drop` or `fault`");
    starts("{\"answer\": \"x\", \"status\": 500}", "has answer and status or body at once");
    starts("{\"drop\": true, \"body\": \"x\"}", "has status or body and drop at once");
    starts(
        "{\"status\": 500, \"reasoning\": \"x\"}",
        "`reasoning` and `finish_reason` belong to an `answer`",
    );
    starts(
        "{\"answer\": \"x\", \"path\": \"/v1/embeddings\"}",
        "`path` is \"/v1/embeddings\": expected \"/chat/completions\" or \"/embeddings\"",
    );
    starts("{\"status\": 99}", "`status` is 99: expected 200 to 599");
    starts("{\"answer\": \"x\", \"times\": 0}", "`times` is 0: expected 1 or more");
    starts("{\"answer\": \"x\", \"headers\": {\"a b\": \"c\"}}", "\"a b\": \"c\" is not an HTTP header");
    starts("{\"drop\": true, \"headers\": {\"a\": \"c\"}}", "`headers` belong to a reply");
    starts("{\"answer\": \"x\", \"image\": \"no.png\"}", "cannot read the picture DIR/no.png of `image`");
    let missing = Script::load(&folder.path().join("none.jsonl")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the script "), "{missing}");
    let in_code = Script::new([Rule::answer("x"), Rule::default()]).unwrap_err().to_string();
    assert!(in_code.starts_with("rule 2: has no action"), "{in_code}");
}
