//! The one gate that every request passes: a slot for each sample, admission for each attempt.
//!
//! The gate admits a request once every limit has cleared it, and reports how each attempt ended to the limits and to
//! the endpoint's health. A sample that waits to be asked again keeps its slot but makes room for another sample: the
//! endpoint does not idle, and only other samples can show whether it works.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::allowance::Allowance;
use super::halt::Halt;
use super::health::{EndpointHealth, FailureHistory, OtherSamples, ReplyOrigin};
use super::limits::{
    self, Clearance, EndedAttempt, Limit, MOST_CONNECTIONS, NextRequest, Pause, SentRequest,
};
use super::outcome::AttemptOutcome;
use super::tokens::TokenEstimate;
use crate::files::most_connections;
use crate::text::counted;
use crate::types::{Attempt, Connections, LimitChange, Observers, RunEvent, Tokens};

/// If all samples with a slot have failed, another sample gets a slot after this time, to show whether the endpoint
/// works.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Largest number of failing samples that free their slot. Each holds a request in memory.
const MOST_REPLACED: usize = 16;

/// What limits requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// Requests in flight.
    pub connections: Connections,
    /// Requests in flight that this machine has room for; unlimited, if absent.
    pub most_connections: Option<usize>,
    /// Requests per minute; unlimited, if absent.
    pub requests_per_minute: Option<f64>,
    /// Tokens per minute; unlimited, if absent.
    pub tokens_per_minute: Option<f64>,
    /// An endpoint that answers no request for this long stops the run.
    pub give_up_after: Duration,
    /// An endpoint that has replied only with errors of servers and proxies for this long stops the run.
    pub first_reply_within: Duration,
}

/// Time after which a run stops if every reply since the start is an error of a server or a proxy. A gateway that restarts
/// is back sooner.
pub const FIRST_REPLY_WITHIN: Duration = Duration::from_secs(30);

impl GateSettings {
    /// These settings within what this machine has room for now.
    #[must_use]
    pub fn within_machine(self) -> Self {
        Self { most_connections: most_connections(), ..self }
    }

    /// Requests in flight that this machine has room for, if fewer than are wanted.
    pub(super) fn limit_of_machine(&self) -> Option<usize> {
        let wanted = match self.connections {
            Connections::Auto => MOST_CONNECTIONS,
            Connections::Fixed(wanted) => wanted,
        };
        self.most_connections.filter(|most| *most < wanted)
    }

    /// The note that this machine has room for fewer requests in flight than are wanted; nothing if it has room.
    #[must_use]
    pub fn note_on_machine(&self) -> Option<String> {
        self.limit_of_machine().map(|most| {
            format!(
                "the limit on open files of this machine allows at most {} in flight (`ulimit -n` raises it)",
                counted(most, "request")
            )
        })
    }
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            connections: Connections::Auto,
            most_connections: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            give_up_after: Duration::from_secs(300),
            first_reply_within: FIRST_REPLY_WITHIN,
        }
    }
}

/// Controls all requests to one endpoint.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    changed: Notify,
    observers: Observers,
}

#[derive(Debug)]
pub(super) struct State {
    limits: Vec<Box<dyn Limit>>,
    pub(super) health: EndpointHealth,
    /// Tokens that a request is expected to cost.
    tokens: TokenEstimate,
    /// The numbers of the requests in flight.
    in_flight: BTreeSet<u64>,
    /// Requests sent so far: the number of the latest.
    sent: u64,
    /// Whether more samples are going to take a slot, as far as is known.
    more_to_come: bool,
    /// Samples with a slot.
    samples: usize,
    /// Samples that have failed and will be asked again.
    pub(super) failing: usize,
    /// When a sample last got a slot because all others had failed.
    probed: Option<Instant>,
    /// The limit on requests in flight that was last reported to the observers.
    reported_limit: Option<usize>,
    /// The end of the pause that was last reported to the observers.
    reported_pause: Option<Instant>,
}

/// What is reported to the observers after an attempt.
#[derive(Debug, Default)]
struct Changes {
    limit: Option<LimitChange>,
    pause: Option<Duration>,
}

/// The right to ask one sample; given back when dropped.
#[derive(Debug)]
pub struct Slot(Arc<Gate>);

/// The right to send one request now.
#[derive(Debug)]
pub struct Admission {
    gate: Arc<Gate>,
    request: SentRequest,
    has_ended: bool,
}

