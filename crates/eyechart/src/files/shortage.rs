//! Shortages of this machine: no open file, memory or buffer is left at the moment.
//!
//! A shortage belongs to the machine, and not to the file or the endpoint. Code that meets a shortage waits until it passes.
//! If it does not pass, [`unrelieved`] reports it, and the run stops.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// The longest wait for a shortage to pass. Idle connections, which hold open files, are closed after 90 seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);
/// Number of open files that a run asks the system for. 512 requests in flight take about 1,100.
const OPEN_FILES: u64 = 8_192;
/// Open files for everything except requests: the record, the data, look-ups of names, idle connections.
const RESERVED: usize = 40;

/// The system's number of the shortage that did not pass; 0 if there was none.
static UNRELIEVED: AtomicI32 = AtomicI32::new(0);

/// A wait for a shortage to pass.
#[derive(Debug)]
pub struct Shortage {
    since: Instant,
}

impl Shortage {
    /// Begins to wait.
    #[must_use]
    pub fn begin() -> Self {
        Self { since: Instant::now() }
    }

    /// The wait before the next attempt after `error`. Nothing if the error is not a shortage, or the shortage has lasted
    /// too long.
    #[must_use]
    pub fn next_wait(&self, error: &io::Error) -> Option<Duration> {
        if !is_shortage(error) {
            return None;
        }
        if self.since.elapsed() < PATIENCE {
            return Some(BETWEEN_ATTEMPTS);
        }
        UNRELIEVED.store(error.raw_os_error().unwrap_or_default(), Ordering::Relaxed);
        None
    }
}

/// The shortage that did not pass since [`forget_unrelieved`]; nothing if there was none.
#[must_use]
pub fn unrelieved() -> Option<io::Error> {
    let code = UNRELIEVED.load(Ordering::Relaxed);
    (code != 0).then(|| io::Error::from_raw_os_error(code))
}

/// Forgets the shortage of an earlier run.
pub fn forget_unrelieved() {
    UNRELIEVED.store(0, Ordering::Relaxed);
}

/// The result of `attempt`, which is repeated while the machine has a shortage. Blocks.
///
/// # Errors
/// The error of the last attempt.
pub fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let shortage = Shortage::begin();
    loop {
        match attempt() {
            Err(error) => match shortage.next_wait(&error) {
                Some(wait) => std::thread::sleep(wait),
                None => return Err(error),
            },
            done => return done,
        }
    }
}

/// Whether the machine has run out of open files, memory or buffers.
#[must_use]
pub fn is_shortage(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let found = Errno::from_io_error(error);
        found.is_some_and(|found| [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS].contains(&found))
    }
    #[cfg(not(unix))]
    {
        error.raw_os_error().is_some() && error.kind() == io::ErrorKind::OutOfMemory
    }
}

/// Raises the number of files that this process may have open, as far as the system allows it without special rights.
pub fn raise_open_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let wanted = maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
        if current.is_some_and(|current| current < wanted) {
            // Without a higher limit, fewer requests are in flight.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
        }
    }
}

/// The number of files that this process may have open; nothing if it is not limited.
fn open_file_limit() -> Option<usize> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Number of requests that may be in flight within the limit on open files. Each request may have a connection, and a
/// picture file that is read for the next one.
#[must_use]
pub fn most_connections() -> Option<usize> {
    let open = std::fs::read_dir("/dev/fd").map_or(RESERVED / 2, Iterator::count);
    open_file_limit().map(|limit| (limit.saturating_sub(open + RESERVED) / 2).max(1))
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_shortage_is_waited_for_and_any_other_error_is_returned_at_once() {
        let mut results = vec![Err(Errno::NFILE.into()), Err(Errno::MFILE.into()), Ok(1)].into_iter();
        assert_eq!(patiently(|| results.next().unwrap()).unwrap(), 1);
        let mut attempts = 0;
        let refused = patiently(|| {
            attempts += 1;
            Err::<(), _>(io::Error::from(io::ErrorKind::NotFound))
        });
        assert_eq!((refused.unwrap_err().kind(), attempts), (io::ErrorKind::NotFound, 1));
        assert!(unrelieved().is_none());
    }
}
