//! Replies that come as a stream of events though none was asked for: some gateways know no other way. Put together
//! into the reply that they would have been; the pieces have the protocol's own shape (`choices[0].delta`).

use serde::Deserialize;
use serde_json::Value;

use super::{Choice, Reply, ReplyMessage, Said, content_text, one_line, read};

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Piece>>,
    model: Option<String>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Piece {
    delta: Option<ReplyMessage>,
    finish_reason: Option<String>,
}

/// Whether this is a stream of events (WHATWG HTML, 9.2.6): no JSON begins with any of its fields.
pub(super) fn is_stream(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    ["data:", "event:", "id:", "retry:", ":"].iter().any(|field| body.starts_with(field.as_bytes()))
}

/// The whole reply; the inner error where an event is one.
///
/// # Errors
/// A text that says what is wrong: an event that is none of the protocol's, or a stream that breaks off. One that
/// lacks no more than its `[DONE]` is whole.
pub(super) fn whole(body: &[u8]) -> Result<Result<Reply, Said>, String> {
    let (mut model, mut usage) = (None, None);
    let mut message = ReplyMessage::default();
    let (mut finish_reason, mut done) = (None, false);
    for event in events(body) {
        if event == b"[DONE]" {
            done = true;
            break;
        }
        let chunk = read(event).map_err(|error| {
            format!("expected events of a chat completion ({error}), got {:?}", one_line(event))
        })?;
        let chunk: Chunk = match chunk {
            Ok(chunk) => chunk,
            Err(said) => return Ok(Err(said)),
        };
        model = model.or(chunk.model);
        usage = chunk.usage.or(usage);
        // The last event may have the usage alone.
        let Some(piece) = chunk.choices.into_iter().flatten().next() else { continue };
        finish_reason = piece.finish_reason.or(finish_reason);
        join(&mut message, piece.delta.unwrap_or_default());
    }
    if !done && finish_reason.is_none() {
        return Err("the reply is a stream that breaks off: expected a finish_reason or [DONE]".to_owned());
    }
    let choices = Some(vec![Choice { message: Some(message), finish_reason }]);
    Ok(Ok(Reply { choices, model, usage }))
}

/// The data of each event. None of the protocol's has more than one line of it.
fn events(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = body.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines
        .filter_map(|line| line.strip_prefix(b"data:"))
        .map(<[u8]>::trim_ascii)
        .filter(|data| !data.is_empty())
}

fn join(message: &mut ReplyMessage, delta: ReplyMessage) {
    append(&mut message.content, delta.content);
    append(&mut message.reasoning_content, delta.reasoning_content);
    append(&mut message.reasoning, delta.reasoning);
    if let Some(refusal) = delta.refusal {
        message.refusal.get_or_insert_default().push_str(&refusal);
    }
}

fn append(whole: &mut Option<Value>, piece: Option<Value>) {
    let Some(piece) = piece.as_ref().map(content_text).filter(|piece| !piece.is_empty()) else { return };
    if let Value::String(whole) = whole.get_or_insert_with(|| Value::String(String::new())) {
        whole.push_str(&piece);
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::types::{FailureKind, StopReason};

    const BEGINS: &str = ": a comment\n\ndata: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"A ri\"}}]}\n\ndata:{\"choices\":[{\"delta\":{\"content\":\"se.\",\"reasoning_content\":\"Hm.\"}}]}\n\n";
    const ENDS: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";

    #[test]
    fn a_stream_is_the_reply_that_its_pieces_are_of_also_without_its_last_line() {
        for end in ["", "data: [DONE]\n\n"] {
            let output = parse(format!("{BEGINS}{ENDS}{end}").as_bytes()).unwrap();
            assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("A rise.", Some("Hm.")));
            assert_eq!((output.model.as_deref(), output.stop_reason), (Some("m-1"), Some(StopReason::Stop)));
            assert_eq!(output.usage.unwrap().total(), 11);
        }
    }

    #[test]
    fn a_stream_that_breaks_off_or_carries_an_error_is_no_answer() {
        let kind = |end: &str| parse(format!("{BEGINS}{end}").as_bytes()).unwrap_err().0.kind;
        assert_eq!(kind(""), FailureKind::Malformed);
        assert_eq!(kind("data: {\"choi"), FailureKind::Malformed);
        assert_eq!(kind("data: <html>\n\n"), FailureKind::Malformed);
        let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\ndata: [DONE]\n\n";
        assert_eq!(kind(error), FailureKind::ServerError);
    }
}
