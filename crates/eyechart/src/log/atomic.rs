//! Files that appear whole or not at all: written beside their place, fsynced, renamed.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::LogError;

/// How the names of temporary files begin; the name of the file they become follows.
const PREFIX: &str = ".eyechart-";

/// A file that is being written, for those too who know its beginning only at its end.
pub trait WriteSeek: Write + Seek + Send {}

impl<T: Write + Seek + Send> WriteSeek for T {}

/// Writes `path` by `fill`. Until the last step the old file stands; afterwards the new one survives a power loss.
///
/// # Errors
/// [`LogError::Io`] where the folder is missing, full or read-only.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn WriteSeek) -> std::io::Result<()>,
) -> Result<(), LogError> {
    let path = &followed(path).map_err(LogError::io("replace", path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary_for(path, folder).map_err(LogError::io("create a file in", folder))?;
    let mut buffered = BufWriter::with_capacity(1 << 16, temporary.as_file_mut());
    fill(&mut buffered).and_then(|()| buffered.flush()).map_err(LogError::io("write", path))?;
    drop(buffered);
    temporary.as_file().sync_all().map_err(LogError::io("fsync", path))?;
    temporary.persist(path).map_err(|error| LogError::io("replace", path)(error.error))?;
    sync_folder(folder)
}

/// The file that `path` leads to: a link stays one, and what is no file (a device, a pipe) is not replaced by one.
fn followed(path: &Path) -> std::io::Result<PathBuf> {
    match path.symlink_metadata() {
        Ok(there) if there.is_symlink() => {
            let file = path.canonicalize()?;
            if file.is_file() { Ok(file) } else { Err(not_a_file()) }
        }
        Ok(there) if !there.is_file() => Err(not_a_file()),
        _ => Ok(path.to_owned()),
    }
}

fn not_a_file() -> std::io::Error {
    std::io::Error::other("it is there and is not a file")
}

/// Writes `value` as indented JSON with a final newline.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), LogError> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    })
}

/// Makes the names in `folder` survive a power loss.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LogError> {
    // Elsewhere folders cannot be opened, and their names are as safe as the system makes them.
    if cfg!(unix) {
        let folder = or_here(folder);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(LogError::io("fsync", folder))?;
    }
    Ok(())
}

/// Makes `folder` and those above it that are missing, so that their names survive a power loss.
pub(super) fn create_folders(folder: &Path) -> Result<(), LogError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !or_here(folder).exists()).collect();
    fs::create_dir_all(folder).map_err(LogError::io("create the folder", folder))?;
    missing.iter().filter_map(|made| made.parent()).try_for_each(sync_folder)
}

/// Temporary files in `folder` that a process left behind when it was killed, or is just writing: of the file
/// called `name`, or of any.
pub(super) fn temporaries(folder: &Path, name: Option<&str>) -> std::io::Result<Vec<PathBuf>> {
    let start = name.map_or(PREFIX.to_owned(), |name| format!("{PREFIX}{name}-"));
    let ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(start.as_bytes()))
    };
    Ok(fs::read_dir(or_here(folder))?.flatten().map(|entry| entry.path()).filter(ours).collect())
}

/// Removes what processes that were killed so long ago left in `folder`. Where it cannot go, it stays: it only takes room.
pub fn remove_leftovers(folder: &Path, older_than: Duration) {
    for path in temporaries(folder, None).unwrap_or_default() {
        let age = path.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > older_than) {
            let _ = fs::remove_file(path);
        }
    }
}

fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn temporary_for(path: &Path, folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{PREFIX}{name}-");
    builder.prefix(&prefix);
    // Files made this way would else be readable by their owner alone, unlike all others of the run.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(or_here(folder))
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
            Err(std::io::Error::other("disk full"))
        });
        assert!(failed.unwrap_err().to_string().contains("disk full"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, device] =
            ["real.json", "link.json", "device.json"].map(|name| folder.path().join(name));
        write_json(&file, &1).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_json(&link, &2).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "2\n");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        let refused = write_json(&device, &3).unwrap_err().to_string();
        assert!(refused.contains("device.json") && refused.contains("is not a file"), "{refused}");
        assert!(device.symlink_metadata().unwrap().is_symlink());
    }
}
