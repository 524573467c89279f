//! The OpenAI chat-completions protocol: a request's body, a reply's meaning.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::said::{Said, one_line};
use crate::types::{
    Failure, FailureKind, ImageDetail, ModelOutput, Part, Request, RequestImage, StopReason, Usage,
};

mod stream;

/// Where requests go, behind the base URL.
pub(super) const PATH: &str = "/chat/completions";

/// The body of one request, built once however often it is sent.
pub(super) fn body(model: &str, params: &Map<String, Value>, request: &Request) -> Bytes {
    let messages = &request.messages;
    let pictures = messages.pictures().map(encoded_length).sum::<usize>();
    let mut body = Vec::with_capacity(pictures + messages.characters() * 2 + 1024);
    // A --param may override even these two: some gateways want another model name or message shape.
    if !params.contains_key("model") {
        write_key(&mut body, "model");
        write_json(&mut body, model);
    }
    if !params.contains_key("messages") {
        write_key(&mut body, "messages");
        write_messages(&mut body, request);
    }
    for (key, value) in params {
        write_key(&mut body, key);
        write_json(&mut body, value);
    }
    body.push(b'}');
    Bytes::from(body)
}

fn encoded_length(image: &RequestImage) -> usize {
    match image {
        RequestImage::Url(url) => url.len() + 64,
        RequestImage::Bytes { bytes, .. } => bytes.len().div_ceil(3) * 4 + 128,
    }
}

/// The system message, the earlier turns, and the message to answer.
fn write_messages(body: &mut Vec<u8>, request: &Request) {
    let (messages, detail) = (&request.messages, request.image_detail);
    body.push(b'[');
    if let Some(system) = &messages.system {
        write_message(body, "system", system);
        body.push(b',');
    }
    for turn in &messages.turns {
        write_question(body, &turn.question, detail);
        body.push(b',');
        write_message(body, "assistant", &turn.answer);
        body.push(b',');
    }
    write_question(body, &messages.question, detail);
    body.push(b']');
}

