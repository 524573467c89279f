//! The pace of requests where an endpoint limits their rate and does not report the limit.
//!
//! Nothing is paced until the endpoint turns most requests away. Then requests follow each other a little slower than
//! they were answered. If that ends the refusals, the rate was the reason: it grows step by step until requests are
//! turned away again, and is lowered. If it does not end them, the refusals have another reason, and nothing is paced
//! for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::{Clearance, EndedAttempt, Limit, NextRequest, SentRequest};
use crate::provider::flow::outcome::AttemptOutcome;

/// Number of requests and time after which a batch ends.
const BATCH: (u32, Duration) = (16, Duration::from_secs(1));
/// The same for a batch in which no request was answered.
const BATCH_WITHOUT_ANSWER: (u32, Duration) = (8, Duration::from_millis(500));
/// From this share of refusals on, the rate may be the reason.
const HEAVY: f64 = 0.5;
/// So many heavy batches in a row begin the pacing: one may be chance.
const HEAVY_BATCHES: u32 = 2;
/// Up to this share of refusals there is no reason to slow down.
const LIGHT: f64 = 0.05;
/// The rate is set to this share of what the endpoint answers.
const YIELD: f64 = 0.95;
/// While the rate is far from known, each answer multiplies it by this factor.
const RISE: f64 = 1.1;
/// Later, each batch without refusals multiplies the rate by this factor.
const STEP: f64 = 1.1;
/// Number of batches in a row without refusals after which the factor is larger: the endpoint may allow much more by now.
const LONG_STEP: (u32, f64) = (8, 1.5);
/// Number of batches in a row with refusals after which the rate is not taken as the reason.
const TRIALS: u32 = 5;
/// Number of batches that are not paced then. It doubles each time.
const REST: u32 = 8;
/// The lowest rate, in requests per second.
const SLOWEST: f64 = 1.0 / 60.0;

/// Paces requests if the endpoint turns most of them away.
#[derive(Debug)]
pub(super) struct Pace {
    batch: Batch,
    minute: Minute,
    rate: Option<Rate>,
    /// Heavy batches in a row.
    heavy: u32,
    /// Batches until pacing may begin again.
    rest: u32,
    /// How often pacing did not end the refusals.
    failed_trials: u32,
}

/// Requests that have ended since the last batch.
#[derive(Debug)]
struct Batch {
    began: Instant,
    /// The number of the latest request at that time.
    latest: u64,
    answered: u32,
    refused: u32,
}

/// Answers in each of the last 60 seconds.
#[derive(Debug)]
struct Minute {
    began: Instant,
    latest: u64,
    counts: [u32; 60],
}

#[derive(Debug)]
struct Rate {
    per_second: f64,
    /// When the next request may be sent.
    next: Instant,
    /// Whether the rate is still far from known.
    is_rising: bool,
    /// Batches in a row with both refusals and answers.
    trials: u32,
    /// Batches in a row without refusals.
    calm: u32,
}

/// What a batch showed about the rate.
enum RateVerdict {
    Keep,
    /// Fewer requests are sent than it allows.
    Unneeded,
    /// It does not end the refusals.
    Useless,
}

impl Limit for Pace {
    fn clearance(&mut self, next: &NextRequest) -> Clearance {
        Clearance::at(self.rate.as_ref().map(|rate| rate.next), next.now)
    }

    fn request_sent(&mut self, sent: &SentRequest) {
        if let Some(rate) = &mut self.rate {
            rate.next = rate.next.max(sent.at) + Duration::from_secs_f64(1.0 / rate.per_second);
        }
    }

