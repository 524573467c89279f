//! Reads the files in the folder of a model, with errors that name the file.

use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// Returns the bytes of a required file. A pipe or a device is refused: reading one may never end.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let read = || match std::fs::metadata(path)?.is_file() {
        true => std::fs::read(path),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file")),
    };
    read().map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Returns the content of a required JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_slice(&read_bytes(path)?)
        .map_err(|source| Error::Config { path: path.to_owned(), source })
}

/// Returns the content of a JSON file; `None` if the file does not exist.
pub(crate) fn read_json_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    // A link that leads nowhere is a file that is missing, and not one that never was.
    path.symlink_metadata().is_ok().then(|| read_json(path)).transpose()
}

/// Returns the error for a setting that this crate does not support.
pub(crate) fn unsupported(path: &Path, setting: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::Unsupported {
        path: path.to_owned(),
        setting,
        found: found.to_string(),
        expected: expected.to_owned(),
    }
}

/// Checks that a setting of `path` has the supported value.
pub(crate) fn require(path: &Path, setting: &'static str, found: &str, expected: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(unsupported(path, setting, format!("{found:?}"), &format!("{expected:?}")))
}
