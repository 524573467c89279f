//! The one gate that every request passes: a slot for each sample, admission for each attempt, its outcome after
//! it, and a verdict on each sample that has used up its retries.
//!
//! Here, and nowhere else, it is decided how many requests are under way, how fast they follow each other, and
//! whether the run can go on. A sample that waits to be asked again keeps its slot, but makes room for another: the
//! endpoint is not left idle, and only others can show whether it answers anybody.

mod case;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::adaptive::{Adaptive, Signal, Started};
use super::allowance::Allowance;
use super::bucket::Bucket;
use super::health::{Ended, Failures, Halt, Health};
use super::pacer::Pacer;
use super::quota::{Heard, Quotas};
pub(super) use case::{Appeal, Case, Judged};

use crate::types::{Attempt, Connections, FailureKind, Load};

/// `auto` never goes beyond this many at once.
pub const MOST_CONNECTIONS: usize = 512;
/// An endpoint that asks for a longer wait stops the run: it can be resumed then.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// A failure that turns nobody else away holds its own sample up for no longer.
const LONGEST_OWN_WAIT: Duration = Duration::from_secs(60);
/// Between samples that are let in where all others have failed, at least.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Samples to be asked again that others are started beside, at most: each holds a request in memory.
const MOST_BESIDE: usize = 16;
/// Between two points of the recorded series, at least.
const RESOLUTION: Duration = Duration::from_millis(100);
/// What a request is thought to cost before any was answered, in tokens.
const USUAL_TOKENS: f64 = 1_500.0;
/// No request is believed to cost more, whatever the endpoint counts.
const MOST_TOKENS: f64 = 2e6;
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
    /// Whether any sample is to take a slot yet, as far as is known.
    more_to_come: bool,
    /// When a sample was last let in since all others had failed.
    probed: Option<Instant>,
    /// Samples that have one.
    samples: usize,
    /// Those of them that have failed and will be asked again.
    failing: usize,
    /// Those of them that wait for their verdict.
    unjudged: usize,
    /// The numbers of the requests that are under way.
    under_way: BTreeSet<u64>,
    paused_until: Option<Instant>,
    /// Until when all waits that it asks for are excused already.
    excused_until: Option<Instant>,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// What requests cost on average, once that is known.
    usual_tokens: Option<f64>,
    quotas: Quotas,
    pacer: Pacer,
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
            more_to_come: false,
            probed: None,
            samples: 0,
            failing: 0,
            unjudged: 0,
            under_way: BTreeSet::new(),
            paused_until: None,
            excused_until: None,
            requests: bucket(settings.requests_per_minute),
            tokens: bucket(settings.tokens_per_minute),
            usual_tokens: None,
            quotas: Quotas::default(),
            pacer: Pacer::new(now),
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
        self.wait_for(State::take_slot).await;
        Slot(Arc::clone(self))
    }

    /// Waits until a request may go out. Dropping the future gives up the wait.
    pub async fn admit(self: &Arc<Self>) -> Admission {
        let ticket = self.wait_for(State::admit).await;
        Admission { gate: Arc::clone(self), ticket, ended: false }
    }

    /// Makes known whether more samples are going to take a slot. Those that have one are judged by it.
    pub fn expect(&self, more_to_come: bool) {
        let mut state = self.lock();
        let has_changed = state.more_to_come != more_to_come;
        state.more_to_come = more_to_come;
        drop(state);
        if has_changed {
            self.changed.notify_waiters();
        }
    }

    /// Samples that have failed and will be asked again.
    #[must_use]
    pub fn failing(&self) -> usize {
        self.lock().failing
    }

    /// Waits until a request ends, or the like.
    pub async fn changed(&self) {
        self.changed.notified().await;
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

    fn usual_tokens(&self) -> f64 {
        self.usual_tokens.unwrap_or(USUAL_TOKENS)
    }

    fn take_slot(&mut self, now: Instant) -> Result<(), Later> {
        if self.samples >= self.limit() + self.failing.min(MOST_BESIDE) {
            // None of those that have a slot can show that the endpoint answers others.
            if self.failing < self.samples {
                return Err(Later::AfterChange);
            }
            let next = self.probed.map_or(now, |probed| probed + PROBE_EVERY);
            if next > now {
                return Err(Later::At(next));
            }
            self.probed = Some(now);
        }
        self.samples += 1;
        Ok(())
    }

    fn admit(&mut self, now: Instant) -> Result<Ticket, Later> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(Later::At(until));
        }
        if self.under_way.len() >= self.limit() {
            return Err(Later::AfterChange);
        }
        let tokens = self.usual_tokens();
        if let Some(until) = self.quotas.exhausted_until(tokens, now).filter(|until| *until > now) {
            self.excuse(until, now);
            return Err(Later::At(until));
        }
        if let Some(next) = self.pacer.next(now) {
            return Err(Later::At(next));
        }
        let mut costs = [self.requests.as_mut().zip(Some(1.0)), self.tokens.as_mut().zip(Some(tokens))];
        for (bucket, cost) in costs.iter_mut().flatten() {
            bucket.check(*cost, now).map_err(Later::At)?;
        }
        // Only now that both allow it: what is spent is gone.
        costs.into_iter().flatten().for_each(|(bucket, cost)| bucket.spend(cost));
        self.quotas.spend(tokens);
        self.pacer.send(now);
        self.sent += 1;
        self.under_way.insert(self.sent);
        let started = match &mut self.limit {
            Limit::Fixed(_) => None,
            Limit::Adaptive(adaptive) => Some(adaptive.start()),
        };
        Ok(Ticket { started, sent: now, number: self.sent, reserved_tokens: tokens })
    }

    fn leave(&mut self, ticket: Ticket, signal: Signal) {
        self.under_way.remove(&ticket.number);
        if let (Limit::Adaptive(adaptive), Some(started)) = (&mut self.limit, ticket.started) {
            adaptive.end(started, signal);
        }
    }

    fn hear(&mut self, report: &Report<'_>, failures: &mut Failures, ticket: Ticket) -> Result<(), Halt> {
        let now = Instant::now();
        let signal = signal_of(report.attempt);
        self.leave(ticket, signal);
        if signal != Signal::Other {
            let numbers = (self.sent, self.under_way.first().copied());
            self.pacer.hear(signal == Signal::Refused, numbers, now);
        }
        self.learn_limits(report, ticket, now);
        self.note(now);
        if report.attempt.status.is_some() {
            self.health.reached();
        }
        let ended = self.ended(ticket, now);
        self.health.hear(report.attempt.error.as_ref().map_or(Ok(()), Err), failures, ended)?;
        self.obey(report.attempt, now)
    }

    /// What the attempt cost, and what is left.
    fn learn_limits(&mut self, report: &Report<'_>, ticket: Ticket, now: Instant) {
        match (report.tokens, &mut self.tokens) {
            (Some(tokens), _) => self.settle(tokens, ticket.reserved_tokens),
            (None, Some(bucket)) if report.attempt.error.is_some() => bucket.spend(-ticket.reserved_tokens),
            // An endpoint that counts no tokens: they were spent all the same.
            (None, _) => {}
        }
        let Ticket { sent, number, .. } = ticket;
        let heard = Heard { sent, sent_since: self.sent - number, tokens: self.usual_tokens(), now };
        for allowance in report.allowances {
            self.quotas.learn(allowance, heard);
        }
    }

    fn ended(&self, ticket: Ticket, now: Instant) -> Ended {
        Ended {
            sent: ticket.sent,
            now,
            earlier: self.under_way.range(..ticket.number).count() as u64,
            oldest: self.under_way.first().copied(),
            latest: self.sent,
            is_paced: self.pacer.is_at_work(),
        }
    }

    /// Corrects what was taken for the usual cost, now that the real one is known.
    fn settle(&mut self, tokens: u64, reserved_tokens: f64) {
        let tokens = (tokens as f64).min(MOST_TOKENS);
        self.usual_tokens = match self.usual_tokens {
            Some(usual) => Some(usual + NEWEST * (tokens - usual)),
            None => Some(tokens),
        };
        if let Some(bucket) = &mut self.tokens {
            bucket.spend(tokens - reserved_tokens);
        }
    }

    /// What one request is told holds for all that go the same way.
    fn obey(&mut self, attempt: &Attempt, now: Instant) -> Result<(), Halt> {
        let Some(wait) = asked_wait(attempt).filter(|_| is_refusal(attempt)) else { return Ok(()) };
        // Before any arithmetic: a header may ask for more than a clock can show.
        if wait > LONGEST_WAIT {
            return Err(Halt::Postponed { wait });
        }
        if is_rate_limited(attempt) {
            self.excuse(now + wait, now);
        } else {
            self.health.excuse_once(wait);
        }
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
        let until = self.paused_until.max(self.quotas.exhausted_until(self.usual_tokens(), now))?;
        until.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    fn load(&self) -> Load {
        let (limit, at) = (self.limit(), Timestamp::now().to_string());
        Load { at, limit, under_way: self.under_way.len(), samples: self.samples }
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
            self.gate.lock().leave(self.ticket, Signal::Other);
            self.gate.changed.notify_waiters();
        }
    }
}

/// The wait that the endpoint asks for. Only of one that turns requests away more than a minute is believed: what a
/// broken gateway says of its future holds up a single sample, and nobody would see it wait.
pub(super) fn asked_wait(attempt: &Attempt) -> Option<Duration> {
    let asked = attempt.retry_after.and_then(|wait| Duration::try_from_secs_f64(wait).ok())?;
    Some(if is_refusal(attempt) { asked } else { asked.min(LONGEST_OWN_WAIT) })
}

fn is_rate_limited(attempt: &Attempt) -> bool {
    attempt.error.as_ref().is_some_and(|error| error.kind == FailureKind::RateLimited)
}

fn is_refusal(attempt: &Attempt) -> bool {
    is_rate_limited(attempt) || matches!(attempt.status, Some(429 | 503 | 529))
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
