//! Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing for what is over in a second.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eyechart::provider::Gate;
use eyechart::types::{Observer, RunEvent, Tally};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;

const REDRAW: Duration = Duration::from_millis(100);
/// Between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of a run.
pub struct RunProgress {
    gate: Option<Arc<Gate>>,
    seen: Arc<Mutex<Seen>>,
    drawing: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// What the events have said and the next drawing shows.
#[derive(Default)]
struct Seen {
    tally: Tally,
    notices: Vec<String>,
}

impl RunProgress {
    /// The progress of a run whose requests pass `gate`.
    pub fn new(gate: Option<Arc<Gate>>) -> Self {
        Self { gate, seen: Arc::default(), drawing: Mutex::default() }
    }

    fn begin(&self, samples: usize) {
        let (end, ended) = channel();
        let (gate, seen) = (self.gate.clone(), Arc::clone(&self.seen));
        let drawing = std::thread::spawn(move || {
            let view = View::new(samples as u64, gate);
            loop {
                let is_last = ended.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout);
                let (tally, notices) = {
                    let mut seen = lock(&seen);
                    (seen.tally, std::mem::take(&mut seen.notices))
                };
                notices.iter().for_each(|text| view.notice(text));
                if is_last {
                    return view.finish(tally);
                }
                view.show(tally);
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
        match event {
            RunEvent::Started { samples } => self.begin(*samples),
            RunEvent::Synced(tally) => lock(&self.seen).tally = *tally,
            RunEvent::Notice(text) => lock(&self.seen).notices.push(text.clone()),
            RunEvent::Ended => self.end(),
            _ => {}
        }
    }
}

/// What is behind the lock is whole at every instant.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One run's bar, or its lines.
struct View {
    total: u64,
    started: Instant,
    bar: Option<ProgressBar>,
    gate: Option<Arc<Gate>>,
    last_line: Mutex<Instant>,
}

impl View {
    fn new(total: u64, gate: Option<Arc<Gate>>) -> Self {
        let bar = output::is_interactive().then(|| bar(total, "{bar:12} {pos}/{len} {msg}"));
        let now = Instant::now();
        Self { total, started: now, bar, gate, last_line: Mutex::new(now) }
    }

    fn show(&self, tally: Tally) {
        if let Some(bar) = &self.bar {
            bar.set_position(tally.ended);
            bar.set_message(self.words(tally));
            return;
        }
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            output::say(&format!("{}/{} {}", tally.ended, self.total, self.words(tally)));
        }
    }

    fn notice(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::notice(text)),
            None => output::notice(text),
        }
    }

    fn finish(&self, tally: Tally) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.started.elapsed() >= Duration::from_secs(1) {
            output::say(&format!("{}/{} {}", tally.ended, self.total, self.words(tally)));
        }
    }

    /// Failed, rate, time left, tokens.
    fn words(&self, tally: Tally) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = tally.ended as f64 / seconds.max(1e-3);
        let mut words = format!("{} failed, {rate:.1}/s", tally.failed);
        let mut left = (self.total - tally.ended.min(self.total)) as f64 / rate;
        if let Some(gate) = self.gate.as_ref().filter(|_| tally.ended < self.total) {
            let load = gate.load();
            words.push_str(&format!(", {} of {} at once", load.under_way, load.limit));
            // Shorter ones come and go too quickly to be read.
            if let Some(wait) = gate.paused_for().filter(|wait| wait.as_secs() > 0) {
                words.push_str(&format!(", waiting {} as asked", duration(wait.as_secs_f64())));
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

/// A count for people: `9120`, `48.3k`, `2.48M`.
fn compact(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{:.1}k", count as f64 / 1e3),
        _ => format!("{:.2}M", count as f64 / 1e6),
    }
}

/// Seconds for people: `42 s`, `3 min 05 s`, `2 h 10 min`.
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
