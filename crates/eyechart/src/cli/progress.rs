//! Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing for a run of less than a second.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eyechart::types::{Observer, RunEvent, Tally};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// Time between two updates of the bar.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of a run.
#[derive(Default)]
pub struct RunProgress {
    shared: Arc<Mutex<Shared>>,
    drawing: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// What the events since the last update have changed.
#[derive(Default)]
struct Shared {
    state: RunState,
    notices: Vec<String>,
}

/// The state of the run.
#[derive(Clone, Copy, Default)]
struct RunState {
    tally: Tally,
    /// Requests in flight.
    in_flight: usize,
    /// The limit on requests in flight; absent if no endpoint is asked.
    limit: Option<usize>,
    /// The time until which nothing is sent.
    paused_until: Option<Instant>,
}

impl RunProgress {
    fn begin(&self, samples: usize) {
        let (end, ended) = channel();
        let shared = Arc::clone(&self.shared);
        let drawing = std::thread::spawn(move || {
            let view = View::new(samples as u64);
            loop {
                let is_last = ended.recv_timeout(REDRAW_INTERVAL) != Err(RecvTimeoutError::Timeout);
                let (state, notices) = {
                    let mut shared = lock(&shared);
                    (shared.state, std::mem::take(&mut shared.notices))
                };
                notices.iter().for_each(|text| view.notice(text));
                if is_last {
                    return view.finish(state);
                }
                view.show(state);
            }
        });
        *lock(&self.drawing) = Some((end, drawing));
    }

    fn end(&self) {
        if let Some((end, drawing)) = lock(&self.drawing).take() {
            drop(end);
            let _ = drawing.join();
        }
    }
}

impl Observer for RunProgress {
    fn observe(&self, event: &RunEvent<'_>) {
        // These two wait for the drawing thread, which takes the lock.
        match event {
            RunEvent::Started { samples } => return self.begin(*samples),
            RunEvent::Ended => return self.end(),
            _ => {}
        }
        let Shared { state, notices } = &mut *lock(&self.shared);
        match event {
            RunEvent::Synced(tally) => state.tally = *tally,
            RunEvent::AttemptStarted => state.in_flight += 1,
            RunEvent::AttemptEnded(_) => state.in_flight = state.in_flight.saturating_sub(1),
            RunEvent::LimitChanged(change) => state.limit = Some(change.limit),
            RunEvent::Paused { seconds } => {
                state.paused_until =
                    Duration::try_from_secs_f64(*seconds).ok().map(|wait| Instant::now() + wait);
            }
            RunEvent::Notice(text) => notices.push(text.clone()),
            _ => {}
        }
    }
}

/// A poisoned lock is used as well: the state is consistent after each assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bar of a run, or its lines.
struct View {
    total: u64,
    started: Instant,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl View {
    fn new(total: u64) -> Self {
        let bar = output::is_interactive().then(|| bar(total, "{bar:12} {pos}/{len} {msg}"));
        let now = Instant::now();
        Self { total, started: now, bar, last_line: Mutex::new(now) }
    }

    fn show(&self, state: RunState) {
        let tally = state.tally;
        if let Some(bar) = &self.bar {
            bar.set_position(tally.ended);
            bar.set_message(self.words(state));
            return;
        }
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_INTERVAL {
            *last = Instant::now();
            output::progress(&format!("{}/{} {}", tally.ended, self.total, self.words(state)));
        }
    }

    fn notice(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::notice(text)),
            None => output::notice(text),
        }
    }

    fn finish(&self, state: RunState) {
        let tally = state.tally;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.started.elapsed() >= Duration::from_secs(1) {
            output::progress(&format!("{}/{} {}", tally.ended, self.total, self.words(state)));
        }
    }

    /// Such as `2 failed, 8.1/s, 12 of 16 in flight, 40 s left, 48.3k tokens`.
    fn words(&self, state: RunState) -> String {
        let tally = state.tally;
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = tally.ended as f64 / seconds.max(1e-3);
        let mut words = format!("{} failed, {rate:.1}/s", tally.failed);
        let mut left = (self.total - tally.ended.min(self.total)) as f64 / rate;
        if let Some(limit) = state.limit.filter(|_| tally.ended < self.total) {
            words.push_str(&format!(", {} of {limit} in flight", state.in_flight));
            let wait = state.paused_until.map(|until| until.saturating_duration_since(Instant::now()));
            // Shorter pauses end before a user can read of them.
            if let Some(wait) = wait.filter(|wait| wait.as_secs() > 0) {
                words.push_str(&format!(", waiting {} as the endpoint asked", duration(wait.as_secs_f64())));
                left += wait.as_secs_f64();
            }
        }
        if tally.ended > 0 && tally.ended < self.total {
            words.push_str(&format!(", {} left", duration(left)));
        } else if tally.ended == self.total {
            words.push_str(&format!(", {}", duration(seconds)));
        }
        if tally.tokens > 0 {
            words.push_str(&format!(", {} tokens", compact(tally.tokens)));
        }
        words
    }
}

/// A short form of a number: `9120`, `48.3k`, `2.48M`.
fn compact(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{:.1}k", count as f64 / 1e3),
        _ => format!("{:.2}M", count as f64 / 1e6),
    }
}

/// A short form of seconds: `42 s`, `3 min 05 s`, `2 h 10 min`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A bar that counts towards `total`.
pub fn bar(total: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style.progress_chars("=> "))
}

/// A bar on a terminal, nothing elsewhere: for steps that usually take a second or two.
pub fn quiet_bar(total: u64, template: &str) -> Option<ProgressBar> {
    output::is_interactive().then(|| bar(total, template))
}
