//! Appends the changes of the limit on concurrent requests to `load.jsonl` during a run. A power loss costs the lines of
//! the last seconds only.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::record::{RecordError, RunFolder, append_load, repair_load};
use crate::types::{LimitChange, Observer, RunEvent};

/// Time between two appends.
const EVERY: Duration = Duration::from_secs(5);
/// Only the last of the changes within this time is written.
const RESOLUTION: Duration = Duration::from_millis(100);

/// Appends each change of the limit on a separate thread.
pub(super) struct LimitChangeWriter {
    end: Sender<()>,
    thread: JoinHandle<Result<(), RecordError>>,
}

/// The changes that are not in the file yet, with their times. Only the last one may still be replaced.
#[derive(Default)]
pub(super) struct LimitChanges(Mutex<Vec<(Instant, LimitChange)>>);

impl LimitChanges {
    fn add(&self, change: LimitChange) {
        let (mut changes, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        match changes.last_mut() {
            Some((at, last)) if now.duration_since(*at) < RESOLUTION => *last = change,
            _ => changes.push((now, change)),
        }
    }

    /// Takes the changes that no later change can replace. If `is_last`, no later change will come: takes all.
    fn take_settled(&self, is_last: bool) -> Vec<LimitChange> {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_settled = |(at, _): &(Instant, LimitChange)| is_last || at.elapsed() >= RESOLUTION;
        let settled = changes.iter().take_while(|change| is_settled(change)).count();
        changes.drain(..settled).map(|(_, change)| change).collect()
    }
}

impl Observer for LimitChanges {
    fn observe(&self, event: &RunEvent<'_>) {
        if let RunEvent::LimitChanged(change) = event {
            self.add((*change).clone());
        }
    }
}

impl LimitChangeWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn keep(folder: &RunFolder, changes: Arc<LimitChanges>) -> io::Result<Self> {
        let (end, ended) = channel();
        let folder = folder.clone();
        let thread = std::thread::Builder::new().spawn(move || {
            repair_load(&folder)?;
            loop {
                let is_last = ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                append_load(&folder, &changes.take_settled(is_last))?;
                if is_last {
                    return Ok(());
                }
            }
        })?;
        Ok(Self { end, thread })
    }

    /// Appends the rest of the changes. Blocks.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the file could not be written, now or earlier.
    pub(super) fn finish(self) -> Result<(), RecordError> {
        drop(self.end);
        // If the thread panicked, only this file is incomplete.
        self.thread.join().unwrap_or(Ok(()))
    }
}
