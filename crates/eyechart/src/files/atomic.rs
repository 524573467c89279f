//! Files that appear whole or not at all: written beside their place, flushed to the disk, renamed.
//!
//! A new file has the permissions that any new file of the process has (0666 minus the umask), so that a cache can be
//! shared.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tempfile::NamedTempFile;

use super::folder::{or_here, sync_folder};
use super::{FileError, patiently};

/// The first part of the name of a temporary file; the name of the final file follows.
const PREFIX: &str = ".eyechart-";

/// A file being written. `Seek` serves formats whose header depends on what follows it.
pub trait WriteSeek: Write + Seek + Send {}

impl<T: Write + Seek + Send> WriteSeek for T {}

/// Writes `path` with `fill`. The old file stays in place until the last step; the new one survives a power loss.
///
/// A symbolic link stays a link: the file that it leads to is replaced.
///
/// # Errors
/// [`FileError`] if the folder is missing, full or read-only, or if `path` is not a file.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn WriteSeek) -> io::Result<()>,
) -> Result<(), FileError> {
    let path = &follow_links(path).map_err(FileError::at("replace", path))?;
    let mut temporary = make_beside(path, |at| OpenOptions::new().write(true).create_new(true).open(at))?;
    let mut buffered = BufWriter::with_capacity(1 << 16, temporary.as_file_mut());
    fill(&mut buffered).and_then(|()| buffered.flush()).map_err(FileError::at("write", path))?;
    drop(buffered);
    temporary.as_file().sync_all().map_err(FileError::at("fsync", path))?;
    rename(temporary, path)
}

/// Writes `bytes` as [`write_atomically`] does.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomically(path, |file| file.write_all(bytes))
}

/// Writes `value` as indented JSON with a final newline.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    })
}

/// Puts at `path` what `make` makes under a temporary name: a link, or a copy of a file. A link at `path` is replaced.
///
/// `make` is called again with another name if it fails with [`io::ErrorKind::AlreadyExists`].
///
/// # Errors
/// [`FileError`] if nothing can be made in the folder.
pub fn place(path: &Path, make: impl FnMut(&Path) -> io::Result<()>) -> Result<(), FileError> {
    rename(make_beside(path, make)?, path)
}

/// Renames a finished file. Both its bytes and its new name survive a power loss.
///
/// # Errors
/// [`FileError`] if the file cannot be flushed or renamed.
pub fn move_into_place(from: &Path, to: &Path) -> Result<(), FileError> {
    // Windows flushes only files that are open for writing.
    let synced = OpenOptions::new().write(true).open(from).and_then(|file| file.sync_all());
    synced.map_err(FileError::at("fsync", from))?;
    fs::rename(from, to).map_err(FileError::at("write", to))?;
    sync_folder(parent(to))
}

/// The temporary files in `folder` that a killed process left behind or a running process is writing: those of the file
/// `name`, or all of them.
///
/// # Errors
/// If the folder cannot be listed.
pub fn temporaries(folder: &Path, name: Option<&str>) -> io::Result<Vec<PathBuf>> {
    let start = name.map_or(PREFIX.to_owned(), |name| format!("{PREFIX}{name}-"));
    let is_temporary = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(start.as_bytes()))
    };
    Ok(fs::read_dir(or_here(folder))?.flatten().map(|entry| entry.path()).filter(is_temporary).collect())
}

/// Removes the temporary files in `folder` that are older than `older_than`. A file that cannot be removed stays: it
/// only takes room.
pub fn remove_leftovers(folder: &Path, older_than: Duration) {
    for path in temporaries(folder, None).unwrap_or_default() {
        let age = path.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > older_than) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The file that `path` leads to. Devices, pipes and folders are refused: a file must not replace them.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let file = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => path.canonicalize()?,
        _ => path.to_owned(),
    };
    match file.metadata() {
        Ok(found) if !found.is_file() => Err(io::Error::other("it exists and is not a file")),
        _ => Ok(file),
    }
}

fn make_beside<F>(
    path: &Path,
    mut make: impl FnMut(&Path) -> io::Result<F>,
) -> Result<NamedTempFile<F>, FileError> {
    let folder = parent(path);
    // Shortened, so that the temporary name is not too long where the final one is just short enough.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(40).collect();
    let made = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{name}-"))
        .make_in(folder, |at| patiently(|| make(at)));
    made.map_err(FileError::at("create a file in", folder))
}

fn rename<F>(temporary: NamedTempFile<F>, path: &Path) -> Result<(), FileError> {
    let renamed = temporary.into_temp_path().persist(path);
    renamed.map_err(|error| FileError::at("replace", path)(error.error))?;
    sync_folder(parent(path))
}

fn parent(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(Path::new("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_json(&path, &1).unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        let error = failed.unwrap_err().to_string();
        assert_eq!(error, format!("cannot write {}: disk full", path.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_finished_file_is_moved_over_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["part", "whole"].map(|name| folder.path().join(name));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        move_into_place(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        let error = move_into_place(&from, &to).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot fsync {}: ", from.display())), "{error}");
    }

    #[test]
    fn only_old_temporary_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".eyechart-a.json-x1", ".eyechart-b.json-x1", "a.json"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(temporaries(folder.path(), Some("a.json")).unwrap().len(), 1);
        remove_leftovers(folder.path(), Duration::from_secs(3_600));
        assert_eq!(temporaries(folder.path(), None).unwrap().len(), 2);
        let old = OpenOptions::new().write(true).open(folder.path().join(".eyechart-a.json-x1")).unwrap();
        old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        remove_leftovers(folder.path(), Duration::from_secs(3_600));
        assert_eq!(temporaries(folder.path(), Some("a.json")).unwrap().len(), 0);
        assert_eq!(temporaries(folder.path(), None).unwrap().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_has_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [ours, usual] = ["ours", "usual"].map(|name| folder.path().join(name));
        write_bytes(&ours, b"1").unwrap();
        fs::write(&usual, b"1").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(usual));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_what_is_not_a_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, device] =
            ["real.json", "link.json", "device.json"].map(|name| folder.path().join(name));
        write_json(&file, &1).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_json(&link, &2).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "2\n");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        let refused = write_json(&device, &3).unwrap_err().to_string();
        assert!(refused.contains("device.json") && refused.contains("is not a file"), "{refused}");
        assert!(device.symlink_metadata().unwrap().is_symlink());
        place(&link, |at| std::os::unix::fs::symlink("elsewhere", at)).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("elsewhere"));
    }
}
