//! The faults that the endpoint can simulate: a closed list.
//!
//! Each fault was observed on a real server. This module describes the faults as data; `reply` and `wire` implement
//! them.

use std::fmt;
use std::str::FromStr;

/// A fault of the closed list.
#[derive(Clone, Copy)]
pub struct Fault(&'static Entry);

struct Entry {
    name: &'static str,
    about: &'static str,
    effect: Effect,
}

/// The reason why a list of faults is not valid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault has this name.
    #[error("unknown fault {0:?}: expected one of {names}", names = names())]
    Unknown(String),
    /// The share is not a number above 0 and at most 1.
    #[error("the share of {name} is {share:?}: expected a number above 0 and at most 1, such as {name}:0.1")]
    Share {
        /// The name of the fault.
        name: String,
        /// The given share.
        share: String,
    },
    /// The sum of all shares is above 1.
    #[error("the shares of all faults add up to {0}: expected at most 1")]
    Sum(f64),
}

fn names() -> String {
    Fault::all().map(Fault::name).collect::<Vec<_>>().join(", ")
}

/// How the endpoint handles a request with a fault.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    /// Answers with status 429 and a hint when to retry.
    Limit(Hint),
    /// Sends another reply in place of the answer.
    Instead(Instead),
    /// Never replies.
    Hang,
    /// Closes the connection without a reply.
    Drop,
    /// Sends the answer with damaged bytes.
    Damage(Damage),
    /// Sends the answer in violation of HTTP, or too slowly.
    Disturb(Disturbance),
}

/// How a reply with status 429 tells the client when to retry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hint {
    Nothing,
    Seconds,
    Date,
    OtherHeader,
}

/// A complete reply that is not an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instead {
    pub(super) status: u16,
    pub(super) media_type: &'static str,
    pub(super) body: &'static str,
}

/// How the bytes of the answer are damaged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Damage {
    Truncate,
    InvalidUtf8,
    Stream,
    StreamCut,
    StreamError,
}

/// How the transfer of the answer is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disturbance {
    Reset,
    Stall,
    Drip,
    LengthTooLong,
    LengthTooShort,
    Huge,
}

const fn fault(name: &'static str, about: &'static str, effect: Effect) -> Entry {
    Entry { name, about, effect }
}

const fn json(status: u16, body: &'static str) -> Effect {
    Effect::Instead(Instead { status, media_type: "application/json", body })
}

const fn html(status: u16, body: &'static str) -> Effect {
    Effect::Instead(Instead { status, media_type: "text/html; charset=utf-8", body })
}

const fn text(status: u16, body: &'static str) -> Effect {
    Effect::Instead(Instead { status, media_type: "text/plain; charset=utf-8", body })
}

