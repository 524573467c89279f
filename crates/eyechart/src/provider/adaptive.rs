//! How many requests an endpoint bears at once, found out while it is asked.
//!
//! A state machine without a clock and without I/O: attempts start and end, and the limit follows. It counts
//! time in rounds, as many answers as the limit allows at once, so that a slow model and a quick one are
//! treated alike.
//!
//! - *Slow start*: the limit doubles after each round that used it up, until a request is refused or more of
//!   them only wait in a queue.
//! - *A refusal* (429 or the like) shows the ceiling: what was under way beside it. The limit is cut to a tenth
//!   below that, at most by half, once for all attempts that were under way together. From there it climbs back
//!   to just below the ceiling, stays for [`PATIENCE`] rounds or seconds, and tries one more; where that is borne it
//!   goes on in growing steps, since the ceiling has risen.
//! - *Refusals that do not depend on the load* (an endpoint that fails now and then) are told from others by a cut to
//!   half that does not end them. It is undone, and from then on only more refusals than chance brings count.
//! - *Saturation*: where latency grows as fast as the limit did, an endpoint only queues. The limit stays where it
//!   is, or goes back by a step. Latencies are those of single attempts, never of waits between them.

mod refusals;

use std::collections::VecDeque;

use refusals::{Counts, Unprovoked};

/// The limit that slow start begins with.
const FIRST_LIMIT: usize = 4;
/// Rounds at the ceiling before one more is tried.
const PATIENCE: u32 = 24;
/// As much in seconds, for models whose rounds are long. Seconds are counted in latencies: a round takes one.
const PATIENCE_SECONDS: f64 = 10.0;
/// Requests that must have ended after a cut before it is judged.
const TRIAL: f64 = 16.0;
/// Refusals well below what was borne are no more than chance up to this share of the requests.
const TOLERATED: f64 = 0.15;
/// A limit counts as used where this share of it was under way at once.
const USED: f64 = 0.8;
/// Latency that grows with the limit by this power or more means that requests wait in a queue: 1 is a pure
/// queue, 0 an endpoint that does not notice.
const QUEUEING: f64 = 0.75;
/// How far apart two limits must be for their latencies to be compared.
const APART: f64 = 1.4;
/// Rounds after which a latency is no longer compared with.
const STALE: u64 = 100;

/// The limit and what it is derived from.
#[derive(Debug)]
pub(super) struct Adaptive {
    limit: usize,
    most: usize,
    under_way: usize,
    /// Cuts so far. Refusals of attempts that began before the last one say nothing new.
    episode: u64,
    /// Changes of the limit so far. Latencies of attempts that began before the last one belong to another limit.
    generation: u64,
    /// What is known of where the endpoint refuses: the most it bore.
    ceiling: Option<usize>,
    /// No refusal of this episode lowers the limit further.
    least: usize,
    slow_start: bool,
    /// Rounds since the limit last changed.
    calm: u32,
    /// Seconds since then.
    calm_seconds: f64,
    /// What was sent and refused of late.
    counts: Counts,
    unprovoked: Unprovoked,
    trial: Option<Trial>,
    /// The share of refusals that did not count when the ceiling was found.
    believed: f64,
    /// What the next try beyond the ceiling adds.
    step: usize,
    round: Round,
    rounds: u64,
    seen: VecDeque<Seen>,
}

/// A cut of which it is not known yet whether it helps.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// The limit before it.
    before: usize,
}

impl Trial {
    /// No refusal that chance may have brought lowers the limit further.
    fn floor(self) -> usize {
        (self.before / 2).max(1)
    }
}

/// What has happened since the last look.
#[derive(Debug, Default)]
struct Round {
    latencies: Vec<f64>,
    most_under_way: usize,
}

/// A limit that was used up, and the median latency under it, in seconds.
#[derive(Debug, Clone, Copy)]
struct Seen {
    round: u64,
    limit: usize,
    latency: f64,
}

/// An attempt that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Started {
    episode: u64,
    generation: u64,
}

/// How an attempt ended, as far as the limit is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Signal {
    /// With an answer, after this many seconds.
    Answered(f64),
    /// Turned away: too many at once.
    Refused,
    /// In a way that says nothing about load.
    Other,
}

