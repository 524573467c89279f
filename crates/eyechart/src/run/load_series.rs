//! Keeps `load.jsonl` while a run goes on: a power loss costs the points of the last seconds only.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::log::{LogError, RunFolder, append_load, repair_load};
use crate::types::{Load, Observer, RunEvent};

/// Between two appends.
const EVERY: Duration = Duration::from_secs(5);
/// Of the changes within this time only the last is kept.
const RESOLUTION: Duration = Duration::from_millis(100);

/// Appends each change of the limit, on a thread of its own.
pub(super) struct LoadSeries {
    end: Sender<()>,
    thread: JoinHandle<Result<(), LogError>>,
}

/// The points that are not in the file yet, with the time of each. Of these only the last may still be replaced.
#[derive(Default)]
pub(super) struct Points(Mutex<Vec<(Instant, Load)>>);

impl Points {
    fn add(&self, load: Load) {
        let (mut points, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        match points.last_mut() {
            Some((at, last)) if now.duration_since(*at) < RESOLUTION => *last = load,
            _ => points.push((now, load)),
        }
    }

    /// Takes the points that no later one replaces; all of them, if there is none to come.
    fn take_settled(&self, is_last: bool) -> Vec<Load> {
        let mut points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_settled = |(at, _): &(Instant, Load)| is_last || at.elapsed() >= RESOLUTION;
        let settled = points.iter().take_while(|point| is_settled(point)).count();
        points.drain(..settled).map(|(_, load)| load).collect()
    }
}

impl Observer for Points {
    fn observe(&self, event: &RunEvent<'_>) {
        if let RunEvent::LimitChanged(load) = event {
            self.add((*load).clone());
        }
    }
}

impl LoadSeries {
    pub(super) fn keep(folder: &RunFolder, points: Arc<Points>) -> Self {
        let (end, ended) = channel();
        let folder = folder.clone();
        let thread = std::thread::spawn(move || {
            repair_load(&folder)?;
            loop {
                let is_last = ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                append_load(&folder, &points.take_settled(is_last))?;
                if is_last {
                    return Ok(());
                }
            }
        });
        Self { end, thread }
    }

    /// Appends what is left.
    ///
    /// # Errors
    /// [`LogError::Io`] if the file could not be written, now or earlier.
    pub(super) fn finish(self) -> Result<(), LogError> {
        drop(self.end);
        // A thread that panicked has lost nothing but the series.
        self.thread.join().unwrap_or(Ok(()))
    }
}
