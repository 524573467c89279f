//! Data on the Hugging Face Hub: whole files go to the cache that Python shares, Parquet files are read in pieces.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::super::data_error::DataError;
use super::super::picture_files::PictureFiles;
use super::{DataAccess, LocatedData, is_parquet, own_cache, parent_of};
use crate::dataset::archive::{ArchiveSource, read_on};
use crate::dataset::{self, Files, Ranges, ReadAt};
use crate::hub::{Hub, HubError, RemoteFile, Repository, Snapshot};
use crate::types::{DataOrigin, Progress, Task};

/// Bytes at the end of a Parquet file that are always read, because they belong to the footer.
const FOOTER: u64 = 8;
/// Number of file names in an error.
const SHOWN: usize = 5;

pub(super) fn locate(
    task: &Task,
    id: &str,
    access: &DataAccess,
    progress: &dyn Progress,
) -> Result<LocatedData, DataError> {
    let revision = task.dataset.revision.clone();
    let repository = Repository {
        revision: recorded_commit(access, id).or_else(|| revision.clone()),
        ..Repository::dataset(id)
    };
    let snapshot = Hub::new(&access.env)?.snapshot(&repository)?;
    let hub_dataset = HubDataset { task, access, listing: snapshot.files()?, snapshot };
    let HubDataset { snapshot, .. } = &hub_dataset;
    let mut notices = Vec::new();
    if snapshot.is_from_cache() {
        let revision = revision.as_deref().unwrap_or("main");
        notices.push(format!(
            "the Hub cannot be asked what {revision} of {id} is now: {} is used, as the cache has it",
            snapshot.commit()
        ));
    }
    let origin = DataOrigin::Hub {
        repository: id.to_owned(),
        revision: revision.unwrap_or_else(|| "main".to_owned()),
        commit: snapshot.commit().to_owned(),
    };
    let (files, pictures) = (hub_dataset.files(progress)?, hub_dataset.pictures()?);
    Ok(LocatedData { files, origin: Some(origin), pictures, snapshot: Some(hub_dataset.snapshot), notices })
}

fn recorded_commit(access: &DataAccess, id: &str) -> Option<String> {
    match &access.recorded {
        Some(DataOrigin::Hub { repository, commit, .. }) if repository == id => Some(commit.clone()),
        _ => None,
    }
}

/// One dataset at one commit.
struct HubDataset<'a> {
    task: &'a Task,
    access: &'a DataAccess,
    snapshot: Snapshot,
    listing: Vec<RemoteFile>,
}

