//! The folder of one repository in the cache that Python's `huggingface_hub` shares.
//!
//! ```text
//! <cache>/datasets--them--charts/
//!     refs/main                      the commit of main when the Hub was last asked
//!     snapshots/<commit>/<path>      a relative link into blobs, or a copy on a file system without links
//!     blobs/<etag>                   a file; <etag>.incomplete while it is downloaded
//!     trees/<commit>.json            all files of the commit
//!     .no_exist/<commit>/<path>      an empty file: the commit does not have this file
//! <cache>/.locks/datasets--them--charts/<etag>.lock
//! ```
//!
//! This module sends no requests.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use super::repository::{Repository, is_commit};
use crate::files::{
    FileError, FileLock, create_parent_folders, open_regular, place, read_regular_text, write_bytes,
};

/// The folder of a repository. It need not exist.
#[derive(Debug, Clone)]
pub(super) struct RepositoryCache {
    folder: PathBuf,
    locks: PathBuf,
}

impl RepositoryCache {
    pub(super) fn new(cache: &Path, repository: &Repository) -> Self {
        let name = repository.folder_name();
        Self { folder: cache.join(&name), locks: cache.join(".locks").join(name) }
    }

    /// The commit of a revision when the Hub was last asked.
    pub(super) fn commit_of(&self, revision: &str) -> Option<String> {
        let text = read_regular_text(self.folder.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Stores the commit of a revision.
    pub(super) fn remember(&self, revision: &str, commit: &str) -> Result<(), FileError> {
        if self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        write_in_cache(&self.folder.join("refs").join(revision), commit.as_bytes())
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The path of a file in the snapshot. The caller has checked `path`.
    pub(super) fn file(&self, commit: &str, path: &str) -> PathBuf {
        self.snapshot(commit).join(path)
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The unfinished download of a blob.
    pub(super) fn part(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// The list of the files of a commit.
    pub(super) fn listing(&self, commit: &str) -> PathBuf {
        self.folder.join("trees").join(format!("{commit}.json"))
    }

    /// Whether an earlier request found that the commit has no such file.
    pub(super) fn is_absent(&self, commit: &str, path: &str) -> bool {
        self.folder.join(".no_exist").join(commit).join(path).is_file()
    }

    /// Stores that the commit has no such file.
    pub(super) fn note_absent(&self, commit: &str, path: &str) {
        // It only saves a request, so a cache that cannot be written is not an error.
        let _ = write_in_cache(&self.folder.join(".no_exist").join(commit).join(path), b"");
    }

    /// Locks the blob for downloading. Calls `waiting` if another process has the lock, and blocks until it is
    /// released.
    ///
    /// Without locks on the file system, two processes may download the same blob at once: the hash decides what
    /// becomes the blob.
    pub(super) fn lock(&self, etag: &str, waiting: impl FnOnce()) -> Result<FileLock, FileError> {
        FileLock::wait(&self.locks.join(format!("{etag}.lock")), waiting)
    }

    /// Links the blob into the snapshot.
    pub(super) fn link(&self, etag: &str, commit: &str, path: &str) -> Result<(), FileError> {
        let file = self.file(commit, path);
        let blob = self.blob(etag);
        let levels = path.split('/').count() + 1;
        let relative: PathBuf = std::iter::repeat_n("..", levels).chain(["blobs", etag]).collect();
        create_parent_folders(&file)?;
        place(&file, |at| link_or_copy(&blob, at, |at| symlink(&relative, at)))
    }
}

/// Writes a small file and creates its folder.
pub(super) fn write_in_cache(path: &Path, content: &[u8]) -> Result<(), FileError> {
    create_parent_folders(path)?;
    write_bytes(path, content)
}

/// Links the blob, or copies it if the file system has no links.
fn link_or_copy(blob: &Path, at: &Path, link: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    match link(at) {
        // The temporary name is taken. The caller tries another one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => copy(blob, at),
        Ok(()) => Ok(()),
    }
}

/// Copies the bytes onto the disk. The copy has the permissions of a new file.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut open_regular(from)?, &mut copy)?;
    copy.sync_all()
}

#[cfg(unix)]
fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(windows)]
fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(to, at)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_revision_with_slashes_is_kept_and_a_broken_reference_is_none() {
        let root = tempfile::tempdir().unwrap();
        let cache = RepositoryCache::new(root.path(), &Repository::dataset("them/charts"));
        assert_eq!(cache.commit_of("refs/pr/1"), None);
        cache.remember("refs/pr/1", COMMIT).unwrap();
        assert_eq!(cache.commit_of("refs/pr/1").as_deref(), Some(COMMIT));
        let path = root.path().join("datasets--them--charts/refs/refs/pr/1");
        assert_eq!(fs::read_to_string(&path).unwrap(), COMMIT, "Python reads it without trimming");
        fs::write(path, "../../elsewhere").unwrap();
        assert_eq!(cache.commit_of("refs/pr/1"), None);
    }

    #[test]
    fn a_snapshots_file_is_a_relative_link_that_survives_a_move_of_the_cache() {
        let root = tempfile::tempdir().unwrap();
        let cache = RepositoryCache::new(&root.path().join("before"), &Repository::dataset("them/charts"));
        write_in_cache(&cache.blob("abc"), b"content").unwrap();
        cache.link("abc", COMMIT, "data/deep/a.csv").unwrap();
        fs::rename(root.path().join("before"), root.path().join("after")).unwrap();
        let moved = RepositoryCache::new(&root.path().join("after"), &Repository::dataset("them/charts"));
        let file = moved.file(COMMIT, "data/deep/a.csv");
        assert_eq!(fs::read(&file).unwrap(), b"content");
        assert_eq!(fs::read_link(&file).unwrap(), Path::new("../../../../blobs/abc"));
        // An older link is replaced.
        write_in_cache(&moved.blob("def"), b"newer").unwrap();
        moved.link("def", COMMIT, "data/deep/a.csv").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"newer");
    }

    #[test]
    fn where_there_are_no_links_the_snapshot_has_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (blob, at) = (folder.path().join("blob"), folder.path().join("file"));
        fs::write(&blob, "content").unwrap();
        link_or_copy(&blob, &at, |_| Err(io::ErrorKind::PermissionDenied.into())).unwrap();
        assert!(!at.is_symlink());
        assert_eq!(fs::read(&at).unwrap(), b"content");
    }
}
