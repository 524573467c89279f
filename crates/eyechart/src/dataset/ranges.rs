//! A remote file that is read by ranges. Every fetched block is kept on disk, so that it is fetched only once.
//!
//! A map next to a sparse copy of the file has the SHA-256 of each fetched block. A block counts only if its bytes
//! have this hash. After a torn write, or with two processes at once, a block is fetched again at worst. Does not
//! know servers: the caller fetches a range.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::read_at::{ReadAt, check_range, read_range};
use crate::files::{FileLock, create_folders, sha256_hex};

/// Bytes per block, which is the least that is fetched.
const BLOCK: u64 = 64 << 10;
/// Maximum number of bytes in one fetch, which is held in memory.
const LARGEST_FETCH: u64 = 16 << 20;
/// Number of concurrent fetches. Memory is bounded by this number of the largest fetches.
const AT_ONCE: usize = 4;
/// Bytes of a block's entry in the map. All are zero if the block is absent.
const ENTRY: u64 = 32;

/// Fetches all bytes of a range. A server that ignores ranges must be reported as [`io::ErrorKind::Unsupported`],
/// without reading its whole reply.
pub(crate) type FetchRange = Box<dyn Fn(Range<u64>) -> io::Result<Bytes> + Send + Sync>;

/// A remote file, and its blocks on this machine.
pub(crate) struct Ranges {
    size: u64,
    block: u64,
    store: Mutex<Store>,
    /// Held while fetching, so that two processes do not fetch the same piece.
    lock: PathBuf,
    fetch: FetchRange,
}

impl Ranges {
    /// Opens a file of `size` bytes. `key` identifies its content (a hash, or address and version). Blocks are kept
    /// in `cache`, which is created if it is missing. Fetches nothing yet.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn open(cache: &Path, key: &str, size: u64, fetch: FetchRange) -> io::Result<Self> {
        Self::with_blocks(cache, key, size, BLOCK, fetch)
    }

    fn with_blocks(cache: &Path, key: &str, size: u64, block: u64, fetch: FetchRange) -> io::Result<Self> {
        let folder = cache.join("ranges");
        let name = sha256_hex(key);
        let store = Mutex::new(Store::open(&folder, &name, size, block)?);
        Ok(Self { size, block, store, lock: folder.join(format!("{name}.lock")), fetch })
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_of(&self, blocks: &Range<u64>) -> Range<u64> {
        blocks.start * self.block..(blocks.end * self.block).min(self.size)
    }

    /// The missing blocks of `ranges`. Adjacent blocks are joined up to the size of one fetch.
    fn missing(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Range<u64>>> {
        let blocks_of = |range: &Range<u64>| range.start / self.block..range.end.div_ceil(self.block);
        let blocks: BTreeSet<u64> =
            ranges.iter().filter(|range| !range.is_empty()).flat_map(blocks_of).collect();
        let most = (LARGEST_FETCH / self.block).max(1);
        let mut store = self.store();
        let mut runs: Vec<Range<u64>> = Vec::new();
        for block in blocks {
            if store.has(block, self.bytes_of(&(block..block + 1)))? {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == block && run.end - run.start < most => run.end += 1,
                _ => runs.push(block..block + 1),
            }
        }
        Ok(runs)
    }

    fn fetch_blocks(&self, blocks: Range<u64>) -> io::Result<()> {
        let range = self.bytes_of(&blocks);
        // The store is not locked while the bytes are fetched.
        let bytes = (self.fetch)(range.clone())?;
        if bytes.len() as u64 != range.end - range.start {
            let reason = format!("asked for {} bytes, {} came", range.end - range.start, bytes.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let mut store = self.store();
        let pieces = bytes.chunks(usize::try_from(self.block).unwrap_or(usize::MAX));
        blocks.zip(pieces).try_for_each(|(block, piece)| store.put(block, block * self.block, piece))
    }
}

impl ReadAt for Ranges {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.prepare(std::slice::from_ref(&range))?;
        read_range(&mut self.store().data, range)
    }

    fn prepare(&self, ranges: &[Range<u64>]) -> io::Result<()> {
        ranges.iter().try_for_each(|range| check_range(range, self.size))?;
        if self.missing(ranges)?.is_empty() {
            return Ok(());
        }
        // Another process may have brought them meanwhile.
        let _lock = FileLock::wait(&self.lock, || ())?;
        let missing = self.missing(ranges)?;
        if let [blocks] = missing.as_slice() {
            return self.fetch_blocks(blocks.clone());
        }
        let missing = Mutex::new(missing.into_iter());
        let next = || missing.lock().unwrap_or_else(PoisonError::into_inner).next();
        // The first that fails ends the others: nothing more is taken after it.
        let failed = Mutex::new(None);
        let work = || {
            while let Some(blocks) = next() {
                if let Err(error) = self.fetch_blocks(blocks) {
                    missing.lock().unwrap_or_else(PoisonError::into_inner).by_ref().for_each(drop);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            // If the system cannot start more threads, this one does the work.
            (1..AT_ONCE).for_each(|_| drop(std::thread::Builder::new().spawn_scoped(scope, work)));
            work();
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// The two files in the cache.
struct Store {
    data: File,
    map: File,
    /// Blocks that this process has written, or has found undamaged.
    seen: BTreeSet<u64>,
}

impl Store {
    fn open(folder: &Path, name: &str, size: u64, block: u64) -> io::Result<Self> {
        create_folders(folder)?;
        let open = |ending: &str, size: u64| {
            let path = folder.join(format!("{name}.{ending}"));
            let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            file.set_len(size)?;
            io::Result::Ok(file)
        };
        let map = open("map", size.div_ceil(block) * ENTRY)?;
        Ok(Self { data: open("data", size)?, map, seen: BTreeSet::new() })
    }

    fn has(&mut self, block: u64, range: Range<u64>) -> io::Result<bool> {
        if self.seen.contains(&block) {
            return Ok(true);
        }
        let entry = read_range(&mut self.map, block * ENTRY..(block + 1) * ENTRY)?;
        let is_whole = entry.iter().any(|byte| *byte != 0)
            && Sha256::digest(read_range(&mut self.data, range)?)[..] == entry[..];
        if is_whole {
            self.seen.insert(block);
        }
        Ok(is_whole)
    }

    fn put(&mut self, block: u64, start: u64, bytes: &[u8]) -> io::Result<()> {
        write_at(&mut self.data, start, bytes)?;
        write_at(&mut self.map, block * ENTRY, &Sha256::digest(bytes))?;
        self.seen.insert(block);
        Ok(())
    }
}

fn write_at(file: &mut File, start: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    file.write_all(bytes)
}

#[cfg(test)]
pub(super) mod tests;
