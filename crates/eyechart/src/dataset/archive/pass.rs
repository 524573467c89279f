//! One pass over a tar archive: first to the wanted members with known positions, then forwards through unknown
//! members.
//!
//! The pass ends at the last wanted member. Does not know the compression of the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::index::Index;
use super::members::Members;
use super::stream::{ByteStream, StreamError};
use super::tar::{Entry, Kind, Tar};
use super::{MAX_MEMBER_BYTES, NO_SUCH_MEMBER};

/// For each member its file, or the reason why it cannot be extracted.
pub(super) type MemberFiles = BTreeMap<String, Result<PathBuf, String>>;

/// The results for wanted members that are known without reading the archive.
pub(super) fn settled(index: &Index, wanted: &BTreeSet<&str>, members: &Members) -> MemberFiles {
    let settle = |name: &str| match index.known.get(name) {
        Some(entry) => match refusal(entry) {
            Some(reason) => Some(Err(reason)),
            None => members.find(name, entry.size).map(Ok),
        },
        None => index.is_complete.then(|| Err(NO_SUCH_MEMBER.to_owned())),
    };
    wanted.iter().filter_map(|name| Some(((*name).to_owned(), settle(name)?))).collect()
}

/// The reason why the member is not extracted; absent if it can be.
fn refusal(entry: &Entry) -> Option<String> {
    match entry.kind {
        Kind::File if entry.size > MAX_MEMBER_BYTES => Some(too_large(entry.size)),
        Kind::File => None,
        Kind::Directory => Some("is a folder".to_owned()),
        Kind::Link => Some("is a link, which is never followed".to_owned()),
        Kind::SparseFile => Some("is a sparse file, which is not supported".to_owned()),
        Kind::Special => Some("is not a file".to_owned()),
    }
}

pub(super) fn too_large(size: u64) -> String {
    format!("has {size} bytes; at most {} MiB are read", MAX_MEMBER_BYTES >> 20)
}

/// A running pass. The caller holds the archive's lock.
pub(super) struct Pass<'a, S> {
    pub(super) tar: Tar<S>,
    pub(super) index: Index,
    pub(super) members: &'a Members,
    /// The results so far.
    pub(super) outcome: MemberFiles,
}

impl<S: ByteStream> Pass<'_, S> {
    /// Finds the results of all wanted members.
    ///
    /// # Errors
    /// [`StreamError::Source`] and [`StreamError::Cache`]; what was extracted before stays. A damaged archive is a result
    /// instead.
    pub(super) fn run(mut self, wanted: &BTreeSet<&str>) -> Result<MemberFiles, StreamError> {
        let mut left: BTreeSet<&str> =
            wanted.iter().copied().filter(|name| !self.outcome.contains_key(*name)).collect();
        self.extract_known(&mut left)?;
        let reason = match self.scan(&mut left) {
            Ok(()) => NO_SUCH_MEMBER.to_owned(),
            Err(StreamError::Damaged(reason)) => reason,
            Err(fault) => return Err(fault),
        };
        self.outcome.extend(left.into_iter().map(|name| (name.to_owned(), Err(reason.clone()))));
        Ok(self.outcome)
    }

    fn extract_known(&mut self, left: &mut BTreeSet<&str>) -> Result<(), StreamError> {
        let mut known: Vec<_> = left.iter().filter_map(|name| self.index.known.get(*name).cloned()).collect();
        known.sort_unstable_by_key(|entry| entry.at);
        for entry in known {
            left.remove(entry.name.as_str());
            self.extract(&entry)?;
        }
        Ok(())
    }

    /// Reads unknown members until no wanted member is left.
    fn scan(&mut self, left: &mut BTreeSet<&str>) -> Result<(), StreamError> {
        self.tar.continue_at(self.index.frontier);
        while !left.is_empty() && !self.index.is_complete {
            let Some(entry) = self.tar.next_entry()? else {
                self.tar.check_end()?;
                return self.index.complete();
            };
            self.index.add(&entry)?;
            if left.remove(entry.name.as_str()) {
                self.extract(&entry)?;
            }
        }
        Ok(())
    }

    fn extract(&mut self, entry: &Entry) -> Result<(), StreamError> {
        let found = match refusal(entry) {
            Some(reason) => Err(reason),
            None => match self.tar.read(entry, MAX_MEMBER_BYTES) {
                Ok(data) => Ok(self.members.store(&entry.name, &data)?),
                Err(StreamError::Damaged(reason)) => Err(reason),
                Err(fault) => return Err(fault),
            },
        };
        self.outcome.insert(entry.name.clone(), found);
        Ok(())
    }
}
