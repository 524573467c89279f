//! One process at a time writes a run. A lock of the operating system's, which a dead process does not hold.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::LogError;

/// Locked while a process writes the run; never removed, so that all lock the same file.
const NAME: &str = "run.lock";

/// The right to write a run. Given back when dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of the run in `folder`. Where the file system has no locks, nothing is locked.
    ///
    /// # Errors
    /// [`LogError::InUse`] where another process has it; [`LogError::Io`] where the folder cannot be written.
    pub(super) fn take(folder: &Path) -> Result<Self, LogError> {
        let path = folder.join(NAME);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(LogError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LogError::InUse { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                Ok(Self { _file: file })
            }
            Err(TryLockError::Error(error)) => Err(LogError::io("lock", &path)(error)),
        }
    }
}

/// Whether a process is writing the run in `folder`.
pub(super) fn is_in_use(folder: &Path) -> bool {
    let locked: io::Result<bool> = File::open(folder.join(NAME))
        .map(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
    // No such file: no process ever wrote it, or an older version did, which had no lock.
    locked.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_in_use(folder.path()));
        let first = RunLock::take(folder.path()).unwrap();
        let refused = RunLock::take(folder.path()).unwrap_err();
        assert!(matches!(refused, LogError::InUse { .. }));
        assert!(refused.to_string().contains(&folder.path().display().to_string()), "{refused}");
        assert!(is_in_use(folder.path()));
        drop(first);
        assert!(!is_in_use(folder.path()));
        RunLock::take(folder.path()).unwrap();
    }
}
