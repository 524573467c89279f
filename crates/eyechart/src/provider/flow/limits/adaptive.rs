//! A number of requests in flight that follows what the endpoint can handle: `--max-connections auto`.
//!
//! The limit adapts in rounds. A round is as many answers as the limit allows in flight, so slow and fast models are
//! treated alike.
//!
//! - *Slow start*: the limit doubles after each round that used it up. It stops doubling when a request is refused, or
//!   when latency grows as fast as the limit.
//! - *Refusals* (429, 503, 529): the requests that stay in flight after a refusal are the ceiling. The limit is cut to
//!   a tenth below the ceiling, by at most half, once for all requests that were in flight together. Then it climbs back
//!   to just below the ceiling, stays there for [`PATIENCE`] rounds or [`PATIENCE_SECONDS`], and tries one more. If the
//!   endpoint can handle it, the limit grows in growing steps.
//! - *Refusals that do not depend on the load*: if a cut to half does not end the refusals, it is undone. From then on
//!   only more refusals than chance explains cut the limit.
//! - *Queueing*: where latency grows as fast as the limit did, the endpoint only queues requests. The limit stays, or
//!   takes one step back. Latency is that of single attempts, without the waits between them.

mod refusals;

use std::collections::{BTreeMap, VecDeque};

use refusals::{Counts, RandomRefusals};

use super::{Clearance, EndedAttempt, Limit, NextRequest, SentRequest};
use crate::provider::flow::outcome::AttemptOutcome;

/// The limit that slow start begins with.
const FIRST_LIMIT: usize = 4;
/// Rounds at the ceiling before one more request is tried.
const PATIENCE: u32 = 24;
/// The same in seconds, for models with long rounds. A round takes its median latency.
const PATIENCE_SECONDS: f64 = 10.0;
/// Requests that must have ended after a cut before it is known whether the cut helped.
const TRIAL: f64 = 16.0;
/// Below a load that the endpoint could handle before, refusals of up to this share of the requests may be chance.
const TOLERATED: f64 = 0.15;
/// A limit counts as used up if this share of it was in flight.
const USED: f64 = 0.8;
/// Requests wait in a queue if latency grows with the limit to this power or more: 1 is a pure queue, 0 an endpoint
/// whose latency does not depend on the limit.
const QUEUEING: f64 = 0.75;
/// The latencies of two limits are compared if the limits differ by this factor.
const APART: f64 = 1.4;
/// Number of rounds after which a latency is no longer compared.
const STALE: u64 = 100;

/// The limit, and what it is derived from.
#[derive(Debug)]
pub(super) struct AdaptiveConcurrency {
    limit: usize,
    most: usize,
    in_flight: BTreeMap<u64, Generation>,
    current: Generation,
    /// The most that the endpoint could handle when it last refused a request.
    ceiling: Option<usize>,
    /// No refusal of this episode lowers the limit further.
    least: usize,
    slow_start: bool,
    /// Rounds since the limit last changed.
    calm: u32,
    /// Seconds since the limit last changed.
    calm_seconds: f64,
    /// Recent requests, and how many of them were refused.
    counts: Counts,
    random: RandomRefusals,
    trial: Option<Trial>,
    /// The share of random refusals that was assumed when the ceiling was found.
    assumed_random: f64,
    /// How much the next attempt beyond the ceiling adds.
    step: usize,
    round: Round,
    rounds: u64,
    latencies: VecDeque<RoundLatency>,
}

/// The state of the limit when a request was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Generation {
    /// Cuts so far. Refusals of requests that were sent before the latest cut bring no news.
    cuts: u64,
    /// Changes of the limit so far. Latencies of requests that were sent before the latest change belong to another
    /// limit.
    changes: u64,
}

/// A cut of which it is not known yet whether it helps.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// The limit before the cut.
    before: usize,
}

impl Trial {
    /// No refusal that may be chance lowers the limit further.
    fn floor(self) -> usize {
        (self.before / 2).max(1)
    }
}

/// What has happened since the end of the last round.
#[derive(Debug, Default)]
struct Round {
    /// In seconds.
    latencies: Vec<f64>,
    most_in_flight: usize,
}

/// The median latency of a round that used the limit up, in seconds.
#[derive(Debug, Clone, Copy)]
struct RoundLatency {
    round: u64,
    limit: usize,
    latency: f64,
}

