//! The pictures that runs send, each stored once under its hash.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::files::{create_folders, read_regular, write_bytes};

/// A folder of pictures that several runs share. Each file is named `<sha256>`, without an extension.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in `folder`, which may not exist yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stores the picture unless it is stored already. Creates the folder if it is missing. After this returns, the
    /// picture survives a power loss.
    pub(super) fn write(&self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(sha256);
        if path.exists() {
            return Ok(());
        }
        let written = create_folders(&self.folder).and_then(|()| write_bytes(&path, bytes));
        written.map_err(|error| error.source)
    }

    pub(super) fn read(&self, sha256: &str) -> io::Result<Bytes> {
        read_regular(self.folder.join(sha256)).map(Bytes::from)
    }
}
