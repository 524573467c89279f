//! Finds the data of a task: in a folder of the user, on the Hub, or at an address. Fetches what is needed to read
//! rows. Does not know rows or samples.

mod folder;
mod hub;
mod unread_files;
mod web;

use std::path::PathBuf;

use super::data_error::DataError;
use super::loaded_task::LoadedTask;
use super::picture_files::PictureFiles;
use crate::dataset::{Files, other_files};
use crate::hub::{Environment, Snapshot};
use crate::types::{DataOrigin, DatasetSpec, EvalSpec, Progress};

/// The places that data may be read from.
#[derive(Debug, Clone, Default)]
pub struct DataAccess {
    /// The data folder. If it is given, nothing is fetched. Otherwise the data comes from where the task says, or
    /// from the task's folder if it names no source.
    pub folder: Option<PathBuf>,
    /// The origin that an earlier run recorded. The same version is used again.
    pub recorded: Option<DataOrigin>,
    /// Folders of caches, address of the Hub, and token.
    pub env: Environment,
    /// Whether to fetch from addresses that only this machine or its network can reach.
    pub allow_private_urls: bool,
}

impl DataAccess {
    /// The folder, with the caches and the Hub from the environment of this process.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, env: Environment::from_process(), ..Self::default() }
    }

    /// The data of the run with `spec`: its folder, or the version that it fetched.
    #[must_use]
    pub(crate) fn of_run(spec: &EvalSpec) -> Self {
        match &spec.data.origin {
            None => Self { folder: Some(spec.data.folder.clone()), ..Self::default() },
            origin => Self { recorded: origin.clone(), env: Environment::from_process(), ..Self::default() },
        }
    }
}

/// The data of a task before any row is read.
pub(super) struct LocatedData {
    pub(super) files: Files,
    /// Absent for the user's own folder.
    pub(super) origin: Option<DataOrigin>,
    pub(super) pictures: PictureFiles,
    /// The snapshot in the cache that the files are from, to check them.
    pub(super) snapshot: Option<Snapshot>,
    /// Notes for the user, one line each.
    pub(super) notices: Vec<String>,
}

/// Finds the data, and fetches the data files that are missing.
///
/// # Errors
/// [`DataError`] with what was expected where, and what to do.
pub(super) fn locate(
    loaded: &LoadedTask,
    access: &DataAccess,
    progress: &dyn Progress,
) -> Result<LocatedData, DataError> {
    let spec = &loaded.task.dataset;
    let fetched = match (&access.folder, &spec.hub, &spec.url) {
        (None, Some(repository), _) => hub::locate(&loaded.task, repository, access, progress),
        (None, None, Some(url)) => web::locate(&loaded.task, url, access, progress),
        (folder, ..) => return folder::locate(loaded, folder.as_deref(), access).map(with_unread_files),
    };
    let located = fetched.map_err(|cause| DataError::NotFetched {
        task: loaded.task.name.clone(),
        file: spec.file.clone(),
        cause: Box::new(cause),
    });
    located.map(with_unread_files)
}

/// Adds notices of the files in a folder that are not read, although they may be pictures or rows.
fn with_unread_files(mut located: LocatedData) -> LocatedData {
    let is_folder = located.files.listed.is_some() || located.files.paths.iter().any(|path| path.is_dir());
    // A folder that cannot be listed is an error when its rows are read.
    let others = if is_folder { other_files(&located.files).unwrap_or_default() } else { Vec::new() };
    if !others.is_empty() {
        let folder = located.files.paths.first().unwrap_or(&located.files.folder);
        let notices = unread_files::notices(&others, folder);
        located.notices.extend(notices);
    }
    located
}

/// The folder of eyechart's own cache.
fn own_cache(access: &DataAccess) -> Result<PathBuf, DataError> {
    access.env.own_cache().ok_or(DataError::NoCache)
}

/// The folder part of a data file's path; empty for a file at the top.
fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether the format is Parquet, by the task or by the file's extension.
fn is_parquet(spec: &DatasetSpec) -> bool {
    let ending = || spec.file.to_ascii_lowercase().ends_with(".parquet");
    spec.format.as_ref().map_or_else(ending, |format| format == "parquet")
}
