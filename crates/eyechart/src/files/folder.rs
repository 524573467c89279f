//! Folders whose names survive a power loss.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{FileError, patiently};

/// Flushes the names in `folder` to the disk.
///
/// Does nothing on systems and file systems that cannot flush a folder.
///
/// # Errors
/// [`FileError`] if the folder cannot be opened or the disk fails.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = or_here(folder);
    match patiently(|| File::open(folder)).and_then(|folder| folder.sync_all()) {
        Err(error) if cannot_sync(&error) => Ok(()),
        synced => synced.map_err(FileError::at("fsync", folder)),
    }
}

/// Flushes what other processes wrote to the file at `path`.
///
/// # Errors
/// [`FileError`] if the file cannot be opened or the disk fails.
pub fn sync_file(path: &Path) -> Result<(), FileError> {
    // Windows flushes only files that are open for writing.
    let file = OpenOptions::new().read(true).write(cfg!(windows)).open(path);
    file.and_then(|file| file.sync_all()).map_err(FileError::at("fsync", path))
}

/// Some network and FUSE file systems refuse to flush a folder.
fn cannot_sync(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

/// Creates `folder` and its missing parents, and flushes their names to the disk.
///
/// # Errors
/// [`FileError`] if a folder cannot be created.
pub fn create_folders(folder: &Path) -> Result<(), FileError> {
    let folder = or_here(folder);
    if folder.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !or_here(folder).exists()).collect();
    fs::create_dir_all(folder).map_err(FileError::at("create the folder", folder))?;
    missing.iter().filter_map(|made| made.parent()).try_for_each(sync_folder)
}

/// Creates the folder that `path` is in, as [`create_folders`] does.
///
/// # Errors
/// [`FileError`] if a folder cannot be created.
pub fn create_parent_folders(path: &Path) -> Result<(), FileError> {
    path.parent().map_or(Ok(()), create_folders)
}

/// The parent of a bare file name is an empty path: it means the current folder.
pub(super) fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_parents_are_created_and_existing_folders_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/c.json");
        create_parent_folders(&path).unwrap();
        create_parent_folders(&path).unwrap();
        assert!(root.path().join("a/b").is_dir());
        create_parent_folders(Path::new("bare-name")).unwrap();
        sync_folder(Path::new("")).unwrap();
    }

    #[test]
    fn an_error_names_the_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = file.path().join("below");
        let error = create_folders(&folder).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot create the folder {}: ", folder.display())), "{error}");
    }
}
