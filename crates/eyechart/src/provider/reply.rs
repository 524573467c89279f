//! The contents of one response with status 200, and what reads them.

use crate::types::{Failure, Usage};

/// What a response with status 200 contains.
pub(super) struct Read<T> {
    /// The answer, or why the response is not one.
    pub(super) outcome: Result<T, Failure>,
    /// The part of a failed answer that can be used. Its tokens were paid for.
    pub(super) unusable: Option<T>,
    /// The tokens that the request took; absent if the response does not report them.
    pub(super) usage: Option<Usage>,
}

impl<T> Read<T> {
    pub(super) fn failed(failure: Failure) -> Self {
        Self { outcome: Err(failure), unusable: None, usage: None }
    }
}

/// Reads the body of one response with status 200 while it arrives.
pub(super) trait ReplyReader {
    /// What the endpoint is asked for.
    type Answer;

    /// Takes the next bytes of the body.
    fn push(&mut self, bytes: &[u8]);

    /// Whether the answer is complete, although the body has not ended yet.
    fn is_complete(&self) -> bool {
        false
    }

    /// What the body contains, as far as it was received.
    fn finish(self) -> Read<Self::Answer>;
}
