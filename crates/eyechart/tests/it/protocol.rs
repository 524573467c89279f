//! A second wire protocol with words of its own, through a whole run: nothing outside a protocol's own file knows its
//! words.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eyechart::provider::protocol::{Decoder, ErrorReport, Event, Parameter};
use eyechart::provider::{Header, Protocol};
use eyechart::run::Settings;
use eyechart::task::load;
use eyechart::types::{FailureKind, Part, Request, RequestImage, Silent, StopReason, Usage};
use serde_json::{Map, Value, json};

use crate::common::Place;

/// One line for each thing: `ask TEXT` and `look MEDIA-TYPE BYTES` in a request; `say TEXT`, `cost IN OUT` and `end` in
/// a response; `no WHY` in an error.
#[derive(Debug)]
struct Lines;

impl Protocol for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn url(&self, base_url: &str, model: &str) -> String {
        format!("{base_url}/models/{model}/ask")
    }

    fn base_url<'a>(&self, address: &'a str) -> &'a str {
        address
    }

    fn authentication(&self, key: &str) -> Header {
        Header::new("x-ticket", key)
    }

    fn body(&self, _: &str, params: &Map<String, Value>, request: &Request) -> Bytes {
        let mut lines: Vec<String> = params.iter().map(|(name, value)| format!("{name} {value}")).collect();
        lines.extend(request.messages.question.iter().map(|part| match part {
            Part::Text(text) => format!("ask {text}"),
            Part::Picture(RequestImage::Bytes { media_type, bytes }) => {
                format!("look {media_type} {}", bytes.len())
            }
            Part::Picture(RequestImage::Url(url)) => format!("look {url}"),
        }));
        Bytes::from(lines.join("\n"))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(LinesDecoder { line: Vec::new(), has_ended: false })
    }

    fn read_error(&self, status: u16, body: &[u8]) -> ErrorReport {
        let message = String::from_utf8_lossy(body).trim_start_matches("no ").to_owned();
        let kind = if status == 503 { FailureKind::ServerError } else { FailureKind::BadRequest };
        ErrorReport { kind, message, wait: None, usage: None }
    }

    fn parameter_names(&self, parameter: Parameter) -> &'static [&'static str] {
        match parameter {
            Parameter::MaxTokens => &["longest"],
            Parameter::Temperature => &["warmth"],
        }
    }
}

struct LinesDecoder {
    line: Vec<u8>,
    has_ended: bool,
}

impl Decoder for LinesDecoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
            match line.split_once(' ').unwrap_or((&line, "")) {
                ("say", text) => events.push(Event::Text(text.to_owned())),
                ("cost", counts) => {
                    let mut counts = counts.split(' ').map(|count| count.parse().ok());
                    events.push(Event::Usage(Usage {
                        input_tokens: counts.next().flatten(),
                        output_tokens: counts.next().flatten(),
                        reasoning_tokens: None,
                    }));
                }
                _ => {
                    self.has_ended = true;
                    events.push(Event::Stopped(StopReason::Stop));
                }
            }
        }
    }

    fn finish(&mut self, _: &mut Vec<Event>) {
        assert!(self.has_ended);
    }
}

#[derive(Clone, Default)]
struct Requests(Arc<Mutex<Vec<(String, String)>>>);

/// Answers on a free port: the first request with 503, the one about chart 2 with 400, all others.
fn serve(requests: Requests) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let requests = requests.clone();
            std::thread::spawn(move || answer(stream, &requests));
        }
    });
    url
}

/// The head and the body of the request that comes on `stream`; nothing if the connection is closed.
fn read_request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
        let line = head[start..].to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some((head, String::from_utf8(body).unwrap()))
}

fn answer(mut stream: TcpStream, requests: &Requests) {
    let Some((head, body)) = read_request(&stream) else { return };
    let count = {
        let mut requests = requests.0.lock().unwrap();
        requests.push((head, body.clone()));
        requests.len()
    };
    let (status, reply) = match body {
        _ if count == 1 => ("503 Busy", "no time".to_owned()),
        body if body.contains("chart 2") => ("400 Bad", "no such chart".to_owned()),
        _ => ("200 OK", "say A ri\nsay se.\ncost 7 2\nend\n".to_owned()),
    };
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", reply.len());
    for byte in reply.bytes() {
        let _ = stream.write_all(&[byte]).and_then(|()| stream.flush());
    }
}