fn write_message(body: &mut Vec<u8>, role: &str, text: &str) {
    body.extend_from_slice(br#"{"role":"#);
    write_json(body, role);
    body.extend_from_slice(br#","content":"#);
    write_json(body, text);
    body.push(b'}');
}

/// A message of the user, its parts in order.
fn write_question(body: &mut Vec<u8>, parts: &[Part<RequestImage>], detail: Option<ImageDetail>) {
    body.extend_from_slice(br#"{"role":"user","content":["#);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        match part {
            Part::Text(text) => {
                body.extend_from_slice(br#"{"type":"text","text":"#);
                write_json(body, text);
            }
            Part::Picture(image) => {
                body.extend_from_slice(br#"{"type":"image_url","image_url":{"url":"#);
                write_address(body, image);
                if let Some(detail) = detail {
                    body.extend_from_slice(br#","detail":"#);
                    write_json(body, &detail);
                }
                body.push(b'}');
            }
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
}

/// A picture is copied once, into the body. It is written by hand since nothing in base64 needs an escape: to look for
/// some took more time than to encode it.
fn write_address(body: &mut Vec<u8>, image: &RequestImage) {
    match image {
        RequestImage::Url(url) => write_json(body, url),
        RequestImage::Bytes { media_type, bytes } => {
            body.extend_from_slice(b"\"data:");
            body.extend_from_slice(media_type.as_bytes());
            body.extend_from_slice(b";base64,");
            let start = body.len();
            body.resize(start + bytes.len().div_ceil(3) * 4, 0);
            let written = STANDARD.encode_slice(bytes, &mut body[start..]);
            debug_assert_eq!(written, Ok(body.len() - start));
            body.push(b'"');
        }
    }
}

/// The key of the next field.
fn write_key(body: &mut Vec<u8>, key: &str) {
    body.push(if body.is_empty() { b'{' } else { b',' });
    write_json(body, key);
    body.push(b':');
}

fn write_json<T: Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(body, value)
        .expect("strings and JSON values always serialize, and a Vec takes any bytes");
}

#[derive(Deserialize)]
struct Reply {
    choices: Option<Vec<Choice>>,
    model: Option<String>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<ReplyMessage>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct ReplyMessage {
    content: Option<Value>,
    refusal: Option<String>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
}

/// What a reply with status 200 says: an answer, or why it is none. A failure may come with what there was of
/// an answer (its usage was paid for).
pub(super) fn parse(body: &[u8]) -> Result<ModelOutput, (Failure, Option<Box<ModelOutput>>)> {
    let malformed = |message: String| (Failure::new(FailureKind::Malformed, message), None);
    let reply = match stream::is_stream(body) {
        true => stream::whole(body),
        false => read(body)
            .map_err(|error| format!("expected a chat completion ({error}), got {:?}", one_line(body))),
    };
    let reply: Reply = reply.map_err(malformed)?.map_err(|said| (said.failure_without_status(), None))?;
    let choice = reply.choices.into_iter().flatten().next();
    let Some(Choice { message: Some(message), finish_reason }) = choice else {
        return Err(malformed("expected choices[0].message in the reply, found none".to_owned()));
    };
    let refusal = message.refusal.clone().filter(|refusal| !refusal.is_empty());
    let output = ModelOutput {
        text: message.content.as_ref().map(content_text).unwrap_or_default(),
        reasoning: reasoning_of(&message),
        stop_reason: finish_reason.as_deref().map(stop_reason),
        model: reply.model,
        usage: reply.usage.as_ref().filter(|usage| usage.is_object()).map(usage),
    };
    if finish_reason.as_deref() == Some("error") {
        let failure = Failure::new(FailureKind::ServerError, "the answer broke off (finish_reason: error)");
        return Err((failure, Some(Box::new(output))));
    }
    match why_unusable(&output, refusal) {
        Some(failure) => Err((failure, Some(Box::new(output)))),
        None => Ok(output),
    }
}

/// One JSON value of the protocol; the inner error where it carries an error, whatever else is in it.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Result<T, Said>, serde_json::Error> {
    let value: Value = serde_json::from_slice(body)?;
    match Said::of_reply(&value) {
        Some(said) => Ok(Err(said)),
        None => serde_json::from_value(value).map(Ok),
    }
}

/// Only a wholly empty answer is a failure; one that was cut short is still the model's answer.
fn why_unusable(output: &ModelOutput, refusal: Option<String>) -> Option<Failure> {
    if !output.text.trim().is_empty() {
        return None;
    }
    if let Some(refusal) = refusal {
        return Some(Failure::new(FailureKind::Refused, format!("the model refused: {refusal}")));
    }
    Some(match output.stop_reason {
        Some(StopReason::ContentFilter) => {
            Failure::new(FailureKind::Refused, "the endpoint's content filter withheld the answer")
        }
        Some(StopReason::Length) => Failure::new(
            FailureKind::Truncated,
            "the token limit was reached before the answer began (raise it: --param max_tokens=N)",
        ),
        _ => Failure::new(FailureKind::Empty, "the answer is empty"),
    })
}

/// A message's content: a string, or a list of parts of which the text ones count.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn reasoning_of(message: &ReplyMessage) -> Option<String> {
    let fields = [&message.reasoning_content, &message.reasoning];
    let apart = fields.into_iter().flatten().map(content_text).find(|text| !text.is_empty());
    apart.or_else(|| {
        let thinking = message.content.as_ref()?.as_array()?.iter().filter_map(|part| part.get("thinking"));
        Some(thinking.map(content_text).collect::<String>()).filter(|text| !text.is_empty())
    })
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "stop" | "end_turn" | "eos" => StopReason::Stop,
        "length" | "max_tokens" | "model_length" => StopReason::Length,
        "content_filter" => StopReason::ContentFilter,
        _ => StopReason::Other,
    }
}

/// What is no count is absent: an odd field beside an answer is no reason to pay for it again.
fn usage(reply: &Value) -> Usage {
    Usage {
        input_tokens: reply.get("prompt_tokens").and_then(tokens),
        output_tokens: reply.get("completion_tokens").and_then(tokens),
        reasoning_tokens: reply.pointer("/completion_tokens_details/reasoning_tokens").and_then(tokens),
    }
}

/// A count, also where it is written as `10.0`.
pub(super) fn tokens(number: &Value) -> Option<u64> {
    // Up to here, every whole number is one in binary too (2^53).
    let is_count = |number: &f64| number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(number);
    number.as_u64().or_else(|| number.as_f64().filter(is_count).map(|number| number as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::{Messages, Turn};

    fn params(value: Value) -> Map<String, Value> {
        let Value::Object(params) = value else { panic!("an object") };
        params
    }

    fn text(text: &str) -> Part<RequestImage> {
        Part::Text(text.to_owned())
    }

    fn picture() -> Part<RequestImage> {
        Part::Picture(RequestImage::Url("https://a.b/c.jpg".to_owned()))
    }

    fn request(question: Vec<Part<RequestImage>>, image_detail: Option<ImageDetail>) -> Request {
        Request { messages: Messages { system: None, turns: Vec::new(), question }, image_detail }
    }

    #[test]
    fn a_body_has_the_parts_in_their_order_and_only_the_fields_that_were_set() {
        let png = RequestImage::Bytes { media_type: "image/png", bytes: Bytes::from_static(b"\x89PNG") };
        let request = request(vec![text("Compare \"these\"\n"), Part::Picture(png), picture()], None);
        let body = body("m", &params(json!({"temperature": 0.4, "max_tokens": 300})), &request);
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({"model": "m", "temperature": 0.4, "max_tokens": 300, "messages": [{"role": "user", "content": [
                {"type": "text", "text": "Compare \"these\"\n"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
                {"type": "image_url", "image_url": {"url": "https://a.b/c.jpg"}},
            ]}]})
        );
    }

    #[test]
    fn each_picture_says_how_closely_it_is_to_be_looked_at_where_the_request_does() {
        let request = request(vec![picture(), text("?"), picture()], Some(ImageDetail::Low));
        let body: Value = serde_json::from_slice(&body("m", &Map::new(), &request)).unwrap();
        let expected = json!({"url": "https://a.b/c.jpg", "detail": "low"});
        for part in [0, 2] {
            assert_eq!(body["messages"][0]["content"][part]["image_url"], expected);
        }
    }

    /// The bytes that versions without an order of parts sent, so that the published suite stays what it was.
    #[test]
    fn a_text_and_its_picture_are_written_byte_for_byte_as_ever() {
        let request = request(vec![text("?"), picture()], None);
        let expected = concat!(
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"?"},"#,
            r#"{"type":"image_url","image_url":{"url":"https://a.b/c.jpg"}}]}],"temperature":0.4}"#
        );
        assert_eq!(body("m", &params(json!({"temperature": 0.4})), &request), expected);
    }

    #[test]
    fn the_system_message_and_earlier_turns_are_sent_before_the_question() {
        let mut request = request(vec![text("And this?"), picture()], None);
        request.messages.system = Some("Be brief.".to_owned());
        request.messages.turns =
            vec![Turn { question: vec![picture(), text("What?")], answer: "A cat.".to_owned() }];
        let body: Value = serde_json::from_slice(&body("m", &Map::new(), &request)).unwrap();
        let image = json!({"type": "image_url", "image_url": {"url": "https://a.b/c.jpg"}});
        assert_eq!(
            body["messages"],
            json!([
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [image, {"type": "text", "text": "What?"}]},
                {"role": "assistant", "content": "A cat."},
                {"role": "user", "content": [{"type": "text", "text": "And this?"}, image]},
            ])
        );
    }

    #[test]
    fn reasoning_is_kept_apart_from_the_answer() {
        let reply = json!({"model": "m-1", "choices": [{"finish_reason": "stop", "message":
            {"content": "B", "reasoning_content": "Hm."}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 3}}});
        let output = parse(reply.to_string().as_bytes()).unwrap();
        assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("B", Some("Hm.")));
        assert_eq!(output.usage.unwrap().reasoning_tokens, Some(3));

        let parts = json!({"choices": [{"message": {"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "B"}]}}]});
        let output = parse(parts.to_string().as_bytes()).unwrap();
        assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("B", Some("Hm.")));
    }

    #[test]
    fn an_answer_that_is_none_says_why() {
        let reply = |message: Value, finish: &str| {
            let reply = json!({"choices": [{"message": message, "finish_reason": finish}]});
            parse(reply.to_string().as_bytes()).unwrap_err().0
        };
        assert_eq!(reply(json!({"content": " \n"}), "stop").kind, FailureKind::Empty);
        assert_eq!(reply(json!({"content": null}), "length").kind, FailureKind::Truncated);
        assert_eq!(reply(json!({"content": ""}), "content_filter").kind, FailureKind::Refused);
        assert_eq!(reply(json!({"refusal": "I can't."}), "stop").kind, FailureKind::Refused);
        for broken in
            ["", "<html>", "{}", "[]", "{\"choices\": [{}]}", "{\"error\": {\"message\": \"busy\"}}"]
        {
            assert_eq!(parse(broken.as_bytes()).unwrap_err().0.kind, FailureKind::Malformed, "{broken}");
        }
        let upstream = json!({"choices": [{"finish_reason": "error", "message": {"content": "The"},
            "error": {"code": 502, "message": "upstream failed"}}]});
        assert_eq!(parse(upstream.to_string().as_bytes()).unwrap_err().0.kind, FailureKind::ServerError);
    }

    #[test]
    fn odd_fields_beside_an_answer_leave_it_an_answer() {
        let answer = |field: &str, value: Value| {
            let mut reply = json!({"choices": [{"message": {"content": "B"}, "finish_reason": "stop"}]});
            reply[field] = value;
            parse(reply.to_string().as_bytes()).unwrap()
        };
        for (count, read) in
            [(json!(10.0), Some(10)), (json!(-1), None), (json!(1.5), None), (json!("9"), None)]
        {
            let output = answer("usage", json!({"prompt_tokens": count, "completion_tokens": 4}));
            assert_eq!(output.text, "B");
            let usage = output.usage.unwrap();
            assert_eq!((usage.input_tokens, usage.output_tokens), (read, Some(4)), "{count}");
        }
        assert_eq!(answer("usage", json!([1])).usage, None);
        for nothing in [json!(null), json!({}), json!("")] {
            assert_eq!(answer("error", nothing).text, "B");
        }
    }

    #[test]
    fn an_answer_that_broke_off_is_a_failure_of_the_server_with_what_was_paid_for() {
        let reply = json!({"choices": [{"message": {"content": "The left"}, "finish_reason": "error"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
        let (failure, unusable) = parse(reply.to_string().as_bytes()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::ServerError);
        assert_eq!(unusable.unwrap().usage.unwrap().total(), 11);
    }
}
