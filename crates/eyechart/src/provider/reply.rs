//! The contents of one successful response (status 2xx), and what reads them.

use crate::types::{Failure, Usage};

/// What a successful response contains.
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

/// Reads the body of one successful response while it arrives.
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

    /// What a response contains that is an error, in place of a body. The endpoint reports that it took `usage`.
    fn fail(self, failure: Failure, usage: Usage) -> Read<Self::Answer>;
}
