//! How many bytes the requests in memory may hold together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A limit on the memory of prepared requests, in bytes. Copies share one limit.
#[derive(Debug, Clone)]
pub struct RequestMemory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: u64,
    held: Mutex<u64>,
    freed: Notify,
}

/// Memory that is reserved for one request. Returned when dropped.
#[derive(Debug)]
pub struct Lease {
    memory: RequestMemory,
    bytes: u64,
}

/// Memory that an item is expected to hold while it is prepared and asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedMemory {
    /// In bytes.
    pub bytes: u64,
    /// Whether nothing is known of the size, so that `bytes` is the largest size possible.
    pub is_unknown: bool,
}

impl ExpectedMemory {
    /// A size that is known, at least roughly.
    #[must_use]
    pub fn known(bytes: u64) -> Self {
        Self { bytes, is_unknown: false }
    }
}

impl RequestMemory {
    /// Memory of `bytes`.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Shared { limit: bytes, held: Mutex::default(), freed: Notify::new() }))
    }

    /// Memory without a limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Reserves `bytes` now. Returns nothing if they are not free. A request that is larger than the limit gets its
    /// memory if nothing else holds any, so that one request is always possible.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Lease> {
        let mut held = self.held();
        let is_free = *held == 0 || held.saturating_add(bytes) <= self.0.limit;
        is_free.then(|| {
            *held = held.saturating_add(bytes);
            Lease { memory: self.clone(), bytes }
        })
    }

    /// Waits until `bytes` are free.
    pub async fn reserve(&self, bytes: u64) -> Lease {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // Before the attempt, so that nothing that is freed in between is missed.
            freed.as_mut().enable();
            if let Some(lease) = self.try_reserve(bytes) {
                return lease;
            }
            freed.await;
        }
    }

    /// Reserves `bytes` even if that exceeds the limit.
    pub(super) fn exceed(&self, bytes: u64) -> Lease {
        let mut lease = Lease { memory: self.clone(), bytes: 0 };
        lease.resize(bytes);
        lease
    }

    fn held(&self) -> MutexGuard<'_, u64> {
        // A number is valid at every moment: a panic of another thread cannot damage it.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Changes the lease to `bytes`, which the request holds already. This may exceed the limit: then nothing more is
    /// reserved until enough is free. Nothing waits here, so requests never wait for each other's memory.
    pub fn resize(&mut self, bytes: u64) {
        let mut held = self.memory.held();
        *held = held.saturating_sub(self.bytes).saturating_add(bytes);
        drop(held);
        let is_smaller = bytes < std::mem::replace(&mut self.bytes, bytes);
        if is_smaller {
            self.memory.0.freed.notify_waiters();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_reserved_is_free_again_once_it_is_dropped_or_resized() {
        let memory = RequestMemory::new(10);
        let mut first = memory.reserve(8).await;
        assert!(memory.try_reserve(3).is_none());
        first.resize(7);
        let second = memory.try_reserve(3).unwrap();
        drop(first);
        assert!(memory.try_reserve(7).is_some());
        drop(second);
        assert!(memory.try_reserve(10).is_some());
    }

    #[tokio::test]
    async fn a_request_larger_than_all_of_it_gets_its_memory_if_nothing_else_holds_any() {
        let memory = RequestMemory::new(1);
        let lease = memory.reserve(u64::MAX).await;
        assert!(memory.try_reserve(1).is_none());
        drop(lease);
        assert!(memory.try_reserve(1).is_some());
    }

    #[tokio::test]
    async fn requests_that_grow_beyond_the_limit_hold_back_the_next_ones_but_not_each_other() {
        let memory = RequestMemory::new(10);
        let (mut first, mut second) = (memory.reserve(5).await, memory.reserve(5).await);
        first.resize(9);
        second.resize(9);
        drop(first);
        assert!(memory.try_reserve(2).is_none());
        let waiting = memory.clone();
        let next = tokio::spawn(async move { waiting.reserve(2).await });
        tokio::task::yield_now().await;
        second.resize(8);
        next.await.unwrap();
    }
}
