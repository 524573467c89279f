//! Pointer files of Git LFS: small texts that a clone without Git LFS has in the place of large files.

use std::io::{self, Read};
use std::path::Path;

use super::open_regular;

/// The first bytes of every pointer file.
const START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What to say of a pointer file.
pub const LFS_POINTER: &str =
    "it is a pointer of Git LFS and not the file itself: `git lfs pull` in its repository fetches the file";

/// Whether a file that starts with `bytes` is a pointer file.
#[must_use]
pub fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(START)
}

/// Fails if the file at `path` is a pointer file.
///
/// # Errors
/// [`LFS_POINTER`], or that the file cannot be read.
pub fn refuse_lfs_pointer(path: &Path) -> io::Result<()> {
    let mut start = Vec::new();
    open_regular(path)?.take(START.len() as u64).read_to_end(&mut start)?;
    if is_lfs_pointer(&start) { Err(io::Error::other(LFS_POINTER)) } else { Ok(()) }
}