impl Adaptive {
    /// Starts low; never goes beyond `most`, nor below 1.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            limit: FIRST_LIMIT.min(most),
            most,
            under_way: 0,
            episode: 0,
            generation: 0,
            ceiling: None,
            least: 1,
            slow_start: true,
            calm: 0,
            calm_seconds: 0.0,
            counts: Counts::default(),
            unprovoked: Unprovoked::default(),
            trial: None,
            believed: 0.0,
            step: 1,
            round: Round::default(),
            rounds: 0,
            seen: VecDeque::new(),
        }
    }

    /// How many may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// An attempt goes out.
    pub(super) fn start(&mut self) -> Started {
        self.under_way += 1;
        self.counts.sent += 1.0;
        self.round.most_under_way = self.round.most_under_way.max(self.under_way);
        Started { episode: self.episode, generation: self.generation }
    }

    /// It has ended.
    pub(super) fn end(&mut self, started: Started, signal: Signal) {
        self.under_way = self.under_way.saturating_sub(1);
        match signal {
            Signal::Answered(latency) if started.generation == self.generation => {
                self.round.latencies.push(latency);
                if self.round.latencies.len() >= self.limit {
                    self.look();
                }
            }
            Signal::Refused if started.episode == self.episode => self.refused(),
            Signal::Refused if started.episode + 1 == self.episode => self.lower_to_what_was_borne(),
            Signal::Answered(_) | Signal::Refused | Signal::Other => {}
        }
        self.count();
    }

    fn refused(&mut self) {
        self.counts.refused += 1.0;
        let unprovoked = self.unprovoked.share();
        let at_floor = self.trial.is_some_and(|trial| self.limit <= trial.floor());
        let share = if at_floor || self.was_borne() { unprovoked.max(TOLERATED) } else { unprovoked };
        if self.counts.exceed(share) {
            self.cut(at_floor);
        }
    }

    /// Whether as much as the limit was borne before, and no cut since is on trial.
    fn was_borne(&self) -> bool {
        self.trial.is_none() && self.ceiling.is_some_and(|ceiling| self.limit <= ceiling)
    }

    /// The first refusal of those that were under way together. Where a trial at its floor fails too, the endpoint
    /// bears much less than before: another begins.
    fn cut(&mut self, at_floor: bool) {
        if self.trial.is_none() {
            self.believed = self.unprovoked.share();
        }
        let trial = Trial { before: self.limit };
        let (trial, is_first) = match self.trial.filter(|_| !at_floor) {
            Some(trial) => (trial, false),
            None => (trial, true),
        };
        self.trial = Some(trial);
        self.episode += 1;
        self.slow_start = false;
        self.step = 1;
        self.least = trial.floor();
        self.ceiling = Some(self.limit);
        self.counts = Counts::from(0);
        self.lower_to_what_was_borne();
        if !is_first {
            self.limit = self.least.min(self.limit);
        }
    }

    /// Judges the last cut, or learns what is refused in calm times, as soon as enough has ended.
    fn count(&mut self) {
        let ended = self.counts.sent - self.under_way as f64;
        let enough = if self.trial.is_some() { TRIAL } else { TRIAL.max(self.limit as f64) };
        if ended < enough {
            return;
        }
        let counts = Counts { sent: ended, ..self.counts };
        self.counts = Counts::from(self.under_way);
        if self.ceiling.is_none_or(|ceiling| self.limit <= ceiling) {
            self.unprovoked.learn(counts);
        }
        let trial = self.trial.take();
        if counts.refused == 0.0 {
            return;
        }
        match trial {
            Some(trial) if self.limit <= trial.floor() => self.undo(trial.before),
            None if self.was_borne() && self.unprovoked.share() > 2.0 * self.believed => {
                self.undo(self.limit);
            }
            _ => {}
        }
    }

    /// The refusals that showed the ceiling had nothing to do with the limit.
    fn undo(&mut self, limit: usize) {
        self.limit = limit;
        self.slow_start = true;
        self.ceiling = None;
        self.change();
    }

    /// With each refusal of an episode less is left under way, and the last of them shows what was borne.
    fn lower_to_what_was_borne(&mut self) {
        let borne = self.under_way.max(1).min(self.ceiling.unwrap_or(self.most));
        self.ceiling = Some(borne);
        self.limit = (borne - borne / 10).max(self.least).min(self.limit);
        self.change();
    }

    /// The limit has changed: what is under way belongs to the old one.
    fn change(&mut self) {
        self.generation += 1;
        self.calm = 0;
        self.calm_seconds = 0.0;
        self.round = Round { latencies: Vec::new(), most_under_way: self.under_way };
    }

    /// After each round: grow, stay, or step back.
    fn look(&mut self) {
        self.rounds += 1;
        self.calm = self.calm.saturating_add(1);
        let round = std::mem::take(&mut self.round);
        self.round.most_under_way = self.under_way;
        if (round.most_under_way as f64) < USED * self.limit as f64 {
            return;
        }
        let latency = median(round.latencies);
        self.calm_seconds += latency;
        let queueing = self.is_queueing(latency);
        self.remember(latency);
        let next = if queueing { self.stepped_back() } else { self.grown() };
        if next != self.limit {
            self.limit = next;
            self.change();
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
                // Borne beyond what was thought the ceiling: it is higher, and found in growing steps.
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
        let lower = self.seen.iter().rev().find(|seen| seen.limit as f64 * APART <= self.limit as f64);
        lower.is_some_and(|lower| {
            let limits = self.limit as f64 / lower.limit as f64;
            (latency / lower.latency).ln() >= QUEUEING * limits.ln()
        })
    }

    fn remember(&mut self, latency: f64) {
        let now = self.rounds;
        self.seen.retain(|seen| seen.limit != self.limit && now - seen.round <= STALE);
        self.seen.push_back(Seen { round: now, limit: self.limit, latency });
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
