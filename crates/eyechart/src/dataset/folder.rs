//! Lists the files below a folder, and tells which of them hold rows of an image folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{DatasetError, io_error};

/// Whether the content of this file of an image folder is read for rows. The name is relative to the folder.
#[must_use]
pub(crate) fn has_rows(name: &str) -> bool {
    matches!(name, "metadata.csv" | "metadata.jsonl") || extension(name) == "txt"
}

pub(super) fn extension(name: &str) -> String {
    Path::new(name).extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The paths of all files below `folder`, relative to it with `/` between their parts, sorted. Hidden files and
/// folders are left out. Links are followed, but each folder is entered only once, so that loops end.
pub(super) fn files_below(folder: &Path) -> Result<Vec<String>, DatasetError> {
    let mut found = Vec::new();
    collect(folder, "", &mut BTreeSet::new(), &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn collect(
    folder: &Path,
    prefix: &str,
    entered: &mut BTreeSet<PathBuf>,
    found: &mut Vec<String>,
) -> Result<(), DatasetError> {
    if !entered.insert(folder.canonicalize().map_err(io_error(folder))?) {
        return Ok(());
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(io_error(folder))?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), entered, found)?;
        } else if path.is_file() {
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}
