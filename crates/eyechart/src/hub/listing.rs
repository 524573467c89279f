//! The files of a commit: from the Hub's API, from the list in the cache, which has the format of `huggingface_hub`, or
//! from the folder of a snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::HubError;
use super::cache::write_in_cache;
use super::context::{Context, Wanted};
use super::repository::check_path;
use super::transfer::Identity;
use crate::files::{FileError, read_regular};

/// The supported version of `huggingface_hub`'s `trees/<commit>.json`.
const FORMAT: u32 = 1;
/// The Hub lists 1,000 files per page. A longer list is treated as an error of the server.
const MOST_PAGES: usize = 10_000;

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Relative path, with `/`.
    pub path: String,
    /// Number of bytes.
    pub size: u64,
    /// SHA-256 of the content, in lower-case hexadecimal. Absent for a small file that is stored in git.
    pub sha256: Option<String>,
    /// Name of the blob in the cache. Absent if only a copy of the file is known.
    pub etag: Option<String>,
}

/// The files of a commit by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    files: BTreeMap<String, Entry>,
    is_whole: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xet_hash: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format_version: u32,
    files: BTreeMap<String, Entry>,
}

/// A file or a folder in a reply of the API.
#[derive(Deserialize)]
struct Node {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    oid: Option<String>,
    lfs: Option<Lfs>,
    #[serde(rename = "xetHash")]
    xet_hash: Option<String>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

impl Listing {
    /// Requests the list from the Hub, page by page.
    pub(super) fn fetch(context: &Context, commit: &str) -> Result<Self, HubError> {
        let mut files = BTreeMap::new();
        let mut next = Some(context.endpoint().tree(&context.repository, commit));
        for _ in 0..MOST_PAGES {
            let Some(url) = next else { return Ok(Self { files, is_whole: true }) };
            let page = context.http.page(url);
            let (body, following) =
                page.map_err(|failure| context.explain(failure, Wanted::Listing(commit)))?;
            let nodes: Vec<Node> = serde_json::from_slice(&body)
                .map_err(|error| context.protocol(format!("the list of files cannot be read: {error}")))?;
            for node in nodes.into_iter().filter(|node| node.kind == "file") {
                check_path(&node.path)?;
                files.insert(node.path.clone(), Entry::from(node));
            }
            next = following;
        }
        Err(context.protocol(format!("the list of files has more than {MOST_PAGES} pages")))
    }

    /// The list stored in the cache. `None` if there is none, or one in another format.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(&read_regular(path).ok()?).ok()?;
        let usable = kept.format_version == FORMAT && kept.files.keys().all(|path| check_path(path).is_ok());
        usable.then_some(Self { files: kept.files, is_whole: true })
    }

    /// Stores the listing in the cache.
    pub(super) fn keep(&self, path: &Path) -> Result<(), FileError> {
        let kept = Kept { format_version: FORMAT, files: self.files.clone() };
        let text = serde_json::to_vec(&kept);
        let text = text.map_err(|error| FileError::at("write", path)(error.into()))?;
        write_in_cache(path, &text)
    }

    /// The files in a snapshot's folder, for caches filled by older versions of `huggingface_hub`.
    pub(super) fn of_folder(snapshot: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![snapshot.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                // Follows links.
                let Ok(data) = fs::metadata(&path) else { continue };
                if data.is_dir() {
                    folders.push(path);
                } else if let Some(name) = relative(&path, snapshot) {
                    files.insert(name, Entry::of_cached(&path, data.len()));
                }
            }
        }
        Self { files, is_whole: false }
    }

    /// Whether the list has all files of the commit.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files, sorted by path.
    pub(super) fn files(&self) -> Vec<RemoteFile> {
        let file = |(path, entry): (&String, &Entry)| RemoteFile {
            path: path.clone(),
            size: entry.size(),
            sha256: entry.lfs_sha256.clone(),
            etag: entry.etag(),
        };
        self.files.iter().map(file).collect()
    }

    /// The etag and the size of one file. `None` if there is no such file.
    pub(super) fn identity(&self, path: &str) -> Option<Identity> {
        self.files.get(path).map(|entry| Identity { etag: entry.etag(), size: Some(entry.size()) })
    }
}

impl Entry {
    fn etag(&self) -> Option<String> {
        self.lfs_sha256.clone().or_else(|| self.blob_id.clone())
    }

    fn size(&self) -> u64 {
        self.lfs_size.unwrap_or(self.size)
    }

    fn of_cached(path: &Path, size: u64) -> Self {
        let blob = fs::read_link(path).ok();
        let name = blob.and_then(|blob| Some(blob.file_name()?.to_str()?.to_owned()));
        let (lfs_sha256, blob_id) = match name {
            Some(name) if name.len() == 64 => (Some(name), None),
            name => (None, name),
        };
        Self { size, blob_id, lfs_size: None, lfs_sha256, xet_hash: None }
    }
}

impl From<Node> for Entry {
    fn from(node: Node) -> Self {
        let (lfs_sha256, lfs_size) = node.lfs.map(|lfs| (lfs.oid, lfs.size)).unzip();
        Self { size: node.size, blob_id: node.oid, lfs_sha256, lfs_size, xet_hash: node.xet_hash }
    }
}

/// The path relative to `folder`, with `/`. `None` for a path that is not Unicode: the Hub has no such paths.
fn relative(path: &Path, folder: &Path) -> Option<String> {
    let parts = path.strip_prefix(folder).ok()?.components();
    let names: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    names.map(|names| names.join("/"))
}
