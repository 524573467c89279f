//! Where an archive's bytes come from. Knows no archive format.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

/// The bytes of one archive: a file, or a download that can start anywhere.
pub trait ArchiveSource: Send + Sync {
    /// What people call it, for messages and records: `images.tgz`.
    fn name(&self) -> String;

    /// Differs whenever the content does: an etag, or path, size and time of change.
    fn identity(&self) -> String;

    /// Number of bytes, where it is known. A source that ends before it counts as interrupted, not as truncated;
    /// zip archives need it.
    fn size(&self) -> Option<u64>;

    /// The bytes from `offset` on, at most [`ArchiveSource::size`].
    ///
    /// # Errors
    /// Where they cannot be had now; a later call may do better.
    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// The bytes of a range, all of them.
    ///
    /// # Errors
    /// As [`ArchiveSource::read_from`].
    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        read_on(self.read_from(range.start)?, &range)
    }

    /// How many bytes are read in the time that another [`ArchiveSource::read_from`] takes: shorter gaps are read
    /// through.
    fn jump_cost(&self) -> u64 {
        4 << 20
    }
}

/// The bytes of `range` from a reader that begins with them.
///
/// # Errors
/// Where it ends before they do.
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
    /// The file at `path`, as it is now.
    ///
    /// # Errors
    /// Where there is none, or it is no file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        let metadata = fs::metadata(&path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file, found a folder"));
        }
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
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }

    fn jump_cost(&self) -> u64 {
        256 << 10
    }
}
