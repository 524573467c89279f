//! What an answer is found by: everything that it can depend on, in one canonical form. Knows no files.

use serde_json::{Map, Value, json};

use super::FORMAT;
use crate::files::sha256_hex;
use crate::provider::{Header, QueryParameter};
use crate::types::{Endpoint, Epoch, ImageRecord, Part, Request, RequestImage};

/// SHA-256 of a request's canonical form, in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Key(String);

impl Key {
    /// 64 hex digits.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What all requests of a run have in common.
#[derive(Debug, Clone)]
pub(super) struct Scope(Map<String, Value>);

impl Scope {
    pub(super) fn new(endpoint: &Endpoint, headers: &[Header], query: &[QueryParameter]) -> Self {
        let mut scope = Map::new();
        scope.insert("format".to_owned(), FORMAT.into());
        scope.insert("protocol".to_owned(), endpoint.protocol.clone().into());
        scope.insert("base_url".to_owned(), endpoint.base_url.clone().into());
        scope.insert("model".to_owned(), endpoint.model.clone().into());
        scope.insert("params".to_owned(), Value::Object(endpoint.params.clone()));
        scope.insert("headers".to_owned(), headers.iter().map(header).collect());
        // Left out of the key otherwise, so that the answers of earlier versions are found.
        if endpoint.keeps_reasoning {
            scope.insert("keeps_reasoning".to_owned(), true.into());
        }
        if !query.is_empty() {
            scope.insert("query".to_owned(), query.iter().map(parameter).collect());
        }
        Self(scope)
    }

    /// The key of one request of `epoch`, whose pictures in order are `images`; nothing if the bytes of one are not known.
    pub(super) fn key<'a>(
        &self,
        request: &Request,
        epoch: Epoch,
        images: &mut impl Iterator<Item = &'a ImageRecord>,
    ) -> Option<Key> {
        let messages = &request.messages;
        let mut turns = Vec::new();
        for turn in &messages.turns {
            turns.push(json!([parts(&turn.question, images)?, turn.answer]));
        }
        let mut form = self.0.clone();
        form.insert("system".to_owned(), json!(messages.system));
        form.insert("turns".to_owned(), turns.into());
        form.insert("question".to_owned(), parts(&messages.question, images)?.into());
        form.insert("detail".to_owned(), json!(request.image_detail));
        // The first epoch has the key of a run without epochs.
        if epoch > 1 {
            form.insert("epoch".to_owned(), epoch.into());
        }
        Some(Key(sha256_hex(canonical(&Value::Object(form)))))
    }
}

/// Texts as they are, and for each picture media type and hash.
fn parts<'a>(
    parts: &[Part<RequestImage>],
    images: &mut impl Iterator<Item = &'a ImageRecord>,
) -> Option<Vec<Value>> {
    let part = |part: &Part<RequestImage>| match part {
        Part::Text(text) => Some(json!(text)),
        Part::Picture(_) => {
            let image = images.next()?;
            Some(json!([image.media_type.as_ref()?, image.sha256.as_ref()?]))
        }
    };
    parts.iter().map(part).collect()
}

/// Headers that carry a credential: a new key gives no other answers.
const CREDENTIALS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
];

/// Name and value; of a credential the name alone.
fn header(header: &Header) -> Value {
    let (name, value) = (header.name.to_ascii_lowercase(), &header.value);
    if CREDENTIALS.contains(&name.as_str()) { json!([name]) } else { json!([name, value]) }
}

/// Parameters of a query that carry a credential.
const CREDENTIAL_PARAMETERS: [&str; 6] = ["key", "api_key", "api-key", "apikey", "token", "access_token"];

/// Name and value; of a credential only the name.
fn parameter(parameter: &QueryParameter) -> Value {
    let QueryParameter { name, value } = parameter;
    if CREDENTIAL_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
        json!([name])
    } else {
        json!([name, value])
    }
}

