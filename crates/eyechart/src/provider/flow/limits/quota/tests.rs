//! The gate before simulated endpoints that limit requests or tokens and say so, in paused time.

use std::sync::{Arc, Mutex};

use super::*;
use crate::provider::RetryPolicy;
use crate::provider::flow::attempts::FinishedAttempt;
use crate::provider::flow::simulation::{ask_all, finished, print_figures};
use crate::provider::{Gate, GateSettings};
use crate::types::{Connections, FailureKind, Usage};

/// How an endpoint replenishes what it allows.
#[derive(Clone, Copy)]
enum Scheme {
    /// So much a second.
    Steady(f64),
    /// All of it, every so many seconds.
    AtOnce(f64),
}

/// An endpoint that refuses what goes beyond its limit.
struct Limited {
    scheme: Scheme,
    unit: Unit,
    limit: f64,
    level: f64,
    since: Instant,
    refused: usize,
    /// Whether its headers say what the limit is.
    says_limit: bool,
}

/// What a request costs, in tokens.
const TOKENS: f64 = 1_000.0;
const LATENCY: Duration = Duration::from_millis(400);

impl Limited {
    fn new(scheme: Scheme, unit: Unit, limit: f64) -> Self {
        Self { scheme, unit, limit, level: limit, since: Instant::now(), refused: 0, says_limit: true }
    }

    /// Whether a request that comes now is answered, and what the headers say.
    fn receive(&mut self) -> (bool, Allowance) {
        let now = Instant::now();
        let passed = (now - self.since).as_secs_f64();
        match self.scheme {
            Scheme::Steady(per_second) => {
                (self.level, self.since) = ((self.level + passed * per_second).min(self.limit), now);
            }
            Scheme::AtOnce(seconds) if passed >= seconds => {
                (self.level, self.since) = (self.limit, self.since + Duration::from_secs_f64(seconds));
            }
            Scheme::AtOnce(_) => {}
        }
        let cost = if self.unit == Unit::Requests { 1.0 } else { TOKENS };
        // Rounding refuses nobody.
        let is_answered = self.level >= cost - 1e-6;
        if is_answered {
            self.level -= cost;
        } else {
            self.refused += 1;
        }
        let reset = match self.scheme {
            Scheme::Steady(per_second) => (self.limit - self.level) / per_second,
            Scheme::AtOnce(seconds) => seconds - (now - self.since).as_secs_f64(),
        };
        let allowance = Allowance {
            name: "limited",
            unit: self.unit,
            limit: self.says_limit.then_some(self.limit),
            remaining: self.level.floor(),
            reset: Duration::from_secs_f64(reset.max(0.0)),
        };
        (is_answered, allowance)
    }
}

/// Asks `samples` through a gate of 16 connections: how long it took, and how many requests were refused.
async fn run(limited: Limited, samples: usize) -> (f64, usize) {
    let gate = Gate::new(GateSettings { connections: Connections::Fixed(16), ..GateSettings::default() });
    let (began, limited) = (Instant::now(), Arc::new(Mutex::new(limited)));
    let asking = Arc::clone(&limited);
    let send = move |_| attempt(Arc::clone(&asking));
    let asked = ask_all(&gate, samples, RetryPolicy { max_retries: 50 }, send);
    for (_, settled) in asked.join_all().await {
        settled.unwrap().unwrap().outcome.unwrap();
    }
    let refused = limited.lock().unwrap().refused;
    let seconds = began.elapsed().as_secs_f64();
    print_figures(format_args!("{samples} samples: {refused} refused, {seconds:.1} s"));
    (seconds, refused)
}

async fn attempt(limited: Arc<Mutex<Limited>>) -> FinishedAttempt<()> {
    let (is_answered, allowance) = limited.lock().unwrap().receive();
    tokio::time::sleep(if is_answered { LATENCY } else { Duration::from_millis(5) }).await;
    let mut finished_attempt =
        finished(LATENCY.as_secs_f64(), (!is_answered).then_some(FailureKind::RateLimited));
    finished_attempt.allowances.push(allowance);
    finished_attempt.read.usage = Some(Usage { input_tokens: Some(TOKENS as u64), ..Usage::default() });
    finished_attempt
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_fills_up_steadily_is_used_as_fast_as_it_does() {
    // 60 at once and 2 a second: 300 take 120 s.
    let (seconds, refused) = run(Limited::new(Scheme::Steady(2.0), Unit::Requests, 60.0), 300).await;
    assert!((119.0..130.0).contains(&seconds), "{seconds}, {refused} refused");
    assert!(refused <= 3, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_for_a_period_is_waited_for_to_its_end() {
    // 60 in each minute: 300 need 5 of them.
    for says_limit in [true, false] {
        let limited = Limited { says_limit, ..Limited::new(Scheme::AtOnce(60.0), Unit::Requests, 60.0) };
        let (seconds, refused) = run(limited, 300).await;
        assert!((240.0..250.0).contains(&seconds), "{seconds}, {refused} refused, {says_limit}");
        assert!(refused <= 10, "{refused}, {says_limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_tokens_is_kept_by_what_requests_cost() {
    for scheme in [Scheme::Steady(2_000.0), Scheme::AtOnce(60.0)] {
        // 120,000 and as many again in each minute: 470 need 3 minutes more.
        let (seconds, refused) = run(Limited::new(scheme, Unit::Tokens, 120_000.0), 470).await;
        assert!((174.0..200.0).contains(&seconds), "{seconds}, {refused} refused");
        assert!(refused <= 10, "{refused}");
    }
}
