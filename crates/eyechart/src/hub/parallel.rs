//! Runs a few blocking jobs at the same time, each on a thread.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::HubError;

/// More connections are not faster from one machine, and the Hub limits them.
const AT_ONCE: usize = 4;

/// Tells a job that another job has failed, so that its own result is not needed.
#[derive(Clone, Copy)]
pub(super) struct Stop<'a>(&'a OnceLock<HubError>);

impl Stop<'_> {
    /// Fails if the job should end.
    pub(super) fn check(self) -> Result<(), HubError> {
        if self.0.get().is_some() { Err(HubError::Stopped) } else { Ok(()) }
    }
}

/// Runs `job` for every item and returns the results in the order of the items. After the first error no further job
/// starts, and the error is returned.
pub(super) fn for_each<T: Sync, R: Send>(
    items: &[T],
    job: impl Fn(&T, Stop<'_>) -> Result<R, HubError> + Sync,
) -> Result<Vec<R>, HubError> {
    let queue = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let failed = OnceLock::new();
    let next = || match failed.get() {
        None => queue.lock().unwrap_or_else(PoisonError::into_inner).next(),
        Some(_) => None,
    };
    let work = || {
        while let Some((index, item)) = next() {
            match job(item, Stop(&failed)) {
                Ok(result) => done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result)),
                // Only the first error is reported: later ones come from jobs that were stopped.
                Err(error) => drop(failed.set(error)),
            }
        }
    };
    std::thread::scope(|scope| {
        // If the system cannot start more threads, this one does the work.
        for _ in 1..items.len().min(AT_ONCE) {
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_the_first_error_is_returned() {
        let squares = for_each(&(0..100).collect::<Vec<_>>(), |n, _| Ok(n * n)).unwrap();
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
        // The other jobs run until they see that one has failed.
        let failed = for_each(&[0, 1, 2, 3, 4, 5], |n, stop| match n {
            1 => Err(HubError::Endpoint),
            _ => loop {
                stop.check()?;
                std::thread::yield_now();
            },
        });
        assert_eq!(failed, Err::<Vec<()>, _>(HubError::Endpoint));
    }
}
