//! Where a task's data is: in a folder of the user's, on the Hub, or at an address. Finds its data files, and fetches
//! of them what reading their rows takes. Knows nothing of rows and samples.

mod folder;
mod hub;
mod web;

use std::path::PathBuf;

use super::data_error::DataError;
use super::loaded_task::LoadedTask;
use super::picture_files::PictureFiles;
use crate::dataset::Files;
use crate::hub::{Environment, Snapshot};
use crate::types::{DataOrigin, DatasetSpec, EvalSpec, Progress};

/// Where data may be taken from.
#[derive(Debug, Clone, Default)]
pub struct DataAccess {
    /// The folder that holds it: then nothing is fetched. Absent: the place that the task names, else its own folder.
    pub folder: Option<PathBuf>,
    /// Where an earlier run had it from: the same version is used again.
    pub recorded: Option<DataOrigin>,
    /// Where caches are, the Hub and its token.
    pub env: Environment,
    /// Whether addresses that only this machine or its network can reach are fetched from too.
    pub allow_private_urls: bool,
}

impl DataAccess {
    /// The folder, with the caches and the Hub of this process's environment.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, env: Environment::from_process(), ..Self::default() }
    }

    /// The data that the run of `spec` was made of: the folder, or the version that was fetched.
    #[must_use]
    pub(crate) fn of_run(spec: &EvalSpec) -> Self {
        match &spec.data.origin {
            None => Self { folder: Some(spec.data.folder.clone()), ..Self::default() },
            origin => Self { recorded: origin.clone(), env: Environment::from_process(), ..Self::default() },
        }
    }
}

/// A task's data as far as it is known before a row is read.
pub(super) struct LocatedData {
    pub(super) files: Files,
    /// Absent for a folder of the user's.
    pub(super) origin: Option<DataOrigin>,
    pub(super) pictures: PictureFiles,
    /// Where files came from that the cache keeps, to compare them with what they should be.
    pub(super) snapshot: Option<Snapshot>,
    /// What a user should know, one line each.
    pub(super) notices: Vec<String>,
}

/// Finds the data, and fetches what is missing of its data files.
///
/// # Errors
/// [`DataError`] with what was expected where, and what to do.
pub(super) fn locate(
    loaded: &LoadedTask,
    access: &DataAccess,
    progress: &dyn Progress,
) -> Result<LocatedData, DataError> {
    let spec = &loaded.task.dataset;
    let located = match (&access.folder, &spec.hub, &spec.url) {
        (None, Some(repository), _) => hub::locate(&loaded.task, repository, access, progress),
        (None, None, Some(url)) => web::locate(&loaded.task, url, access, progress),
        (folder, ..) => return folder::locate(loaded, folder.as_deref(), access),
    };
    located.map_err(|cause| DataError::NotFetched {
        task: loaded.task.name.clone(),
        file: spec.file.clone(),
        cause: Box::new(cause),
    })
}

/// eyechart's own cache, where it is needed.
fn own_cache(access: &DataAccess) -> Result<PathBuf, DataError> {
    access.env.own_cache().ok_or(DataError::NoCache)
}

/// The part of a data file's path before its name; nothing for one at the top.
fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The format that the task names or its file's ending stands for.
fn is_parquet(spec: &DatasetSpec) -> bool {
    let ending = || spec.file.to_ascii_lowercase().ends_with(".parquet");
    spec.format.as_ref().map_or_else(ending, |format| format == "parquet")
}
