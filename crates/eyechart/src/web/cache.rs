//! What was fetched, on disk: `web/<sha256 of the address>` names a picture, `pictures/<sha256>` is one.
//!
//! Two addresses of one picture share its file. A file is written beside its place and renamed, and a picture
//! counts only while it has the hash that it is named by: whatever breaks here is fetched again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::text::hex;

#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The picture that was at `url`, where it is here and whole. Blocks on the disk.
    pub(super) fn get(&self, url: &Url) -> Option<Bytes> {
        let sha256 = fs::read_to_string(self.name_of(url)).ok()?;
        let bytes = fs::read(self.picture(sha256.trim())).ok()?;
        (sha256_of(&bytes) == sha256.trim()).then(|| bytes.into())
    }

    /// Keeps the picture that is at `url`, in place of an earlier one. Blocks on the disk.
    pub(super) fn put(&self, url: &Url, bytes: &[u8]) -> io::Result<()> {
        let sha256 = sha256_of(bytes);
        write(&self.picture(&sha256), bytes)?;
        write(&self.name_of(url), format!("{sha256}\n").as_bytes())
    }

    fn name_of(&self, url: &Url) -> PathBuf {
        self.folder.join("web").join(sha256_of(url.as_str().as_bytes()))
    }

    fn picture(&self, sha256: &str) -> PathBuf {
        self.folder.join("pictures").join(sha256)
    }
}

fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
