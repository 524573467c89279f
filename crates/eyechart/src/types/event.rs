//! What happens during a run, as it happens. Progress, the meter and `load.jsonl` are made from these events only.

use std::sync::Arc;

use super::{Attempt, LimitChange, SampleRecord, Tokens};

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// The run begins.
    Started {
        /// Samples that have to be asked.
        samples: usize,
    },
    /// A sample has its slot and is being prepared.
    SampleStarted {
        /// The id of the sample.
        id: &'a str,
    },
    /// A request is sent.
    AttemptStarted,
    /// An attempt has ended, well or not.
    AttemptEnded(&'a Attempt),
    /// The record of a sample is written. It may not be on the disk yet.
    SampleEnded {
        /// The record.
        record: &'a SampleRecord,
        /// Tokens that the endpoint reported for the requests of this run.
        tokens: Tokens,
    },
    /// Records have reached the disk.
    Synced(Tally),
    /// Nothing is sent for a while, because the endpoint asked for it.
    Paused {
        /// Seconds from now on; 0 if a pause is over early.
        seconds: f64,
    },
    /// The limit on concurrent requests is a new one.
    LimitChanged(&'a LimitChange),
    /// Something that the user should know.
    Notice(String),
    /// The run has ended, one way or another.
    Ended,
}

/// Samples whose records have reached the disk since the run began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Samples that ended.
    pub ended: u64,
    /// Failed samples among them.
    pub failed: u64,
    /// Prompt and answer tokens that the endpoint reported for them.
    pub tokens: u64,
}

/// Something that is told what happens. It must return at once: requests wait for it.
pub trait Observer: Send + Sync {
    /// Takes note of `event`.
    fn observe(&self, event: &RunEvent<'_>);
}

/// Several observers, each told everything.
#[derive(Clone, Default)]
pub struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// Adds an observer.
    #[must_use]
    pub fn with(mut self, observer: Arc<dyn Observer>) -> Self {
        self.0.push(observer);
        self
    }

    /// Tells all of them, in the order in which they were added.
    pub fn emit(&self, event: &RunEvent<'_>) {
        self.0.iter().for_each(|observer| observer.observe(event));
    }
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
