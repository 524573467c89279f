//! The pictures that rows name by paths: files next to the data file, files on the Hub, and members of archives.
//! Remote pictures are fetched before the run begins.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::data_error::DataError;
use crate::dataset::archive::{Archive, ArchiveSource, Extracted};
use crate::hub::{HubError, Snapshot};
use crate::text::{is_too_long_to_show, shown_value};
use crate::types::{ImageSource, Progress};

/// The places where the pictures of a task are.
pub(super) struct PictureFiles {
    base: PathBase,
    archives: Vec<Arc<dyn ArchiveSource>>,
    /// Folder for members that were extracted from archives.
    cache: PathBuf,
    members: Extracted,
}

/// The folder that paths are relative to.
enum PathBase {
    /// A folder on this machine. Rows may name any path.
    Folder(PathBuf),
    /// A folder of a dataset on the Hub. Rows may only name files of the dataset.
    Hub { snapshot: Snapshot, folder: String, listed: BTreeSet<String> },
    /// The task has no files with pictures, for this reason.
    Nowhere(String),
}

impl PictureFiles {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self::of(PathBase::Folder(folder))
    }

    /// `folder` is a path inside the repository, empty for the top.
    pub(super) fn on_hub(snapshot: Snapshot, folder: String) -> Self {
        Self::of(PathBase::Hub { snapshot, folder, listed: BTreeSet::new() })
    }

    pub(super) fn nowhere(reason: String) -> Self {
        Self::of(PathBase::Nowhere(reason))
    }

    fn of(base: PathBase) -> Self {
        Self { base, archives: Vec::new(), cache: PathBuf::new(), members: Extracted::default() }
    }

    /// Looks for pictures that are not files in these archives, in this order.
    pub(super) fn with_archives(self, archives: Vec<Arc<dyn ArchiveSource>>, cache: PathBuf) -> Self {
        Self { archives, cache, ..self }
    }

    /// Whether pictures may have to be fetched or extracted.
    pub(super) fn is_elsewhere(&self) -> bool {
        !self.archives.is_empty() || matches!(self.base, PathBase::Hub { .. })
    }

    /// Fetches and extracts the named pictures. A picture that does not exist is not an error here: its sample fails
    /// with the reason.
    ///
    /// # Errors
    /// [`DataError`] if the Hub or an archive cannot be read now.
    pub(super) fn fetch(
        &mut self,
        names: &BTreeSet<String>,
        progress: &dyn Progress,
    ) -> Result<(), DataError> {
        self.download(names, progress)?;
        let mut left: BTreeSet<String> =
            names.iter().filter(|name| self.file(name).is_none()).cloned().collect();
        for source in &self.archives {
            if left.is_empty() {
                break;
            }
            let extracted = Archive::open(Arc::clone(source), &self.cache)?.extract(&left, progress)?;
            left.retain(|name| !extracted.found.contains_key(name));
            let reason = |(name, reason)| (name, format!("{}: {reason}", source.name()));
            self.members.missing.extend(extracted.missing.into_iter().map(reason));
            self.members.found.extend(extracted.found);
        }
        Ok(())
    }

    /// Downloads the named pictures that are files on the Hub.
    fn download(&mut self, names: &BTreeSet<String>, progress: &dyn Progress) -> Result<(), HubError> {
        let PathBase::Hub { snapshot, folder, listed } = &mut self.base else { return Ok(()) };
        if listed.is_empty() {
            listed.extend(snapshot.files()?.into_iter().map(|file| file.path));
        }
        let paths: Vec<String> = names
            .iter()
            .filter_map(|name| plain_path(name))
            .map(|name| joined(folder, &name))
            .filter(|path| listed.contains(path))
            .collect();
        snapshot.get(&paths, progress).map(drop)
    }

    /// The picture with this name.
    ///
    /// # Errors
    /// The reason why there is no such picture.
    pub(super) fn source(&self, name: &str) -> Result<ImageSource, String> {
        if let Some(path) = self.file(name) {
            return Ok(ImageSource::File(path));
        }
        let shown = shown_value(name);
        match (self.members.found.get(name), self.members.missing.get(name), &self.base) {
            (Some(path), ..) => Ok(ImageSource::Member { path: path.clone(), origin: self.origin_of(name) }),
            (None, Some(reason), _) => Err(format!("{shown}: {reason}")),
            (None, None, PathBase::Folder(folder)) if is_too_long_to_show(name) => Err(format!(
                "{shown}: there is no such file in {}; expected a path, an address or base64 of a picture",
                folder.display()
            )),
            // A missing file is reported when the picture is read.
            (None, None, PathBase::Folder(folder)) => Ok(ImageSource::File(folder.join(name))),
            (None, None, PathBase::Hub { snapshot, .. }) => Err(match plain_path(name) {
                Some(_) if snapshot.all_files().is_err() => {
                    format!("{shown}: it is not in the cache, and the Hub is not asked (HF_HUB_OFFLINE)")
                }
                Some(_) => format!("{shown}: the dataset has no such file at {}", snapshot.commit()),
                None => format!("{shown}: expected a path inside the dataset"),
            }),
            (None, None, PathBase::Nowhere(reason)) => Err(format!("{shown}: {reason}")),
        }
    }

    /// The file with this name on this machine, if it exists.
    fn file(&self, name: &str) -> Option<PathBuf> {
        let path = match &self.base {
            PathBase::Folder(folder) => folder.join(name),
            PathBase::Hub { snapshot, folder, .. } => {
                snapshot.folder().join(joined(folder, &plain_path(name)?))
            }
            PathBase::Nowhere(_) => return None,
        };
        path.is_file().then_some(path)
    }

    fn origin_of(&self, name: &str) -> String {
        match self.archives.as_slice() {
            [archive] => format!("{}: {name}", archive.name()),
            _ => name.to_owned(),
        }
    }
}

/// The path in the form of the Hub. Absent for an absolute path, or if the path contains `..`.
fn plain_path(name: &str) -> Option<String> {
    let parts = Path::new(name).components().filter(|part| *part != Component::CurDir);
    let parts: Option<Vec<&str>> = parts
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