    fn attempt_ended(&mut self, ended: &EndedAttempt<'_>) {
        let is_refused = match ended.outcome {
            Some(AttemptOutcome::Answered { .. }) => false,
            Some(AttemptOutcome::TurnedAway { .. }) => true,
            _ => return,
        };
        self.count(is_refused, ended.now);
        if self.batch.is_full(ended.now) {
            let batch = std::mem::replace(&mut self.batch, Batch::new(ended.now, ended.latest));
            // Requests that take longer than a batch may still be answered, all of them.
            if batch.answered > 0 || ended.oldest.is_none_or(|oldest| oldest > batch.latest) {
                self.end_batch(&batch, ended.now);
            }
        }
    }
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        let (batch, minute) = (Batch::new(now, 0), Minute::new(now));
        Self { batch, minute, rate: None, heavy: 0, rest: 0, failed_trials: 0 }
    }

    fn count(&mut self, is_refused: bool, now: Instant) {
        if is_refused {
            self.batch.refused += 1;
            return;
        }
        self.batch.answered += 1;
        self.minute.count(now);
        if let Some(rate) = self.rate.as_mut().filter(|rate| rate.is_rising) {
            rate.per_second *= RISE;
        }
    }

    fn end_batch(&mut self, batch: &Batch, now: Instant) {
        // The endpoint can handle in the next minute what it answered in the last.
        let slowest = (YIELD * self.minute.sum(now) / 60.0).max(SLOWEST);
        let Some(rate) = &mut self.rate else { return self.consider(batch, now) };
        match rate.adapt(batch, slowest, now) {
            RateVerdict::Keep => {}
            RateVerdict::Unneeded => self.rate = None,
            RateVerdict::Useless => {
                self.rest = REST << self.failed_trials.min(16);
                self.failed_trials += 1;
                self.rate = None;
            }
        }
    }

    /// Begins to pace if most requests were turned away.
    fn consider(&mut self, batch: &Batch, now: Instant) {
        self.heavy = if batch.refused_share() >= HEAVY { self.heavy + 1 } else { 0 };
        if self.rest > 0 {
            self.rest -= 1;
        } else if self.heavy >= HEAVY_BATCHES && self.minute.sum(now) > 0.0 {
            let per_second = (YIELD * self.minute.per_second(now)).max(SLOWEST);
            self.rate = Some(Rate { per_second, next: now, is_rising: true, trials: 0, calm: 0 });
        }
    }
}

impl Rate {
    /// Adapts to a batch; never goes below `slowest`.
    fn adapt(&mut self, batch: &Batch, slowest: f64, now: Instant) -> RateVerdict {
        let (refused_share, sent_per_second) = (batch.refused_share(), batch.per_second(now));
        if refused_share <= LIGHT {
            self.trials = 0;
            self.calm += 1;
            if !self.is_rising {
                self.per_second *= if self.calm < LONG_STEP.0 { STEP } else { LONG_STEP.1 };
            }
            let is_needed = sent_per_second > self.per_second / 4.0;
            return if is_needed { RateVerdict::Keep } else { RateVerdict::Unneeded };
        }
        self.calm = 0;
        if batch.answered == 0 {
            self.is_rising = true;
            self.per_second = (self.per_second / 2.0).max(slowest);
            return RateVerdict::Keep;
        }
        // If most requests are still turned away, what the endpoint can handle is hardly known.
        self.is_rising = refused_share > HEAVY;
        self.trials += 1;
        let answered_per_second = self.per_second.min(sent_per_second) * (1.0 - refused_share);
        self.per_second = (YIELD * answered_per_second).max(slowest);
        if self.trials < TRIALS { RateVerdict::Keep } else { RateVerdict::Useless }
    }
}

impl Batch {
    fn new(began: Instant, latest: u64) -> Self {
        Self { began, latest, answered: 0, refused: 0 }
    }

    fn is_full(&self, now: Instant) -> bool {
        let (count, time) = if self.answered == 0 { BATCH_WITHOUT_ANSWER } else { BATCH };
        self.answered + self.refused >= count && now.saturating_duration_since(self.began) >= time
    }

    fn refused_share(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.answered + self.refused)
    }

    /// Requests that ended per second.
    fn per_second(&self, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(self.began).as_secs_f64();
        f64::from(self.answered + self.refused) / seconds.max(1e-3)
    }
}

impl Minute {
    fn new(began: Instant) -> Self {
        Self { began, latest: 0, counts: [0; 60] }
    }

    fn count(&mut self, now: Instant) {
        self.advance(now);
        self.counts[(self.latest % 60) as usize] += 1;
    }

    fn sum(&mut self, now: Instant) -> f64 {
        self.advance(now);
        f64::from(self.counts.iter().sum::<u32>())
    }

    /// Answers per second over the time that has passed, over a minute at most.
    fn per_second(&mut self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.began).as_secs_f64();
        self.sum(now) / passed.clamp(1.0, 60.0)
    }

    fn advance(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.began).as_secs();
        for passed in (self.latest + 1..=second).rev().take(60) {
            self.counts[(passed % 60) as usize] = 0;
        }
        self.latest = second;
    }
}

#[cfg(test)]
mod tests;
