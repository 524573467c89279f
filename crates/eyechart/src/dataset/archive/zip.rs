//! Picked members of a zip archive. Its directory tells where each is, so no index is kept.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::ZipError;

use super::members::Members;
use super::pass::{Outcome, too_large};
use super::stream::{ByteStream, Fault, Input};
use super::tar::plain_name;
use super::{MAX_MEMBER_BYTES, NO_SUCH_MEMBER};

/// Stores each wanted member that is not stored yet.
pub(super) fn extract(
    input: Input<'_>,
    wanted: &BTreeSet<&str>,
    members: &Members,
) -> Result<Outcome, Fault> {
    let mut outcome = Outcome::new();
    let mut archive = match ZipArchive::new(Seekable(input)) {
        Ok(archive) => archive,
        Err(error) => {
            let reason = reason(error)?;
            outcome.extend(wanted.iter().map(|name| ((*name).to_owned(), Err(reason.clone()))));
            return Ok(outcome);
        }
    };
    for (name, index) in find(&archive, wanted) {
        let found = extract_one(&mut archive, index, &name, members)?;
        outcome.entry(name).or_insert(found);
    }
    for name in wanted {
        outcome.entry((*name).to_owned()).or_insert_with(|| Err(NO_SUCH_MEMBER.to_owned()));
    }
    Ok(outcome)
}

fn find<R: Read + Seek>(archive: &ZipArchive<R>, wanted: &BTreeSet<&str>) -> Vec<(String, usize)> {
    let names = archive.file_names().enumerate();
    let names = names.filter_map(|(index, name)| Some((plain_name(&name.ok()?).to_owned(), index)));
    names.filter(|(name, _)| wanted.contains(name.as_str())).collect()
}

fn extract_one<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    name: &str,
    members: &Members,
) -> Result<Result<PathBuf, String>, Fault> {
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
    match read(&mut file) {
        Ok(data) => members.store(name, &data).map(Ok),
        Err(error) => reason(error.into()).map(Err),
    }
}

/// A size in the directory may be a lie, so the data itself is held to the limit.
fn read<R: Read>(file: &mut ZipFile<'_, R>) -> io::Result<Vec<u8>> {
    let (mut data, claimed) = (Vec::new(), file.size());
    file.take(MAX_MEMBER_BYTES + 1).read_to_end(&mut data)?;
    if data.len() as u64 == claimed {
        return Ok(data);
    }
    let text = format!("it has {} bytes or more, not {claimed} as the archive says", data.len());
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

/// What is wrong with the archive, unless it is its source that failed.
fn reason(error: ZipError) -> Result<String, Fault> {
    match error {
        ZipError::Io(error) => match error.downcast::<SourceFailed>() {
            Ok(SourceFailed(error)) => Err(Fault::Source(error)),
            Err(error) => Ok(format!("cannot be read: {error}")),
        },
        error => Ok(format!("cannot be read: {error}")),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SourceFailed(io::Error);

/// A source as the `zip` crate wants it.
struct Seekable<'a>(Input<'a>);

impl Read for Seekable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.fill().map_err(|fault| match fault {
            Fault::Source(error) | Fault::Cache(_, error) => io::Error::other(SourceFailed(error)),
            Fault::Damaged(reason) => io::Error::new(io::ErrorKind::InvalidData, reason),
        })?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.0.consume(count);
        Ok(count)
    }
}

impl Seek for Seekable<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let unknown = || io::Error::new(io::ErrorKind::Unsupported, "a zip archive of unknown size");
        let offset = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.0.position().checked_add_signed(by),
            SeekFrom::End(by) => self.0.size().ok_or_else(unknown)?.checked_add_signed(by),
        };
        let offset = offset.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.0.seek(offset).map_err(|_| io::Error::from(io::ErrorKind::NotSeekable))?;
        Ok(self.0.position())
    }
}
