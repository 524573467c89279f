//! The one gate that every request passes: a slot for each sample, admission for each attempt, its outcome after
//! it, and a verdict on each sample that has used up its retries.
//!
//! Here, and nowhere else, it is decided how many requests are under way, how fast they follow each other, and
//! whether the run can go on. A sample that waits to be asked again keeps its slot, but makes room for another: the
//! endpoint is not left idle, and only others can show whether it answers anybody.

mod case;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::adaptive::{Adaptive, Signal, Started};
use super::allowance::Allowance;
use super::bucket::Bucket;
use super::health::{Failures, Halt, Health};
use super::quota::{Heard, Quotas};
pub(super) use case::{Appeal, Judged};

use crate::types::{Attempt, Connections, FailureKind, Load};

/// `auto` never goes beyond this many at once.
pub const MOST_CONNECTIONS: usize = 512;
/// An endpoint that asks for a longer wait stops the run: it can be resumed then.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// Samples to be asked again that others are started beside, at most: each holds a request in memory.
const MOST_BESIDE: usize = 16;
/// Between two points of the recorded series, at least.
const RESOLUTION: Duration = Duration::from_millis(100);
/// What a request is thought to cost before any was answered, in tokens.
const USUAL_TOKENS: f64 = 1_500.0;
/// The weight of the newest request in the mean cost.
const NEWEST: f64 = 0.1;

/// What limits requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// At once.
    pub connections: Connections,
    /// Requests a minute, where they are limited.
    pub requests_per_minute: Option<f64>,
    /// Tokens a minute, where they are limited.
    pub tokens_per_minute: Option<f64>,
    /// An endpoint that answers nobody for this long stops the run.
    pub give_up_after: Duration,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            connections: Connections::Auto,
            requests_per_minute: None,
            tokens_per_minute: None,
            give_up_after: Duration::from_secs(300),
        }
    }
}

/// What every request passes.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limit: Limit,
    /// Samples that are yet to take a slot, as far as is known.
    to_come: usize,
    /// Samples that have one.
    samples: usize,
    /// Those of them that have failed and will be asked again.
    failing: usize,
    /// Those of them that wait for their verdict.
    unjudged: usize,
    /// Requests.
    under_way: usize,
    paused_until: Option<Instant>,
    /// Until when all waits that it asks for are excused already.
    excused_until: Option<Instant>,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    usual_tokens: f64,
    quotas: Quotas,
    /// Requests so far.
    sent: u64,
    health: Health,
    series: Vec<Load>,
    /// When the last point of the series was added.
    noted: Option<Instant>,
}

#[derive(Debug)]
enum Limit {
    Fixed(usize),
    Adaptive(Box<Adaptive>),
}

/// The right to have one sample under way; given back when dropped.
#[derive(Debug)]
pub struct Slot(Arc<Gate>);

/// The right to send one request now.
#[derive(Debug)]
pub struct Admission {
    gate: Arc<Gate>,
    ticket: Ticket,
    ended: bool,
}

/// What is known of a request from the start.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    started: Option<Started>,
    sent: Instant,
    /// Its number among all requests.
    number: u64,
    reserved_tokens: f64,
}

/// How an attempt ended, as far as the gate is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report<'a> {
    /// Its times, and its failure if it failed.
    pub(super) attempt: &'a Attempt,
    /// Tokens that it cost, where the endpoint says so.
    pub(super) tokens: Option<u64>,
    /// What the endpoint's headers say of its limits.
    pub(super) allowances: &'a [Allowance],
}

