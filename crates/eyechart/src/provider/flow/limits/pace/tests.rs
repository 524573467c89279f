//! The gate before simulated endpoints that allow so many requests in a time and do not say how many, in paused time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::provider::RetryPolicy;
use crate::provider::flow::attempts::FinishedAttempt;
use crate::provider::flow::simulation::{ask_all, finished, print_figures};
use crate::provider::{Gate, GateSettings};
use crate::types::{Connections, FailureKind};

use super::*;

/// An endpoint that takes `allowed` requests in any `seconds`, and refuses what goes beyond, or at random.
#[derive(Clone)]
struct Limited {
    allowed: usize,
    seconds: f64,
    latency: f64,
    retry_after: Option<f64>,
    /// The share of requests that it refuses whatever was sent.
    fails: f64,
    taken: VecDeque<Instant>,
    refused: usize,
    random: u64,
}

impl Limited {
    fn new(allowed: usize, seconds: f64) -> Self {
        let taken = VecDeque::new();
        Self { allowed, seconds, latency: 0.1, retry_after: None, fails: 0.0, taken, refused: 0, random: 7 }
    }

    fn takes(&mut self) -> bool {
        let now = Instant::now();
        let is_over = |taken: &Instant| (now - *taken).as_secs_f64() >= self.seconds;
        while self.taken.front().is_some_and(is_over) {
            self.taken.pop_front();
        }
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let fraction = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        let takes = self.taken.len() < self.allowed && fraction >= self.fails;
        if takes {
            self.taken.push_back(now);
        } else {
            self.refused += 1;
        }
        takes
    }
}

/// How a run went.
#[derive(Debug)]
struct Outcome {
    failed: usize,
    refused: usize,
    seconds: f64,
}

async fn run(limited: Limited, connections: Connections, samples: usize) -> Outcome {
    let gate = Gate::new(GateSettings { connections, ..GateSettings::default() });
    let (began, limited) = (Instant::now(), Arc::new(Mutex::new(limited)));
    let asking = Arc::clone(&limited);
    let send = move |_| attempt(Arc::clone(&asking));
    let asked = ask_all(&gate, samples, RetryPolicy { max_retries: 5 }, send).join_all().await;
    let failed =
        asked.into_iter().filter(|(_, settled)| settled.as_ref().unwrap().as_ref().unwrap().outcome.is_err());
    let failed = failed.count();
    let refused = limited.lock().unwrap().refused;
    let outcome = Outcome { failed, refused, seconds: began.elapsed().as_secs_f64() };
    print_figures(format_args!("{connections:?}, {samples} samples: {outcome:?}"));
    outcome
}

async fn attempt(limited: Arc<Mutex<Limited>>) -> FinishedAttempt<()> {
    let (takes, latency, retry_after) = {
        let mut limited = limited.lock().unwrap();
        (limited.takes(), limited.latency, limited.retry_after)
    };
    tokio::time::sleep(Duration::from_secs_f64(if takes { latency } else { 0.005 })).await;
    let mut finished_attempt = finished(latency, (!takes).then_some(FailureKind::RateLimited));
    finished_attempt.attempt.retry_after = retry_after.filter(|_| !takes);
    finished_attempt
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_nobody_tells_is_found_and_no_sample_fails() {
    let settings = [Connections::Auto, Connections::Fixed(1), Connections::Fixed(32)];
    for connections in settings {
        // The last is what the limit alone would take, in seconds.
        for (allowed, per, samples, least) in
            [(1, 0.5, 200, 100.0), (20, 60.0, 100, 240.0), (100, 1.0, 4_000, 39.0)]
        {
            for retry_after in [None, Some(1.0)] {
                let limited = Limited { retry_after, ..Limited::new(allowed, per) };
                let outcome = run(limited, connections, samples).await;
                let least = if connections == Connections::Fixed(1) { samples as f64 * 0.1 } else { 0.0_f64 }
                    .max(least);
                let what = format!("{connections:?}, {allowed} in {per} s, {retry_after:?}: {outcome:?}");
                assert_eq!(outcome.failed, 0, "{what}");
                // Up to 3 times was seen; the waits between retries are random, and a second's pause after each
                // refusal costs two requests at two a second.
                assert!(outcome.seconds < 8.0 * least, "{what} of {least} s");
                assert!(outcome.refused < 8 * samples, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_that_have_another_reason_are_no_rate() {
    // The last is what no limit at all takes, in seconds.
    for (fails, least) in [(0.1, 14.0), (0.3, 18.0)] {
        let limited = Limited { fails, ..Limited::new(usize::MAX, 1.0) };
        let outcome = run(limited, Connections::Fixed(16), 2_000).await;
        assert_eq!(outcome.failed, 0, "{fails}: {outcome:?}");
        assert!(outcome.seconds < 3.0 * least, "{fails}: {outcome:?} of {least} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_works_on_a_few_for_long_is_not_paced() {
    // Four at once for 8 s: four in any 8 s.
    let limited = Limited { latency: 8.0, ..Limited::new(4, 8.0) };
    let outcome = run(limited, Connections::Fixed(8), 60).await;
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    assert!(outcome.seconds < 3.0 * 120.0, "{outcome:?}");
}
