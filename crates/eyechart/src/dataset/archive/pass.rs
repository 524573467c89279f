//! One pass over a tar archive: to the members whose places are known, then on to those not yet seen.
//!
//! The pass ends at the last wanted member. Knows nothing of how the archive is compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::index::Index;
use super::members::Members;
use super::stream::{ByteStream, Fault};
use super::tar::{Entry, Kind, Tar};
use super::{MAX_MEMBER_BYTES, NO_SUCH_MEMBER};

/// By member: where it lies now, or why it cannot be had.
pub(super) type Outcome = BTreeMap<String, Result<PathBuf, String>>;

/// What can be said of the wanted members without reading the archive.
pub(super) fn settled(index: &Index, wanted: &BTreeSet<&str>, members: &Members) -> Outcome {
    let settle = |name: &str| match index.known.get(name) {
        Some(entry) => match refusal(entry) {
            Some(reason) => Some(Err(reason)),
            None => members.find(name, entry.size).map(Ok),
        },
        None => index.is_complete.then(|| Err(NO_SUCH_MEMBER.to_owned())),
    };
    wanted.iter().filter_map(|name| Some(((*name).to_owned(), settle(name)?))).collect()
}

/// Why this member is not extracted, if it is not.
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

/// A pass under way. The caller holds the archive's lock.
pub(super) struct Pass<'a, S> {
    pub(super) tar: Tar<S>,
    pub(super) index: Index,
    pub(super) members: &'a Members,
    /// What is settled so far.
    pub(super) outcome: Outcome,
}

impl<S: ByteStream> Pass<'_, S> {
    /// Settles all of the wanted members.
    ///
    /// # Errors
    /// [`Fault::Source`] and [`Fault::Cache`]; what was extracted until then stays. Damage is an outcome instead.
    pub(super) fn run(mut self, wanted: &BTreeSet<&str>) -> Result<Outcome, Fault> {
        let mut left: BTreeSet<&str> =
            wanted.iter().copied().filter(|name| !self.outcome.contains_key(*name)).collect();
        self.extract_known(&mut left)?;
        let reason = match self.scan(&mut left) {
            Ok(()) => NO_SUCH_MEMBER.to_owned(),
            Err(Fault::Damaged(reason)) => reason,
            Err(fault) => return Err(fault),
        };
        self.outcome.extend(left.into_iter().map(|name| (name.to_owned(), Err(reason.clone()))));
        Ok(self.outcome)
    }

    fn extract_known(&mut self, left: &mut BTreeSet<&str>) -> Result<(), Fault> {
        let mut known: Vec<_> = left.iter().filter_map(|name| self.index.known.get(*name).cloned()).collect();
        known.sort_unstable_by_key(|entry| entry.at);
        for entry in known {
            left.remove(entry.name.as_str());
            self.extract(&entry)?;
        }
        Ok(())
    }

    /// Looks at the members not seen before, until none is wanted any more.
    fn scan(&mut self, left: &mut BTreeSet<&str>) -> Result<(), Fault> {
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

    fn extract(&mut self, entry: &Entry) -> Result<(), Fault> {
        let found = match refusal(entry) {
            Some(reason) => Err(reason),
            None => match self.tar.read(entry, MAX_MEMBER_BYTES) {
                Ok(data) => Ok(self.members.store(&entry.name, &data)?),
                Err(Fault::Damaged(reason)) => Err(reason),
                Err(fault) => return Err(fault),
            },
        };
        self.outcome.insert(entry.name.clone(), found);
        Ok(())
    }
}
