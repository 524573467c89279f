//! The attempts of one sample at the gate: whether it is asked again, and when.

use std::sync::Arc;

use tokio::time::Instant;

use super::gate::{Admission, AttemptReport, Gate, Later, State};
use super::halt::Halt;
use super::health::{FailureHistory, SampleVerdict};
use super::outcome::AttemptOutcome;
use super::retry::RetryPolicy;
use crate::types::Failure;

/// The backoff of attempts that were turned away stops growing at this retry: at 8 s. The limits hold them back, and a
/// sample that waits for longer would be asked after all others.
const LONGEST_BACKOFF_IF_TURNED_AWAY: u32 = 4;

/// A sample that is being asked.
#[derive(Debug)]
pub(super) struct SampleAttempts {
    gate: Arc<Gate>,
    policy: RetryPolicy,
    history: FailureHistory,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The last attempt decides: there is an answer, or the sample has failed.
    Settle,
    /// Send the request again.
    AskAgain,
}

impl SampleAttempts {
    /// A sample that is about to be asked.
    pub(super) fn begin(gate: &Arc<Gate>, policy: RetryPolicy) -> Self {
        let history = gate.lock().health.begin_sample(policy);
        Self { gate: Arc::clone(gate), policy, history }
    }

    /// Records how an attempt ended.
    ///
    /// # Errors
    /// [`Halt`] if the run must stop.
    pub(super) fn record_outcome(
        &mut self,
        admission: Admission,
        report: &AttemptReport<'_>,
    ) -> Result<(), Halt> {
        let was_failing = self.is_failing();
        let recorded = admission.end(report, &mut self.history);
        if self.is_failing() && !was_failing {
            self.gate.lock().failing += 1;
        }
        self.gate.notify();
        recorded
    }

    /// Waits until the sample can be asked again, or until it is known that it has failed.
    ///
    /// # Errors
    /// [`Halt`] if the run must stop.
    pub(super) async fn next_step(&self, outcome: &AttemptOutcome) -> Result<NextStep, Halt> {
        let Some(failure) = outcome.retryable_failure() else { return Ok(NextStep::Settle) };
        let retry_at = Instant::now() + self.policy.delay(self.backoff(), outcome.wait());
        if self.gate.lock().health.is_used_up(&self.history, Instant::now()) {
            return self.gate.wait_for(|state, now| self.assess(state, failure, retry_at, now)).await;
        }
        tokio::time::sleep_until(retry_at).await;
        Ok(NextStep::AskAgain)
    }

    /// The number of the retry that the backoff is for, from 0.
    fn backoff(&self) -> u32 {
        let retry = self.history.attempts().saturating_sub(1);
        if self.history.last_used_retry() { retry } else { retry.min(LONGEST_BACKOFF_IF_TURNED_AWAY) }
    }

    fn assess(
        &self,
        state: &State,
        failure: &Failure,
        retry_at: Instant,
        now: Instant,
    ) -> Result<Result<NextStep, Halt>, Later> {
        match state.health.assess(failure, &self.history, state.other_samples(), now) {
            Err(halt) => Ok(Err(halt)),
            Ok(SampleVerdict::Failed) => Ok(Ok(NextStep::Settle)),
            Ok(SampleVerdict::AskAgain) => Ok(Ok(NextStep::AskAgain)),
            // The end of any request in flight may decide.
            Ok(SampleVerdict::Undecided) if state.has_requests_in_flight() => Err(Later::AfterChange),
            // Otherwise only another attempt can.
            Ok(SampleVerdict::Undecided) if now < retry_at => Err(Later::At(retry_at)),
            Ok(SampleVerdict::Undecided) => Ok(Ok(NextStep::AskAgain)),
        }
    }

    fn is_failing(&self) -> bool {
        self.history.attempts() > 0
    }
}

impl Drop for SampleAttempts {
    fn drop(&mut self) {
        if self.is_failing() {
            let mut state = self.gate.lock();
            state.failing = state.failing.saturating_sub(1);
        }
    }
}
