//! The extracted members of an archive, one file each, named by the hash of the member's name.
//!
//! Does not know archive formats.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::stream::StreamError;
use crate::files::{FileError, create_folders, write_bytes};
use crate::text::hex;

/// The first 128 bits of the SHA-256 of a text, in hexadecimal.
pub(super) fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text)[..16])
}

/// The folder with the extracted members of one archive.
pub(super) struct Members {
    folder: PathBuf,
}

impl Members {
    pub(super) fn open(folder: PathBuf) -> Result<Self, FileError> {
        create_folders(&folder)?;
        Ok(Self { folder })
    }

    /// The file of a member, if all its bytes are stored. Versions up to 0.1 did not flush these files to disk, so
    /// that a power loss may have truncated one.
    pub(super) fn find(&self, name: &str, size: u64) -> Option<PathBuf> {
        let path = self.path(name);
        fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == size).then_some(path)
    }

    /// Stores a member. The caller holds the archive's lock.
    pub(super) fn store(&self, name: &str, data: &[u8]) -> Result<PathBuf, StreamError> {
        let path = self.path(name);
        write_bytes(&path, data)?;
        Ok(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(short_hash(name))
    }
}
