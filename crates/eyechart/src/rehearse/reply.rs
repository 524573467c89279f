//! Builds replies in the format of OpenAI, or with a fault. The script decides what a reply contains.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::events;
use super::fault::{Damage, Disturbance, Effect, Fault, Hint, Instead};
use super::request::ChatRequest;
use super::script::{Action, Headers};

/// A complete reply.
pub(super) type Reply = Response<Bytes>;

/// How a request ends.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The request gets this reply.
    Reply(Reply),
    /// The request gets this reply, with a disturbed transfer.
    Disturbed(Disturbance, Reply),
    /// The request never gets a reply.
    Hang,
    /// The connection of the request is closed.
    Drop,
}

/// The number of tokens per picture in `usage.prompt_tokens`.
const PICTURE_TOKENS: usize = 258;

/// Performs `action` for the request with this number.
pub(super) fn perform(action: Option<&Action>, request: &ChatRequest<'_>, number: u64) -> Outcome {
    Outcome::Reply(match action {
        None => plain(request, number),
        Some(Action::Answer { text, reasoning, finish_reason, headers }) => {
            let message = Message { reasoning_content: reasoning.as_deref(), ..Message::new(text) };
            with(completion(request, number, &message, finish_reason), headers)
        }
        Some(Action::Raw { status, body: Some(body), headers }) => {
            with(reply(*status, body.clone().into_bytes()), headers)
        }
        Some(Action::Raw { status, body: None, headers }) => {
            with(error(*status, "this error is scripted"), headers)
        }
        Some(Action::Drop) => return Outcome::Drop,
        Some(Action::Fault(fault)) => return apply_fault(*fault, Outcome::Reply(plain(request, number))),
    })
}

/// Performs `action` for a request for embeddings. An answer of the script does not replace the embeddings in `body`.
pub(super) fn perform_on_embeddings(
    action: Option<&Action>,
    request: &ChatRequest<'_>,
    body: &Value,
) -> Outcome {
    let embeddings = || reply(200, body.to_string().into_bytes());
    match action {
        None => Outcome::Reply(embeddings()),
        Some(Action::Answer { headers, .. }) => Outcome::Reply(with(embeddings(), headers)),
        Some(Action::Fault(fault)) => apply_fault(*fault, Outcome::Reply(embeddings())),
        // These replies do not contain the number of the request.
        Some(Action::Raw { .. } | Action::Drop) => perform(action, request, 0),
    }
}

/// Returns `otherwise`, the regular outcome, changed by `fault`.
pub(super) fn apply_fault(fault: Fault, otherwise: Outcome) -> Outcome {
    match (fault.effect(), otherwise) {
        (Effect::Limit(hint), _) => Outcome::Reply(limit(hint)),
        (Effect::Instead(instead), _) => Outcome::Reply(whole(instead)),
        (Effect::Hang, _) => Outcome::Hang,
        (Effect::Drop, _) => Outcome::Drop,
        (Effect::Damage(damage), Outcome::Reply(reply)) => Outcome::Reply(damaged(damage, reply)),
        (Effect::Disturb(disturbance), Outcome::Reply(reply)) => Outcome::Disturbed(disturbance, reply),
        (_, otherwise) => otherwise,
    }
}

fn limit(hint: Hint) -> Reply {
    let mut reply = error(429, "too many requests");
    let (name, value) = match hint {
        Hint::Nothing => return reply,
        Hint::Seconds => (RETRY_AFTER, HeaderValue::from_static("1")),
        Hint::Date => (RETRY_AFTER, in_one_second()),
        Hint::OtherHeader => {
            (HeaderName::from_static("llm_provider-retry-after"), HeaderValue::from_static("1"))
        }
    };
    reply.headers_mut().insert(name, value);
    reply
}

/// Returns the time in one second as an HTTP date (RFC 9110, 5.6.7).
fn in_one_second() -> HeaderValue {
    let then = crate::text::now().as_second() + 1;
    let then = jiff::Timestamp::from_second(then).unwrap_or(jiff::Timestamp::MAX);
    let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::try_from(date).expect("a date is ASCII")
}

