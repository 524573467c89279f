//! Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing for a run of less than a second.

use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eyechart::provider::RetryPolicy;
use eyechart::text::{grouped, usd};
use eyechart::types::{Attempt, Failure, FailureKind, Observer, Price, RunEvent, Tally, Tokens};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// Time between two updates of the bar.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);
/// Columns that a bar has at least.
const LEAST_BAR: usize = 8;
/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Time for which progress shows that a request is sent again, and why.
const RETRY_SHOWN: Duration = Duration::from_secs(10);

/// Shows the progress of a run.
pub struct RunProgress {
    shared: Arc<Mutex<Shared>>,
    drawing: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// What the events since the last update have changed.
#[derive(Default)]
struct Shared {
    state: RunState,
    notices: Vec<String>,
    /// The kinds of failures so far. The first message of each kind is shown.
    failures: BTreeSet<FailureKind>,
    correction: Correction,
}

/// Number of answers after which the forecast is corrected: as many as the forecast measures samples.
const CORRECTED_AFTER: u64 = 20;
/// A shorter run ends soon after its first answers.
const FEWEST_CORRECTED: u64 = 100;

/// What the run takes by its first answers.
#[derive(Default)]
struct Correction {
    price: Option<Price>,
    /// Samples of the run.
    samples: u64,
    /// Answers so far.
    answers: u64,
    tokens: Tokens,
}

impl Correction {
    /// Adds an answer. The corrected forecast, once there are enough answers.
    fn add(&mut self, tokens: Tokens) -> Option<String> {
        if self.samples < FEWEST_CORRECTED || self.answers == CORRECTED_AFTER || tokens.is_zero() {
            return None;
        }
        self.answers += 1;
        self.tokens = self.tokens + tokens;
        (self.answers == CORRECTED_AFTER).then(|| self.in_words())
    }

    fn in_words(&self) -> String {
        let share = self.samples as f64 / self.answers as f64;
        let expected = |tokens: u64| grouped((tokens as f64 * share).round() as u64);
        let (input, output) = (expected(self.tokens.input), expected(self.tokens.output));
        let cost = self.price.as_ref().map(|price| price.of(self.tokens) * share);
        let cost = cost.map(|cost| format!(", {} USD", usd(cost))).unwrap_or_default();
        format!(
            "forecast by the first {CORRECTED_AFTER} answers: {input} tokens of prompts and {output} of answers{cost}"
        )
    }
}

impl Shared {
    fn attempt_ended(&mut self, attempt: &Attempt) {
        self.state.in_flight = self.state.in_flight.saturating_sub(1);
        let Some(failure) = &attempt.error else { return };
        let is_sent_again = RetryPolicy::can_help(failure.kind);
        if is_sent_again {
            let (kind, status) = (failure.kind, attempt.status.filter(|status| *status != 200));
            self.state.retried = Some(Retried { at: Instant::now(), kind, status });
        }
        self.note_first(failure, if is_sent_again { " (the request is sent again)" } else { "" });
    }

    fn note_first(&mut self, failure: &Failure, consequence: &str) {
        // These stop the run, whose error has the message.
        let stops_run = matches!(failure.kind, FailureKind::Auth | FailureKind::NotFound);
        if !stops_run && self.failures.insert(failure.kind) {
            let (kind, message) = (failure.kind.name(), failure.message.trim_end_matches('.'));
            self.notices.push(format!("first {kind}: {message}{consequence}"));
        }
    }
}

/// The last request that failed and is sent again.
#[derive(Clone, Copy)]
struct Retried {
    at: Instant,
    kind: FailureKind,
    /// The status of the reply, if it says more than the kind.
    status: Option<u16>,
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
    /// Absent if no request was sent again.
    retried: Option<Retried>,
}

impl RunProgress {
    /// The progress of a run whose tokens have this price, if it is known.
    pub fn new(price: Option<Price>) -> Self {
        let correction = Correction { price, ..Correction::default() };
        let shared = Shared { correction, ..Shared::default() };
        Self { shared: Arc::new(Mutex::new(shared)), drawing: Mutex::default() }
    }

