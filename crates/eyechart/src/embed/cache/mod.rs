//! A cache of vectors on disk: for each encoder a folder of immutable segments, shared by processes.
//!
//! A segment is written atomically and never changed, so no lock is needed and a crash does no damage. Each vector has
//! a checksum over its encoder, its text and its numbers: a wrong or damaged vector is not found. When the cache is
//! full, the least recently used segments are removed.

mod segment;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::files::{FileError, create_folders, remove_leftovers};
use crate::text::hex;
use segment::Segment;

/// Default limit in bytes for the segments of all encoders: about 680,000 vectors of 384 numbers.
const LIMIT: u64 = 1 << 30;
/// Maximum size of a segment in bytes.
const LARGEST_SEGMENT: u64 = 64 << 20;
/// If an encoder has more segments, the small ones are merged.
const MOST_SEGMENTS: usize = 32;
/// An unfinished file of this age is removed.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
const EXTENSION: &str = "vectors";

/// Identifies an encoder: everything that a vector depends on, except the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of the encoder that these parts describe completely. Each version of eyechart has its own keys.
    #[must_use]
    pub fn new(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in [env!("CARGO_PKG_VERSION")].iter().chain(parts) {
            // The length comes first, so that different lists of parts never give the same bytes.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CacheKey({})", hex(&self.0[..8]))
    }
}

/// The SHA-256 of a text.
type TextHash = [u8; 32];

/// The cached vectors of one encoder.
#[derive(Debug, Clone)]
pub struct VectorCache {
    root: PathBuf,
    folder: PathBuf,
    key: CacheKey,
    limit: u64,
}

impl VectorCache {
    /// The cache under `root` for the encoder of `key`. Opens no file.
    #[must_use]
    pub fn new(root: &Path, key: CacheKey) -> Self {
        let folder = root.join(hex(&key.0[..16]));
        Self { root: root.to_owned(), folder, key, limit: LIMIT }
    }

    /// The same cache with another limit in bytes. The limit includes the vectors of other encoders.
    #[must_use]
    pub fn with_limit(self, bytes: u64) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Calls `found` with the index in `texts` and the vector of each cached text. Files that cannot be read are
    /// ignored.
    pub fn find(&self, texts: &[&str], mut found: impl FnMut(usize, &[f32])) {
        let mut wanted: HashMap<TextHash, Vec<usize>> = HashMap::new();
        for (at, text) in texts.iter().enumerate() {
            wanted.entry(hash(text)).or_default().push(at);
        }
        for path in self.segments() {
            if wanted.is_empty() {
                return;
            }
            let Ok(mut segment) = Segment::open(&path) else { continue };
            let vectors = segment.find(wanted.keys(), &self.key);
            if !vectors.is_empty() {
                segment.mark_used();
            }
            for (hash, vector) in vectors {
                let places = wanted.remove(&hash).unwrap_or_default();
                places.into_iter().for_each(|at| found(at, &vector));
            }
        }
    }

    /// Stores one vector for each text. All vectors have the same size.
    ///
    /// # Errors
    /// [`FileError`] if the folder cannot be written. Only time is lost.
    pub fn add<'a>(&self, texts: &[&str], vectors: impl Iterator<Item = &'a [f32]>) -> Result<(), FileError> {
        let mut entries: Vec<(TextHash, &[f32])> = texts.iter().map(|text| hash(text)).zip(vectors).collect();
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        entries.dedup_by_key(|(hash, _)| *hash);
        let Some(dim) = entries.first().map(|(_, vector)| vector.len()) else { return Ok(()) };
        create_folders(&self.folder)?;
        let most = usize::try_from(LARGEST_SEGMENT / segment::entry_size(dim)).unwrap_or(usize::MAX).max(1);
        for part in entries.chunks(most) {
            segment::write(&self.folder, &self.key, part)?;
        }
        self.merge()?;
        self.make_room();
        Ok(())
    }

    /// The segments of this encoder, the most recently used first.
    fn segments(&self) -> Vec<PathBuf> {
        let mut files = files_in(&self.folder);
        files.sort_by_key(|file| std::cmp::Reverse(file.used));
        files.into_iter().map(|file| file.path).collect()
    }

    /// Merges small segments into one. If two processes do this at the same time, some vectors are stored twice.
    fn merge(&self) -> Result<(), FileError> {
        let mut files = files_in(&self.folder);
        if files.len() <= MOST_SEGMENTS {
            return Ok(());
        }
        files.sort_by_key(|file| file.bytes);
        let mut bytes = 0;
        let fits = |file: &&File| {
            bytes += file.bytes;
            bytes <= LARGEST_SEGMENT
        };
        let small: Vec<PathBuf> = files.iter().take_while(fits).map(|file| file.path.clone()).collect();
        let mut all: HashMap<TextHash, Vec<f32>> = HashMap::new();
        for path in &small {
            // A segment that cannot be read is removed with the others.
            all.extend(Segment::open(path).map(|mut segment| segment.all(&self.key)).unwrap_or_default());
        }
        let mut entries: Vec<(TextHash, &[f32])> =
            all.iter().map(|(hash, vector)| (*hash, vector.as_slice())).collect();
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        let merged = segment::write(&self.folder, &self.key, &entries)?;
        // Processes that read these files have them open and are not disturbed.
        small.iter().filter(|path| **path != merged).for_each(|path| drop(fs::remove_file(path)));
        Ok(())
    }

    /// Removes the least recently used segments of any encoder until the rest is within the limit.
    fn make_room(&self) {
        let folders = fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path());
        let folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
        folders.iter().for_each(|folder| remove_leftovers(folder, STALE));
        let mut files: Vec<File> = folders.iter().flat_map(|folder| files_in(folder)).collect();
        files.sort_by_key(|file| file.used);
        let mut total: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            if total <= self.limit {
                return;
            }
            // Another process may have removed the file.
            let _ = fs::remove_file(&file.path);
            total -= file.bytes;
        }
    }
}

fn hash(text: &str) -> TextHash {
    Sha256::digest(text).into()
}

/// The file of a segment.
struct File {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// The segments in a folder. None if the folder is missing.
fn files_in(folder: &Path) -> Vec<File> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let path = entry.path();
        let data = entry.metadata().ok().filter(|data| data.is_file())?;
        let is_segment = path.extension().is_some_and(|extension| extension == EXTENSION);
        let used = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        is_segment.then_some(File { path, bytes: data.len(), used })
    };
    entries.filter_map(file).collect()
}

#[cfg(test)]
mod tests;
