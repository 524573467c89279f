//! WebDataset shards: tar archives in which consecutive members with the same key form one sample.
//!
//! The key is the path of a member up to the first dot of its file name; the rest of the name is the column. Does not
//! know what the columns mean.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use bytes::Bytes;
use serde_json::Value;

use super::archive::{Entry, Kind, LocalTar, MAX_MEMBER_BYTES, StreamError, members_of};
use super::io_error;
use super::rows::{MAX_ROW_BYTES, picked_numbers, until_error};
use super::{DatasetError, Files, Pick, Reader, Rows};
use crate::types::{BadRow, PICTURE_EXTENSIONS, Row, parse_json};

/// The column with the first picture of a sample, in addition to the column named by its extension.
const IMAGE: &str = "image";

/// The column with the key of a sample.
const KEY: &str = "__key__";

/// Larger members that are neither JSON nor pictures are not read as text: their columns are absent.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// A sample with more members or more bytes is a bad row, so that a damaged shard cannot fill the memory.
const MAX_SAMPLE_MEMBERS: usize = 1000;
const MAX_SAMPLE_BYTES: u64 = 256 << 20;

/// Whether the path has the file name of a shard.
pub(super) fn is_shard(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    [".tar", ".tar.gz", ".tgz"].iter().any(|ending| name.ends_with(ending))
}

/// The samples of the shards, numbered over all shards.
pub(super) struct WebDataset {
    paths: Vec<PathBuf>,
}

impl WebDataset {
    pub(super) fn new(files: &Files) -> Self {
        Self { paths: files.paths.clone() }
    }
}

impl Reader for WebDataset {
    /// Rows have all cells, whatever columns are named. A `.json` member gives a column for each key.
    fn rows(&self, pick: Pick, _columns: &[String]) -> Result<Rows, DatasetError> {
        let mut paths = self.paths.clone().into_iter();
        let shard = paths.next().map(|path| Shard::open(&path)).transpose()?;
        let wanted = picked_numbers(pick).map(|numbers| numbers.into_iter().peekable());
        let mut walk = Walk { shard, paths, number: 0, wanted };
        Ok(Box::new(until_error(std::iter::from_fn(move || walk.next_row().transpose()))))
    }
}

/// The picked rows, one shard after the other.
struct Walk {
    shard: Option<Shard>,
    /// The shards after the current one.
    paths: IntoIter<PathBuf>,
    /// The number of the next sample.
    number: u64,
    /// Ascending row numbers. Absent for all rows, which are then read without pictures.
    wanted: Option<Peekable<IntoIter<u64>>>,
}

impl Walk {
    fn next_row(&mut self) -> Result<Option<Result<Row, BadRow>>, DatasetError> {
        while let Some(shard) = &mut self.shard {
            let reading = match self.wanted.as_mut().map(Peekable::peek) {
                None => Reading::Texts,
                Some(None) => return Ok(None),
                Some(Some(next)) if *next == self.number => Reading::All,
                Some(_) => Reading::Nothing,
            };
            let Some(sample) = shard.sample(reading)? else {
                self.shard = self.paths.next().map(|path| Shard::open(&path)).transpose()?;
                continue;
            };
            let number = self.number;
            self.number += 1;
            if reading == Reading::All
                && let Some(wanted) = &mut self.wanted
            {
                wanted.next();
            }
            if reading != Reading::Nothing {
                return Ok(Some(sample.into_row(number, shard)));
            }
        }
        Ok(None)
    }
}

/// How much of a sample is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing,
    Texts,
    All,
}

/// A shard that is being read.
struct Shard {
    path: PathBuf,
    tar: LocalTar,
    /// The first member of the next sample. Its header was read already.
    pending: Option<Part>,
    /// Number of samples read so far.
    samples: u64,
}

/// A member that belongs to a sample.
struct Part {
    key: String,
    /// The part of the file name after its first dot, in lower case.
    ending: String,
    entry: Entry,
}

