//! The gate in paused time.

use super::*;
use crate::provider::RetryPolicy;
use crate::provider::flow::allowance::Unit;
use crate::provider::flow::sample_attempts::SampleAttempts;
use crate::types::{Attempt, Failure, FailureKind, Observer, Observers, RunEvent};

fn settings(connections: Connections) -> GateSettings {
    GateSettings {
        connections,
        requests_per_minute: None,
        tokens_per_minute: None,
        ..GateSettings::default()
    }
}

/// An attempt as its sample reports it to the gate.
struct Report {
    attempt: Attempt,
    tokens: Option<u64>,
    allowances: Vec<Allowance>,
}

fn report(status: u16, retry_after: Option<f64>) -> Report {
    let kind = match status {
        200 => None,
        429 => Some(FailureKind::RateLimited),
        _ => Some(FailureKind::ServerError),
    };
    let attempt = Attempt {
        started: String::new(),
        seconds: 0.2,
        status: Some(status),
        request_id: None,
        retry_after,
        error: kind.map(|kind| Failure::new(kind, "as told")),
    };
    Report { attempt, tokens: None, allowances: Vec::new() }
}

/// An answer of an endpoint of whose quota so much remains for 20 s.
fn remaining(remaining: f64) -> Report {
    let (name, unit, reset) = ("x-ratelimit-remaining", Unit::Requests, Duration::from_secs(20));
    let allowance = Allowance { name, unit, limit: None, remaining, reset };
    Report { allowances: vec![allowance], ..report(200, None) }
}

fn begin(gate: &Arc<Gate>) -> SampleAttempts {
    SampleAttempts::begin(gate, RetryPolicy { max_retries: 5 })
}

fn record(sample: &mut SampleAttempts, admission: Admission, report: &Report) -> Result<(), Halt> {
    let outcome = AttemptOutcome::classify(&report.attempt);
    let origin = if report.attempt.status.is_some() { ReplyOrigin::Api } else { ReplyOrigin::NoReply };
    let (tokens, allowances) = (report.tokens, report.allowances.as_slice());
    sample.record_outcome(admission, &AttemptReport { outcome: &outcome, origin, tokens, allowances })
}

/// Ends the attempt of a sample of its own.
fn end(gate: &Arc<Gate>, admission: Admission, report: &Report) -> Result<(), Halt> {
    record(&mut begin(gate), admission, report)
}

async fn is_pending<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(1), future).await.is_err()
}

/// What an observer was told.
#[derive(Default)]
struct Seen {
    limits: Mutex<Vec<usize>>,
    pauses: Mutex<Vec<f64>>,
}

impl Seen {
    /// In whole seconds.
    fn pauses(&self) -> Vec<u64> {
        self.pauses.lock().unwrap().iter().map(|seconds| *seconds as u64).collect()
    }
}

impl Observer for Seen {
    fn observe(&self, event: &RunEvent<'_>) {
        match event {
            RunEvent::LimitChanged(load) => self.limits.lock().unwrap().push(load.limit),
            RunEvent::Paused { seconds } => self.pauses.lock().unwrap().push(*seconds),
            _ => {}
        }
    }
}

fn observed(connections: Connections) -> (Arc<Gate>, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let observers = Observers::default().with(seen.clone());
    (Gate::observed(settings(connections), observers), seen)
}

