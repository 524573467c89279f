//! Why the data of a task cannot be found, fetched or read.

use std::io;
use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::dataset::archive::ArchiveError;
use crate::engine::RuntimeError;
use crate::hub::HubError;
use crate::types::ErrorClass;
use crate::web::WebError;

/// Why the data of a task cannot be found, fetched or read. What is wrong with a single row or picture is a failure of its
/// sample instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The task does not say where its data is, and no folder was given.
    #[error("the task {task} needs its data: give the folder that holds {file} by --data DIR{origin}")]
    NotGiven {
        /// The name of the task.
        task: String,
        /// The data file or pattern.
        file: String,
        /// The origin of the data in parentheses; empty if the task names none.
        origin: String,
    },
    /// The folder does not hold the data files.
    #[error("{cause}{origin}")]
    NotInFolder {
        /// The missing files.
        cause: DatasetError,
        /// The origin of the data in parentheses; empty if the task names none.
        origin: String,
    },
    /// The dataset on the Hub does not have the data files.
    #[error("the dataset {repository} has no file {file} at {commit}; it has {existing}")]
    NotOnHub {
        /// The repository.
        repository: String,
        /// The file or pattern that was expected.
        file: String,
        /// The commit.
        commit: String,
        /// Some of the files that it has.
        existing: String,
    },
    /// The file at the address was not fetched before, and `HF_HUB_OFFLINE` forbids requests.
    #[error("the cache has no file from {url}, and no request is sent (HF_HUB_OFFLINE): fetch it first")]
    Offline {
        /// The address.
        url: String,
    },
    /// The data cannot be fetched from where the task says.
    #[error("the data of {task}: {cause}; or give the folder that holds {file} by --data DIR")]
    NotFetched {
        /// The name of the task.
        task: String,
        /// The data file or pattern.
        file: String,
        /// The reason.
        cause: Box<Self>,
    },
    /// There is no folder for fetched data.
    #[error("no folder for fetched data: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// Ranges of a file cannot be stored in the cache.
    #[error("cannot keep pieces of {file} in the cache: {cause}")]
    NotStored {
        /// The file.
        file: String,
        /// The reason.
        cause: io::Error,
    },
    /// An archive cannot be opened.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The archive.
        path: PathBuf,
        /// The reason.
        cause: io::Error,
    },
    /// A range of a file cannot be fetched.
    #[error(transparent)]
    Range(io::Error),
    /// A template in the task is not valid.
    #[error("{0}")]
    Template(String),
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] DatasetError),
    /// An archive of pictures cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The Hub does not give the data.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The address does not give the data.
    #[error(transparent)]
    Web(#[from] WebError),
    /// This machine gives no threads.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl DataError {
    /// The class of the error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotGiven { .. } | Self::NotInFolder { .. } | Self::NoCache => ErrorClass::Usage,
            Self::NotFetched { cause, .. } => cause.class(),
            Self::Web(error) => error.class(),
            Self::Runtime(_) => ErrorClass::Machine,
            _ => ErrorClass::Data,
        }
    }
}
