//! The source of an archive's bytes. Does not know archive formats.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::files::{open_regular, refuse_lfs_pointer};

/// The bytes of an archive: a file, or a download that can start at any offset.
pub trait ArchiveSource: Send + Sync {
    /// The name for messages and records, such as `images.tgz`.
    fn name(&self) -> String;

    /// A text that differs if the content differs: an ETag, or path, size and modification time.
    fn identity(&self) -> String;

    /// The number of bytes, if it is known. A source that ends earlier counts as interrupted and not as truncated.
    /// Zip archives need the size.
    fn size(&self) -> Option<u64>;

    /// The bytes from `offset`, at most [`ArchiveSource::size`].
    ///
    /// # Errors
    /// The bytes cannot be read now. A later call may succeed.
    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// All bytes of a range.
    ///
    /// # Errors
    /// As [`ArchiveSource::read_from`].
    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        read_on(self.read_from(range.start)?, &range)
    }

    /// The number of bytes that can be read in the time of another [`ArchiveSource::read_from`]. Shorter gaps are
    /// read through.
    fn jump_cost(&self) -> u64 {
        4 << 20
    }
}

/// The bytes of `range` from a reader that is at their start.
///
/// # Errors
/// The reader ends before the range.
pub(crate) fn read_on(reader: impl Read, range: &Range<u64>) -> io::Result<Bytes> {
    let (length, mut bytes) = (range.end.saturating_sub(range.start), Vec::new());
    match reader.take(length).read_to_end(&mut bytes)? as u64 == length {
        true => Ok(bytes.into()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// An archive on this machine.
#[derive(Debug, Clone)]
pub struct LocalFile {
    path: PathBuf,
    size: u64,
    identity: String,
}

impl LocalFile {
    /// The current file at `path`.
    ///
    /// # Errors
    /// The file does not exist, is not a regular file, or is a pointer of Git LFS.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        let metadata = open_regular(&path)?.metadata()?;
        refuse_lfs_pointer(&path)?;
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let size = metadata.len();
        let identity = format!("{}\0{size}\0{changed}", path.display());
        Ok(Self { path, size, identity })
    }
}

impl ArchiveSource for LocalFile {
    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = open_regular(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }

    fn jump_cost(&self) -> u64 {
        256 << 10
    }
}
