//! What is fetched before anything is asked: how it gets on, shown on stderr.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use eyechart::hub::Environment;
use eyechart::types::{Progress, SendAs, Task};
use eyechart::web::{Web, WebSettings};
use indicatif::ProgressBar;

use super::output;
use super::progress::bar;

/// A bar's form where the size is known, and where it is not.
const WHOLE: &str = "{bar:24} {bytes}/{total_bytes} {binary_bytes_per_sec}";
const SO_FAR: &str = "{bytes} {binary_bytes_per_sec}";

/// Pictures that are fetched at once, at most.
pub const FETCHES: usize = 32;

/// What fetches the pictures of a task that wants them fetched from their addresses.
pub fn web_for(task: &Task, allow_private: bool) -> anyhow::Result<Option<Web>> {
    if task.images.as_ref().is_none_or(|images| images.send != SendAs::Fetch) {
        return Ok(None);
    }
    let cache = Environment::from_process()
        .own_cache()
        .context("nothing says where fetched pictures are kept: set XDG_CACHE_HOME or HOME")?;
    let settings = WebSettings {
        allow_private,
        connections: FETCHES,
        ..WebSettings::new(cache, eyechart::image::check)
    };
    Web::new(settings).map(Some).map_err(anyhow::Error::msg)
}

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
    fn say(&self, message: &str) {
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
