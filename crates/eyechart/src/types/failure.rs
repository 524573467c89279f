//! Why a sample has no answer: a closed list, so that every report can count each kind.

use serde::{Deserialize, Serialize};

/// What went wrong, in the terms by which failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No connection, or one that broke before the answer was whole.
    Connection,
    /// The attempt took longer than `--timeout`.
    Timeout,
    /// Status 429 to the last.
    RateLimited,
    /// Status 408, 409 or 5xx to the last.
    ServerError,
    /// Status 401 or 403.
    Auth,
    /// Status 404: a wrong address or model name.
    NotFound,
    /// Any other status but 200 (redirects too: they are not followed).
    BadRequest,
    /// The endpoint withheld the answer (`finish_reason` is `content_filter`, or a `refusal`).
    Refused,
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
    /// The name as files and tables show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Refused => "refused",
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

/// The whole chain of an error's causes in one line, each text once: the outermost often says only what was tried.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes.join(": ")
}
