//! The errors of OpenAI-compatible servers, in all the shapes that these use. A failure is classified by its status, and
//! by its words if servers use one status for several failures. The words are those of servers in the wild.

use std::time::Duration;

use serde_json::Value;

use super::ErrorReport;
use super::openai_chat::usage_of;
use super::withheld::is_withheld;
use crate::text::{parse_duration, repaired_json};
use crate::types::{Failure, FailureKind, Usage};

/// The bytes of an error text that are read.
const LONGEST_ERROR: usize = 64 << 10;
/// The largest distance, in words, between a thing and the words that it is missing.
const CLOSE: usize = 12;
/// The words for a picture in messages.
const PICTURE: [&str; 5] = ["image", "images", "image_url", "picture", "pictures"];

/// An error as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// The message for people on one line; empty if there is none.
    pub(super) message: String,
    /// Its `code` and `type`.
    code: String,
    /// The code, if it is an HTTP status.
    status: Option<u16>,
    /// Whether its codes report that the prompt or the answer is withheld.
    is_withheld: bool,
    /// How long the server asks to wait.
    pub(super) wait: Option<Duration>,
    /// The tokens that the request took all the same.
    usage: Option<Usage>,
}

impl ErrorBody {
    /// The error in the body of a response with another status than 2xx.
    pub(super) fn of_body(body: &[u8]) -> Self {
        let parsed: Option<Value> = read_json(body).ok();
        // Gemini's servers wrap their errors in a list.
        let parsed = parsed.as_ref().map(|body| body.get(0).unwrap_or(body));
        let error =
            parsed.and_then(|body| ["error", "detail", "message"].iter().find_map(|key| some(body, key)));
        let found = error.map(Self::of_error).filter(|error| !error.message.is_empty());
        let found = found.unwrap_or_else(|| Self { message: one_line(body), ..Self::default() });
        match parsed {
            Some(beside) => {
                let usage = beside.get("usage").map(usage_of).filter(|usage| *usage != Usage::default());
                Self { usage, ..found.with_codes_beside(beside) }
            }
            None => found,
        }
    }

    /// The error in a response with status 200: its own, or that of its first choice. An empty error (`null`, `{}`, `""`)
    /// does not count: some servers send one with every answer.
    pub(super) fn in_reply(reply: &Value) -> Option<Self> {
        let reply = reply.get(0).unwrap_or(reply);
        let of_choice = || reply.get("choices")?.get(0)?.get("error");
        let error = [reply.get("error"), of_choice()].into_iter().flatten().find(|error| !is_nothing(error));
        match error {
            Some(error) => Some(Self::of_error(error).with_codes_beside(reply)),
            None if reply.get("object").and_then(Value::as_str) == Some("error") => {
                Some(Self::of_error(reply))
            }
            // The data of an event named `error` is the error itself.
            None if reply.get("choices").is_none() && reply.get("message").is_some_and(Value::is_string) => {
                Some(Self::of_error(reply))
            }
            None => None,
        }
    }

    fn of_error(error: &Value) -> Self {
        let message = one_line(text_of(error).as_bytes());
        let wait = wait_of(error).or_else(|| wait_in(&message));
        Self {
            message,
            code: code_of(error),
            status: status_of(error),
            is_withheld: is_withheld(error),
            wait,
            usage: None,
        }
    }

    /// Takes the codes from `beside` if the error has none: Mistral and vLLM have the code beside the message.
    fn with_codes_beside(self, beside: &Value) -> Self {
        let is_withheld = self.is_withheld || is_withheld(beside);
        let code = if self.code.is_empty() { code_of(beside) } else { self.code };
        Self { code, status: self.status.or_else(|| status_of(beside)), is_withheld, ..self }
    }

    /// The failure, if the error came with status 200.
    pub(super) fn failure_without_status(&self) -> Failure {
        Failure::new(self.kind_without_status(), format!("status 200 with an error: {}", self.message))
    }

    /// What the error reports, if it came with `status`, which is not 200.
    pub(super) fn report(self, status: u16) -> ErrorReport {
        ErrorReport { kind: self.kind(status), wait: self.wait, usage: self.usage, message: self.message }
    }

