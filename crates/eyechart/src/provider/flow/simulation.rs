//! What simulated runs have in common: samples that pass a gate to an endpoint that is a function, in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::attempts::{Asked, FinishedAttempt, ask_until_settled};
use super::gate::Gate;
use super::halt::Halt;
use super::health::ReplyOrigin;
use super::retry::RetryPolicy;
use crate::provider::reply::Read;
use crate::types::{Attempt, Failure, FailureKind};

/// The number of a sample, and how it ended.
pub(super) type Settled = (usize, Result<Option<Asked<()>>, Halt>);

/// Asks `samples` through `gate` as a run does; `send` makes an attempt of the sample with that number.
pub(super) fn ask_all<F: Future<Output = FinishedAttempt<()>> + Send>(
    gate: &Arc<Gate>,
    samples: usize,
    policy: RetryPolicy,
    send: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> JoinSet<Settled> {
    let to_come = Arc::new(AtomicUsize::new(samples));
    gate.expect(true);
    let mut asked = JoinSet::new();
    for sample in 0..samples {
        let (gate, to_come, send) = (Arc::clone(gate), Arc::clone(&to_come), send.clone());
        asked.spawn(async move {
            let slot = gate.acquire().await;
            if to_come.fetch_sub(1, Ordering::Relaxed) == 1 {
                gate.expect(false);
            }
            let settled = ask_until_settled(policy, &gate, std::future::pending(), || send(sample)).await;
            drop(slot);
            (sample, settled)
        });
    }
    asked
}

/// An attempt that took so many seconds, with an answer or with a failure of this kind.
pub(super) fn finished(seconds: f64, failure: Option<FailureKind>) -> FinishedAttempt<()> {
    let error = failure.map(|kind| Failure::new(kind, "as told"));
    let status = match failure {
        None => Some(200),
        Some(FailureKind::RateLimited) => Some(429),
        Some(_) => None,
    };
    let (started, request_id, retry_after) = (String::new(), None, None);
    let attempt = Attempt { started, seconds, status, request_id, retry_after, error: error.clone() };
    let read = Read { outcome: error.map_or(Ok(()), Err), unusable: None, usage: None };
    let origin = if attempt.status.is_some() { ReplyOrigin::Api } else { ReplyOrigin::NoReply };
    FinishedAttempt { attempt, origin, allowances: Vec::new(), read }
}

/// Prints the figures of a simulation under the name of its test: `cargo test --lib flow -- --nocapture`.
pub(super) fn print_figures(figures: std::fmt::Arguments<'_>) {
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or_default();
    println!("figures of {test}: {figures}");
}
