//! How fast requests follow each other where an endpoint allows so many a minute and does not say how many. Pure; time
//! is given.
//!
//! Nothing is paced until most of what is sent is turned away. Then requests go out a little slower than they were
//! answered. Where that ends the refusals, it was the rate: it grows step by step until some are turned away again,
//! and yields. Where it ends nothing, the refusals have another reason, and nothing is paced for a while.

use std::time::Duration;

use tokio::time::Instant;

/// Requests that must have ended before they are judged, and how long that must have taken.
const BATCH: (u32, Duration) = (16, Duration::from_secs(1));
/// The same where all were turned away.
const HOPELESS: (u32, Duration) = (8, Duration::from_millis(500));
/// The share of refusals from which on the rate may be at fault.
const HEAVY: f64 = 0.5;
/// Batches in a row with so many before anything is paced: one may be chance.
const HEAVY_BATCHES: u32 = 2;
/// A share of refusals that is no reason to slow down.
const LIGHT: f64 = 0.05;
/// The rate is set to this share of what is borne.
const YIELD: f64 = 0.95;
/// What a rate grows by with each answer, as long as it is far from known.
const RISE: f64 = 1.1;
/// What it grows by after each batch without refusals, later on.
const STEP: f64 = 1.1;
/// The same after so many of these in a row: the endpoint may allow much more by now.
const LONG_STEP: (u32, f64) = (8, 1.5);
/// Batches in a row with refusals after which the rate is not believed to be at fault.
const TRIALS: u32 = 5;
/// Batches that nothing is paced for after that, doubled each time.
const REST: u32 = 8;
/// Requests a second, at least.
const SLOWEST: f64 = 1.0 / 60.0;

/// Sets the pace.
#[derive(Debug)]
pub(super) struct Pacer {
    batch: Batch,
    minute: Minute,
    pace: Option<Pace>,
    /// Batches in a row in which most was turned away.
    heavy: u32,
    /// Batches until the next trial, and how many trials have helped nothing.
    rest: u32,
    in_vain: u32,
}

/// What has ended since the last look.
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
struct Pace {
    per_second: f64,
    /// When the next request may go out.
    next: Instant,
    /// Whether it is still far from known.
    is_rising: bool,
    /// Batches in a row with refusals, in which some were answered.
    trials: u32,
    /// Batches in a row without refusals.
    calm: u32,
}

/// What becomes of a pace.
enum Verdict {
    GoesOn,
    /// Less is sent than it allows.
    Unneeded,
    /// It does not end the refusals.
    InVain,
}

impl Pacer {
    pub(super) fn new(now: Instant) -> Self {
        let (batch, minute) = (Batch::new(now, 0), Minute::new(now));
        Self { batch, minute, pace: None, heavy: 0, rest: 0, in_vain: 0 }
    }

    /// Whether requests are held back.
    pub(super) fn is_at_work(&self) -> bool {
        self.pace.is_some()
    }

    /// When the next request may go out, if not now.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.pace.as_ref().map(|pace| pace.next).filter(|next| *next > now)
    }

    /// A request goes out.
    pub(super) fn send(&mut self, now: Instant) {
        if let Some(pace) = &mut self.pace {
            pace.next = pace.next.max(now) + Duration::from_secs_f64(1.0 / pace.per_second);
        }
    }

    /// A request has ended: with an answer, or turned away. `latest` and `oldest` are the numbers of the latest request
    /// and of the oldest that is under way.
    pub(super) fn hear(&mut self, is_refused: bool, (latest, oldest): (u64, Option<u64>), now: Instant) {
        if is_refused {
            self.batch.refused += 1;
        } else {
            self.batch.answered += 1;
            self.minute.count(now);
        }
        if let Some(pace) = self.pace.as_mut().filter(|pace| pace.is_rising && !is_refused) {
            pace.per_second *= RISE;
        }
        if self.batch.is_full(now) {
            let batch = std::mem::replace(&mut self.batch, Batch::new(now, latest));
            // What is worked on for longer than that may still be answered, all of it.
            if batch.answered > 0 || oldest.is_none_or(|oldest| oldest > batch.latest) {
                self.judge(&batch, now);
            }
        }
    }

    fn judge(&mut self, batch: &Batch, now: Instant) {
        // What was answered in a minute is borne in the next.
        let slowest = (YIELD * self.minute.sum(now) / 60.0).max(SLOWEST);
        let Some(pace) = &mut self.pace else { return self.consider(batch, now) };
        match pace.learn(batch, slowest, now) {
            Verdict::GoesOn => {}
            Verdict::Unneeded => self.pace = None,
            Verdict::InVain => {
                self.rest = REST << self.in_vain.min(16);
                self.in_vain += 1;
                self.pace = None;
            }
        }
    }

    /// Begins to pace where most was turned away.
    fn consider(&mut self, batch: &Batch, now: Instant) {
        self.heavy = if batch.refused_share() >= HEAVY { self.heavy + 1 } else { 0 };
        if self.rest > 0 {
            self.rest -= 1;
        } else if self.heavy >= HEAVY_BATCHES && self.minute.sum(now) > 0.0 {
            let per_second = (YIELD * self.minute.per_second(now)).max(SLOWEST);
            self.pace = Some(Pace { per_second, next: now, is_rising: true, trials: 0, calm: 0 });
        }
    }
}

impl Pace {
    /// Learns from a batch; never goes below `slowest`.
    fn learn(&mut self, batch: &Batch, slowest: f64, now: Instant) -> Verdict {
        let (share, sent_per_second) = (batch.refused_share(), batch.per_second(now));
        if share <= LIGHT {
            self.trials = 0;
            self.calm += 1;
            if !self.is_rising {
                self.per_second *= if self.calm < LONG_STEP.0 { STEP } else { LONG_STEP.1 };
            }
            let is_needed = sent_per_second > self.per_second / 4.0;
            return if is_needed { Verdict::GoesOn } else { Verdict::Unneeded };
        }
        self.calm = 0;
        if batch.answered == 0 {
            self.is_rising = true;
            self.per_second = (self.per_second / 2.0).max(slowest);
            return Verdict::GoesOn;
        }
        // Where most is still turned away, what is borne is hardly known.
        self.is_rising = share > HEAVY;
        self.trials += 1;
        let borne = self.per_second.min(sent_per_second) * (1.0 - share);
        self.per_second = (YIELD * borne).max(slowest);
        if self.trials < TRIALS { Verdict::GoesOn } else { Verdict::InVain }
    }
}

impl Batch {
    fn new(began: Instant, latest: u64) -> Self {
        Self { began, latest, answered: 0, refused: 0 }
    }

    fn is_full(&self, now: Instant) -> bool {
        let (count, seconds) = if self.answered == 0 { HOPELESS } else { BATCH };
        self.answered + self.refused >= count && now.saturating_duration_since(self.began) >= seconds
    }

    fn refused_share(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.answered + self.refused)
    }

    /// Requests that ended in a second.
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

    /// Answers a second in the time that has passed, a minute at most.
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
