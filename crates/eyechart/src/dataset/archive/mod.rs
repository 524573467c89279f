//! Single members out of archives (`.tgz`, `.tar`, `.zip`), in one pass and without unpacking them.
//!
//! What a pass learns is kept in eyechart's cache: the members that were wanted, where every member seen lies, and
//! for gzip the places where inflating can begin. So a second run reads nothing, a run with other samples little,
//! and an interrupted pass goes on where it can. Knows nothing of tasks, and of downloads only [`ArchiveSource`].

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
use pass::{Outcome, Pass, settled};
use stream::{ByteStream, Input};

use crate::files::FileLock;
use crate::types::{Progress, Silent};

pub(crate) use source::read_on;
pub use source::{ArchiveSource, LocalFile};
pub(super) use stream::Fault;
pub(super) use tar::{Entry, Kind, Tar};

/// Larger members are not extracted; no picture is.
pub(super) const MAX_MEMBER_BYTES: u64 = 50 << 20;

/// Part of what names the cache's folders: another layout of their files uses other folders.
const LAYOUT: u32 = 1;

const NO_SUCH_MEMBER: &str = "the archive has no such member";

/// Why an archive cannot be read at all. A single member that cannot be had is in [`Extracted::missing`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Its source failed.
    #[error("cannot read {archive}: {source}; run it again to go on, what has been read is kept")]
    Source {
        /// The archive's name.
        archive: String,
        /// Why.
        source: io::Error,
    },
    /// The cache cannot be used.
    #[error("cannot use the cache file {path}: {source}")]
    Cache {
        /// The file or folder in the cache.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not an archive that can be read.
    #[error("{archive} is {found}: expected a gzip-compressed tar, a tar or a zip archive")]
    Format {
        /// The archive's name.
        archive: String,
        /// What it looks like.
        found: &'static str,
    },
}

/// What became of the wanted members, by the names they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extracted {
    /// The file each is in now. It stays until somebody empties the cache.
    pub found: BTreeMap<String, PathBuf>,
    /// Why each of the others cannot be had.
    pub missing: BTreeMap<String, String>,
}

/// An archive and its folder in eyechart's cache.
pub struct Archive {
    source: Arc<dyn ArchiveSource>,
    folder: PathBuf,
    members: Members,
}

impl Archive {
    /// Makes the archive's folder below `cache`, if it is not there. Reads nothing yet.
    ///
    /// # Errors
    /// [`ArchiveError::Cache`] where it cannot be made.
    pub fn open(source: Arc<dyn ArchiveSource>, cache: &Path) -> Result<Self, ArchiveError> {
        let key = short_hash(&format!("{LAYOUT}\0{}", source.identity()));
        let folder = cache.join("archives").join(key);
        let members = Members::open(folder.join("members"))
            .map_err(|error| ArchiveError::Cache { path: error.path, source: error.source })?;
        Ok(Self { source, folder, members })
    }

    /// Where each wanted member lies on this machine now. Those not extracted before are, in one pass that ends at
    /// the last of them. Names are paths inside the archive; a leading `./` makes no difference. Of several members
    /// with one name a tar archive gives the first.
    ///
    /// Blocks. A second process that wants the same archive waits until the first has finished.
    ///
    /// # Errors
    /// [`ArchiveError::Source`] where the source fails: what was read until then is kept for the next call;
    /// [`ArchiveError::Cache`] and [`ArchiveError::Format`].
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

    fn outcome(&self, wanted: &BTreeSet<&str>, progress: &dyn Progress) -> Result<Outcome, Stop> {
        let mut outcome = settled(&self.load_index(wanted)?, wanted, &self.members);
        outcome.extend(zip::remembered(&self.folder, wanted, &self.members));
        if outcome.len() == wanted.len() {
            return Ok(outcome);
        }
        let _lock = self.lock(progress)?;
        // Another process may have read on meanwhile.
        let index = self.load_index(wanted)?;
        let outcome = settled(&index, wanted, &self.members);
        if outcome.len() == wanted.len() {
            return Ok(outcome);
        }
        progress.say(&format!("reading {}", self.source.name()));
        let mut input = Input::new(Arc::clone(&self.source), progress);
        match sniff(&mut input)? {
            Format::Zip => Ok(zip::extract(&self.source, wanted, (&self.folder, &self.members))?),
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
        outcome: Outcome,
        wanted: &BTreeSet<&str>,
    ) -> Result<Outcome, Stop> {
        index.begin(&self.source.name())?;
        let pass = Pass { tar: Tar::new(stream), index, members: &self.members, outcome };
        Ok(pass.run(wanted)?)
    }

    fn load_index(&self, wanted: &BTreeSet<&str>) -> Result<Index, Fault> {
        Index::load(&self.folder.join("index"), wanted)
    }

    /// No other process reads the archive or writes to its folder until the lock is dropped.
    fn lock(&self, progress: &dyn Progress) -> Result<FileLock, Fault> {
        let waiting =
            || progress.say(&format!("waiting for another process that reads {}", self.source.name()));
        Ok(FileLock::wait(&self.folder.join("lock"), waiting)?)
    }

    fn error(&self, stop: Stop) -> ArchiveError {
        let archive = self.source.name();
        match stop {
            Stop::Fault(Fault::Source(source)) => ArchiveError::Source { archive, source },
            Stop::Fault(Fault::Cache(path, source)) => ArchiveError::Cache { path, source },
            Stop::Fault(Fault::Damaged(reason)) => {
                ArchiveError::Source { archive, source: io::Error::new(io::ErrorKind::InvalidData, reason) }
            }
            Stop::Format(found) => ArchiveError::Format { archive, found },
        }
    }
}

/// Why there is no outcome.
enum Stop {
    Fault(Fault),
    /// What the archive looks like.
    Format(&'static str),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The name as it is looked up, or why it is not.
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

/// The format by the first bytes, whatever the name. Leaves the input at its beginning.
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

/// The members of a tar archive on this machine, compressed by gzip or not, read forwards; nothing is kept.
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
        Err(Stop::Fault(Fault::Source(error) | Fault::Cache(_, error))) => Err(error),
        Err(Stop::Fault(Fault::Damaged(reason))) => Err(wrong(&reason)),
    }
}

#[cfg(test)]
mod tests;
