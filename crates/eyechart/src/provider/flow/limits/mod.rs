//! The limits that hold requests back, all behind one trait.
//!
//! A new limit is one file here and one line in [`all`]. Limits know neither each other nor the gate. They are pure: the
//! time is given to them.

mod adaptive;
mod bucket;
mod fixed;
mod pace;
mod pause;
mod quota;
mod rate;

use tokio::time::Instant;

use super::allowance::Allowance;
use super::gate::GateSettings;
use super::outcome::AttemptOutcome;
use crate::types::Connections;

/// `--max-connections auto` never allows more requests in flight than this.
pub const MOST_CONNECTIONS: usize = 512;

/// Something that holds requests back.
pub(super) trait Limit: std::fmt::Debug + Send {
    /// When the next request may be sent, as far as this limit is concerned.
    fn clearance(&mut self, next: &NextRequest) -> Clearance;

    /// A request is sent. All limits have cleared it.
    fn request_sent(&mut self, _sent: &SentRequest) {}

    /// An attempt has ended.
    fn attempt_ended(&mut self, _ended: &EndedAttempt<'_>) {}

    /// The pause that the endpoint itself asks for, if this limit holds requests back for it.
    fn pause(&mut self, _next: &NextRequest) -> Option<Pause> {
        None
    }

    /// Maximum number of requests in flight; `None` if this limit does not limit it.
    fn connections(&self) -> Option<usize> {
        None
    }
}

/// When a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clearance {
    Now,
    /// At this time, unless something changes before.
    At(Instant),
    /// Once a request has ended.
    AfterChange,
}

impl Clearance {
    /// Clearance at `time`, which may have passed.
    fn at(time: Option<Instant>, now: Instant) -> Self {
        time.filter(|time| *time > now).map_or(Self::Now, Self::At)
    }
}

/// A request that waits to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextRequest {
    /// Tokens that it is expected to cost.
    pub(super) tokens: f64,
    pub(super) now: Instant,
}

/// A request that was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentRequest {
    /// Its number among all requests of the gate, from 1.
    pub(super) number: u64,
    pub(super) at: Instant,
    /// Tokens that it was expected to cost.
    pub(super) tokens: f64,
}

/// An attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedAttempt<'a> {
    pub(super) request: SentRequest,
    pub(super) now: Instant,
    /// How it ended; `None` if the run abandoned it.
    pub(super) outcome: Option<&'a AttemptOutcome>,
    /// Tokens that it cost; `None` if the endpoint did not report them.
    pub(super) tokens: Option<f64>,
    /// What the reply's headers say about the endpoint's limits.
    pub(super) allowances: &'a [Allowance],
    /// Tokens that a request is expected to cost from now on.
    pub(super) usual_tokens: f64,
    /// The number of the latest request that was sent.
    pub(super) latest: u64,
    /// The number of the oldest request in flight.
    pub(super) oldest: Option<u64>,
}

/// A time for which the endpoint asks to send nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) until: Instant,
    /// Whether the endpoint may be down meanwhile. A rate limit shows that it works.
    pub(super) may_be_down: bool,
}

/// All limits that `settings` ask for, and those that every endpoint needs.
pub(super) fn all(settings: &GateSettings, now: Instant) -> Vec<Box<dyn Limit>> {
    let connections: Box<dyn Limit> = match settings.connections {
        Connections::Fixed(connections) => Box::new(fixed::FixedConcurrency::new(connections)),
        Connections::Auto => Box::new(adaptive::AdaptiveConcurrency::new(MOST_CONNECTIONS)),
    };
    let mut limits: Vec<Box<dyn Limit>> = vec![
        Box::new(pause::AskedPause::default()),
        connections,
        Box::new(quota::Quotas::default()),
        Box::new(pace::Pace::new(now)),
    ];
    limits.extend(settings.limit_of_machine().map(fixed::FixedConcurrency::boxed));
    limits.extend(settings.requests_per_minute.map(|rate| rate::RequestRate::boxed(rate, now)));
    limits.extend(settings.tokens_per_minute.map(|rate| rate::TokenRate::boxed(rate, now)));
    limits
}