    /// The kind of a failure with `status`, which is not 200.
    fn kind(&self, status: u16) -> FailureKind {
        match status {
            // Every other request would be refused too, for a key without credit as for a wrong one.
            401 | 402 => FailureKind::Auth,
            _ if self.is_withheld => FailureKind::Refused,
            403 if self.is_filtered() => FailureKind::Refused,
            403 => FailureKind::Auth,
            // The address of one picture.
            404 if self.lacks_picture() && !self.lacks_model() => FailureKind::BadRequest,
            // Every other request would get the same response.
            300..=399 | 404 | 405 | 410 => FailureKind::NotFound,
            // A proxy answered, and not the endpoint.
            407 => FailureKind::Connection,
            413 => FailureKind::TooLarge,
            429 if self.is_out_of_credit() => FailureKind::Auth,
            429 => FailureKind::RateLimited,
            // Some gateways answer every error with 400.
            400 if self.status == Some(429) => self.kind(429),
            500 if self.exceeds_context() => FailureKind::TooLarge,
            408 | 409 | 500.. => FailureKind::ServerError,
            _ => self.kind_by_words().unwrap_or(FailureKind::BadRequest),
        }
    }

    /// The kind of a failure with status 200: by its code, if that is an HTTP status.
    fn kind_without_status(&self) -> FailureKind {
        match self.status {
            _ if self.is_withheld => FailureKind::Refused,
            Some(status) => self.kind(status),
            None => self.kind_by_words().unwrap_or(FailureKind::Malformed),
        }
    }

    /// The kind by the words: some gateways answer all of these with 400.
    fn kind_by_words(&self) -> Option<FailureKind> {
        if self.refuses_key() {
            Some(FailureKind::Auth)
        } else if self.is_too_large() {
            Some(FailureKind::TooLarge)
        } else if self.is_filtered() {
            Some(FailureKind::Refused)
        } else if self.lacks_model() {
            Some(FailureKind::NotFound)
        } else {
            None
        }
    }

    fn refuses_key(&self) -> bool {
        let refused = self.says(&["invalid", "not valid", "incorrect", "expired"]);
        self.is_coded(&["invalid_api_key"])
            || refused && self.says(&["api key", "api_key"])
            || self.flagged() == Some(Flagged::Account)
    }

    /// By the code only: Gemini's message for a quota per minute is OpenAI's for a credit that is used up.
    fn is_out_of_credit(&self) -> bool {
        self.is_coded(&["insufficient_quota", "billing_"]) && !self.is_coded(&["resource_exhausted"])
    }

    fn is_filtered(&self) -> bool {
        const WORDS: [&str; 22] = [
            "blocked by guardrail",
            "contentpolicyviolation",
            "content exists risk",
            "content filter",
            "content management policy",
            "content moderation",
            "content policy",
            "considered high risk",
            "harmful content",
            "inappropriate content",
            "new_sensitive",
            "prohibited content",
            "responsible ai",
            "safety check",
            "safety filter",
            "safety system",
            "sensitive content",
            "sensitive words",
            "unsafe content",
            "usage guidelines",
            "敏感内容",
            "不安全",
        ];
        // A parameter may be called after a filter.
        const OF_PARAMETERS: [&str; 5] =
            ["deprecated", "extra inputs", "unknown parameter", "unrecognized", "unsupported"];
        let is_worded = || self.says(&WORDS) || self.flagged() == Some(Flagged::Request);
        self.is_withheld || !self.says(&OF_PARAMETERS) && is_worded()
    }

    /// What the message calls flagged: the thing that it names last before that word.
    fn flagged(&self) -> Option<Flagged> {
        let message = self.message.to_lowercase();
        let (before, _) = message.split_once("flagged")?;
        let account = words(before).into_iter().rev().find_map(|word| match word {
            "account" | "key" | "organization" => Some(Flagged::Account),
            "input" | "prompt" | "request" | "content" | "image" | "message" => Some(Flagged::Request),
            _ => None,
        });
        Some(account.unwrap_or(Flagged::Request))
    }

    fn is_too_large(&self) -> bool {
        let picture = self.says(&["image", "picture"])
            && self.says(&["too large", "too big", "exceeds", "exceed max", "exceed the max"]);
        self.exceeds_context() || picture
    }

    fn exceeds_context(&self) -> bool {
        const CODES: [&str; 3] = ["context_length", "exceed_context_size", "request_too_large"];
        const CONTEXT: [&str; 9] = [
            "context length",
            "context size",
            "context window",
            "maximum model length",
            "number of tokens allowed",
            "prompt is too long",
            "payload size exceeds",
            "request too large",
            "request entity too large",
        ];
        self.is_coded(&CODES) || self.says(&CONTEXT)
    }

