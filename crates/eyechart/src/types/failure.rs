//! Why a sample has no answer: a closed list, so that every report can count each kind.

use serde::{Deserialize, Serialize};

/// What went wrong, in the terms by which failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No connection, or one that broke before the answer was whole.
    Connection,
    /// The connection could not be encrypted: a certificate, or something that speaks no TLS.
    Tls,
    /// The attempt took longer than `--timeout`.
    Timeout,
    /// Status 429 to the last.
    RateLimited,
    /// Status 408, 409 or 5xx to the last.
    ServerError,
    /// The key is refused, may not do this, or has no credit left.
    Auth,
    /// A wrong address (redirects too: they are not followed) or model name.
    NotFound,
    /// Prompt, pictures and answer do not fit the model's context, or a picture or the request is too large.
    TooLarge,
    /// Any other status but 200.
    BadRequest,
    /// A content filter or the model itself withheld the answer.
    Refused,
    /// The token limit was reached before the answer began. One that was cut off later is an answer.
    Truncated,
    /// The answer has nothing but white space.
    Empty,
    /// The reply was not what the protocol promises.
    Malformed,
    /// A picture could not be read or is not one.
    Image,
    /// A picture could not be fetched from its address, or what came is none.
    PictureUnavailable,
    /// The row lacks what the prompt asks for.
    Sample,
    /// Recorded outputs have no answer for this sample.
    NotRecorded,
}

impl FailureKind {
    /// Each of them, in the order in which reports have them.
    pub const ALL: [Self; 17] = [
        Self::Connection,
        Self::Tls,
        Self::Timeout,
        Self::RateLimited,
        Self::ServerError,
        Self::Auth,
        Self::NotFound,
        Self::TooLarge,
        Self::BadRequest,
        Self::Refused,
        Self::Truncated,
        Self::Empty,
        Self::Malformed,
        Self::Image,
        Self::PictureUnavailable,
        Self::Sample,
        Self::NotRecorded,
    ];

    /// The name as files and tables show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::BadRequest => "bad_request",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::Image => "image",
            Self::PictureUnavailable => "picture_unavailable",
            Self::Sample => "sample",
            Self::NotRecorded => "not_recorded",
        }
    }
}

/// A failure with what a reader of the record needs to understand it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct Failure {
    /// How it is counted.
    pub kind: FailureKind,
    /// What was given and what was expected. Never holds a key.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
