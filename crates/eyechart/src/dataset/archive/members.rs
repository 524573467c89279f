//! The extracted members of an archive, one file each, named by the hash of the member's name.
//!
//! Does not know archive formats.

use std::cell::Cell;
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

/// Bytes that the members of any archive may have together.
const FREE_BYTES: u64 = 256 << 20;

/// Bytes that the members may have together for each byte of the archive, beyond [`FREE_BYTES`].
const BYTES_PER_BYTE: u64 = 100;

/// The folder with the extracted members of one archive.
pub(super) struct Members {
    folder: PathBuf,
    /// Bytes that all members together may have.
    most: u64,
    /// Bytes of the stored members, once they are counted.
    stored: Cell<Option<u64>>,
}

impl Members {
    /// The members of an archive of this size, if its size is known.
    pub(super) fn open(folder: PathBuf, archive_bytes: Option<u64>) -> Result<Self, FileError> {
        create_folders(&folder)?;
        let most = archive_bytes
            .map_or(u64::MAX, |bytes| FREE_BYTES.saturating_add(bytes.saturating_mul(BYTES_PER_BYTE)));
        Ok(Self { folder, most, stored: Cell::new(None) })
    }

    /// Refuses a member if the stored members have too many bytes with it: the archive is made to fill the disk.
    ///
    /// # Errors
    /// The limit.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), String> {
        match self.stored_bytes().saturating_add(bytes) > self.most {
            true => Err(format!(
                "the archive unpacks to more than {} bytes, {BYTES_PER_BYTE} times its own",
                self.most
            )),
            false => Ok(()),
        }
    }

    fn stored_bytes(&self) -> u64 {
        let count = || {
            let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
            files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
        };
        let stored = self.stored.get().unwrap_or_else(count);
        self.stored.set(Some(stored));
        stored
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
        let stored = self.stored_bytes();
        write_bytes(&path, data)?;
        self.stored.set(Some(stored.saturating_add(data.len() as u64)));
        Ok(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(short_hash(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_may_have_100_times_the_bytes_of_their_archive_and_256_mib() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Members::open(folder.path().to_owned(), Some(10)).unwrap();
        let members = open();
        assert_eq!(members.check_room(FREE_BYTES + 1000), Ok(()));
        members.store("a", &[0; 1000]).unwrap();
        assert_eq!(members.check_room(FREE_BYTES), Ok(()));
        let expected = "the archive unpacks to more than 268436456 bytes, 100 times its own";
        assert_eq!(members.check_room(FREE_BYTES + 1).unwrap_err(), expected);
        assert!(open().check_room(FREE_BYTES + 1).is_err(), "stored by an earlier run");
        let unknown = Members::open(folder.path().to_owned(), None).unwrap();
        assert_eq!(unknown.check_room(u64::MAX), Ok(()));
    }
}
