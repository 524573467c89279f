//! Extracts single members from archives (`.tgz`, `.tar`, `.zip`) in one pass, without unpacking the archive.
//!
//! Results are kept in eyechart's cache: the wanted members, the position of every member that was read, and for gzip
//! the positions where decompression can start. A second run therefore reads nothing, a run with other samples reads
//! little, and an interrupted pass continues. Knows only [`ArchiveSource`] of downloads.

mod checkpoint;
mod gzip;
mod header;
mod index;
mod members;
mod pass;
mod source;
mod stream;
mod tar;
mod zip;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use checkpoint::Checkpoints;
use gzip::Gzip;
use index::Index;
use members::{Members, short_hash};
use pass::{MemberFiles, Pass, settled};
use stream::{ByteStream, Input};

use crate::files::FileLock;
use crate::types::{Progress, Silent};

pub(crate) use source::read_on;
pub use source::{ArchiveSource, LocalFile};
pub(super) use stream::StreamError;
pub(super) use tar::{Entry, Kind, Tar};

/// Larger members are not extracted, because no picture is that large.
pub(super) const MAX_MEMBER_BYTES: u64 = 50 << 20;

/// Part of the names of the cache's folders. Another layout of the files uses other folders.
const LAYOUT: u32 = 1;

const NO_SUCH_MEMBER: &str = "the archive has no such member";

/// Why an archive cannot be read. A single member that cannot be extracted is in [`Extracted::missing`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The source failed.
    #[error(
        "cannot read {archive}: {source}; run the command again to continue after the part that was read"
    )]
    Source {
        /// The archive's name.
        archive: String,
        /// The reason.
        source: io::Error,
    },
    /// The cache cannot be used.
    #[error("cannot use the cache file {path}: {source}")]
    Cache {
        /// The file or folder in the cache.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is not a supported archive.
    #[error("{archive} is {found}: expected a gzip-compressed tar, a tar or a zip archive")]
    Format {
        /// The archive's name.
        archive: String,
        /// The kind of the file.
        found: &'static str,
    },
}

/// The results for the wanted members, by the names in the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extracted {
    /// The file of each extracted member. Stays until the cache is emptied.
    pub found: BTreeMap<String, PathBuf>,
    /// The reason for each member that cannot be extracted.
    pub missing: BTreeMap<String, String>,
}

/// An archive with its folder in eyechart's cache.
pub struct Archive {
    source: Arc<dyn ArchiveSource>,
    folder: PathBuf,
    members: Members,
}

impl Archive {
    /// Creates the archive's folder below `cache` if it is missing. Reads nothing yet.
    ///
    /// # Errors
    /// [`ArchiveError::Cache`] if the folder cannot be created.
    pub fn open(source: Arc<dyn ArchiveSource>, cache: &Path) -> Result<Self, ArchiveError> {
        let key = short_hash(&format!("{LAYOUT}\0{}", source.identity()));
        let folder = cache.join("archives").join(key);
        let members = Members::open(folder.join("members"), source.size())
            .map_err(|error| ArchiveError::Cache { path: error.path, source: error.source })?;
        Ok(Self { source, folder, members })
    }

    /// The file of each wanted member. Extracts those that were not extracted before, in one pass that ends at the
    /// last of them. Names are paths inside the archive, with or without a leading `./`. If a tar archive has several
    /// members with the same name, the first one is used.
    ///
    /// Blocks. Another process that needs the same archive waits until this one has finished.
    ///
    /// # Errors
    /// [`ArchiveError::Source`] if the source fails, in which case the next call continues; [`ArchiveError::Cache`]
    /// and [`ArchiveError::Format`].
    pub fn extract(
        &self,
        wanted: &BTreeSet<String>,
        progress: &dyn Progress,
    ) -> Result<Extracted, ArchiveError> {
        let mut extracted = Extracted::default();
        let mut asked = BTreeMap::new();
        for name in wanted {
            match inside(name) {
                Ok(plain) => drop(asked.insert(name, plain)),
                Err(reason) => drop(extracted.missing.insert(name.clone(), reason.to_owned())),
            }
        }
        let names = asked.values().copied().collect();
        let outcome = self.outcome(&names, progress).map_err(|fault| self.error(fault))?;
        for (name, plain) in asked {
            match outcome.get(plain) {
                Some(Ok(path)) => drop(extracted.found.insert(name.clone(), path.clone())),
                Some(Err(reason)) => drop(extracted.missing.insert(name.clone(), reason.clone())),
                None => drop(extracted.missing.insert(name.clone(), NO_SUCH_MEMBER.to_owned())),
            }
        }
        Ok(extracted)
    }

    fn outcome(&self, wanted: &BTreeSet<&str>, progress: &dyn Progress) -> Result<MemberFiles, Stop> {
        let mut outcome = settled(&self.load_index(wanted)?, wanted, &self.members);
        outcome.extend(zip::remembered(&self.folder, wanted, &self.members));
        if outcome.len() == wanted.len() {
            return Ok(outcome);
        }
        let _lock = self.lock(progress)?;
        // Another process may have continued in the meantime.
        let index = self.load_index(wanted)?;
        let outcome = settled(&index, wanted, &self.members);
        if outcome.len() == wanted.len() {
            return Ok(outcome);
        }
        progress.announce(&format!("reading {}", self.source.name()));
        let mut input = Input::new(Arc::clone(&self.source), progress);
        match sniff(&mut input)? {
            Format::Zip => Ok(zip::extract(&self.source, wanted, &self.folder, &self.members)?),
            Format::Tar => self.pass(input, index, outcome, wanted),
            Format::Gzip => {
                let checkpoints = Checkpoints::open(&self.folder.join("checkpoints"))?;
                self.pass(Gzip::new(input, checkpoints), index, outcome, wanted)
            }
        }
    }

