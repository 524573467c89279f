//! What is fetched before anything is asked: how it gets on, shown on stderr.

use std::sync::{Mutex, MutexGuard, PoisonError};

use eyechart::types::Progress;
use indicatif::ProgressBar;

use super::output;
use super::progress::bar;

/// A bar's form where the size is known, and where it is not.
const WHOLE: &str = "{bar:24} {bytes}/{total_bytes} {binary_bytes_per_sec}";
const SO_FAR: &str = "{bytes} {binary_bytes_per_sec}";

/// Shows how fetching gets on: what it is at in lines, and a bar below them on a terminal.
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
        output::say(message);
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if !output::is_interactive() {
            return;
        }
        let mut shown = self.shown();
        let bar = shown
            .get_or_insert_with(|| bar(total.unwrap_or(0), if total.is_some() { WHOLE } else { SO_FAR }));
        bar.set_position(done);
    }
}
