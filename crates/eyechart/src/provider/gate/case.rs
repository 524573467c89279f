//! One sample before the gate: its failures, and the verdict on it where it has used up its retries.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Admission, Gate, Later, Report, State};
use crate::provider::health::{Failures, Halt, Others, Verdict};
use crate::types::Failure;

/// What the gate knows of one sample that is being asked.
#[derive(Debug)]
pub(in crate::provider) struct Case {
    gate: Arc<Gate>,
    failures: Failures,
    is_failing: bool,
}

/// Counts a sample as one that waits for its verdict, as long as it lives.
struct Unjudged<'a>(&'a Gate);

/// A sample that has used up its retries asks for its verdict.
#[derive(Debug, Clone, Copy)]
pub(in crate::provider) struct Appeal<'a> {
    /// How it failed the last time.
    pub(in crate::provider) failure: &'a Failure,
    /// Failures apart from each other that are held against it.
    pub(in crate::provider) enough: u32,
    /// When it may be asked again, if nothing is known by then.
    pub(in crate::provider) again: Instant,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Judged {
    Failed,
    AskAgain,
}

impl Gate {
    /// A sample is about to be asked.
    pub(in crate::provider) fn open(self: &Arc<Self>) -> Case {
        let failures = self.lock().health.ask();
        Case { gate: Arc::clone(self), failures, is_failing: false }
    }
}

impl State {
    /// Judges a sample; where it is to be asked again and nobody was answered meanwhile, not before `again`.
    fn judge(
        &self,
        appeal: &Appeal<'_>,
        failures: &Failures,
        now: Instant,
    ) -> Result<Result<Judged, Halt>, Later> {
        let others = match self.samples {
            _ if self.more_to_come => Others::Asked,
            0 | 1 => Others::Gone,
            samples if self.unjudged >= samples => Others::Waiting,
            _ => Others::Asked,
        };
        match self.health.judge(appeal.failure, failures, appeal.enough, others) {
            Ok(Verdict::Sample) => Ok(Ok(Judged::Failed)),
            Ok(Verdict::Endpoint) => Ok(Ok(Judged::AskAgain)),
            Err(halt) => Ok(Err(halt)),
            // Each that ends may tell, and is asked in this one's place.
            Ok(Verdict::Open) if !self.under_way.is_empty() => Err(Later::AfterChange),
            Ok(Verdict::Open) if now < appeal.again => Err(Later::At(appeal.again)),
            Ok(Verdict::Open) => Ok(Ok(Judged::AskAgain)),
        }
    }
}

impl Case {
    /// Hears how an attempt of the sample ended.
    ///
    /// # Errors
    /// [`Halt`] where the run cannot go on.
    pub(in crate::provider) fn hear(
        &mut self,
        admission: Admission,
        report: &Report<'_>,
    ) -> Result<(), Halt> {
        let heard = admission.end(report, &mut self.failures);
        if heard.is_ok() && report.attempt.error.is_some() && !self.is_failing {
            self.is_failing = true;
            self.gate.lock().failing += 1;
        }
        self.gate.changed.notify_waiters();
        heard
    }

    /// Whether the last failure is held against the sample.
    pub(in crate::provider) fn counts(&self) -> bool {
        self.failures.count()
    }

    /// Whether the sample has been turned away for so long that there is no point in going on.
    pub(in crate::provider) fn is_refused_for_long(&self) -> bool {
        self.gate.lock().health.is_refused_for_long(&self.failures, Instant::now())
    }

    /// Waits until it is known whether the sample has failed for good or should be asked again.
    ///
    /// # Errors
    /// [`Halt`] where the run cannot go on.
    pub(in crate::provider) async fn verdict(&self, appeal: Appeal<'_>) -> Result<Judged, Halt> {
        let _unjudged = Unjudged::new(&self.gate);
        self.gate.wait_for(|state, now| state.judge(&appeal, &self.failures, now)).await
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if self.is_failing {
            let mut state = self.gate.lock();
            state.failing = state.failing.saturating_sub(1);
        }
    }
}

impl<'a> Unjudged<'a> {
    fn new(gate: &'a Gate) -> Self {
        gate.lock().unjudged += 1;
        gate.changed.notify_waiters();
        Self(gate)
    }
}

impl Drop for Unjudged<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.unjudged = state.unjudged.saturating_sub(1);
    }
}
