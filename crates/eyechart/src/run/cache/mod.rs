//! Answers of earlier runs, by what was asked: `answers/<2 hex>/<key>.json` in eyechart's own cache folder.
//!
//! A file is written beside its place and renamed, so that processes can share the folder, and an answer counts only
//! while its file is what it was written as: whatever breaks here is asked again. `docs/cache.md` has key and format.

mod key;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::provider::Header;
use crate::text::hex;
use crate::types::{CachedAnswer, Endpoint, ModelOutput, Request, SampleRecord};
pub(super) use key::Key;
use key::Scope;

/// The format's name and version, in the key too: answers of another version are never found.
const FORMAT: &str = "eyechart.answer/2";

/// The answers that one run may use.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    scope: Scope,
}

/// One answer, kept.
#[derive(Serialize, Deserialize)]
struct Entry {
    format: String,
    key: String,
    stored: String,
    output: ModelOutput,
    /// Of key, time and answer: a file that was damaged is no answer.
    sha256: String,
}

impl Cache {
    /// The cache under `folder` for answers of `endpoint`, with the values of its `headers`. Makes the folder.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn open(folder: &Path, endpoint: &Endpoint, headers: &[Header]) -> io::Result<Self> {
        let folder = folder.join("answers");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, scope: Scope::new(endpoint, headers) })
    }

    /// Whether answers are the same each time they are asked for, as far as the request can say: at temperature 0.
    #[must_use]
    pub fn holds_for(endpoint: &Endpoint) -> bool {
        endpoint.params.get("temperature").and_then(serde_json::Value::as_f64) == Some(0.0)
    }

    /// The key of a sample whose pictures are prepared; nothing where it cannot be told what the model would see, as
    /// with pictures that the endpoint fetches.
    pub(super) fn key(&self, record: &SampleRecord, request: &Request) -> Option<Key> {
        let mut images = record.example_images.iter().chain(&record.images);
        self.scope.key(request, &mut images)
    }

    /// The answer under `key`, where there is one and it is whole. Blocks on the disk.
    pub(super) fn get(&self, key: &Key) -> Option<(ModelOutput, CachedAnswer)> {
        let entry: Entry = serde_json::from_slice(&fs::read(self.path(key)).ok()?).ok()?;
        let is_whole = entry.format == FORMAT
            && entry.key == key.as_str()
            && entry.sha256 == digest(&entry.key, &entry.stored, &entry.output);
        is_whole.then_some((entry.output, CachedAnswer { key: entry.key, stored: entry.stored }))
    }

    /// Keeps an answer, in place of an earlier one. Blocks on the disk.
    pub(super) fn put(&self, key: &Key, output: ModelOutput) -> io::Result<()> {
        let (key_text, stored) = (key.as_str().to_owned(), Timestamp::now().to_string());
        let sha256 = digest(&key_text, &stored, &output);
        let entry = Entry { format: FORMAT.to_owned(), key: key_text, stored, output, sha256 };
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&entry)?)?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(&key.as_str()[..2]).join(format!("{}.json", key.as_str()))
    }
}

fn digest(key: &str, stored: &str, output: &ModelOutput) -> String {
    let content = serde_json::to_vec(&(key, stored, output)).unwrap_or_default();
    hex(&Sha256::digest(content))
}
