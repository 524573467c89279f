//! Installs fetched files into eyechart's own cache: downloads into a temporary folder, checks, renames.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::cache::NO_HOME;
use super::model::{Expected, Model};
use crate::files::{FileError, create_parent_folders, move_into_place};
use crate::hub::Environment;

/// A temporary folder of an interrupted download is removed after this time.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
const PREFIX: &str = ".download-";

/// A temporary folder on the file system of the cache. Removed when dropped.
pub(super) struct Staging<'a> {
    model: &'a Model,
    target: PathBuf,
    scratch: TempDir,
}

impl<'a> Staging<'a> {
    /// Creates the temporary folder, and the cache folder if it is missing.
    pub(super) fn create(env: &Environment, model: &'a Model) -> Result<Self, String> {
        let cache = env.own_cache().ok_or(NO_HOME)?;
        let in_cache = |error: io::Error| format!("cannot write to {}: {error}", cache.display());
        fs::create_dir_all(&cache).map_err(in_cache)?;
        remove_stale(&cache);
        let scratch = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&cache).map_err(in_cache)?;
        fs::create_dir(scratch.path().join("model")).map_err(in_cache)?;
        Ok(Self { model, target: cache.join(&model.name), scratch })
    }

    /// A folder for files that are not part of the model.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Creates a file to download into.
    pub(super) fn file(&self, expected: &Expected) -> io::Result<File> {
        let path = self.fetched().join(&expected.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        File::create(path)
    }

    fn fetched(&self) -> PathBuf {
        self.scratch.path().join("model")
    }

    /// Checks the fetched files and moves them into the cache, over earlier ones.
    ///
    /// Files are renamed one by one, and the files that make a folder valid come last. A valid file never disappears,
    /// so several processes may install and read at the same time.
    pub(super) fn install(self) -> Result<PathBuf, String> {
        self.model.check(&self.fetched())?;
        for file in &self.model.files {
            self.place(file).map_err(|error| error.to_string())?;
        }
        self.model.check(&self.target)?;
        Ok(self.target)
    }

    fn place(&self, file: &Expected) -> Result<(), FileError> {
        let from = self.fetched().join(&file.path);
        if !from.is_file() {
            return Ok(());
        }
        let to = self.target.join(&file.path);
        create_parent_folders(&to)?;
        move_into_place(&from, &to)
    }
}

fn remove_stale(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if ours && age.is_some_and(|age| age > STALE) {
            // A folder that cannot be removed only takes room.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
