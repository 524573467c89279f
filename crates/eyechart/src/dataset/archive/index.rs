//! The known members of a tar archive: one line of JSON for each, appended during a pass.
//!
//! A torn or damaged line and everything after it are dropped. Of two members with the same name, the first counts.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stream::StreamError;
use super::tar::Entry;
use crate::files::open_regular;

/// Archives with more members are refused, so that an archive of only headers cannot fill the disk.
const MAX_MEMBERS: u64 = 10_000_000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first line, which names the archive for people.
    Archive(String),
    Member(Entry),
    /// The last line if the archive was read to its end: the number of members.
    End(u64),
}

/// The entries of the index for the wanted members.
pub(super) struct Index {
    path: PathBuf,
    /// Open for appending after [`Self::begin`].
    file: Option<File>,
    /// Number of valid bytes in the file.
    good: u64,
    members: u64,
    /// Wanted members that were known when the index was loaded, by name.
    pub(super) known: HashMap<String, Entry>,
    /// Offset of the first unknown member.
    pub(super) frontier: u64,
    /// Whether all members are known.
    pub(super) is_complete: bool,
}

impl Index {
    /// Reads the file at `path` if it exists. Another process may be appending to it.
    pub(super) fn load(path: &Path, wanted: &BTreeSet<&str>) -> Result<Self, StreamError> {
        let path = path.to_owned();
        let known = HashMap::new();
        let mut index =
            Self { path, file: None, good: 0, members: 0, known, frontier: 0, is_complete: false };
        match index.read(wanted) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(index.fault(error)),
            _ => Ok(index),
        }
    }

    fn read(&mut self, wanted: &BTreeSet<&str>) -> io::Result<()> {
        let mut file = BufReader::with_capacity(1 << 18, open_regular(&self.path)?);
        let mut bytes = Vec::new();
        while file.read_until(b'\n', &mut bytes)? > 0 && bytes.ends_with(b"\n") {
            let Ok(line) = serde_json::from_slice(&bytes) else { break };
            match line {
                Line::Archive(_) => {}
                Line::Member(entry) => {
                    self.members += 1;
                    self.frontier = entry.next();
                    if wanted.contains(entry.name.as_str()) {
                        self.known.entry(entry.name.clone()).or_insert(entry);
                    }
                }
                Line::End(members) => self.is_complete = members == self.members,
            }
            self.good += bytes.len() as u64;
            bytes.clear();
        }
        Ok(())
    }

    /// Opens the file for appending. The caller holds the archive's lock.
    pub(super) fn begin(&mut self, archive: &str) -> Result<(), StreamError> {
        let begin = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            file.set_len(self.good)?;
            Ok(file)
        };
        self.file = Some(begin().map_err(|error| self.fault(error))?);
        if self.good == 0 { self.append(&Line::Archive(archive.to_owned())) } else { Ok(()) }
    }

    /// Appends the member at the frontier.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), StreamError> {
        if self.members >= MAX_MEMBERS {
            return Err(StreamError::Damaged(format!("it has more than {MAX_MEMBERS} members: refused")));
        }
        self.append(&Line::Member(entry.clone()))?;
        self.members += 1;
        self.frontier = entry.next();
        Ok(())
    }

    /// Records that no member follows.
    pub(super) fn complete(&mut self) -> Result<(), StreamError> {
        self.is_complete = true;
        self.append(&Line::End(self.members))
    }

    /// Written immediately, so that the pass after an interrupted one does not read these members again.
    fn append(&mut self, line: &Line) -> Result<(), StreamError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let text = serde_json::to_vec(line).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            file.write_all(&text)
        });
        written.map_err(|error| self.fault(error))
    }

    fn fault(&self, error: io::Error) -> StreamError {
        StreamError::Cache(self.path.clone(), error)
    }
}
