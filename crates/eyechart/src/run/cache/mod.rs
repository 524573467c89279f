//! Answers of earlier runs, stored by request: `answers/<2 hex>/<key>.json` in eyechart's own cache folder.
//!
//! Files are written atomically, so that processes can share the folder. A damaged file is ignored, and its sample is
//! asked again. `docs/cache.md` describes the key and the format.

mod key;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{
    FileError, create_folders, create_parent_folders, read_regular, sha256_hex, write_atomically,
};
use crate::provider::{Header, QueryParameter};
use crate::text::now;
use crate::types::{CachedAnswer, Endpoint, ModelOutput, Request, SampleRecord};
pub(super) use key::Key;
use key::Scope;

/// Name and version of the format. Part of the key, so that answers of another version are never found.
const FORMAT: &str = "eyechart.answer/3";

/// The stored answers that one run may use.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    scope: Scope,
    keeps_reasoning: bool,
}

/// One stored answer.
#[derive(Serialize, Deserialize)]
struct Entry {
    format: String,
    key: String,
    stored: String,
    output: ModelOutput,
    /// SHA-256 of the key, the time and the answer. Tells whether the file is damaged.
    sha256: String,
}

impl Cache {
    /// The cache under `folder` for the answers of `endpoint` to requests with these `headers` and `query`. Creates the folder.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub fn open(
        folder: &Path,
        endpoint: &Endpoint,
        headers: &[Header],
        query: &[QueryParameter],
    ) -> io::Result<Self> {
        let folder = folder.join("answers");
        create_folders(&folder)?;
        Ok(Self {
            folder,
            scope: Scope::new(endpoint, headers, query),
            keeps_reasoning: endpoint.keeps_reasoning,
        })
    }

    /// The key of a sample with prepared pictures. `None` if the bytes of a picture are not known because the endpoint
    /// fetches the picture itself.
    pub(super) fn key(&self, record: &SampleRecord, request: &Request) -> Option<Key> {
        let mut images = record.example_images.iter().chain(&record.images);
        self.scope.key(request, record.epoch, &mut images)
    }

    /// The undamaged answer stored under `key`. Blocks on the disk.
    pub(super) fn get(&self, key: &Key) -> Option<(ModelOutput, CachedAnswer)> {
        let mut entry: Entry = serde_json::from_slice(&read_regular(self.path(key)).ok()?).ok()?;
        let is_undamaged = entry.format == FORMAT
            && entry.key == key.as_str()
            && entry.sha256 == digest(&entry.key, &entry.stored, &entry.output);
        if !is_undamaged {
            return None;
        }
        // Earlier versions stored answers with the reasoning in the text.
        if !self.keeps_reasoning {
            entry.output.split_reasoning();
        }
        let has_answer = !entry.output.text.trim().is_empty();
        has_answer.then_some((entry.output, CachedAnswer { key: entry.key, stored: entry.stored }))
    }

    /// Stores an answer in place of an earlier one. Blocks on the disk.
    pub(super) fn put(&self, key: &Key, output: ModelOutput) -> Result<(), FileError> {
        let (key_text, stored) = (key.as_str().to_owned(), now().to_string());
        let sha256 = digest(&key_text, &stored, &output);
        let entry = Entry { format: FORMAT.to_owned(), key: key_text, stored, output, sha256 };
        let path = self.path(key);
        create_parent_folders(&path)?;
        write_atomically(&path, |file| Ok(serde_json::to_writer(file, &entry)?))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(&key.as_str()[..2]).join(format!("{}.json", key.as_str()))
    }
}

fn digest(key: &str, stored: &str, output: &ModelOutput) -> String {
    let content = serde_json::to_vec(&(key, stored, output)).unwrap_or_default();
    sha256_hex(content)
}
