//! Caches that may have the files: the Hugging Face cache and eyechart's own.

use std::path::{Path, PathBuf};

use super::model::Model;
use crate::files::read_regular_text;
use crate::hub::Environment;

/// The reason if there is no cache folder.
pub(super) const NO_HOME: &str = "neither HOME nor XDG_CACHE_HOME is set";

/// The files in the Hugging Face cache: in the snapshot of `refs/main`, or in any other valid snapshot.
pub(super) fn in_hub_cache(env: &Environment, model: &Model) -> Result<PathBuf, String> {
    let cache = env.hub_cache().ok_or(NO_HOME)?;
    let repository = cache.join(format!("models--{}", model.repository.replace('/', "--")));
    if !repository.is_dir() {
        return Err(format!("no {}", repository.display()));
    }
    let mut reasons = Vec::new();
    for snapshot in snapshots(&repository) {
        match model.check(&snapshot) {
            Ok(()) => return Ok(snapshot),
            Err(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        return Err(format!("no snapshots in {}", repository.display()));
    }
    Err(reasons.join("; "))
}

/// The snapshots of a repository, with that of `refs/main` first.
fn snapshots(repository: &Path) -> Vec<PathBuf> {
    let folder = repository.join("snapshots");
    let main = read_regular_text(repository.join("refs").join("main")).unwrap_or_default();
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort_by_key(|path| (path.file_name() != Some(main.trim().as_ref()), path.clone()));
    found
}

/// The files in eyechart's own cache, from an earlier download.
pub(super) fn in_own_cache(env: &Environment, model: &Model) -> Result<PathBuf, String> {
    let folder = env.own_cache().ok_or(NO_HOME)?.join(&model.name);
    if !folder.is_dir() {
        return Err(format!("no {}", folder.display()));
    }
    model.check(&folder).map(|()| folder)
}
