//! OpenAI's chat completions: the protocol of OpenAI, and of most servers for local models.

mod response;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::error_body::ErrorBody;
use super::{Decoder, ErrorReport, Parameter, Protocol};
use crate::provider::key::Header;
use crate::types::{ImageDetail, Part, Request, RequestImage};
use response::ResponseDecoder;
pub(super) use response::{token_count, usage_of};

/// OpenAI's chat completions.
pub const OPENAI_CHAT: &dyn Protocol = &OpenaiChat;

const PATH: &str = "/chat/completions";

#[derive(Debug)]
struct OpenaiChat;

impl Protocol for OpenaiChat {
    fn name(&self) -> &'static str {
        "openai-chat"
    }

    fn url(&self, base_url: &str, _: &str) -> String {
        format!("{base_url}{PATH}")
    }

    fn base_url<'a>(&self, address: &'a str) -> &'a str {
        address.trim_end_matches(PATH)
    }

    fn authentication(&self, key: &str) -> Header {
        Header::new("Authorization", format!("Bearer {key}"))
    }

    fn body(&self, model: &str, params: &Map<String, Value>, request: &Request) -> Bytes {
        body(model, params, request)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ResponseDecoder::default())
    }

    fn read_error(&self, status: u16, body: &[u8]) -> ErrorReport {
        ErrorBody::of_body(body).report(status)
    }

    fn parameter_names(&self, parameter: Parameter) -> &'static [&'static str] {
        match parameter {
            Parameter::MaxTokens => &["max_tokens", "max_completion_tokens"],
            Parameter::Temperature => &["temperature"],
        }
    }
}

fn body(model: &str, params: &Map<String, Value>, request: &Request) -> Bytes {
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

/// Writes the system message, the earlier turns, and the message to answer.
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

/// A message of the user. Its parts keep their order.
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

/// Copies a picture once, into the body. Base64 has no characters that JSON escapes, and a JSON writer that looks for them
/// took more time than the encoding itself.
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

/// Writes the name of the next field.
fn write_key(body: &mut Vec<u8>, key: &str) {
    body.push(if body.is_empty() { b'{' } else { b',' });
    write_json(body, key);
    body.push(b':');
}

fn write_json<T: Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(body, value)
        .expect("strings and JSON values always serialize, and a Vec takes any bytes");
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
}
