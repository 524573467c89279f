//! What simulated runs have in common: samples that go through a gate to an endpoint that is a function, in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::asking::{Asked, Read, Tried, until_settled};
use super::gate::Gate;
use super::health::Halt;
use super::retry::RetryPolicy;
use crate::types::{Attempt, Failure, FailureKind};

/// How the asking of a sample ended, and its number.
pub(super) type Settled = (usize, Result<Option<Asked<()>>, Halt>);

/// Asks `samples` through `gate` as a run does; `send` makes an attempt of the sample with that number.
pub(super) fn ask_all<F: Future<Output = Tried<()>> + Send>(
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
            let settled = until_settled(policy, &gate, std::future::pending(), || send(sample)).await;
            drop(slot);
            (sample, settled)
        });
    }
    asked
}

/// An attempt that took so long, with an answer or the failure of that kind.
pub(super) fn tried(seconds: f64, failure: Option<FailureKind>) -> Tried<()> {
    let error = failure.map(|kind| Failure::new(kind, "as told"));
    let status = match failure {
        None => Some(200),
        Some(FailureKind::RateLimited) => Some(429),
        Some(_) => None,
    };
    let (started, request_id, retry_after) = (String::new(), None, None);
    let attempt = Attempt { started, seconds, status, request_id, retry_after, error: error.clone() };
    let read = Read { outcome: error.map_or(Ok(()), Err), unusable: None, tokens: None };
    Tried { attempt, allowances: Vec::new(), read }
}
