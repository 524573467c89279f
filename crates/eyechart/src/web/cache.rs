//! Fetched pictures on disk: `web/<sha256 of the address>` holds the hash of a picture, `pictures/<sha256>` the picture.
//!
//! Two addresses of one picture share its file. A picture is used only if its bytes have the hash in its name: a damaged
//! picture is fetched again.

use std::path::PathBuf;

use bytes::Bytes;
use reqwest::Url;

use crate::files::{
    FileError, create_parent_folders, read_regular, read_regular_text, sha256_hex, write_bytes,
};

#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The picture fetched from `url` earlier, if it is stored undamaged. Blocks on the disk.
    pub(super) fn get(&self, url: &Url) -> Option<Bytes> {
        let sha256 = read_regular_text(self.name_of(url)).ok()?;
        let bytes = read_regular(self.picture(sha256.trim())).ok()?;
        (sha256_hex(&bytes) == sha256.trim()).then(|| bytes.into())
    }

    /// Stores the picture fetched from `url`, in place of an earlier one. Blocks on the disk.
    pub(super) fn put(&self, url: &Url, bytes: &[u8]) -> Result<(), FileError> {
        let sha256 = sha256_hex(bytes);
        let (picture, name) = (self.picture(&sha256), self.name_of(url));
        create_parent_folders(&picture)?;
        write_bytes(&picture, bytes)?;
        create_parent_folders(&name)?;
        write_bytes(&name, format!("{sha256}\n").as_bytes())
    }

    fn name_of(&self, url: &Url) -> PathBuf {
        self.folder.join("web").join(sha256_hex(url.as_str()))
    }

    fn picture(&self, sha256: &str) -> PathBuf {
        self.folder.join("pictures").join(sha256)
    }
}
