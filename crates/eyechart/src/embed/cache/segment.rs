//! An immutable file of vectors. All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `eyechart vectors` |
//! | 4, 4, 8 | version 1; numbers in a vector; vectors |
//! | 32 each | the texts' SHA-256, ascending |
//! | 4 × numbers + 16 each | the vectors in the same order, each with its seal |
//!
//! A seal is the first 16 bytes of the SHA-256 of the encoder's key, the text's hash and the vector. A vector with a
//! wrong seal is ignored.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::{CacheKey, EXTENSION, TextHash};
use crate::files::{FileError, open_regular, write_atomically};
use crate::text::hex;

const MAGIC: &[u8; 16] = b"eyechart vectors";
const VERSION: u32 = 1;
const HEADER: u64 = 32;
const HASH: u64 = 32;
const SEAL: usize = 16;
/// A header with more numbers per vector is damaged.
const LARGEST_DIM: u32 = 1 << 20;

/// An open segment whose length agrees with its header.
pub(super) struct Segment {
    file: File,
    hashes: Vec<TextHash>,
    dim: usize,
}

/// Size of one vector in a segment, in bytes.
pub(super) fn entry_size(dim: usize) -> u64 {
    HASH + vector_size(dim)
}

fn vector_size(dim: usize) -> u64 {
    4 * dim as u64 + SEAL as u64
}

impl Segment {
    /// Reads the header and the hashes.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = open_regular(path)?;
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header)?;
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let (version, dim) = (word(16), word(20));
        let count = u64::from(word(24)) | u64::from(word(28)) << 32;
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "no segment of vectors");
        if header[..16] != *MAGIC || version != VERSION || dim == 0 || dim > LARGEST_DIM {
            return Err(broken());
        }
        let dim = dim as usize;
        // Checked before memory is allocated.
        let length = count.checked_mul(entry_size(dim)).and_then(|bytes| bytes.checked_add(HEADER));
        if length != Some(file.metadata()?.len()) {
            return Err(broken());
        }
        let mut table = vec![0; usize::try_from(count * HASH).map_err(|_| broken())?];
        file.read_exact(&mut table)?;
        Ok(Self { file, hashes: table.as_chunks().0.to_vec(), dim })
    }

    /// The undamaged vectors of the texts in `wanted`.
    pub(super) fn find<'a>(
        &mut self,
        wanted: impl Iterator<Item = &'a TextHash>,
        key: &CacheKey,
    ) -> HashMap<TextHash, Vec<f32>> {
        let mut places: Vec<usize> = wanted.filter_map(|hash| self.hashes.binary_search(hash).ok()).collect();
        // Read in the order of the file.
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| self.read(place, key).ok().flatten()).collect()
    }

    /// All undamaged vectors.
    pub(super) fn all(&mut self, key: &CacheKey) -> HashMap<TextHash, Vec<f32>> {
        (0..self.hashes.len()).filter_map(|place| self.read(place, key).ok().flatten()).collect()
    }

    /// Records the use of the segment in its modification time. If the file system does not allow this, the segment is
    /// removed earlier.
    pub(super) fn mark_used(&self) {
        let _ = self.file.set_modified(SystemTime::now());
    }

    fn read(&mut self, place: usize, key: &CacheKey) -> io::Result<Option<(TextHash, Vec<f32>)>> {
        let hash = self.hashes[place];
        let start = HEADER + self.hashes.len() as u64 * HASH + place as u64 * vector_size(self.dim);
        self.file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; 4 * self.dim + SEAL];
        self.file.read_exact(&mut bytes)?;
        let (numbers, seal) = bytes.split_at(4 * self.dim);
        if seal_of(key, &hash, numbers) != *seal {
            return Ok(None);
        }
        let numbers = numbers.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        Ok(Some((hash, numbers.collect())))
    }
}

fn seal_of(key: &CacheKey, hash: &TextHash, numbers: &[u8]) -> [u8; SEAL] {
    let mut hasher = Sha256::new();
    hasher.update(key.0);
    hasher.update(hash);
    hasher.update(numbers);
    let whole: [u8; 32] = hasher.finalize().into();
    std::array::from_fn(|at| whole[at])
}

/// Writes a segment. `entries` has at least one vector, is sorted by hash, and all vectors have the same size. The name
/// depends on the hashes, so the same texts give the same file.
pub(super) fn write(
    folder: &Path,
    key: &CacheKey,
    entries: &[(TextHash, &[f32])],
) -> Result<PathBuf, FileError> {
    let mut name = Sha256::new();
    entries.iter().for_each(|(hash, _)| name.update(hash));
    let path = folder.join(format!("{}.{EXTENSION}", &hex(&name.finalize())[..32]));
    let dim = entries.first().map_or(0, |(_, vector)| vector.len());
    write_atomically(&path, |file| {
        file.write_all(MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(&u32::try_from(dim).map_err(io::Error::other)?.to_le_bytes())?;
        file.write_all(&(entries.len() as u64).to_le_bytes())?;
        entries.iter().try_for_each(|(hash, _)| file.write_all(hash))?;
        for (hash, vector) in entries {
            let numbers: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            file.write_all(&numbers)?;
            file.write_all(&seal_of(key, hash, &numbers))?;
        }
        Ok(())
    })?;
    Ok(path)
}
