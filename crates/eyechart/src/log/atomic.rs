//! Files that appear whole or not at all: written beside their place, fsynced, renamed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::LogError;

/// Writes `path` by `fill`. Until the last step the old file stands; afterwards the new one survives a power loss.
///
/// # Errors
/// [`LogError::Io`] where the folder is missing, full or read-only.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), LogError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary_in(folder).map_err(LogError::io("create a file in", folder))?;
    let mut buffered = BufWriter::with_capacity(1 << 16, temporary.as_file_mut());
    fill(&mut buffered).and_then(|()| buffered.flush()).map_err(LogError::io("write", path))?;
    drop(buffered);
    temporary.as_file().sync_all().map_err(LogError::io("fsync", path))?;
    temporary.persist(path).map_err(|error| LogError::io("replace", path)(error.error))?;
    sync_folder(folder)
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
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(LogError::io("fsync", folder))
}

fn temporary_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eyechart-");
    // Files made this way would else be readable by their owner alone, unlike all others of the run.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
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
}
