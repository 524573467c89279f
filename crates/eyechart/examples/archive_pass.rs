//! One full pass over an archive, with an empty cache: `archive_pass ARCHIVE CACHE_FOLDER [MEMBER…]`.
//!
//! A member that is not there, if none is named, so that the pass goes to the end. `scripts/bench-archive` times it.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use eyechart::dataset::archive::{Archive, LocalFile};
use eyechart::types::Silent;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut path = || arguments.next().map(PathBuf::from).ok_or("expected ARCHIVE CACHE_FOLDER [MEMBER…]");
    let (file, cache) = (path()?, path()?);
    let mut wanted: BTreeSet<String> = arguments.collect();
    if wanted.is_empty() {
        wanted.insert("no such member".to_owned());
    }
    let archive = Archive::open(Arc::new(LocalFile::open(&file)?), &cache)?;
    archive.extract(&wanted, &Silent)?;
    Ok(())
}