impl HubDataset<'_> {
    /// The data files. Files that are read as a whole are downloaded if they are missing.
    fn files(&self, progress: &dyn Progress) -> Result<Files, DataError> {
        let pattern = self.task.dataset.file.trim_end_matches('/');
        let found = self.select(pattern);
        let is_one_file = found == [pattern];
        if !is_one_file {
            // With a pattern, a later run could not notice that some files were missing.
            self.snapshot.all_files()?;
        }
        if found.is_empty() {
            let (folder, prefix) =
                if pattern == "." { ("", String::new()) } else { (pattern, format!("{pattern}/")) };
            let below = self.below(&prefix);
            return if below.is_empty() {
                Err(self.missing(pattern))
            } else {
                self.image_folder(folder, below, progress)
            };
        }
        if is_parquet(&self.task.dataset) {
            return self.parquet(found, progress);
        }
        let paths = self.get(&found, progress)?;
        Ok(Files::local(self.snapshot.folder(), paths))
    }

    fn select(&self, pattern: &str) -> Vec<String> {
        dataset::select(self.listing.iter().map(|file| file.path.as_str()), pattern)
    }

    /// The files below a folder of the repository, without hidden files: sizes by relative path.
    fn below(&self, prefix: &str) -> BTreeMap<String, u64> {
        let relative = |file: &RemoteFile| Some((file.path.strip_prefix(prefix)?.to_owned(), file.size));
        let is_shown = |(name, _): &(String, u64)| !name.split('/').any(|part| part.starts_with('.'));
        self.listing.iter().filter_map(relative).filter(is_shown).collect()
    }

    /// Downloads the files that rows are read from, but no pictures.
    fn image_folder(
        &self,
        folder: &str,
        listed: BTreeMap<String, u64>,
        progress: &dyn Progress,
    ) -> Result<Files, DataError> {
        let in_repository =
            |name: &String| if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let wanted: Vec<String> =
            listed.keys().filter(|name| dataset::has_rows(name)).map(in_repository).collect();
        self.get(&wanted, progress)?;
        let path = self.snapshot.folder().join(folder);
        Ok(Files { listed: Some(listed), ..Files::local(self.snapshot.folder(), vec![path]) })
    }

    /// Opens the files in pieces. A file is read as a whole if it is on this machine, if the server does not support
    /// ranges, or if its hash is unknown.
    fn parquet(&self, found: Vec<String>, progress: &dyn Progress) -> Result<Files, DataError> {
        let mut files = Files::local(self.snapshot.folder(), Vec::new());
        for path in found {
            let here = self.snapshot.folder().join(&path);
            let remote = if here.is_file() { None } else { self.in_pieces(&path)? };
            match remote {
                Some(remote) => drop(files.remote.insert(here.clone(), remote)),
                None => drop(self.get(std::slice::from_ref(&path), progress)?),
            }
            files.paths.push(here);
        }
        Ok(files)
    }

    fn in_pieces(&self, path: &str) -> Result<Option<dataset::RemoteFile>, DataError> {
        let Some((size, sha256)) = self.file(path).and_then(|file| Some((file.size, file.sha256.clone()?)))
        else {
            return Ok(None);
        };
        let (snapshot, name) = (self.snapshot.clone(), path.to_owned());
        let fetch = move |range| snapshot.read_range(&name, range).map_err(io_error);
        let ranges = Ranges::open(&own_cache(self.access)?, &sha256, size, Box::new(fetch));
        let ranges = ranges.map_err(|cause| DataError::NotStored { file: path.to_owned(), cause })?;
        match ranges.read_at(size.saturating_sub(FOOTER)..size) {
            Ok(_) => Ok(Some(dataset::RemoteFile { content: Arc::new(ranges), sha256 })),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(DataError::Range(error)),
        }
    }

    fn pictures(&self) -> Result<PictureFiles, DataError> {
        let Some(images) = &self.task.images else {
            return Ok(PictureFiles::nowhere("the task has no pictures".to_owned()));
        };
        let pattern = self.task.dataset.file.trim_end_matches('/');
        let is_file = !self.select(pattern).is_empty();
        let base = if is_file { parent_of(pattern) } else { pattern.trim_start_matches('.') };
        let pictures = PictureFiles::on_hub(self.snapshot.clone(), base.to_owned());
        let Some(pattern) = &images.archive else { return Ok(pictures) };
        let archives = self.select(pattern);
        if archives.is_empty() {
            return Err(self.missing(pattern));
        }
        let open = |path: &String| -> Arc<dyn ArchiveSource> { Arc::new(HubArchive::new(self, path)) };
        Ok(pictures.with_archives(archives.iter().map(open).collect(), own_cache(self.access)?))
    }

    fn get(&self, paths: &[String], progress: &dyn Progress) -> Result<Vec<PathBuf>, HubError> {
        self.snapshot.get(paths, progress)
    }

    fn file(&self, path: &str) -> Option<&RemoteFile> {
        self.listing.iter().find(|file| file.path == path)
    }

    fn missing(&self, pattern: &str) -> DataError {
        let shown: Vec<&str> = self.listing.iter().map(|file| file.path.as_str()).take(SHOWN).collect();
        let more = match self.listing.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        DataError::NotOnHub {
            repository: self.task.dataset.hub.clone().unwrap_or_default(),
            file: pattern.to_owned(),
            commit: self.snapshot.commit().to_owned(),
            existing: format!("{}{more}", shown.join(", ")),
        }
    }
}

/// The kind tells the caller that the server only sends whole files.
fn io_error(error: HubError) -> io::Error {
    match error {
        HubError::NoRanges { .. } => io::Error::new(io::ErrorKind::Unsupported, error),
        error => io::Error::other(error),
    }
}

/// An archive in the repository that is read while it is downloaded.
struct HubArchive {
    snapshot: Snapshot,
    path: String,
    identity: String,
    size: Option<u64>,
}

impl HubArchive {
    fn new(hub_dataset: &HubDataset<'_>, path: &str) -> Self {
        let file = hub_dataset.file(path);
        let by_place = || {
            format!(
                "{}\0{}\0{path}",
                hub_dataset.task.dataset.hub.as_deref().unwrap_or_default(),
                hub_dataset.snapshot.commit()
            )
        };
        let identity =
            file.and_then(|file| file.sha256.clone().or_else(|| file.etag.clone())).unwrap_or_else(by_place);
        Self {
            snapshot: hub_dataset.snapshot.clone(),
            path: path.to_owned(),
            identity,
            size: file.map(|file| file.size),
        }
    }
}

impl ArchiveSource for HubArchive {
    fn name(&self) -> String {
        self.path.clone()
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        self.snapshot.stream(&self.path, offset).map_err(io_error)
    }

    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        match self.snapshot.read_range(&self.path, range.clone()) {
            // Reading from the start is slow but works.
            Err(HubError::NoRanges { .. }) => read_on(self.read_from(range.start)?, &range),
            read => read.map_err(io_error),
        }
    }
}