    fn lacks_model(&self) -> bool {
        let is_model = |word: &str| matches!(word, "model" | "models") || word.starts_with("models/");
        self.is_coded(&["model_not_found", "invalid_model"])
            || self.says(&["unknown model"])
            || self.lacks(is_model, is_thing_of_a_sample)
    }

    fn lacks_picture(&self) -> bool {
        self.lacks(|word| PICTURE.contains(&word), |_| false)
    }

    /// Whether the message says that a thing is missing, and not another thing that it names in between.
    fn lacks(&self, is_thing: impl Fn(&str) -> bool, is_other: impl Fn(&str) -> bool) -> bool {
        const MISSING: [&str; 3] = ["not found", "not exist", "not exists"];
        let message = self.message.to_lowercase();
        let words = words(&message);
        let things = (0..words.len()).filter(|&at| is_thing(words[at]));
        let mut behind = things.map(|at| &words[at + 1..words.len().min(at + 1 + CLOSE)]);
        behind.any(|behind| {
            let missing = behind.windows(2).position(|pair| {
                let pair = pair.join(" ");
                MISSING.contains(&pair.trim_end_matches('.'))
            });
            missing.is_some_and(|end| !behind[..end].iter().any(|word| is_other(word)))
        })
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        words.iter().any(|words| message.contains(words))
    }

    fn is_coded(&self, codes: &[&str]) -> bool {
        let own = self.code.to_lowercase();
        codes.iter().any(|code| own.contains(code))
    }
}

/// What a message calls flagged.
#[derive(PartialEq)]
enum Flagged {
    Account,
    Request,
}

/// Whether an error is empty.
pub(super) fn is_nothing(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

/// The words of a message. Names of models, paths and numbers stay whole.
fn words(message: &str) -> Vec<&str> {
    let is_between = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.' | '/');
    message.split(is_between).filter(|word| !word.is_empty()).collect()
}

/// Whether the word is for something that belongs to one sample only.
fn is_thing_of_a_sample(word: &str) -> bool {
    PICTURE.contains(&word) || matches!(word, "file" | "files" | "url" | "http" | "https")
}

/// The wait in Google's `details`: a `retryDelay` such as `15s`.
fn wait_of(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    details.iter().find_map(|detail| parse_duration(detail.get("retryDelay")?.as_str()?))
}

/// The wait in `Please retry in 15.002s.`
fn wait_in(message: &str) -> Option<Duration> {
    let (_, behind) = message.split_once("Please retry in ")?;
    parse_duration(behind.split_whitespace().next()?.trim_end_matches(['.', ',']))
}

fn some<'a>(body: &'a Value, key: &str) -> Option<&'a Value> {
    body.get(key).filter(|value| !value.is_null())
}

fn text_of(error: &Value) -> String {
    match error {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => match fields.get("message").or_else(|| fields.get("msg")) {
            Some(Value::String(text)) => text.clone(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// All codes, types and states that are texts. Azure has them in an inner error.
fn code_of(error: &Value) -> String {
    let own = ["code", "type", "status"].iter().filter_map(|key| error.get(key)?.as_str());
    let inner = error.get("innererror").and_then(|inner| inner.get("code")?.as_str());
    own.chain(inner).collect::<Vec<_>>().join(" ")
}

/// The code as a number or text, if it is an HTTP status.
fn status_of(error: &Value) -> Option<u16> {
    let code = ["code", "status"].iter().find_map(|key| match error.get(key)? {
        Value::Number(code) => code.as_u64(),
        Value::String(code) => code.parse().ok(),
        _ => None,
    });
    code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code))
}

/// The JSON of a reply. What strict parsers refuse is repaired, if the rest can be read then.
pub(super) fn read_json(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(body).or_else(|error| {
        let repaired = repaired_json(body).and_then(|text| serde_json::from_str(&text).ok());
        repaired.ok_or(error)
    })
}

/// A text on one line, cut to a length that people read.
pub(super) fn one_line(body: &[u8]) -> String {
    let head = &body[..body.len().min(LONGEST_ERROR)];
    String::from_utf8_lossy(head).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
