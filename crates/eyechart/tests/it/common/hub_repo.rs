//! The repositories that the Hub on this machine has.

use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A repository with its files.
#[derive(Clone)]
pub struct Repo {
    pub kind: &'static str,
    pub id: String,
    pub files: Vec<HubFile>,
    /// The token that opens it; anybody may read it where absent.
    pub token: Option<&'static str>,
    pub gated: bool,
}

#[derive(Clone)]
pub struct HubFile {
    pub path: String,
    pub content: Arc<[u8]>,
    /// Whether it is on the storage.
    pub large: bool,
    pub git_hash: String,
    pub etag: String,
}

impl Repo {
    pub fn dataset(id: &str) -> Self {
        Self { kind: "datasets", id: id.to_owned(), files: Vec::new(), token: None, gated: false }
    }

    pub fn model(id: &str) -> Self {
        Self { kind: "models", ..Self::dataset(id) }
    }

    /// A file that git keeps itself.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.with(path, content.as_ref(), false)
    }

    /// A file on the storage.
    pub fn large(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.with(path, content.as_ref(), true)
    }

    fn with(mut self, path: &str, content: &[u8], large: bool) -> Self {
        let mut hasher = Sha1::new();
        hasher.update(format!("blob {}\0", content.len()));
        hasher.update(content);
        let git_hash = hex(&hasher.finalize());
        let etag = if large { hex(&Sha256::digest(content)) } else { git_hash.clone() };
        self.files.push(HubFile { path: path.to_owned(), content: content.into(), large, git_hash, etag });
        self
    }

    pub fn gated(self, token: &'static str) -> Self {
        Self { token: Some(token), gated: true, ..self }
    }

    pub fn private(self, token: &'static str) -> Self {
        Self { token: Some(token), gated: false, ..self }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
