//! Downloads one file into the cache: takes the lock, continues an unfinished download, checks the hash, links the
//! file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::HubError;
use super::cache::RepositoryCache;
use super::hash::Hasher;
use super::parallel::Stop;
use super::transfer::Source;
use crate::files::{create_parent_folders, move_into_place};
use crate::types::Progress;

/// A file to be downloaded.
pub(super) struct Download<'a> {
    pub(super) cache: &'a RepositoryCache,
    pub(super) source: Source,
    /// The name of the blob.
    pub(super) etag: String,
}

/// The progress of all downloads of one call.
pub(super) struct Meter<'a> {
    progress: &'a dyn Progress,
    done: AtomicU64,
    total: Option<u64>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(progress: &'a dyn Progress, total: Option<u64>) -> Self {
        Self { progress, done: AtomicU64::new(0), total }
    }

    fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.progress.bytes(done, self.total);
    }

    fn take_back(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Download<'_> {
    /// Downloads the blob and links it into the snapshot. Downloads nothing if another process has just done it.
    pub(super) fn run(&self, meter: &Meter<'_>, stop: Stop<'_>) -> Result<(), HubError> {
        let Source { commit, path, identity, .. } = &self.source;
        let waiting =
            || meter.progress.announce(&format!("waiting for another process that downloads {path}"));
        let _lock = self.cache.lock(&self.etag, waiting)?;
        let blob = self.cache.blob(&self.etag);
        let has_blob = |size: u64| fs::metadata(&blob).is_ok_and(|data| data.len() == size);
        match identity.size {
            Some(size) if has_blob(size) => meter.advance(size),
            None if blob.is_file() => {}
            _ => self.fetch(&blob, meter, stop)?,
        }
        Ok(self.cache.link(&self.etag, commit, path)?)
    }

    /// Downloads the blob. If its hash is wrong, it is removed and downloaded once more.
    fn fetch(&self, blob: &Path, meter: &Meter<'_>, stop: Stop<'_>) -> Result<(), HubError> {
        let path = self.cache.part(&self.etag);
        let mut damaged = None;
        for _ in 0..2 {
            let mut part = Part::open(&path, self).map_err(HubError::cache("write", &path))?;
            self.fill(&mut part, meter, stop)?;
            let (size, mismatch) = part.finish(&self.etag);
            let Some((what, found)) = mismatch else {
                return Ok(move_into_place(&path, blob)?);
            };
            fs::remove_file(&path).map_err(HubError::cache("remove", &path))?;
            meter.take_back(size);
            damaged = Some(self.source.damaged(what, found, self.etag.clone()));
        }
        damaged.map_or(Ok(()), Err)
    }

    fn fill(&self, part: &mut Part, meter: &Meter<'_>, stop: Stop<'_>) -> Result<(), HubError> {
        meter.advance(part.len);
        let mut transfer = self.source.clone().transfer(part.len, None);
        while let Some(bytes) = transfer.next()? {
            part.write(&bytes).map_err(HubError::cache("write", &self.cache.part(&self.etag)))?;
            meter.advance(bytes.len() as u64);
            stop.check()?;
        }
        Ok(())
    }
}

/// An unfinished download and the hash of its bytes.
struct Part {
    file: File,
    hasher: Hasher,
    len: u64,
}

impl Part {
    /// Opens an unfinished download, unless it is longer than the file or the size of the file is unknown.
    fn open(path: &Path, download: &Download<'_>) -> io::Result<Self> {
        create_parent_folders(path)?;
        let size = download.source.identity.size;
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        // Without the size, bytes after the end of the file could not be detected.
        if size.is_none_or(|size| file.metadata().is_ok_and(|data| data.len() > size)) {
            file.set_len(0)?;
        }
        let mut part = Self { file, hasher: Hasher::of(&download.etag, size), len: 0 };
        part.len = part.hasher.read(&part.file)?;
        Ok(part)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The size, and the hash if it differs from the etag.
    fn finish(self, etag: &str) -> (u64, Option<(&'static str, String)>) {
        (self.len, self.hasher.mismatch(etag))
    }
}
