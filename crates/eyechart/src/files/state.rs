//! What the file system says about a file, to notice that the file changes.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Size, times and identity of a file. If two states of a path are equal, nothing has written to the file in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// What tells a file from another one at the same path. The time of change cannot be set back by a program.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

#[cfg(not(unix))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    created: Option<SystemTime>,
}

impl FileState {
    /// The present state of the file at `path`.
    ///
    /// # Errors
    /// If there is no such file, or the file system cannot tell.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified().ok();
        Ok(Self { bytes: metadata.len(), modified, identity: Identity::of(&metadata) })
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self { device: metadata.dev(), inode: metadata.ino(), changed }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        Self { created: metadata.created().ok() }
    }
}

/// Fails if `path` is not the place of the open file any more: everything that is written then is lost.
pub fn check_in_place(file: &File, path: &Path) -> io::Result<()> {
    let is_in_place = path.metadata().is_ok_and(|found| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            file.metadata().is_ok_and(|opened| (opened.dev(), opened.ino()) == (found.dev(), found.ino()))
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            found.is_file()
        }
    });
    if is_in_place {
        return Ok(());
    }
    Err(io::Error::other("the file or its folder was deleted or replaced while the run was writing to it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_differs_after_a_write_and_after_a_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&path, "abc").unwrap();
        let first = FileState::of(&path).unwrap();
        assert_eq!(FileState::of(&path).unwrap(), first);
        fs::write(&path, "abcd").unwrap();
        let longer = FileState::of(&path).unwrap();
        assert_ne!(longer, first);
        fs::write(&other, "abcd").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(FileState::of(&path).unwrap(), longer);
        assert!(FileState::of(&other).is_err());
    }
}
