//! An answer as a stream of events, as sent by servers that always stream.

use bytes::Bytes;
use serde_json::{Value, json};

/// Returns the whole stream, without the final `[DONE]`.
pub(super) fn whole(completion: &[u8]) -> Bytes {
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": parsed(completion)["usage"]});
    of(pieces(completion).into_iter().chain([finish, usage]))
}

/// Returns the stream without its end.
pub(super) fn cut(completion: &[u8]) -> Bytes {
    of(pieces(completion))
}

/// Returns the stream with an error in place of its end.
pub(super) fn failed(completion: &[u8]) -> Bytes {
    of(pieces(completion).into_iter().chain([json!({"error": {"code": 503, "message": "overloaded"}})]))
}

fn parsed(completion: &[u8]) -> Value {
    serde_json::from_slice(completion).unwrap_or_default()
}

/// Returns the text of the answer in two events.
fn pieces(completion: &[u8]) -> [Value; 2] {
    let completion = parsed(completion);
    let text = completion["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    let half = text.char_indices().nth(text.chars().count() / 2).map_or(text.len(), |(at, _)| at);
    [&text[..half], &text[half..]].map(|text| {
        json!({"object": "chat.completion.chunk", "model": completion["model"], "choices": [
            {"index": 0, "delta": {"content": text}, "finish_reason": null}]})
    })
}

fn of(events: impl IntoIterator<Item = Value>) -> Bytes {
    events.into_iter().map(|event| format!("data: {event}\n\n")).collect::<String>().into()
}
