//! Pictures as sent, each once, named by their hash.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

use super::Prepared;
use crate::types::RequestImage;

/// Writes the picture's bytes to `folder/<sha256>`, if they are not there yet; makes the folder where it is
/// missing. The file appears under its name once it is whole and on the disk. An address has no bytes: nothing
/// is written.
///
/// # Errors
/// Where the folder or the file cannot be written.
pub fn store(folder: &Path, prepared: &Prepared) -> io::Result<()> {
    let (RequestImage::Bytes { bytes, .. }, Some(sha256)) = (&prepared.request, &prepared.record.sha256)
    else {
        return Ok(());
    };
    let path = folder.join(sha256);
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let mut builder = Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".").suffix(".part").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
