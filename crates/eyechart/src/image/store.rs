//! Pictures as sent, each once, named by their hash.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::Builder;

/// A folder of pictures that runs share: `<sha256>`, without an extension.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in `folder`, which need not be there yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the picture, if it is not there yet; makes the folder where it is missing. The file appears under its
    /// name once it is whole and on the disk, and its name is there too when this returns.
    pub(super) fn write(&self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(sha256);
        if path.exists() {
            return Ok(());
        }
        if !self.folder.is_dir() {
            fs::create_dir_all(&self.folder)?;
            sync_names(self.folder.parent())?;
        }
        let mut builder = Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(".").suffix(".part").tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_names(Some(&self.folder))
    }

    pub(super) fn read(&self, sha256: &str) -> io::Result<Bytes> {
        fs::read(self.folder.join(sha256)).map(Bytes::from)
    }
}

/// Makes the names in a folder survive a power loss. Elsewhere folders cannot be opened, and their names are as safe as
/// the system makes them.
fn sync_names(folder: Option<&Path>) -> io::Result<()> {
    let here =
        |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    match folder {
        Some(folder) if cfg!(unix) => fs::File::open(here(folder))?.sync_all(),
        _ => Ok(()),
    }
}