/// Streams one answer to each request, and leaves out the end of the body. Then it closes the connection, or holds it open
/// until the client closes it.
fn stream_without_end(requests: Requests, holds: bool) -> String {
    const CHUNK: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"A rise.\"}}]}\n\ndata: [DONE]\n\n";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), requests) = (stream, requests.clone()) else { return };
            std::thread::spawn(move || {
                let Some(request) = read_request(&stream) else { return };
                requests.0.lock().unwrap().push(request);
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = write!(stream, "{head}{:x}\r\n{CHUNK}\r\n", CHUNK.len());
                if holds {
                    let _ = stream.read(&mut [0]);
                }
            });
        }
    });
    url
}

#[test]
fn an_answer_that_is_complete_needs_no_end_of_the_response() {
    for holds in [false, true] {
        let (place, requests) = (Place::new(), Requests::default());
        let task = load(place.charts(3).to_str().unwrap()).unwrap().pop().unwrap();
        let settings = Settings {
            model: Some("custom/m".to_owned()),
            base_url: Some(stream_without_end(requests.clone(), holds)),
            out: Some(place.runs()),
            ..Settings::default()
        };
        settings.plan(&task, &Silent).and_then(|planned| planned.run()).unwrap();
        let texts: Vec<_> =
            place.run().samples().iter().map(|sample| sample["output"]["text"].clone()).collect();
        assert_eq!(texts, ["A rise.", "A rise.", "A rise."]);
        assert_eq!(requests.0.lock().unwrap().len(), 3, "no sample is asked twice");
    }
}

#[test]
fn a_run_in_another_protocol_needs_nothing_but_the_protocol() {
    let (place, requests) = (Place::new(), Requests::default());
    let task = load(place.charts(3).to_str().unwrap()).unwrap().pop().unwrap();
    let settings = Settings {
        model: Some("custom/m".to_owned()),
        base_url: Some(serve(requests.clone())),
        protocol: Some(&Lines),
        params: vec![("longest".to_owned(), json!(20))],
        api_key: Some("a-ticket-of-the-test".to_owned()),
        out: Some(place.runs()),
        ..Settings::default()
    };
    let planned = settings.plan(&task, &Silent).unwrap();
    let forecast = planned.forecast().unwrap().unwrap();
    assert_eq!(forecast.output_tokens.basis, "at most: longest = 20");
    planned.run().unwrap();

    let run = place.run();
    let outcomes: Vec<_> = run
        .samples()
        .iter()
        .map(|sample| (sample["output"]["text"].clone(), sample["error"]["message"].clone()))
        .collect();
    let answered = (json!("A rise."), json!(null));
    let refused = (json!(null), json!("status 400 Bad Request: such chart"));
    assert_eq!(outcomes, [answered.clone(), answered, refused]);
    assert_eq!(run.samples()[0]["output"]["usage"], json!({"input_tokens": 7, "output_tokens": 2}));
    assert_eq!(run.json("spec.json")["answers"]["endpoint"]["protocol"], "lines");
    let requests = requests.0.lock().unwrap();
    assert_eq!(requests.len(), 4, "three samples, one of them asked again");
    for (head, body) in requests.iter() {
        assert!(head.starts_with("POST /models/m/ask HTTP/1.1"), "{head}");
        assert!(head.to_lowercase().contains("x-ticket: a-ticket-of-the-test"), "{head}");
        assert!(body.starts_with("longest 20\n") && body.contains("look image/"), "{body}");
    }
}

#[test]
fn a_run_in_a_protocol_that_this_version_does_not_speak_is_refused_with_those_it_speaks() {
    let (place, requests) = (Place::new(), Requests::default());
    let task = load(place.charts(1).to_str().unwrap()).unwrap().pop().unwrap();
    let settings = Settings {
        model: Some("custom/m".to_owned()),
        base_url: Some(serve(requests)),
        protocol: Some(&Lines),
        out: Some(place.runs()),
        ..Settings::default()
    };
    let folder = settings.plan(&task, &Silent).and_then(|planned| planned.run()).unwrap();
    let refused = Settings::default().plan_rest(&folder, &Silent).err().unwrap().to_string();
    assert!(refused.contains("\"lines\"") && refused.contains("openai-chat"), "{refused}");
}