fn whole(Instead { status, media_type, body }: Instead) -> Reply {
    let mut reply = reply(status, body.as_bytes().to_vec());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    reply
}

fn damaged(damage: Damage, mut reply: Reply) -> Reply {
    if matches!(damage, Damage::Stream | Damage::StreamCut | Damage::StreamError) {
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    }
    reply.map(|body| match damage {
        Damage::Stream => events::whole(&body),
        Damage::StreamCut => events::cut(&body),
        Damage::StreamError => events::failed(&body),
        Damage::Truncate => body.slice(..body.len() / 2),
        Damage::InvalidUtf8 => {
            const BEFORE: &[u8] = b"\"content\":\"";
            let found = body.windows(BEFORE.len()).position(|window| window == BEFORE);
            let at = found.map_or(body.len() / 2, |start| start + BEFORE.len());
            Bytes::from([&body[..at], b"\xff\xfe", &body[at..]].concat())
        }
    })
}

/// Returns the answer for a request that no rule answers.
fn plain(request: &ChatRequest<'_>, number: u64) -> Reply {
    completion(request, number, &Message::new(&default_answer(request)), "stop")
}

/// Returns the list of models.
pub(super) fn models(names: &[&str]) -> Reply {
    let model = |name: &&str| json!({"id": name, "object": "model", "created": 0, "owned_by": "eyechart"});
    let data: Vec<_> = names.iter().map(model).collect();
    reply(200, json!({"object": "list", "data": data}).to_string().into_bytes())
}

/// Returns an error in the format of OpenAI.
pub(super) fn error(status: u16, message: &str) -> Reply {
    let kind = match status {
        401 | 403 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": status}});
    reply(status, body.to_string().into_bytes())
}

/// Returns the error for a path that does not support the method.
pub(super) fn wrong_method(allowed: &'static str) -> Reply {
    let mut reply = error(405, &format!("wrong method: expected {allowed}"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// Adds the id of the request, which clients record and by which logs can be searched.
pub(super) fn tag(mut reply: Reply, number: u64) -> Reply {
    let id = HeaderValue::try_from(format!("rehearse-{number}")).expect("a number is ASCII");
    reply.headers_mut().entry(HeaderName::from_static("x-request-id")).or_insert(id);
    reply
}

fn reply(status: u16, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = StatusCode::from_u16(status).expect("statuses are checked to be 200 to 599");
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn with(mut reply: Reply, headers: &Headers) -> Reply {
    for (name, value) in headers {
        reply.headers_mut().insert(name, value.clone());
    }
    reply
}

/// Returns an answer that describes the request, so that different prompts get different answers and a missing rule is
/// noticed.
fn default_answer(request: &ChatRequest<'_>) -> String {
    let characters = counted(request.text.chars().count(), "character");
    let pictures = counted(request.picture_count(), "picture");
    format!("No answer was scripted for this prompt ({characters}, {pictures}).")
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Usage,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: &'a Message<'a>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
}

impl<'a> Message<'a> {
    fn new(content: &'a str) -> Self {
        Self { role: "assistant", content, reasoning_content: None }
    }
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

fn completion(request: &ChatRequest<'_>, number: u64, message: &Message<'_>, finish_reason: &str) -> Reply {
    let body = Completion {
        id: format!("chatcmpl-rehearse-{number}"),
        object: "chat.completion",
        created: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        model: &request.model,
        choices: [Choice { index: 0, message, finish_reason }],
        usage: usage(request, message),
    };
    reply(200, serde_json::to_vec(&body).expect("texts and numbers are always JSON"))
}

/// Estimates the token counts: four characters per token.
fn usage(request: &ChatRequest<'_>, message: &Message<'_>) -> Usage {
    let tokens = |text: &str| text.chars().count().div_ceil(4);
    let prompt_tokens = tokens(&request.text) + PICTURE_TOKENS * request.picture_count();
    let completion_tokens = tokens(message.content) + message.reasoning_content.map_or(0, tokens);
    Usage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}
