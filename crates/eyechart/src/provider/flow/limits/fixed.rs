//! A fixed number of requests in flight: `--max-connections N`, and the number that this machine has room for.

use super::{Clearance, EndedAttempt, Limit, NextRequest, SentRequest};

/// A fixed number of requests in flight.
#[derive(Debug)]
pub(super) struct FixedConcurrency {
    connections: usize,
    in_flight: usize,
}

impl FixedConcurrency {
    /// Allows `connections` requests in flight, at least 1.
    pub(super) fn new(connections: usize) -> Self {
        Self { connections: connections.max(1), in_flight: 0 }
    }

    pub(super) fn boxed(connections: usize) -> Box<dyn Limit> {
        Box::new(Self::new(connections))
    }
}

impl Limit for FixedConcurrency {
    fn clearance(&mut self, _: &NextRequest) -> Clearance {
        if self.in_flight < self.connections { Clearance::Now } else { Clearance::AfterChange }
    }

    fn request_sent(&mut self, _: &SentRequest) {
        self.in_flight += 1;
    }

    fn attempt_ended(&mut self, _: &EndedAttempt<'_>) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn connections(&self) -> Option<usize> {
        Some(self.connections)
    }
}
