//! Reads the files of a model's folder, with errors that name them. Knows nothing of what they say.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// The bytes of a file that has to be there.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The content of a JSON file that has to be there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_slice(&read_bytes(path)?)
        .map_err(|source| Error::Config { path: path.to_owned(), source })
}

/// The content of a JSON file, or nothing where there is no such file.
pub(crate) fn read_json_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    // A link that leads nowhere is a file that is missing, and not one that never was.
    path.symlink_metadata().is_ok().then(|| read_json(path)).transpose()
}

/// The error for a setting that this crate does not compute.
pub(crate) fn unsupported(path: &Path, setting: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::Unsupported {
        path: path.to_owned(),
        setting,
        found: found.to_string(),
        expected: expected.to_owned(),
    }
}

/// Refuses a setting of `path` that is not the one that is computed.
pub(crate) fn require(path: &Path, setting: &'static str, found: &str, expected: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(unsupported(path, setting, format!("{found:?}"), &format!("{expected:?}")))
}