    fn begin(&self, samples: usize) {
        lock(&self.shared).correction.samples = samples as u64;
        let (end, ended) = channel();
        let shared = Arc::clone(&self.shared);
        let drawing = std::thread::Builder::new().spawn(move || {
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
        // If the system has no thread left, the run shows no progress.
        *lock(&self.drawing) = drawing.ok().map(|drawing| (end, drawing));
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
            // Nothing is drawn before the start and after the end.
            RunEvent::Notice(text) if lock(&self.drawing).is_none() => return output::notice(text),
            _ => {}
        }
        let mut shared = lock(&self.shared);
        let Shared { state, notices, .. } = &mut *shared;
        match event {
            RunEvent::Synced(tally) => state.tally = *tally,
            RunEvent::AttemptStarted => state.in_flight += 1,
            RunEvent::AttemptEnded(attempt) => shared.attempt_ended(attempt),
            RunEvent::SampleEnded { record, tokens } if record.error.is_none() => {
                let corrected = shared.correction.add(*tokens);
                shared.notices.extend(corrected);
            }
            // Samples that were never sent, such as those with an unreadable picture.
            RunEvent::SampleEnded { record, .. } if record.attempts.is_empty() => {
                record.error.iter().for_each(|failure| shared.note_first(failure, ""));
            }
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
        let bar = output::is_interactive().then(|| bar(total, "{wide_bar} {pos}/{len} {msg}"));
        let now = Instant::now();
        Self { total, started: now, bar, last_line: Mutex::new(now) }
    }

    fn show(&self, state: RunState) {
        let tally = state.tally;
        if let Some(bar) = &self.bar {
            bar.set_position(tally.ended);
            bar.set_message(fitted(self.parts(state), self.room()));
            return;
        }
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_INTERVAL {
            *last = Instant::now();
            output::progress(&format!("{}/{} {}", tally.ended, self.total, self.words(state)));
        }
    }

    /// Columns for words beside the bar and the numbers of samples.
    fn room(&self) -> usize {
        let numbers = 2 * self.total.to_string().len() + 3;
        output::terminal_width().saturating_sub(LEAST_BAR + numbers)
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
        fitted(self.parts(state), usize::MAX)
    }

    /// What is known, in the order in which it is shown.
    fn parts(&self, state: RunState) -> Vec<Part> {
        let tally = state.tally;
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = tally.ended as f64 / seconds.max(1e-3);
        let is_running = tally.ended < self.total;
        let mut parts =
            vec![Part::new(6, format!("{} failed", tally.failed)), Part::new(3, format!("{rate:.1}/s"))];
        let mut left = (self.total - tally.ended.min(self.total)) as f64 / rate;
        if let Some(limit) = state.limit.filter(|_| is_running) {
            parts.push(Part::new(2, format!("{} of {limit} in flight", state.in_flight)));
            let wait = state.paused_until.map(|until| until.saturating_duration_since(Instant::now()));
            // Shorter pauses end before a user can read of them.
            if let Some(wait) = wait.filter(|wait| wait.as_secs() > 0) {
                let wait = wait.as_secs_f64();
                parts.push(Part::new(5, format!("waiting {} as the endpoint asked", duration(wait))));
                left += wait;
            }
        }
        let retried = state.retried.filter(|retried| is_running && retried.at.elapsed() < RETRY_SHOWN);
        if let Some(Retried { kind, status, .. }) = retried {
            let status = status.map(|status| format!(", status {status}")).unwrap_or_default();
            parts.push(Part::new(5, format!("retrying ({}{status})", kind.name())));
        }
        if tally.ended > 0 && is_running {
            parts.push(Part::new(4, format!("{} left", duration(left))));
        } else if !is_running {
            parts.push(Part::new(4, duration(seconds)));
        }
        if tally.tokens > 0 {
            parts.push(Part::new(1, format!("{} tokens", compact(tally.tokens))));
        }
        parts
    }
}

/// One thing that is known of a run.
struct Part {
    /// Parts with the lowest number are left out first where there is no room.
    importance: u8,
    words: String,
}

impl Part {
    fn new(importance: u8, words: String) -> Self {
        Self { importance, words }
    }
}

/// As many parts as fit into `width` columns, the most important one at least.
fn fitted(mut parts: Vec<Part>, width: usize) -> String {
    loop {
        let words = parts.iter().map(|part| part.words.as_str()).collect::<Vec<_>>().join(", ");
        let least = parts.iter().map(|part| part.importance).min();
        if words.chars().count() <= width || parts.len() <= 1 {
            return words;
        }
        let least = parts.iter().position(|part| Some(part.importance) == least).unwrap_or_default();
        parts.remove(least);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_that_a_request_is_sent_again_and_why() {
        let shared = Mutex::new(Shared::default());
        let failure = Failure::new(FailureKind::ServerError, "status 503 Service Unavailable: loading");
        let attempt = Attempt {
            started: String::new(),
            seconds: 0.1,
            status: Some(503),
            request_id: None,
            retry_after: None,
            error: Some(failure),
        };
        (0..3).for_each(|_| lock(&shared).attempt_ended(&attempt));
        let view =
            View { total: 9, started: Instant::now(), bar: None, last_line: Mutex::new(Instant::now()) };
        let words = view.words(lock(&shared).state);
        assert!(words.contains(", retrying (server_error, status 503)"), "{words}");
        let expected =
            "first server_error: status 503 Service Unavailable: loading (the request is sent again)";
        assert_eq!(lock(&shared).notices, [expected]);
    }

    #[test]
    fn what_matters_least_is_left_out_where_there_is_no_room() {
        let parts = || {
            let parts = [
                (6, "2 failed"),
                (3, "8.1/s"),
                (2, "12 of 16 in flight"),
                (4, "40 s left"),
                (1, "48k tokens"),
            ];
            parts.map(|(importance, words)| Part::new(importance, words.to_owned())).into()
        };
        assert_eq!(fitted(parts(), 80), "2 failed, 8.1/s, 12 of 16 in flight, 40 s left, 48k tokens");
        assert_eq!(fitted(parts(), 50), "2 failed, 8.1/s, 12 of 16 in flight, 40 s left");
        assert_eq!(fitted(parts(), 20), "2 failed, 40 s left");
        assert_eq!(fitted(parts(), 3), "2 failed");
    }

    #[test]
    fn the_forecast_is_corrected_once_after_the_first_answers_of_a_long_run() {
        let mut correction = Correction { samples: 1_000, ..Correction::default() };
        let tokens = Tokens { input: 900, output: 100 };
        let corrected: Vec<String> = (0..40).filter_map(|_| correction.add(tokens)).collect();
        assert_eq!(
            corrected,
            ["forecast by the first 20 answers: 900,000 tokens of prompts and 100,000 of answers"]
        );
        let mut short = Correction { samples: 99, ..Correction::default() };
        assert!((0..40).all(|_| short.add(tokens).is_none()));
    }
}
