//! Checks bytes against the etag: SHA-256 for large files, git's object id for small ones.

use std::io::{self, Read};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::files::for_each_block;
use crate::text::hex;

/// Hashes bytes as they arrive.
pub(super) enum Hasher {
    /// For a large file, whose etag is its SHA-256.
    Sha256(Sha256),
    /// For a file stored in git, whose etag is the object id of the git blob.
    Git(Sha1),
    /// For an etag that is not a known hash. Only the size is checked.
    None,
}

impl Hasher {
    /// The hasher for an etag. Git's hash includes the `size` in bytes.
    pub(super) fn of(etag: &str, size: Option<u64>) -> Self {
        let is_hex = etag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match (etag.len(), size) {
            (64, _) if is_hex => Self::Sha256(Sha256::new()),
            (40, Some(size)) if is_hex => {
                let mut hasher = Sha1::new();
                hasher.update(format!("blob {size}\0"));
                Self::Git(hasher)
            }
            _ => Self::None,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Git(hasher) => hasher.update(bytes),
            Self::None => {}
        }
    }

    /// Hashes all that is left of `source`. Returns the number of bytes.
    pub(super) fn read(&mut self, source: impl Read) -> io::Result<u64> {
        for_each_block(source, |block| self.update(block))
    }

    /// Name and value of the hash in lower-case hexadecimal, if it differs from the etag.
    pub(super) fn mismatch(self, etag: &str) -> Option<(&'static str, String)> {
        let (name, found) = match self {
            Self::Sha256(hasher) => ("sha256", hex(&hasher.finalize())),
            Self::Git(hasher) => ("git hash", hex(&hasher.finalize())),
            Self::None => return None,
        };
        (found != etag).then_some((name, found))
    }
}

#[cfg(test)]
mod tests {
    use super::Hasher;

    #[test]
    fn small_files_are_checked_by_the_hash_that_git_gives_them() {
        // `printf 'hello\n' | git hash-object --stdin`
        let etag = "ce013625030ba8dba906f756967f9e9ca394464a";
        let mut hasher = Hasher::of(etag, Some(6));
        hasher.update(b"hello\n");
        assert_eq!(hasher.mismatch(etag), None);
        let mut hasher = Hasher::of(etag, Some(6));
        hasher.update(b"hello!");
        assert_eq!(hasher.mismatch(etag).unwrap().0, "git hash");
        assert_eq!(Hasher::of("5d41402abc4b2a76-2", Some(6)).mismatch("5d41402abc4b2a76-2"), None);
    }
}