    fn pass(
        &self,
        stream: impl ByteStream,
        mut index: Index,
        outcome: MemberFiles,
        wanted: &BTreeSet<&str>,
    ) -> Result<MemberFiles, Stop> {
        index.begin(&self.source.name())?;
        let pass = Pass { tar: Tar::new(stream), index, members: &self.members, outcome };
        Ok(pass.run(wanted)?)
    }

    fn load_index(&self, wanted: &BTreeSet<&str>) -> Result<Index, StreamError> {
        Index::load(&self.folder.join("index"), wanted)
    }

    /// No other process reads the archive or writes to its folder until the lock is dropped.
    fn lock(&self, progress: &dyn Progress) -> Result<FileLock, StreamError> {
        let waiting =
            || progress.announce(&format!("waiting for another process that reads {}", self.source.name()));
        Ok(FileLock::wait(&self.folder.join("lock"), waiting)?)
    }

    fn error(&self, stop: Stop) -> ArchiveError {
        let archive = self.source.name();
        match stop {
            Stop::StreamError(StreamError::Source(source)) => ArchiveError::Source { archive, source },
            Stop::StreamError(StreamError::Cache(path, source)) => ArchiveError::Cache { path, source },
            Stop::StreamError(StreamError::Damaged(reason)) => {
                ArchiveError::Source { archive, source: io::Error::new(io::ErrorKind::InvalidData, reason) }
            }
            Stop::Format(found) => ArchiveError::Format { archive, found },
        }
    }
}

/// Why a pass has no result.
enum Stop {
    StreamError(StreamError),
    /// The kind of a file that is not an archive.
    Format(&'static str),
}

impl From<StreamError> for Stop {
    fn from(fault: StreamError) -> Self {
        Self::StreamError(fault)
    }
}

/// The normalised name, or the reason why it is not a valid path.
fn inside(name: &str) -> Result<&str, &'static str> {
    let plain = tar::plain_name(name);
    if plain.is_empty() {
        Err("expected the path of a member")
    } else if plain.starts_with('/') {
        Err("is an absolute path: only paths inside the archive are read")
    } else if plain.split('/').any(|part| part == "..") {
        Err("has `..` in it: only paths inside the archive are read")
    } else {
        Ok(plain)
    }
}

enum Format {
    Gzip,
    Tar,
    Zip,
}

/// The format by the first bytes, not by the name. Leaves the input at its start.
fn sniff(input: &mut Input<'_>) -> Result<Format, Stop> {
    let block = input.take(header::BLOCK)?;
    input.seek(0)?;
    let starts = |magic: &[u8]| block.starts_with(magic);
    if starts(&gzip::MAGIC) {
        Ok(Format::Gzip)
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Ok(Format::Zip)
    } else if header::is_header(&block)
        || (block.len() == header::BLOCK && block.iter().all(|byte| *byte == 0))
    {
        Ok(Format::Tar)
    } else {
        Err(Stop::Format(match block.as_slice() {
            [] => "empty",
            [b'B', b'Z', b'h', ..] => "compressed by bzip2",
            [0xfd, b'7', b'z', b'X', b'Z', ..] => "compressed by xz",
            [0x28, 0xb5, 0x2f, 0xfd, ..] => "compressed by zstd",
            [b'7', b'z', 0xbc, 0xaf, ..] => "a 7z archive",
            [b'R', b'a', b'r', b'!', ..] => "a rar archive",
            _ => "of no known format",
        }))
    }
}

/// A tar archive on this machine, compressed or not.
pub(super) type LocalTar = Tar<Box<dyn ByteStream + Send>>;

/// The members of a tar archive on this machine, compressed by gzip or not. Read forwards only; nothing is kept.
///
/// # Errors
/// What is wrong with the file, without its name.
pub(super) fn members_of(path: &Path) -> io::Result<LocalTar> {
    let source = Arc::new(LocalFile::open(path)?);
    let mut input = Input::new(source, &Silent);
    let wrong = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    match sniff(&mut input) {
        Ok(Format::Tar) => Ok(Tar::new(Box::new(input))),
        Ok(Format::Gzip) => Ok(Tar::new(Box::new(Gzip::new(input, Checkpoints::none())))),
        Ok(Format::Zip) => Err(wrong("expected a tar archive, found a zip archive")),
        Err(Stop::Format(found)) => Err(wrong(&format!("expected a tar archive, found one that is {found}"))),
        Err(Stop::StreamError(StreamError::Source(error) | StreamError::Cache(_, error))) => Err(error),
        Err(Stop::StreamError(StreamError::Damaged(reason))) => Err(wrong(&reason)),
    }
}

#[cfg(test)]
mod tests;