/// What is known about an attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptReport<'a> {
    pub(super) outcome: &'a AttemptOutcome,
    /// Where the reply came from.
    pub(super) origin: ReplyOrigin,
    /// Tokens that the attempt cost; absent if the endpoint does not report them.
    pub(super) tokens: Option<u64>,
    /// What the reply's headers say about the endpoint's limits.
    pub(super) allowances: &'a [Allowance],
}

/// When a waiting task should look again.
pub(super) enum Later {
    At(Instant),
    AfterChange,
}

impl Gate {
    /// A gate that limits requests as `settings` say.
    #[must_use]
    pub fn new(settings: GateSettings) -> Arc<Self> {
        Self::observed(settings, Observers::default())
    }

    /// A gate that reports attempts, pauses and changes of the limit on requests in flight to `observers`.
    #[must_use]
    pub fn observed(settings: GateSettings, observers: Observers) -> Arc<Self> {
        let now = Instant::now();
        let mut state = State {
            limits: limits::all(&settings, now),
            health: EndpointHealth::new(settings.give_up_after, settings.first_reply_within),
            tokens: TokenEstimate::default(),
            in_flight: BTreeSet::new(),
            sent: 0,
            more_to_come: false,
            samples: 0,
            failing: 0,
            probed: None,
            reported_limit: None,
            reported_pause: None,
        };
        let changes = state.changes(now);
        let gate = Self { state: Mutex::new(state), changed: Notify::new(), observers };
        gate.report(&changes);
        Arc::new(gate)
    }

    /// Waits for a slot. Dropping the future gives up the wait.
    pub async fn acquire(self: &Arc<Self>) -> Slot {
        self.wait_for(State::take_slot).await;
        Slot(Arc::clone(self))
    }

    /// Waits until a request may be sent. Dropping the future gives up the wait.
    pub async fn admit(self: &Arc<Self>) -> Admission {
        let request = self.wait_for(State::admit).await;
        self.observers.emit(&RunEvent::AttemptStarted);
        Admission { gate: Arc::clone(self), request, has_ended: false }
    }

    /// Sets whether more samples are going to take a slot. The verdict on failing samples depends on it: the answers to
    /// later samples show whether the endpoint works.
    pub fn expect(&self, more_to_come: bool) {
        let was_expected = std::mem::replace(&mut self.lock().more_to_come, more_to_come);
        if was_expected != more_to_come {
            self.notify();
        }
    }

    /// Number of samples that have failed and will be asked again.
    #[must_use]
    pub fn failing(&self) -> usize {
        self.lock().failing
    }

    /// Behaves as if this number of samples had failed and will be asked again.
    #[cfg(test)]
    pub(crate) fn set_failing(&self, failing: usize) {
        self.lock().failing = failing;
    }

