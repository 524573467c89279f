//! How many bytes the requests in memory may hold together.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Bytes for each permit of the semaphore, whose number of permits is limited.
const UNIT: u64 = 1024;

/// A limit on the memory of prepared requests, in bytes. Requests that wait are served in the order of their coming.
#[derive(Debug, Clone)]
pub struct RequestMemory {
    units: Arc<Semaphore>,
    most: u32,
}

/// Memory that is reserved for one request. Returned when dropped.
#[derive(Debug)]
pub struct Lease {
    memory: RequestMemory,
    permit: OwnedSemaphorePermit,
}

impl RequestMemory {
    /// Memory of `bytes`, at least 1 KiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let most = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new((most as usize).min(Semaphore::MAX_PERMITS))), most }
    }

    /// Memory without a limit that anybody would meet.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Reserves `bytes` now; nothing, if others hold too much.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Lease> {
        let permit = Arc::clone(&self.units).try_acquire_many_owned(self.units_of(bytes)).ok()?;
        Some(Lease { memory: self.clone(), permit })
    }

    /// Waits until `bytes` are free. A request larger than the whole memory gets all of it, so that one request is always
    /// possible.
    pub async fn reserve(&self, bytes: u64) -> Lease {
        let permit = Arc::clone(&self.units).acquire_many_owned(self.units_of(bytes)).await;
        Lease { memory: self.clone(), permit: permit.unwrap_or_else(never_closed) }
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.most)
    }
}

impl Lease {
    /// Changes the lease to `bytes`: gives back what is too much at once, waits for what is missing. While it waits for
    /// more it holds nothing, so that two leases never wait for each other.
    pub async fn resize(&mut self, bytes: u64) {
        let (held, wanted) = (self.permit.num_permits(), self.memory.units_of(bytes));
        match held.checked_sub(wanted as usize) {
            Some(surplus) => drop(self.permit.split(surplus)),
            None => {
                drop(self.permit.split(held));
                *self = self.memory.reserve(bytes).await;
            }
        }
    }
}

fn never_closed(_: AcquireError) -> OwnedSemaphorePermit {
    unreachable!("nothing closes the semaphore")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_reserved_is_free_again_once_it_is_dropped_or_resized() {
        let memory = RequestMemory::new(10 * UNIT);
        let mut first = memory.reserve(8 * UNIT).await;
        assert!(memory.try_reserve(3 * UNIT).is_none());
        first.resize(7 * UNIT).await;
        let second = memory.try_reserve(3 * UNIT).unwrap();
        drop(first);
        assert!(memory.try_reserve(7 * UNIT).is_some());
        drop(second);
        assert!(memory.try_reserve(10 * UNIT).is_some());
    }

    #[tokio::test]
    async fn a_request_larger_than_all_of_it_gets_all_of_it() {
        let memory = RequestMemory::new(UNIT);
        let lease = memory.reserve(u64::MAX).await;
        assert!(memory.try_reserve(1).is_none());
        drop(lease);
        assert!(memory.try_reserve(1).is_some());
    }

    #[tokio::test]
    async fn two_leases_that_grow_do_not_wait_for_each_other() {
        let memory = RequestMemory::new(10 * UNIT);
        let (mut first, mut second) = (memory.reserve(5 * UNIT).await, memory.reserve(5 * UNIT).await);
        let grow_first = tokio::spawn(async move { first.resize(9 * UNIT).await });
        let grow_second = tokio::spawn(async move { second.resize(9 * UNIT).await });
        grow_first.await.unwrap();
        grow_second.await.unwrap();
    }
}