/// Without white space, the keys of every object in ascending order of their bytes.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            let fields =
                fields.into_iter().map(|(key, field)| format!("{}:{}", json!(key), canonical(field)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ImageDetail, Messages, Turn};

    fn endpoint() -> Endpoint {
        Endpoint {
            provider: "custom".to_owned(),
            protocol: "openai-chat".to_owned(),
            base_url: "http://localhost:8000/v1".to_owned(),
            model: "m".to_owned(),
            key_variable: None,
            headers: Vec::new(),
            query: Vec::new(),
            params: serde_json::from_str(r#"{"temperature":0,"max_tokens":300}"#).unwrap(),
            keeps_reasoning: false,
        }
    }

    fn image(sha256: Option<&str>) -> ImageRecord {
        ImageRecord {
            source: "a.png".to_owned(),
            sha256: sha256.map(str::to_owned),
            media_type: Some("image/png".to_owned()),
            width: None,
            height: None,
            bytes: None,
            changed: None,
            note: None,
        }
    }

    fn key(endpoint: &Endpoint, headers: &[(&str, &str)]) -> Key {
        let headers: Vec<_> = headers.iter().map(|(name, value)| Header::new(*name, *value)).collect();
        let scope = Scope::new(endpoint, &headers, &[]);
        scope.key(&request(), 1, &mut [image(Some("ab"))].iter()).unwrap()
    }

    fn text(text: &str) -> Part<RequestImage> {
        Part::Text(text.to_owned())
    }

    fn picture() -> Part<RequestImage> {
        Part::Picture(RequestImage::Url(String::new()))
    }

    fn request() -> Request {
        let turns = vec![Turn { question: vec![text("1 + 1?")], answer: "2".to_owned() }];
        let question = vec![picture(), text("What is \"it\"?")];
        let messages = Messages { system: Some("Be brief.".to_owned()), turns, question };
        Request { messages, image_detail: Some(ImageDetail::Low) }
    }

    #[test]
    fn the_key_is_that_of_the_documented_form() {
        let form = concat!(
            r#"{"base_url":"http://localhost:8000/v1","detail":"low","format":"eyechart.answer/3","headers":[],"#,
            r#""model":"m","params":{"max_tokens":300,"temperature":0},"protocol":"openai-chat","#,
            r#""question":[["image/png","ab"],"What is \"it\"?"],"system":"Be brief.","turns":[[["1 + 1?"],"2"]]}"#
        );
        assert_eq!(key(&endpoint(), &[]).as_str(), sha256_hex(form));
    }

    #[test]
    fn the_order_of_the_settings_and_a_new_credential_make_no_other_key() {
        let mut other = endpoint();
        other.params = serde_json::from_str(r#"{"max_tokens":300,"temperature":0}"#).unwrap();
        assert_eq!(key(&endpoint(), &[]), key(&other, &[]));
        let with = |header| key(&endpoint(), &[header]);
        assert_eq!(with(("Authorization", "a")), with(("authorization", "b")));
        assert_eq!(with(("x-api-key", "a")), with(("x-api-key", "b")));
        assert_ne!(with(("x-tokenizer", "a")), with(("x-tokenizer", "b")));
        assert_ne!(with(("x-variant", "a")), key(&endpoint(), &[]));
    }

    #[test]
    fn each_epoch_has_a_key_of_its_own() {
        let key = |epoch| {
            Scope::new(&endpoint(), &[], &[]).key(&request(), epoch, &mut [image(Some("ab"))].iter()).unwrap()
        };
        assert_ne!(key(1), key(2));
        assert_ne!(key(2), key(3));
    }

    #[test]
    fn an_answer_in_another_protocol_is_another_answer() {
        let other = Endpoint { protocol: "lines".to_owned(), ..endpoint() };
        assert_ne!(key(&endpoint(), &[]), key(&other, &[]));
    }

    #[test]
    fn a_picture_whose_bytes_nobody_knows_has_no_key() {
        let key =
            |image: ImageRecord| Scope::new(&endpoint(), &[], &[]).key(&request(), 1, &mut [image].iter());
        assert!(key(image(Some("ab"))).is_some());
        assert_eq!(key(image(None)), None);
    }

    #[test]
    fn another_order_system_message_or_turn_is_another_key() {
        let with = |change: fn(&mut Messages<RequestImage>)| {
            let mut request = request();
            change(&mut request.messages);
            Scope::new(&endpoint(), &[], &[]).key(&request, 1, &mut [image(Some("ab"))].iter()).unwrap()
        };
        let changes: [fn(&mut Messages<RequestImage>); 5] = [
            |messages| messages.question.reverse(),
            |messages| messages.system = None,
            |messages| messages.turns.clear(),
            |messages| messages.turns[0].answer = "3".to_owned(),
            |messages| messages.question = vec![picture(), text("What"), text(" is \"it\"?")],
        ];
        for change in changes {
            assert_ne!(with(change), with(|_| {}));
        }
    }
}