impl Gate {
    /// A gate that lets through what `settings` allow.
    #[must_use]
    pub fn new(settings: GateSettings) -> Arc<Self> {
        let now = Instant::now();
        let limit = match settings.connections {
            Connections::Fixed(limit) => Limit::Fixed(limit.max(1)),
            Connections::Auto => Limit::Adaptive(Box::new(Adaptive::new(MOST_CONNECTIONS))),
        };
        let bucket = |per_minute: Option<f64>| per_minute.map(|per_minute| Bucket::new(per_minute, now));
        let mut state = State {
            limit,
            to_come: 0,
            samples: 0,
            failing: 0,
            unjudged: 0,
            under_way: 0,
            paused_until: None,
            excused_until: None,
            requests: bucket(settings.requests_per_minute),
            tokens: bucket(settings.tokens_per_minute),
            usual_tokens: USUAL_TOKENS,
            quotas: Quotas::default(),
            sent: 0,
            health: Health::new(settings.give_up_after),
            series: Vec::new(),
            noted: None,
        };
        state.note(now);
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// Waits for a slot. Dropping the future gives up the wait.
    pub async fn acquire(self: &Arc<Self>) -> Slot {
        self.wait_for(|state, _| state.take_slot()).await;
        Slot(Arc::clone(self))
    }

    /// Waits until a request may go out. Dropping the future gives up the wait.
    pub async fn admit(self: &Arc<Self>) -> Admission {
        let ticket = self.wait_for(State::admit).await;
        Admission { gate: Arc::clone(self), ticket, ended: false }
    }

    /// Makes known that as many samples are going to take a slot.
    pub fn expect(&self, samples: usize) {
        self.lock().to_come += samples;
    }

    /// Limit and requests under way, as they changed over time.
    #[must_use]
    pub fn series(&self) -> Vec<Load> {
        self.lock().series.clone()
    }

    /// The limit and the requests under way now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.lock().load()
    }

    /// For how long nothing more is sent: `None` where nothing holds requests back.
    #[must_use]
    pub fn paused_for(&self) -> Option<Duration> {
        self.lock().paused_for(Instant::now())
    }

    /// Takes what `take` finds, or waits until it may find it.
    async fn wait_for<T>(&self, mut take: impl FnMut(&mut State, Instant) -> Result<T, Later>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Before the look, so that no change in between goes unnoticed.
            changed.as_mut().enable();
            let found = take(&mut self.lock(), Instant::now());
            match found {
                Ok(taken) => return taken,
                Err(Later::At(time)) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(time) => {}
                    }
                }
                Err(Later::AfterChange) => changed.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held; if it did, the numbers would still be numbers.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When it makes sense to look again.
enum Later {
    At(Instant),
    AfterChange,
}

impl State {
    fn limit(&self) -> usize {
        match &self.limit {
            Limit::Fixed(limit) => *limit,
            Limit::Adaptive(adaptive) => adaptive.limit(),
        }
    }

    fn take_slot(&mut self) -> Result<(), Later> {
        if self.samples >= self.limit() + self.failing.min(MOST_BESIDE) {
            return Err(Later::AfterChange);
        }
        self.samples += 1;
        self.to_come = self.to_come.saturating_sub(1);
        Ok(())
    }