#[tokio::test(start_paused = true)]
async fn no_more_slots_are_out_than_there_are_connections() {
    let gate = Gate::new(settings(Connections::Fixed(2)));
    let first = gate.acquire().await;
    let _second = gate.acquire().await;
    assert!(is_pending(gate.acquire()).await);
    drop(first);
    let _third = gate.acquire().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_request_is_asked_for_holds_for_all() {
    let gate = Gate::new(settings(Connections::Fixed(8)));
    let (refused, other) = (gate.admit().await, gate.admit().await);
    end(&gate, refused, &report(429, Some(7.0))).unwrap();
    let began = Instant::now();
    let _next = gate.admit().await;
    assert_eq!(began.elapsed().as_secs(), 7);
    // The pause does not concern requests that are in flight already.
    end(&gate, other, &report(200, None)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_nothing_remains_pauses_until_more_does() {
    let (gate, seen) = observed(Connections::Fixed(8));
    end(&gate, gate.admit().await, &remaining(0.0)).unwrap();
    assert_eq!(seen.pauses(), [20]);
    let began = Instant::now();
    let _next = gate.admit().await;
    assert_eq!(began.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_later_answer_that_says_more_remains_ends_the_pause() {
    let (gate, seen) = observed(Connections::Fixed(8));
    let (first, second) = (gate.admit().await, gate.admit().await);
    end(&gate, first, &remaining(0.0)).unwrap();
    assert!(is_pending(gate.admit()).await);
    end(&gate, second, &remaining(50.0)).unwrap();
    assert_eq!(seen.pauses(), [20, 0]);
    assert!(!is_pending(gate.admit()).await);
}

#[tokio::test(start_paused = true)]
async fn quotas_that_differ_from_answer_to_answer_hold_nothing_back() {
    let (gate, seen) = observed(Connections::Fixed(8));
    for limit in [30.0, 100_000.0, 30.0] {
        let allowance = Allowance { limit: Some(limit), ..remaining(0.0).allowances[0] };
        let report = Report { allowances: vec![allowance], ..report(200, None) };
        end(&gate, gate.admit().await, &report).unwrap();
        if limit > 30.0 {
            assert_eq!(seen.pauses().last(), Some(&0));
        }
    }
    assert!(!is_pending(gate.admit()).await);
}

#[tokio::test(start_paused = true)]
async fn requests_per_minute_are_kept() {
    let gate =
        Gate::new(GateSettings { requests_per_minute: Some(600.0), ..settings(Connections::Fixed(64)) });
    let began = Instant::now();
    for _ in 0..630 {
        end(&gate, gate.admit().await, &report(200, None)).unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    assert!((59.0..61.0).contains(&seconds), "630 requests at 600 a minute, 30 of them at once: {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn tokens_per_minute_are_kept_by_what_requests_cost() {
    let gate =
        Gate::new(GateSettings { tokens_per_minute: Some(60_000.0), ..settings(Connections::Fixed(64)) });
    let began = Instant::now();
    for _ in 0..120 {
        let admission = gate.admit().await;
        end(&gate, admission, &Report { tokens: Some(1_000), ..report(200, None) }).unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    assert!((112.0..122.0).contains(&seconds), "120,000 tokens at 1,000 a second: {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_turned_away_has_cost_no_tokens() {
    let gate =
        Gate::new(GateSettings { tokens_per_minute: Some(60_000.0), ..settings(Connections::Fixed(64)) });
    let began = Instant::now();
    for _ in 0..100 {
        end(&gate, gate.admit().await, &report(503, None)).unwrap();
    }
    assert_eq!(began.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_endpoint_asked_for_is_no_silence() {
    let gate = Gate::new(settings(Connections::Fixed(8)));
    for _ in 0..3 {
        end(&gate, gate.admit().await, &report(429, Some(250.0))).unwrap();
    }
    let halt = end(&gate, gate.admit().await, &report(429, Some(90_000.0))).unwrap_err();
    assert_eq!(
        halt.to_string(),
        "the endpoint asks to wait for 1500 min before the next request: resume the run then"
    );
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_request_makes_room() {
    let gate = Gate::new(settings(Connections::Fixed(1)));
    let admission = gate.admit().await;
    assert!(is_pending(gate.admit()).await);
    drop(admission);
    let _next = gate.admit().await;
}

#[tokio::test(start_paused = true)]
async fn each_change_of_the_limit_is_reported_once() {
    let (gate, seen) = observed(Connections::Auto);
    for _ in 0..20 {
        let admissions = [gate.admit().await, gate.admit().await, gate.admit().await, gate.admit().await];
        tokio::time::advance(Duration::from_millis(200)).await;
        for admission in admissions {
            end(&gate, admission, &report(200, None)).unwrap();
        }
    }
    assert_eq!(
        *seen.limits.lock().unwrap(),
        [4, 8],
        "four at once use a limit of four, but not one of eight"
    );
}

#[tokio::test(start_paused = true)]
async fn samples_that_will_be_asked_again_make_room_for_others() {
    let gate = Gate::new(settings(Connections::Fixed(2)));
    let _slots = [gate.acquire().await, gate.acquire().await];
    assert!(is_pending(gate.acquire()).await);
    let mut failing = begin(&gate);
    record(&mut failing, gate.admit().await, &report(503, None)).unwrap();
    let _other = gate.acquire().await;
    assert!(is_pending(gate.acquire()).await);
    drop(failing);
    assert!(is_pending(gate.acquire()).await);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_all_clocks_stops_the_run_and_panics_nowhere() {
    for asked in [1e10, 1e18, 1.8e19] {
        let gate = Gate::new(settings(Connections::Auto));
        let ended = end(&gate, gate.admit().await, &report(429, Some(asked)));
        assert!(matches!(ended, Err(Halt::Postponed { .. })), "{asked}: {ended:?}");
    }
}
