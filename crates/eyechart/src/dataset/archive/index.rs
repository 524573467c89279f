//! What is known of a tar archive's members: a line of JSON each, appended while a pass goes.
//!
//! A torn or damaged line and what follows it are dropped. Of two members with one name the first counts.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stream::Fault;
use super::tar::Entry;

/// Archives with more members are refused, so that one of nothing but headers cannot fill the disk.
const MAX_MEMBERS: u64 = 10_000_000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first one: which archive this is about, for people.
    Archive(String),
    Member(Entry),
    /// The last one of an archive that has been read to its end: its number of members.
    End(u64),
}

/// What the index says of the members that are wanted.
pub(super) struct Index {
    path: PathBuf,
    /// Open for appending, once it is.
    file: Option<File>,
    /// Bytes of the file that are good.
    good: u64,
    members: u64,
    /// The wanted members that had been seen when it was loaded, by name.
    pub(super) known: HashMap<String, Entry>,
    /// Where the first member that has not been seen begins.
    pub(super) frontier: u64,
    /// Whether all members have been seen.
    pub(super) is_complete: bool,
}

impl Index {
    /// Reads the file at `path`, if there is one; it may be growing.
    pub(super) fn load(path: &Path, wanted: &BTreeSet<&str>) -> Result<Self, Fault> {
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
        let mut file = BufReader::with_capacity(1 << 18, File::open(&self.path)?);
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

    /// Begins to append. The caller holds the archive's lock.
    pub(super) fn begin(&mut self, archive: &str) -> Result<(), Fault> {
        let begin = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            file.set_len(self.good)?;
            Ok(file)
        };
        self.file = Some(begin().map_err(|error| self.fault(error))?);
        if self.good == 0 { self.append(&Line::Archive(archive.to_owned())) } else { Ok(()) }
    }

    /// Appends the member that begins at the frontier.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Fault> {
        if self.members >= MAX_MEMBERS {
            return Err(Fault::Damaged(format!("it has more than {MAX_MEMBERS} members: refused")));
        }
        self.append(&Line::Member(entry.clone()))?;
        self.members += 1;
        self.frontier = entry.next();
        Ok(())
    }

    /// Says that no member follows.
    pub(super) fn complete(&mut self) -> Result<(), Fault> {
        self.is_complete = true;
        self.append(&Line::End(self.members))
    }

    /// Written at once: what an interrupted pass has seen, the next one need not see again.
    fn append(&mut self, line: &Line) -> Result<(), Fault> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let text = serde_json::to_vec(line).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            file.write_all(&text)
        });
        written.map_err(|error| self.fault(error))
    }

    fn fault(&self, error: io::Error) -> Fault {
        Fault::Cache(self.path.clone(), error)
    }
}
