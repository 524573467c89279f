//! Hashes of files and bytes.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{FileError, open_regular};
use crate::text::hex;

/// Bytes read from a file at once.
const BLOCK: usize = 256 << 10;

/// The size and the SHA-256 of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHash {
    /// Number of bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in lower-case hexadecimal.
    pub sha256: String,
}

/// Reads a file in blocks and hashes it.
///
/// # Errors
/// [`FileError`] if the file cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<FileHash, FileError> {
    let mut hasher = Sha256::new();
    let hashed = open_regular(path).and_then(|file| for_each_block(file, |block| hasher.update(block)));
    let bytes = hashed.map_err(FileError::at("read", path))?;
    Ok(FileHash { bytes, sha256: hex(&hasher.finalize()) })
}

/// The SHA-256 of bytes in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Reads `source` to its end and calls `visit` with each block. Returns the number of bytes.
///
/// # Errors
/// Any error of `source` except [`ErrorKind::Interrupted`].
pub fn for_each_block(mut source: impl Read, mut visit: impl FnMut(&[u8])) -> io::Result<u64> {
    let (mut block, mut bytes) = (vec![0; BLOCK], 0);
    loop {
        match source.read(&mut block) {
            Ok(0) => return Ok(bytes),
            Ok(read) => {
                visit(&block[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_hash_of_its_bytes_however_many_blocks_it_takes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content = vec![7; 2 * BLOCK + 1];
        std::fs::write(file.path(), &content).unwrap();
        let expected = FileHash { bytes: content.len() as u64, sha256: sha256_hex(&content) };
        assert_eq!(sha256_of_file(file.path()).unwrap(), expected);
        // `printf abc | sha256sum`
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn an_interrupted_read_is_repeated_and_an_error_names_the_file() {
        struct Interrupted(u8);
        impl Read for Interrupted {
            fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(ErrorKind::Interrupted.into()),
                    2 => (&b"ab"[..]).read(block),
                    _ => Ok(0),
                }
            }
        }
        let mut read = Vec::new();
        assert_eq!(for_each_block(Interrupted(0), |block| read.extend_from_slice(block)).unwrap(), 2);
        assert_eq!(read, b"ab");
        let error = sha256_of_file(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read no/such/file: "), "{error}");
    }
}