impl Part {
    /// `None` for folders, and for files without an extension or with a hidden name. They belong to no sample.
    fn of(entry: Entry) -> Option<Self> {
        let start = entry.name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, ending) = entry.name[start..].split_once('.')?;
        if name.is_empty() || entry.kind == Kind::Directory {
            return None;
        }
        let key = entry.name[..start + name.len()].to_owned();
        Some(Self { key, ending: ending.to_lowercase(), entry })
    }

    fn is_picture(&self) -> bool {
        PICTURE_EXTENSIONS.contains(&self.format())
    }

    fn is_json(&self) -> bool {
        self.format() == "json"
    }

    /// Whether the member is a picture, JSON, or small enough for a text.
    fn is_read(&self) -> bool {
        self.is_picture() || self.is_json() || self.entry.size <= MAX_TEXT_BYTES
    }

    /// The part after the last dot.
    fn format(&self) -> &str {
        self.ending.rsplit('.').next().unwrap_or_default()
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, DatasetError> {
        let tar = members_of(path).map_err(io_error(path))?;
        Ok(Self { path: path.to_owned(), tar, pending: None, samples: 0 })
    }

    fn sample(&mut self, reading: Reading) -> Result<Option<Sample>, DatasetError> {
        let read = self.read_sample(reading);
        read.map_err(|fault| match fault {
            StreamError::Source(error) | StreamError::Cache(_, error) => io_error(&self.path)(error),
            StreamError::Damaged(reason) => {
                DatasetError::Malformed { path: self.path.clone(), format: "webdataset", reason }
            }
        })
    }

    fn read_sample(&mut self, reading: Reading) -> Result<Option<Sample>, StreamError> {
        let Some(first) = self.next_part()? else { return Ok(None) };
        let mut sample = Sample { key: first.key.clone(), ..Sample::default() };
        self.pending = Some(first);
        while let Some(part) = self.next_part()? {
            if part.key != sample.key {
                self.pending = Some(part);
                break;
            }
            if let Err(reason) = sample.add(&part, reading, &mut self.tar)? {
                sample.fault.get_or_insert(format!("{} {reason}", part.entry.name));
            }
        }
        self.samples += 1;
        Ok(Some(sample))
    }

    fn next_part(&mut self) -> Result<Option<Part>, StreamError> {
        if self.pending.is_some() {
            return Ok(self.pending.take());
        }
        while let Some(entry) = self.tar.next_entry()? {
            if let Some(part) = Part::of(entry) {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }
}

/// The parts of a sample that were read so far.
#[derive(Default)]
struct Sample {
    key: String,
    row: Row,
    /// The extensions so far.
    endings: BTreeSet<String>,
    /// For each picture its extension, the name of its member and, if they are read, its bytes.
    pictures: Vec<(String, String, Option<Bytes>)>,
    bytes: u64,
    /// The reason why the sample is a bad row.
    fault: Option<String>,
}

impl Sample {
    /// Reads a member into the sample. The inner error is a mistake in the member.
    fn add(
        &mut self,
        part: &Part,
        reading: Reading,
        tar: &mut LocalTar,
    ) -> Result<Result<(), String>, StreamError> {
        if self.fault.is_some() || reading == Reading::Nothing {
            return Ok(Ok(()));
        }
        if let Err(reason) = self.check(part) {
            return Ok(Err(reason));
        }
        if !part.is_read() {
            return Ok(Ok(()));
        }
        if part.is_picture() {
            let bytes = match reading {
                Reading::All => Some(tar.read(&part.entry, part.entry.size)?.into()),
                _ => None,
            };
            self.pictures.push((part.ending.clone(), part.entry.name.clone(), bytes));
            return Ok(Ok(()));
        }
        let data = tar.read(&part.entry, part.entry.size)?;
        if part.is_json() {
            return Ok(self.add_json(&part.ending, &data));
        }
        self.add_text(&part.ending, data);
        Ok(Ok(()))
    }

    fn check(&mut self, part: &Part) -> Result<(), String> {
        if part.entry.kind != Kind::File {
            return Err("is a link or no regular file, which is never followed".to_owned());
        }
        if self.endings.len() >= MAX_SAMPLE_MEMBERS {
            return Err(format!("is one of more than {MAX_SAMPLE_MEMBERS} members with one key"));
        }
        if !self.endings.insert(part.ending.clone()) {
            return Err("ends like another member of its sample".to_owned());
        }
        let limit = if part.is_picture() { MAX_MEMBER_BYTES } else { MAX_ROW_BYTES as u64 };
        if !part.is_read() {
            return Ok(());
        }
        if part.entry.size > limit {
            return Err(format!("has {} bytes; at most {} MiB are read", part.entry.size, limit >> 20));
        }
        self.bytes += part.entry.size;
        if self.bytes > MAX_SAMPLE_BYTES {
            return Err(format!("makes its sample larger than {} MiB", MAX_SAMPLE_BYTES >> 20));
        }
        Ok(())
    }

    fn add_json(&mut self, ending: &str, data: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(data).map_err(|_| "is not UTF-8".to_owned())?;
        match parse_json(text) {
            None => return Err("is not JSON".to_owned()),
            Some(value) if ending != "json" => drop(self.row.cells.insert(ending.to_owned(), value)),
            Some(Value::Object(cells)) => {
                // A null takes nothing from another member of the sample.
                for (name, value) in cells {
                    if !value.is_null() || !self.row.cells.contains_key(&name) {
                        self.row.cells.insert(name, value);
                    }
                }
            }
            Some(_) => return Err("is not a JSON object".to_owned()),
        }
        Ok(())
    }

    /// What is not UTF-8 is no text: its column is absent.
    fn add_text(&mut self, ending: &str, data: Vec<u8>) {
        if let Ok(text) = String::from_utf8(data) {
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            self.row.cells.insert(ending.to_owned(), text.into());
        }
    }

    fn into_row(self, number: u64, shard: &Shard) -> Result<Row, BadRow> {
        if let Some(reason) = self.fault {
            let file = shard.path.to_string_lossy().into_owned();
            return Err(BadRow { number, file, line: shard.samples, reason, is_damage: false });
        }
        let mut row = Row { number, ..self.row };
        for (at, (ending, name, bytes)) in self.pictures.into_iter().enumerate() {
            for column in [IMAGE, ending.as_str()].into_iter().skip(at.min(1)) {
                row.cells.insert(column.to_owned(), name.clone().into());
                if let Some(bytes) = &bytes {
                    row.blobs.insert(column.to_owned(), bytes.clone());
                }
            }
        }
        row.cells.insert(KEY.to_owned(), self.key.into());
        Ok(row)
    }
}

#[cfg(test)]
mod tests;
