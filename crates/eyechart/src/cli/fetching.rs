//! Progress of fetching data and weights, on stderr.

use std::sync::{Mutex, MutexGuard, PoisonError};

use eyechart::types::Progress;
use indicatif::ProgressBar;

use super::output;
use super::progress::bar;

/// Template of the bar if the size is known.
const OF_TOTAL: &str = "{bar:24} {bytes}/{total_bytes} {binary_bytes_per_sec}";
/// Template of the bar if the size is unknown.
const SO_FAR: &str = "{bytes} {binary_bytes_per_sec}";

/// Shows the progress of fetching: a line per step, and on a terminal a bar below.
#[derive(Default)]
pub struct FetchProgress {
    bar: Mutex<Option<ProgressBar>>,
}

impl FetchProgress {
    fn shown(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self) {
        if let Some(bar) = self.shown().take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for FetchProgress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Progress for FetchProgress {
    fn announce(&self, message: &str) {
        self.clear();
        output::progress(message);
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if !output::is_interactive() {
            return;
        }
        let mut shown = self.shown();
        let bar = shown
            .get_or_insert_with(|| bar(total.unwrap_or(0), if total.is_some() { OF_TOTAL } else { SO_FAR }));
        // The next file of a wheel has another size.
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    }
}
