//! Runs work once for each key, also when several threads ask for it at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A SHA-256 hash.
pub(super) type Key = [u8; 32];

/// The result for each key. Work on one key does not block other keys.
#[derive(Debug)]
pub(super) struct OncePerKey<T> {
    entries: Mutex<HashMap<Key, Arc<Mutex<Option<T>>>>>,
}

impl<T: Clone> OncePerKey<T> {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::default() }
    }

    /// The result for `key`. Runs `work` if there is none yet; blocks while another thread works on the key. An error
    /// is not kept, so that the next call tries again.
    pub(super) fn get_or_do<E>(&self, key: Key, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let entry = Arc::clone(lock(&self.entries).entry(key).or_default());
        let mut entry = lock(&entry);
        if let Some(done) = &*entry {
            return Ok(done.clone());
        }
        let done = work()?;
        *entry = Some(done.clone());
        Ok(done)
    }
}

/// Work that panicked has left its entry empty.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn many_who_ask_at_once_have_it_done_once() {
        let (once, count, together) = (OncePerKey::new(), AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let (once, count, together) = (&once, &count, &together);
                scope.spawn(move || {
                    together.wait();
                    let done = once.get_or_do([number % 2; 32], || {
                        count.fetch_add(1, Ordering::SeqCst);
                        Ok::<_, ()>(number % 2)
                    });
                    assert_eq!(done, Ok(number % 2));
                });
            }
        });
        assert_eq!(count.into_inner(), 2);
    }

    #[test]
    fn what_failed_is_tried_again() {
        let once = OncePerKey::new();
        assert_eq!(once.get_or_do([0; 32], || Err("full disk")), Err("full disk"));
        assert_eq!(once.get_or_do([0; 32], || Ok::<_, &str>(1)), Ok(1));
        assert_eq!(once.get_or_do([0; 32], || Err("never asked")), Ok(1));
    }
}
