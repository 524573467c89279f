//! Extracts picked members of a zip archive, by its directory. The results are kept, so that the next call for the
//! same members reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::ZipError;
use bytes::{Buf as _, Bytes};
use serde::{Deserialize, Serialize};

use super::members::Members;
use super::pass::{MemberFiles, too_large};
use super::source::ArchiveSource;
use super::stream::StreamError;
use super::tar::plain_name;
use super::{MAX_MEMBER_BYTES, NO_SUCH_MEMBER};
use crate::files::{guarded, read_regular, write_json};

/// Bytes per read: one or two pictures.
const PIECE: u64 = 128 << 10;

/// The result for a member.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MemberResult {
    /// The member is stored with this number of bytes.
    Bytes(u64),
    /// The member cannot be extracted, for this reason.
    Missing(String),
}

/// The results that are known without reading the archive. A stored member whose file is gone counts as unknown.
pub(super) fn remembered(folder: &Path, wanted: &BTreeSet<&str>, members: &Members) -> MemberFiles {
    let results = read_results(&folder.join("zip.json"));
    let known = |name: &str| match results.get(name)? {
        MemberResult::Bytes(bytes) => members.find(name, *bytes).map(Ok),
        MemberResult::Missing(reason) => Some(Err(reason.clone())),
    };
    wanted.iter().filter_map(|name| Some(((*name).to_owned(), known(name)?))).collect()
}

/// Stores each wanted member that is not stored yet. The caller holds the archive's lock.
pub(super) fn extract(
    source: &Arc<dyn ArchiveSource>,
    wanted: &BTreeSet<&str>,
    folder: &Path,
    members: &Members,
) -> Result<MemberFiles, StreamError> {
    let outcome = read_wanted(source, wanted, members)?;
    let path = folder.join("zip.json");
    let mut results = read_results(&path);
    results.extend(outcome.iter().map(|(name, found)| (name.clone(), MemberResult::of(found))));
    write_json(&path, &results)?;
    Ok(outcome)
}

impl MemberResult {
    fn of(found: &Result<PathBuf, String>) -> Self {
        match found {
            Ok(path) => Self::Bytes(fs::metadata(path).map_or(0, |data| data.len())),
            Err(reason) => Self::Missing(reason.clone()),
        }
    }
}

/// A damaged file is ignored, because it only saves reading.
fn read_results(path: &Path) -> BTreeMap<String, MemberResult> {
    read_regular(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn read_wanted(
    source: &Arc<dyn ArchiveSource>,
    wanted: &BTreeSet<&str>,
    members: &Members,
) -> Result<MemberFiles, StreamError> {
    let unreadable = match guarded(|| ZipArchive::new(Pieces::new(Arc::clone(source)))) {
        Ok(Ok(archive)) => return read_members(archive, wanted, members),
        Ok(Err(error)) => reason(error)?,
        Err(panicked) => panicked.to_string(),
    };
    Ok(wanted.iter().map(|name| ((*name).to_owned(), Err(unreadable.clone()))).collect())
}

fn read_members<R: Read + Seek>(
    mut archive: ZipArchive<R>,
    wanted: &BTreeSet<&str>,
    members: &Members,
) -> Result<MemberFiles, StreamError> {
    let mut outcome = MemberFiles::new();
    for (name, index) in find(&archive, wanted) {
        let found = match guarded(|| extract_one(&mut archive, index, &name, members)) {
            Ok(found) => found?,
            Err(panicked) => Err(panicked.to_string()),
        };
        outcome.entry(name).or_insert(found);
    }
    for name in wanted {
        outcome.entry((*name).to_owned()).or_insert_with(|| Err(NO_SUCH_MEMBER.to_owned()));
    }
    Ok(outcome)
}

fn find<R: Read + Seek>(archive: &ZipArchive<R>, wanted: &BTreeSet<&str>) -> Vec<(String, usize)> {
    let names = archive.file_names().enumerate();
    // Programs on Windows write `\` between folders.
    let plain = |name: &str| plain_name(&name.replace('\\', "/")).to_owned();
    let names = names.filter_map(|(index, name)| Some((plain(&name.ok()?), index)));
    names.filter(|(name, _)| wanted.contains(name.as_str())).collect()
}

fn extract_one<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    name: &str,
    members: &Members,
) -> Result<Result<PathBuf, String>, StreamError> {
    let mut file = match archive.by_index(index) {
        Ok(file) => file,
        Err(error) => return reason(error).map(Err),
    };
    if file.is_dir() {
        return Ok(Err("is a folder".to_owned()));
    }
    if file.is_symlink() {
        return Ok(Err("is a link, which is never followed".to_owned()));
    }
    if file.size() > MAX_MEMBER_BYTES {
        return Ok(Err(too_large(file.size())));
    }
    if let Some(path) = members.find(name, file.size()) {
        return Ok(Ok(path));
    }
    if let Err(reason) = members.check_room(file.size()) {
        return Ok(Err(reason));
    }
    match read(&mut file) {
        Ok(data) => members.store(name, &data).map(Ok),
        Err(error) => reason(error.into()).map(Err),
    }
}

/// The size in the directory may be wrong, so the data itself is limited.
fn read<R: Read>(file: &mut ZipFile<'_, R>) -> io::Result<Vec<u8>> {
    let (mut data, claimed) = (Vec::new(), file.size());
    file.take(MAX_MEMBER_BYTES + 1).read_to_end(&mut data)?;
    if data.len() as u64 == claimed {
        return Ok(data);
    }
    let text = format!("it has {} bytes or more, not {claimed} as the archive says", data.len());
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

/// What is wrong with the archive, unless the source failed.
fn reason(error: ZipError) -> Result<String, StreamError> {
    match error {
        ZipError::Io(error) => match error.downcast::<SourceFailed>() {
            Ok(SourceFailed(error)) => Err(StreamError::Source(error)),
            Err(error) => Ok(format!("cannot be read: {error}")),
        },
        error => Ok(format!("cannot be read: {error}")),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SourceFailed(io::Error);

/// A source in the form that the `zip` crate needs, read in blocks from any position.
struct Pieces {
    source: Arc<dyn ArchiveSource>,
    position: u64,
    /// The bytes from the position that are in memory.
    piece: Bytes,
}

impl Pieces {
    fn new(source: Arc<dyn ArchiveSource>) -> Self {
        Self { source, position: 0, piece: Bytes::new() }
    }

    fn size(&self) -> io::Result<u64> {
        let unknown = || io::Error::new(io::ErrorKind::Unsupported, "a zip archive of unknown size");
        self.source.size().ok_or_else(unknown)
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.size()?;
        if self.piece.is_empty() && self.position < size {
            let range = self.position..size.min(self.position + PIECE.max(buffer.len() as u64));
            let piece = self.source.read_range(range);
            self.piece = piece.map_err(|error| io::Error::other(SourceFailed(error)))?;
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Pieces {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let offset = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.size()?.checked_add_signed(by),
        };
        let offset = offset.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        match offset.checked_sub(self.position).filter(|ahead| *ahead <= self.piece.len() as u64) {
            Some(ahead) => self.piece.advance(ahead as usize),
            None => self.piece.clear(),
        }
        self.position = offset;
        Ok(offset)
    }
}
