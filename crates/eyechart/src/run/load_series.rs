//! Keeps `load.jsonl` while a run goes: what was known of the endpoint's load survives a power loss but for the last
//! seconds.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::log::{LogError, RunFolder, append_load, repair_load};
use crate::provider::Gate;

/// Between two appends.
const EVERY: Duration = Duration::from_secs(5);

/// Appends the points of a gate's series on a thread of its own.
pub(super) struct LoadSeries {
    end: Sender<()>,
    thread: JoinHandle<Result<(), LogError>>,
}

impl LoadSeries {
    pub(super) fn keep(folder: &RunFolder, gate: Arc<Gate>) -> Self {
        let (end, ended) = channel();
        let folder = folder.clone();
        let thread = std::thread::spawn(move || {
            repair_load(&folder)?;
            let mut written = 0;
            loop {
                let last = ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                let points = gate.series();
                // The latest point may give way to one that follows at once.
                let settled = points.len().saturating_sub(usize::from(!last));
                append_load(&folder, &points[written.min(settled)..settled])?;
                written = settled;
                if last {
                    return Ok(());
                }
            }
        });
        Self { end, thread }
    }

    /// Appends what is left.
    ///
    /// # Errors
    /// [`LogError::Io`] where the file could not be written, now or earlier.
    pub(super) fn finish(self) -> Result<(), LogError> {
        drop(self.end);
        // A thread that panicked has lost nothing but the series.
        self.thread.join().unwrap_or(Ok(()))
    }
}