    /// Waits until an attempt ends or a slot is given back.
    /// Changes after this call count, also before the future is polled.
    pub fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.changed.notified()
    }

    /// Classifies an attempt whose reply came from `origin`.
    pub(super) fn classify(&self, attempt: &Attempt, origin: ReplyOrigin) -> AttemptOutcome {
        let mut state = self.lock();
        state.health.record_reply(origin);
        state.health.with_limited_wait(AttemptOutcome::classify(attempt), Instant::now())
    }

    /// Tells observers how an attempt ended.
    pub(super) fn report_attempt(&self, attempt: &Attempt) {
        self.observers.emit(&RunEvent::AttemptEnded(attempt));
    }

    /// Tells observers the tokens of an answer that broke off.
    pub(super) fn report_broken_off(&self, tokens: Tokens) {
        self.observers.emit(&RunEvent::AnswerBrokeOff { tokens });
    }

    fn report(&self, changes: &Changes) {
        if let Some(load) = &changes.limit {
            self.observers.emit(&RunEvent::LimitChanged(load));
        }
        if let Some(pause) = changes.pause {
            self.observers.emit(&RunEvent::Paused { seconds: pause.as_secs_f64() });
        }
    }

    /// Wakes the tasks that wait for a change.
    pub(super) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until `take` finds what it looks for.
    pub(super) async fn wait_for<T>(
        &self,
        mut take: impl FnMut(&mut State, Instant) -> Result<T, Later>,
    ) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Before the look, so that no change in between is missed.
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; if it did, the numbers would still be numbers.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Maximum number of requests in flight.
    fn connections(&self) -> usize {
        self.limits.iter().filter_map(|limit| limit.connections()).min().unwrap_or(usize::MAX)
    }

    pub(super) fn has_requests_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Seen from a failing sample.
    pub(super) fn other_samples(&self) -> OtherSamples {
        if self.more_to_come || self.failing < self.samples {
            OtherSamples::Running
        } else if self.samples > 1 {
            OtherSamples::AllFailing
        } else {
            OtherSamples::None
        }
    }

    fn take_slot(&mut self, now: Instant) -> Result<(), Later> {
        if self.samples >= self.connections() + self.failing.min(MOST_REPLACED) {
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

    fn next_request(&self, now: Instant) -> NextRequest {
        NextRequest { tokens: self.tokens.tokens(), now }
    }

    fn admit(&mut self, now: Instant) -> Result<SentRequest, Later> {
        let next = self.next_request(now);
        for limit in &mut self.limits {
            let later = match limit.clearance(&next) {
                Clearance::Now => continue,
                Clearance::At(time) => Later::At(time),
                Clearance::AfterChange => Later::AfterChange,
            };
            self.excuse_pause(now);
            return Err(later);
        }
        self.sent += 1;
        self.in_flight.insert(self.sent);
        let request = SentRequest { number: self.sent, at: now, tokens: next.tokens };
        self.limits.iter_mut().for_each(|limit| limit.request_sent(&request));
        Ok(request)
    }

    fn end_attempt(
        &mut self,
        request: SentRequest,
        report: &AttemptReport<'_>,
        history: &mut FailureHistory,
    ) -> Result<(), Halt> {
        let now = Instant::now();
        let tokens = report.tokens.map(|tokens| self.tokens.record(tokens));
        let ended = EndedAttempt {
            outcome: Some(report.outcome),
            tokens,
            allowances: report.allowances,
            ..self.leave(request, now)
        };
        self.limits.iter_mut().for_each(|limit| limit.attempt_ended(&ended));
        self.health.record_reply(report.origin);
        self.health.record_outcome(report.outcome, history, &ended)?;
        self.excuse_pause(now);
        Ok(())
    }

    /// The run does not wait for the attempt any more.
    fn abandon(&mut self, request: SentRequest) {
        let ended = self.leave(request, Instant::now());
        self.limits.iter_mut().for_each(|limit| limit.attempt_ended(&ended));
    }

    /// The request is not in flight any more. Its outcome is left open.
    fn leave(&mut self, request: SentRequest, now: Instant) -> EndedAttempt<'static> {
        self.in_flight.remove(&request.number);
        EndedAttempt {
            request,
            now,
            outcome: None,
            tokens: None,
            allowances: &[],
            usual_tokens: self.tokens.tokens(),
            latest: self.sent,
            oldest: self.in_flight.first().copied(),
        }
    }

    /// The longest pause that the endpoint asks for now.
    fn pause(&mut self, now: Instant) -> Option<Pause> {
        let next = self.next_request(now);
        let pauses = self.limits.iter_mut().filter_map(|limit| limit.pause(&next));
        pauses.filter(|pause| pause.until > now).max_by_key(|pause| pause.until)
    }

    fn excuse_pause(&mut self, now: Instant) {
        if let Some(pause) = self.pause(now) {
            self.health.excuse(pause, now);
        }
    }

    /// What is new since observers were last told.
    fn changes(&mut self, now: Instant) -> Changes {
        let (limit, pause) = (self.connections(), self.pause(now).map(|pause| pause.until));
        let mut changes = Changes::default();
        if self.reported_limit.replace(limit) != Some(limit) {
            let at = crate::text::now().to_string();
            changes.limit =
                Some(LimitChange { at, limit, in_flight: self.in_flight.len(), samples: self.samples });
        }
        if std::mem::replace(&mut self.reported_pause, pause) != pause {
            changes.pause = Some(pause.map_or(Duration::ZERO, |until| until - now));
        }
        changes
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.samples = state.samples.saturating_sub(1);
        drop(state);
        self.0.notify();
    }
}

impl Admission {
    pub(super) fn end(
        mut self,
        report: &AttemptReport<'_>,
        history: &mut FailureHistory,
    ) -> Result<(), Halt> {
        self.has_ended = true;
        let mut state = self.gate.lock();
        let ended = state.end_attempt(self.request, report, history);
        // Under the lock, so that observers see changes in their order.
        let changes = state.changes(Instant::now());
        self.gate.report(&changes);
        ended
    }
}

impl Drop for Admission {
    /// An attempt without a report was abandoned.
    fn drop(&mut self) {
        if !self.has_ended {
            self.gate.lock().abandon(self.request);
            self.gate.notify();
        }
    }
}

#[cfg(test)]
mod tests;