/// How an attempt ended, as far as this limit is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Signal {
    /// Answered after this number of seconds.
    Answered(f64),
    /// Turned away: too many requests in flight.
    Refused,
    /// In a way that does not depend on the load.
    Other,
}

impl Limit for AdaptiveConcurrency {
    fn clearance(&mut self, _: &NextRequest) -> Clearance {
        if self.in_flight.len() < self.limit { Clearance::Now } else { Clearance::AfterChange }
    }

    fn request_sent(&mut self, sent: &SentRequest) {
        self.start(sent.number);
    }

    fn attempt_ended(&mut self, ended: &EndedAttempt<'_>) {
        let signal = match ended.outcome {
            Some(AttemptOutcome::Answered { seconds }) => Signal::Answered(*seconds),
            Some(AttemptOutcome::TurnedAway { .. }) => Signal::Refused,
            _ => Signal::Other,
        };
        self.end(ended.request.number, signal);
    }

    fn connections(&self) -> Option<usize> {
        Some(self.limit)
    }
}

impl AdaptiveConcurrency {
    /// A limit that starts low and stays between 1 and `most`.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            limit: FIRST_LIMIT.min(most),
            most,
            in_flight: BTreeMap::new(),
            current: Generation::default(),
            ceiling: None,
            least: 1,
            slow_start: true,
            calm: 0,
            calm_seconds: 0.0,
            counts: Counts::default(),
            random: RandomRefusals::default(),
            trial: None,
            assumed_random: 0.0,
            step: 1,
            round: Round::default(),
            rounds: 0,
            latencies: VecDeque::new(),
        }
    }

    fn start(&mut self, number: u64) {
        self.in_flight.insert(number, self.current);
        self.counts.sent += 1.0;
        self.round.most_in_flight = self.round.most_in_flight.max(self.in_flight.len());
    }

    fn end(&mut self, number: u64, signal: Signal) {
        let Some(sent) = self.in_flight.remove(&number) else { return };
        match signal {
            Signal::Answered(latency) if sent.changes == self.current.changes => {
                self.round.latencies.push(latency);
                if self.round.latencies.len() >= self.limit {
                    self.end_round();
                }
            }
            Signal::Refused if sent.cuts == self.current.cuts => self.count_refusal(),
            Signal::Refused if sent.cuts + 1 == self.current.cuts => self.lower_to_requests_in_flight(),
            Signal::Answered(_) | Signal::Refused | Signal::Other => {}
        }
        self.conclude();
    }

    fn count_refusal(&mut self) {
        self.counts.refused += 1.0;
        let random = self.random.share();
        let at_floor = self.trial.is_some_and(|trial| self.limit <= trial.floor());
        let expected = if at_floor || self.is_below_ceiling() { random.max(TOLERATED) } else { random };
        if self.counts.exceed(expected) {
            self.cut(at_floor);
        }
    }

    /// Whether the endpoint could handle as much before, and no later cut is on trial.
    fn is_below_ceiling(&self) -> bool {
        self.trial.is_none() && self.ceiling.is_some_and(|ceiling| self.limit <= ceiling)
    }

    /// The first refusal among requests that were in flight together. If a trial at its floor fails too, the endpoint
    /// can handle much less than before, and another trial begins.
    fn cut(&mut self, at_floor: bool) {
        if self.trial.is_none() {
            self.assumed_random = self.random.share();
        }
        let running = self.trial.filter(|_| !at_floor);
        let trial = running.unwrap_or(Trial { before: self.limit });
        self.trial = Some(trial);
        self.current.cuts += 1;
        self.slow_start = false;
        self.step = 1;
        self.least = trial.floor();
        self.ceiling = Some(self.limit);
        self.counts = Counts::from(0);
        self.lower_to_requests_in_flight();
        if running.is_some() {
            self.limit = self.least.min(self.limit);
        }
    }

    /// Once enough requests have ended: decides whether the last cut helped, and counts the random refusals.
    fn conclude(&mut self) {
        let ended = self.counts.sent - self.in_flight.len() as f64;
        let enough = if self.trial.is_some() { TRIAL } else { TRIAL.max(self.limit as f64) };
        if ended < enough {
            return;
        }
        let counts = Counts { sent: ended, ..self.counts };
        self.counts = Counts::from(self.in_flight.len());
        if self.ceiling.is_none_or(|ceiling| self.limit <= ceiling) {
            self.random.add(counts);
        }
        let trial = self.trial.take();
        if counts.refused == 0.0 {
            return;
        }
        match trial {
            Some(trial) if self.limit <= trial.floor() => self.undo(trial.before),
            None if self.is_below_ceiling() && self.random.share() > 2.0 * self.assumed_random => {
                self.undo(self.limit);
            }
            _ => {}
        }
    }

    /// The refusals that showed the ceiling did not depend on the limit.
    fn undo(&mut self, limit: usize) {
        self.limit = limit;
        self.slow_start = true;
        self.ceiling = None;
        self.begin_generation();
    }

    /// With each refusal of an episode fewer requests stay in flight. After the last one, those are what the endpoint
    /// can handle.
    fn lower_to_requests_in_flight(&mut self) {
        let handled = self.in_flight.len().max(1).min(self.ceiling.unwrap_or(self.most));
        self.ceiling = Some(handled);
        self.limit = (handled - handled / 10).max(self.least).min(self.limit);
        self.begin_generation();
    }

    /// The limit has changed: the requests in flight belong to the old one.
    fn begin_generation(&mut self) {
        self.current.changes += 1;
        self.calm = 0;
        self.calm_seconds = 0.0;
        self.round = Round { latencies: Vec::new(), most_in_flight: self.in_flight.len() };
    }

    /// Grows, keeps or lowers the limit by what the round showed.
    fn end_round(&mut self) {
        self.rounds += 1;
        self.calm = self.calm.saturating_add(1);
        let round = std::mem::take(&mut self.round);
        self.round.most_in_flight = self.in_flight.len();
        if (round.most_in_flight as f64) < USED * self.limit as f64 {
            return;
        }
        let latency = median(round.latencies);
        self.calm_seconds += latency;
        let is_queueing = self.is_queueing(latency);
        self.remember(latency);
        let next = if is_queueing { self.stepped_back() } else { self.grown() };
        if next != self.limit {
            self.limit = next;
            self.begin_generation();
        }
    }

    fn grown(&mut self) -> usize {
        let next = match self.ceiling {
            _ if self.slow_start => self.limit * 2,
            None => self.limit + (self.limit / 10).max(1),
            Some(ceiling) if self.limit < plateau(ceiling) => {
                self.limit + (plateau(ceiling) - self.limit).div_ceil(2)
            }
            Some(ceiling) if self.limit <= ceiling && self.is_patient() => self.limit,
            Some(ceiling) => {
                // The endpoint handled more than the ceiling: the ceiling is higher, and is found in growing steps.
                let next = self.limit + self.step;
                if self.limit > ceiling {
                    self.step *= 2;
                    self.ceiling = Some(self.limit);
                }
                next
            }
        };
        next.min(self.most)
    }

    fn is_patient(&self) -> bool {
        self.calm < PATIENCE && self.calm_seconds < PATIENCE_SECONDS
    }

    fn stepped_back(&mut self) -> usize {
        if self.slow_start {
            self.slow_start = false;
            return (self.limit * 3 / 4).max(1);
        }
        self.limit
    }

    /// Whether latency has grown with the limit as in a queue, compared with a limit well below.
    fn is_queueing(&self, latency: f64) -> bool {
        let is_apart = |known: &&RoundLatency| known.limit as f64 * APART <= self.limit as f64;
        let lower = self.latencies.iter().rev().find(is_apart);
        lower.is_some_and(|lower| {
            let limits = self.limit as f64 / lower.limit as f64;
            (latency / lower.latency).ln() >= QUEUEING * limits.ln()
        })
    }

    fn remember(&mut self, latency: f64) {
        let now = self.rounds;
        self.latencies.retain(|known| known.limit != self.limit && now - known.round <= STALE);
        self.latencies.push_back(RoundLatency { round: now, limit: self.limit, latency });
    }
}

/// Just below the ceiling.
fn plateau(ceiling: usize) -> usize {
    ceiling - (ceiling / 20).max(1).min(ceiling - 1)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::MIN_POSITIVE).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
