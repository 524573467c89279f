//! The picked members, a file each: under a name made of their own, written beside it and renamed.
//!
//! Knows no archive format.

use std::fs;
use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::stream::Fault;
use crate::text::hex;

/// A short name that differs for each text.
pub(super) fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text)[..16])
}

/// The folder with one archive's picked members.
pub(super) struct Members {
    folder: PathBuf,
}

impl Members {
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where the member is, if it is there with all its bytes. A file cut short by a power loss does not count.
    pub(super) fn find(&self, name: &str, size: u64) -> Option<PathBuf> {
        let path = self.path(name);
        fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == size).then_some(path)
    }

    /// Puts a member there, whole or not at all. The caller holds the archive's lock.
    pub(super) fn store(&self, name: &str, data: &[u8]) -> Result<PathBuf, Fault> {
        let (path, partial) = (self.path(name), self.folder.join(".partial"));
        let written = fs::write(&partial, data).and_then(|()| fs::rename(&partial, &path));
        written.map_err(|error| Fault::Cache(path.clone(), error))?;
        Ok(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(short_hash(name))
    }
}