static FAULTS: &[Entry] = &[
    fault("429", "too many requests, without a hint when to retry", Effect::Limit(Hint::Nothing)),
    fault("429-seconds", "429 with `Retry-After: 1`", Effect::Limit(Hint::Seconds)),
    fault("429-date", "429 with a date in `Retry-After`", Effect::Limit(Hint::Date)),
    fault("429-llm", "429 with `llm_provider-retry-after: 1` only", Effect::Limit(Hint::OtherHeader)),
    fault(
        "429-code",
        "429 whose body has the code as a text",
        json(429, r#"{"error":{"code":"429","message":"Too many requests"}}"#),
    ),
    fault(
        "429-storm",
        "429 for 20 consecutive requests; the share is of such groups",
        Effect::Limit(Hint::Nothing),
    ),
    fault(
        "429-quota",
        "429 because the account has no credit left",
        json(
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        ),
    ),
    fault(
        "400-context",
        "a prompt that exceeds the context of the model",
        json(
            400,
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your messages resulted in 5123 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ),
    ),
    fault(
        "400-filter",
        "a prompt that a content filter refuses",
        json(
            400,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering the content management policy.","type":null,"param":"prompt","code":"content_filter"}}"#,
        ),
    ),
    fault(
        "400-key",
        "a wrong key, answered with 400 as some gateways do",
        json(
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
        ),
    ),
    fault(
        "401",
        "a wrong key",
        json(
            401,
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        ),
    ),
    fault(
        "402",
        "an account without credit",
        json(402, r#"{"error":{"message":"Insufficient credits","code":402}}"#),
    ),
    fault(
        "403-flagged",
        "a prompt that a moderator refuses",
        json(403, r#"{"error":{"code":403,"message":"Input was flagged by moderation"}}"#),
    ),
    fault("404", "no such model", json(404, r#"{"error":"model not found"}"#)),
    fault(
        "413-html",
        "too large, answered with the HTML page of a proxy",
        html(413, "<html><head><title>413 Request Entity Too Large</title></head><body></body></html>"),
    ),
    fault(
        "422-detail",
        "an error whose body is `{\"detail\":[…]}`",
        json(
            422,
            r#"{"detail":[{"loc":["body","messages"],"msg":"field not understood","type":"value_error"}]}"#,
        ),
    ),
    fault("500", "a server error in plain text", text(500, "Internal Server Error")),
    fault(
        "500-error",
        "a server error whose body is `{\"error\":\"text\"}`",
        json(500, r#"{"error":"out of memory"}"#),
    ),
    fault(
        "502-html",
        "a bad gateway, answered with the HTML page of a proxy",
        html(502, "<html><head><title>502 Bad Gateway</title></head><body></body></html>"),
    ),
    fault("503", "service unavailable, with an empty body", text(503, "")),
    fault(
        "error-200",
        "an error with status 200",
        json(200, r#"{"error":{"message":"upstream failed","code":502}}"#),
    ),
    fault(
        "error-inside",
        "an error inside the answer",
        json(
            200,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"The"},"finish_reason":"error","error":{"code":502,"message":"upstream failed"}}]}"#,
        ),
    ),
    fault(
        "stream",
        "a stream of events that was not requested, without `[DONE]`",
        Effect::Damage(Damage::Stream),
    ),
    fault("stream-cut", "an incomplete stream of events", Effect::Damage(Damage::StreamCut)),
    fault("stream-error", "a stream of events that ends with an error", Effect::Damage(Damage::StreamError)),
    fault(
        "html-200",
        "an HTML page with status 200",
        html(200, "<!doctype html><html><body>Please sign in</body></html>"),
    ),
    fault("hang", "no reply", Effect::Hang),
    fault("drop", "the connection ends without a reply", Effect::Drop),
    fault("reset", "the connection is reset in the middle of the reply", Effect::Disturb(Disturbance::Reset)),
    fault("stall", "half of the reply, then nothing", Effect::Disturb(Disturbance::Stall)),
    fault("drip", "the reply in 64 pieces, 25 ms apart", Effect::Disturb(Disturbance::Drip)),
    fault("truncated", "half of the JSON, as if it were complete", Effect::Damage(Damage::Truncate)),
    fault(
        "length-long",
        "a `Content-Length` above the number of bytes sent",
        Effect::Disturb(Disturbance::LengthTooLong),
    ),
    fault(
        "length-short",
        "a `Content-Length` below the number of bytes sent",
        Effect::Disturb(Disturbance::LengthTooShort),
    ),
    fault("huge", "an answer of 1 GiB", Effect::Disturb(Disturbance::Huge)),
    fault("utf8", "bytes in the answer that are not UTF-8", Effect::Damage(Damage::InvalidUtf8)),
];

impl Fault {
    /// Returns all faults.
    pub fn all() -> impl Iterator<Item = Self> {
        FAULTS.iter().map(Self)
    }

    /// Returns the name of the fault, as used in options and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns a description in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.0.about
    }

    pub(super) fn effect(self) -> Effect {
        self.0.effect
    }

    /// Returns whether the fault affects several consecutive requests.
    pub(super) fn is_storm(self) -> bool {
        self.0.name == "429-storm"
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({})", self.0.name)
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Fault {}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(name: &str) -> Result<Self, FaultError> {
        Self::all().find(|fault| fault.name() == name).ok_or_else(|| FaultError::Unknown(name.to_owned()))
    }
}
