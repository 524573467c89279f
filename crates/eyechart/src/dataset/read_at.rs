//! A file that is read in pieces, on this machine or elsewhere.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::files::open_regular;

/// A file of known size that can be read at any range.
pub(crate) trait ReadAt: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// All bytes of `range`. Blocks.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if the range ends beyond the file; [`io::ErrorKind::Unsupported`] if the file
    /// can only be read whole; any other kind if reading fails.
    fn read_at(&self, range: Range<u64>) -> io::Result<Bytes>;

    /// Announces the ranges that will be read, so that a remote file can be fetched in a few large pieces. Blocks.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    fn prepare(&self, ranges: &[Range<u64>]) -> io::Result<()> {
        let _ = ranges;
        Ok(())
    }
}

/// A file on this machine.
pub(super) struct LocalFile {
    file: Mutex<File>,
    size: u64,
}

impl LocalFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file: Mutex::new(file), size })
    }
}

impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Bytes> {
        check_range(&range, self.size)?;
        read_range(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner), range)
    }
}

/// Refuses a range beyond the end before memory is allocated for it.
pub(super) fn check_range(range: &Range<u64>, size: u64) -> io::Result<()> {
    if range.start <= range.end && range.end <= size {
        return Ok(());
    }
    let reason = format!("expected a range within {size} bytes, got {} to {}", range.start, range.end);
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason))
}

/// The bytes of `file` in `range`. Moves the cursor of the file behind them.
pub(super) fn read_range(file: &mut File, range: Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(range.start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes.into())
}
