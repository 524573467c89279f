//! The events of a run. Progress, the meter and `load.jsonl` are made only from these events.

use std::sync::Arc;

use super::{Attempt, LimitChange, SampleRecord, Tokens};

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// The run begins.
    Started {
        /// Number of samples to ask; each epoch counts.
        samples: usize,
    },
    /// A sample has its slot and is being prepared.
    SampleStarted {
        /// The id of the sample.
        id: &'a str,
    },
    /// A request is sent.
    AttemptStarted,
    /// An attempt has ended, successfully or not.
    AttemptEnded(&'a Attempt),
    /// An answer broke off that the endpoint reported tokens for. Its sample may be sent again.
    AnswerBrokeOff {
        /// The tokens that the endpoint reported.
        tokens: Tokens,
    },
    /// The record of a sample is written. It may not be on the disk yet.
    SampleEnded {
        /// The record.
        record: &'a SampleRecord,
        /// Tokens that the endpoint reported for the last request, unless they were reported by
        /// [`RunEvent::AnswerBrokeOff`].
        tokens: Tokens,
    },
    /// Records have reached the disk.
    Synced(Tally),
    /// No request is sent for a while, because the endpoint asked for that.
    Paused {
        /// Seconds from now; 0 if a pause ends early.
        seconds: f64,
    },
    /// The limit on concurrent requests has changed.
    LimitChanged(&'a LimitChange),
    /// A note for the user.
    Notice(String),
    /// The run has ended, successfully or not.
    Ended,
}

/// Samples whose records have reached the disk since the run began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Samples that ended.
    pub ended: u64,
    /// Number of failed samples among them.
    pub failed: u64,
    /// Prompt and answer tokens that the endpoint reported for these samples.
    pub tokens: u64,
}

/// Receives the events of a run. It must return quickly, because requests wait for it.
pub trait Observer: Send + Sync {
    /// Handles `event`.
    fn observe(&self, event: &RunEvent<'_>);
}

/// Several observers; each receives every event.
#[derive(Clone, Default)]
pub struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// Adds an observer.
    #[must_use]
    pub fn with(mut self, observer: Arc<dyn Observer>) -> Self {
        self.0.push(observer);
        self
    }

    /// Passes the event to all observers, in the order in which they were added.
    pub fn emit(&self, event: &RunEvent<'_>) {
        self.0.iter().for_each(|observer| observer.observe(event));
    }
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
