//! The one gate that every request passes: a slot before it, its outcome after it.
//!
//! Today it bounds how many are under way and notices an endpoint that cannot work at all. Rate limits and
//! adaptive concurrency belong here too, and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::types::{Failure, FailureKind};

/// Bounds the samples under way and hears how they ended.
#[derive(Debug)]
pub struct Gate {
    slots: Arc<Semaphore>,
    max_connections: usize,
    answered: AtomicBool,
    unreachable: AtomicUsize,
}

/// The right to have one sample under way; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// Why the run must not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Refused before anything was ever answered.
    #[error("the endpoint refuses the first request ({failure}); check {check}")]
    Refused {
        /// What it said.
        failure: Failure,
        /// What to look at.
        check: &'static str,
    },
    /// It cannot be reached.
    #[error("the endpoint cannot be reached ({failure}); check that it runs and that the base URL is right")]
    Unreachable {
        /// The last failure.
        failure: Failure,
    },
}

impl Gate {
    /// A gate for at most `max_connections` (at least one) samples at once.
    #[must_use]
    pub fn new(max_connections: usize) -> Self {
        let max_connections = max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(max_connections)),
            max_connections,
            answered: AtomicBool::new(false),
            unreachable: AtomicUsize::new(0),
        }
    }

    /// Waits for a slot. Dropping the future gives up the wait.
    pub async fn acquire(&self) -> Slot {
        let permit = Arc::clone(&self.slots).acquire_owned().await;
        Slot { _permit: permit.expect("the semaphore is never closed: nothing calls close") }
    }

    /// Hears how a sample ended after all its attempts, and says whether the run can go on: not where the first
    /// answer ever is a refusal of the key or the address, and not where one sample after another finds nobody
    /// there.
    pub fn report(&self, outcome: Result<(), &Failure>) -> Result<(), Halt> {
        let Err(failure) = outcome else {
            self.answered.store(true, Ordering::Relaxed);
            self.unreachable.store(0, Ordering::Relaxed);
            return Ok(());
        };
        let answered = self.answered.load(Ordering::Relaxed);
        let refused = |check| Err(Halt::Refused { failure: failure.clone(), check });
        match failure.kind {
            FailureKind::Auth if !answered => refused("the API key and what it may use"),
            FailureKind::NotFound if !answered => refused("--base-url and the model's name"),
            FailureKind::Connection => {
                let patience = if answered { self.max_connections.max(3) } else { 1 };
                if self.unreachable.fetch_add(1, Ordering::Relaxed) + 1 >= patience {
                    return Err(Halt::Unreachable { failure: failure.clone() });
                }
                Ok(())
            }
            _ => {
                self.unreachable.store(0, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "as told")
    }

    #[test]
    fn a_wrong_key_halts_only_before_the_first_answer() {
        let gate = Gate::new(4);
        assert!(matches!(gate.report(Err(&failure(FailureKind::Auth))), Err(Halt::Refused { .. })));
        gate.report(Ok(())).unwrap();
        gate.report(Err(&failure(FailureKind::Auth))).unwrap();
    }

    #[test]
    fn an_endpoint_that_goes_away_halts_after_as_many_samples_as_were_under_way() {
        let gate = Gate::new(4);
        gate.report(Ok(())).unwrap();
        for _ in 0..3 {
            gate.report(Err(&failure(FailureKind::Connection))).unwrap();
        }
        assert!(matches!(gate.report(Err(&failure(FailureKind::Connection))), Err(Halt::Unreachable { .. })));
    }

    #[tokio::test]
    async fn no_more_slots_are_out_than_there_are_connections() {
        let gate = Gate::new(2);
        let first = gate.acquire().await;
        let _second = gate.acquire().await;
        let mut third = Box::pin(gate.acquire());
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert!(third.as_mut().poll(&mut context).is_ready());
    }
}
