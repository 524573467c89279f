//! A few blocking jobs at a time, each on a thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::HubError;

/// More connections do not make one machine's network faster, and the Hub limits them.
const AT_ONCE: usize = 4;

/// Does `job` for every item; the results are in the items' order.
///
/// After an error no further item is begun, and the first error comes back; `job` learns of it in its own way where
/// it takes long.
pub(super) fn for_each<T: Sync, R: Send>(
    items: &[T],
    job: impl Fn(&T) -> Result<R, HubError> + Sync,
) -> Result<Vec<R>, HubError> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new((0..items.len()).map(|_| None).collect::<Vec<Option<R>>>());
    let first_error = Mutex::new(None);
    let lock_error = || first_error.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            match job(item) {
                Ok(result) => {
                    results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                }
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    lock_error().get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..items.len().min(AT_ONCE) {
            scope.spawn(work);
        }
    });
    match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => {
            Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect())
        }
    }
}
