//! Locks between processes. The operating system releases a lock when its process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{FileError, check_in_place, create_parent_folders};

/// An exclusive lock of a file. Released when dropped.
///
/// On a file system without locks nothing is locked, and taking a lock always succeeds. The file is never truncated
/// or removed, so that all processes lock the same file.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock. Returns `None` if another process has it. Creates the file and its folder if they are missing.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be opened or locked.
    pub fn try_take(path: &Path) -> Result<Option<Self>, FileError> {
        let file = open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if !has_no_locks(&error) => {
                Err(FileError::at("lock", path)(error))
            }
            _ => Ok(Some(Self { file, path: path.to_owned() })),
        }
    }

    /// Takes the lock; blocks while another process has it, and calls `waiting` before that. Creates the file and its
    /// folder if they are missing.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be opened or locked.
    pub fn wait(path: &Path, waiting: impl FnOnce()) -> Result<Self, FileError> {
        if let Some(lock) = Self::try_take(path)? {
            return Ok(lock);
        }
        waiting();
        let file = open(path)?;
        file.lock().map_err(FileError::at("lock", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Fails if the file was deleted or replaced, so that another process may have taken the lock of its successor.
    ///
    /// # Errors
    /// What has happened to the file.
    pub fn check(&self) -> io::Result<()> {
        let lost = |_| {
            let path = self.path.display();
            io::Error::other(format!(
                "the lock {path} was deleted or replaced, so another process may be writing too"
            ))
        };
        check_in_place(&self.file, &self.path).map_err(lost)
    }

    /// Whether another process has the lock. A file that is missing or cannot be read is not locked.
    #[must_use]
    pub fn is_taken(path: &Path) -> bool {
        let taken = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        File::open(path).is_ok_and(taken)
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    create_parent_folders(path)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    file.map_err(FileError::at("open", path))
}

/// Whether the error means that the file system has no locks, as NFS without its lock service.
fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOLCK) {
        return true;
    }
    error.kind() == ErrorKind::Unsupported
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_lock_is_refused_or_waited_for_until_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/a.lock");
        assert!(!FileLock::is_taken(&path), "no file, no lock");
        let first = FileLock::try_take(&path).unwrap().unwrap();
        assert!(FileLock::is_taken(&path));
        assert!(FileLock::try_take(&path).unwrap().is_none());
        let (waits, waiting) = channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| FileLock::wait(&path, move || waits.send(()).unwrap()));
            waiting.recv().unwrap();
            drop(first);
            second.join().unwrap().unwrap();
        });
        assert!(!FileLock::is_taken(&path));
        FileLock::wait(&path, || panic!("the lock is free")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_whose_file_is_deleted_or_replaced_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let lock = FileLock::try_take(&path).unwrap().unwrap();
        lock.check().unwrap();
        std::fs::remove_file(&path).unwrap();
        let lost = lock.check().unwrap_err().to_string();
        assert!(lost.contains("a.lock was deleted or replaced"), "{lost}");
        FileLock::try_take(&path).unwrap().unwrap().check().unwrap();
        lock.check().unwrap_err();
    }

    #[test]
    fn a_file_system_without_locks_is_told_from_a_failure() {
        assert!(has_no_locks(&ErrorKind::Unsupported.into()));
        #[cfg(unix)]
        assert!(has_no_locks(&rustix::io::Errno::NOLCK.into()));
        assert!(!has_no_locks(&ErrorKind::PermissionDenied.into()));
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = FileLock::try_take(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot open {}: ", folder.path().display())), "{error}");
    }
}
