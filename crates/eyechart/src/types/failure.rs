//! The reasons why a sample has no answer: a closed list, so that reports can count each kind.

use serde::{Deserialize, Serialize};

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// There was no connection, it broke before the answer was complete, or a proxy asked for a password (407).
    Connection,
    /// The connection could not be encrypted: the certificate is not valid, or the server does not use TLS.
    Tls,
    /// The attempt took longer than `--timeout`.
    Timeout,
    /// Status 429 in the last attempt.
    RateLimited,
    /// Status 408, 409 or 5xx in the last attempt.
    ServerError,
    /// The endpoint refuses the key, or the key lacks permission or credit.
    Auth,
    /// The address (also after a redirect, which is not followed) or the model name is wrong.
    NotFound,
    /// Prompt, pictures and answer do not fit the model's context, or a picture or the request is too large.
    TooLarge,
    /// Any other status than 200.
    BadRequest,
    /// A content filter or the model withheld the answer.
    Refused,
    /// The token limit was reached before the answer began. An answer that was cut off later is not a failure.
    Truncated,
    /// The answer is empty or only white space.
    Empty,
    /// The reply does not follow the protocol.
    Malformed,
    /// A picture cannot be read, or is not a picture.
    Image,
    /// A picture cannot be fetched from its address, or the reply is not a picture.
    PictureUnavailable,
    /// The row lacks a column that the prompt needs.
    Sample,
    /// Recorded outputs have no answer for this sample.
    NotRecorded,
}

impl FailureKind {
    /// All kinds, in the order of reports.
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

    /// The name in files and tables.
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

/// A failure with its explanation for readers of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// What was given and what was expected. Never contains a key.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
