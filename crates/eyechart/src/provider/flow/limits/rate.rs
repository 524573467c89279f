//! The rates that a user sets: `--rpm` and `--tpm`.

use tokio::time::Instant;

use super::bucket::Bucket;
use super::{Clearance, EndedAttempt, Limit, NextRequest, SentRequest};
use crate::provider::flow::outcome::AttemptOutcome;

/// Largest number of requests per minute.
#[derive(Debug)]
pub(super) struct RequestRate(Bucket);

/// Largest number of tokens per minute. A request takes its expected number; when it ends, the real number replaces it.
#[derive(Debug)]
pub(super) struct TokenRate(Bucket);

impl RequestRate {
    pub(super) fn boxed(per_minute: f64, now: Instant) -> Box<dyn Limit> {
        Box::new(Self(Bucket::new(per_minute, now)))
    }
}

impl TokenRate {
    pub(super) fn boxed(per_minute: f64, now: Instant) -> Box<dyn Limit> {
        Box::new(Self(Bucket::new(per_minute, now)))
    }
}

impl Limit for RequestRate {
    fn clearance(&mut self, next: &NextRequest) -> Clearance {
        Clearance::at(self.0.available_at(1.0, next.now), next.now)
    }

    fn request_sent(&mut self, _: &SentRequest) {
        self.0.take(1.0);
    }
}

impl Limit for TokenRate {
    fn clearance(&mut self, next: &NextRequest) -> Clearance {
        Clearance::at(self.0.available_at(next.tokens, next.now), next.now)
    }

    fn request_sent(&mut self, sent: &SentRequest) {
        self.0.take(sent.tokens);
    }

    fn attempt_ended(&mut self, ended: &EndedAttempt<'_>) {
        match (ended.tokens, ended.outcome) {
            (Some(tokens), _) => self.0.take(tokens - ended.request.tokens),
            // The endpoint does not count tokens, or nobody waited for its count: the tokens were spent all the same.
            (None, Some(AttemptOutcome::Answered { .. }) | None) => {}
            (None, Some(_)) => self.0.take(-ended.request.tokens),
        }
    }
}