    fn admit(&mut self, now: Instant) -> Result<Ticket, Later> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(Later::At(until));
        }
        if self.under_way >= self.limit() {
            return Err(Later::AfterChange);
        }
        let tokens = self.usual_tokens;
        if let Some(until) = self.quotas.exhausted_until(tokens, now).filter(|until| *until > now) {
            self.excuse(until, now);
            return Err(Later::At(until));
        }
        let mut costs = [self.requests.as_mut().zip(Some(1.0)), self.tokens.as_mut().zip(Some(tokens))];
        for (bucket, cost) in costs.iter_mut().flatten() {
            bucket.check(*cost, now).map_err(Later::At)?;
        }
        // Only now that both allow it: what is spent is gone.
        costs.into_iter().flatten().for_each(|(bucket, cost)| bucket.spend(cost));
        self.quotas.spend(tokens);
        self.under_way += 1;
        self.sent += 1;
        let started = match &mut self.limit {
            Limit::Fixed(_) => None,
            Limit::Adaptive(adaptive) => Some(adaptive.start()),
        };
        Ok(Ticket { started, sent: now, number: self.sent, reserved_tokens: tokens })
    }

    fn leave(&mut self, started: Option<Started>, signal: Signal) {
        self.under_way = self.under_way.saturating_sub(1);
        if let (Limit::Adaptive(adaptive), Some(started)) = (&mut self.limit, started) {
            adaptive.end(started, signal);
        }
    }

    fn hear(&mut self, report: &Report<'_>, failures: &mut Failures, ticket: Ticket) -> Result<(), Halt> {
        let now = Instant::now();
        self.leave(ticket.started, signal_of(report.attempt));
        match (report.tokens, &mut self.tokens) {
            (Some(tokens), _) => self.settle(tokens, ticket.reserved_tokens),
            (None, Some(bucket)) if report.attempt.error.is_some() => bucket.spend(-ticket.reserved_tokens),
            // An endpoint that counts no tokens: they were spent all the same.
            (None, _) => {}
        }
        let Ticket { sent, number, .. } = ticket;
        let heard = Heard { sent, sent_since: self.sent - number, tokens: self.usual_tokens, now };
        for allowance in report.allowances {
            self.quotas.learn(allowance, heard);
        }
        self.note(now);
        if report.attempt.status.is_some() {
            self.health.reached();
        }
        self.health.hear(report.attempt.error.as_ref().map_or(Ok(()), Err), failures, (sent, now))?;
        self.obey(report.attempt, now)
    }

    /// Corrects what was taken for the usual cost, now that the real one is known.
    fn settle(&mut self, tokens: u64, reserved_tokens: f64) {
        let tokens = tokens as f64;
        self.usual_tokens += NEWEST * (tokens - self.usual_tokens);
        if let Some(bucket) = &mut self.tokens {
            bucket.spend(tokens - reserved_tokens);
        }
    }

    /// What one request is told holds for all that go the same way.
    fn obey(&mut self, attempt: &Attempt, now: Instant) -> Result<(), Halt> {
        let asked = attempt.retry_after.and_then(|wait| Duration::try_from_secs_f64(wait).ok());
        let Some(wait) = asked.filter(|_| is_refusal(attempt)) else { return Ok(()) };
        // Before any arithmetic: a header may ask for more than a clock can show.
        if wait > LONGEST_WAIT {
            return Err(Halt::Postponed { wait });
        }
        self.excuse(now + wait, now);
        self.paused_until = self.paused_until.max(Some(now + wait));
        Ok(())
    }

    /// The endpoint lets nothing through until then: that it answers nothing is no silence.
    fn excuse(&mut self, until: Instant, now: Instant) {
        let added = until.saturating_duration_since(self.excused_until.unwrap_or(now).max(now));
        self.health.excuse(added);
        self.excused_until = self.excused_until.max(Some(until));
    }

    fn paused_for(&mut self, now: Instant) -> Option<Duration> {
        let until = self.paused_until.max(self.quotas.exhausted_until(self.usual_tokens, now))?;
        until.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    fn load(&self) -> Load {
        let (limit, at) = (self.limit(), Timestamp::now().to_string());
        Load { at, limit, under_way: self.under_way, samples: self.samples }
    }

    /// Adds a point where the limit has changed; of changes in quick succession the last.
    fn note(&mut self, now: Instant) {
        if self.series.last().is_some_and(|last| last.limit == self.limit()) {
            return;
        }
        if self.noted.is_some_and(|noted| now.saturating_duration_since(noted) < RESOLUTION) {
            self.series.pop();
        } else {
            self.noted = Some(now);
        }
        self.series.push(self.load());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.samples = state.samples.saturating_sub(1);
        drop(state);
        self.0.changed.notify_waiters();
    }
}

impl Admission {
    fn end(mut self, report: &Report<'_>, failures: &mut Failures) -> Result<(), Halt> {
        self.ended = true;
        self.gate.lock().hear(report, failures, self.ticket)
    }
}

impl Drop for Admission {
    /// Without a report: nobody waited for the attempt.
    fn drop(&mut self) {
        if !self.ended {
            self.gate.lock().leave(self.ticket.started, Signal::Other);
            self.gate.changed.notify_waiters();
        }
    }
}

fn is_refusal(attempt: &Attempt) -> bool {
    attempt.error.as_ref().is_some_and(|error| error.kind == FailureKind::RateLimited)
        || matches!(attempt.status, Some(429 | 503 | 529))
}

fn signal_of(attempt: &Attempt) -> Signal {
    match &attempt.error {
        None => Signal::Answered(attempt.seconds),
        Some(_) if is_refusal(attempt) => Signal::Refused,
        Some(_) => Signal::Other,
    }
}

#[cfg(test)]
mod tests;
