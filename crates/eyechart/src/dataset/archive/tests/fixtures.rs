//! Archives in memory, and a source that counts what is read of them and can fail.

use std::io::{self, Cursor, Read, Write};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use super::*;

/// An archive in memory and an empty cache.
pub(super) struct Setup {
    pub(super) source: Arc<Memory>,
    pub(super) cache: TempDir,
}

impl Setup {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let source = Memory { bytes: bytes.into(), read: Arc::default(), fails_at: AtomicU64::new(u64::MAX) };
        Self { source: Arc::new(source), cache: tempfile::tempdir().unwrap() }
    }

    pub(super) fn archive(&self) -> Archive {
        Archive::open(Arc::clone(&self.source) as Arc<dyn ArchiveSource>, self.cache.path()).unwrap()
    }

    pub(super) fn try_extract(&self, names: &[&str]) -> Result<Extracted, ArchiveError> {
        self.archive().extract(&wanted(names), &Silent)
    }

    pub(super) fn extract(&self, names: &[&str]) -> Extracted {
        self.try_extract(names).unwrap()
    }

    pub(super) fn size(&self) -> u64 {
        self.source.bytes.len() as u64
    }

    /// Bytes read since the beginning, or since the last [`Setup::forget`].
    pub(super) fn bytes_read(&self) -> u64 {
        self.source.read.load(Relaxed)
    }

    /// Counts what is read from now on.
    pub(super) fn forget(&self) {
        self.source.read.store(0, Relaxed);
    }

    /// From now on the source fails at this byte, or never.
    pub(super) fn fail_at(&self, byte: Option<u64>) {
        self.source.fails_at.store(byte.unwrap_or(u64::MAX), Relaxed);
    }
}

pub(super) struct Memory {
    bytes: Arc<[u8]>,
    read: Arc<AtomicU64>,
    fails_at: AtomicU64,
}

impl ArchiveSource for Memory {
    fn name(&self) -> String {
        "images.tgz".to_owned()
    }

    fn identity(&self) -> String {
        "memory".to_owned()
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }

    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let fails_at = self.fails_at.load(Relaxed);
        Ok(Box::new(Reading {
            bytes: Arc::clone(&self.bytes),
            at: offset,
            fails_at,
            read: Arc::clone(&self.read),
        }))
    }

    fn jump_cost(&self) -> u64 {
        1 << 16
    }
}

struct Reading {
    bytes: Arc<[u8]>,
    at: u64,
    fails_at: u64,
    read: Arc<AtomicU64>,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.fails_at {
            return Err(io::Error::other("the connection broke"));
        }
        let end = self.fails_at.min(self.bytes.len() as u64);
        let mut left = &self.bytes[usize::try_from(self.at).unwrap()..usize::try_from(end).unwrap()];
        let count = left.read(buffer)?;
        self.at += count as u64;
        self.read.fetch_add(count as u64, Relaxed);
        Ok(count)
    }
}

pub(super) fn wanted(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn missing(extracted: &Extracted) -> Vec<(&str, &str)> {
    extracted.missing.iter().map(|(name, reason)| (name.as_str(), reason.as_str())).collect()
}

pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("images/{number:05}.jpg")).collect()
}

/// Bytes that do not compress.
pub(super) fn jpeg_like(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

pub(super) fn append(builder: &mut ::tar::Builder<Vec<u8>>, name: &str, data: &[u8]) {
    let mut header = ::tar::Header::new_gnu();
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, data).unwrap();
}

pub(super) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, data) in files {
        append(&mut builder, name, data);
    }
    builder.into_inner().unwrap()
}

pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    // The fastest level makes a single block of it all, in which inflating cannot begin.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(3));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn tgz_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    gzip(&tar_of(files))
}

pub(super) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in files {
        writer.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
