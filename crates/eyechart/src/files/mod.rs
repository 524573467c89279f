//! File mechanics: atomic writes, locks and hashes of files.
//!
//! Knows nothing of what the files hold. Every error names the path.

mod atomic;
mod folder;
mod guard;
mod hash;
mod lfs;
mod lock;
mod regular;
mod shortage;
mod state;

use std::io;
use std::path::{Path, PathBuf};

pub use atomic::{WriteSeek, write_atomically, write_bytes};
pub(crate) use atomic::{move_into_place, place, remove_leftovers, temporaries, write_json};
pub(crate) use folder::{create_folders, create_parent_folders, sync_file, sync_folder};
pub(crate) use guard::guarded;
pub(crate) use hash::{FileHash, for_each_block, sha256_hex, sha256_of_file};
pub(crate) use lfs::{LFS_POINTER, is_lfs_pointer, refuse_lfs_pointer};
pub(crate) use lock::FileLock;
pub use regular::{append_regular, open_regular, read_regular, read_regular_text};
pub(crate) use shortage::{Shortage, forget_unrelieved, most_connections, patiently, unrelieved};
pub use shortage::{is_shortage, raise_open_file_limit};
pub(crate) use state::{FileState, check_in_place};

/// A file or a folder that cannot be read, written or locked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
pub struct FileError {
    /// What was tried, such as `write`.
    pub action: &'static str,
    /// The file or the folder.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

impl From<FileError> for io::Error {
    /// Keeps the kind; the message names the path.
    fn from(error: FileError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

impl FileError {
    /// For `map_err`: adds the action and the path to an error.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}
