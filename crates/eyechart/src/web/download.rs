//! Data files from the web: downloaded to disk, continued after a broken connection, and fetched again only if changed.
//!
//! ```text
//! files/<sha256 of the content>/<name>      a file, under the name that the task has for it
//! addresses/<sha256 of the address>         JSON: the file last fetched from the address, and its ETag
//! addresses/….lock                          held by the process that fetches from the address
//! addresses/….incomplete                    the bytes so far of an unfinished download
//! addresses/….mark                          the version of the content that these bytes are from
//! ```
//!
//! A file is used only if its content has the hash in its path: a damaged file is fetched again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::client::{Client, FetchError, SCHEDULE, check_status, parse_url, transport, wait_after};
use super::{Web, WebError};
use crate::files::{
    FileError, FileLock, create_parent_folders, move_into_place, read_regular, read_regular_text, sha256_hex,
    sha256_of_file, write_bytes, write_json,
};
use crate::net::{Retries, header_text};
use crate::types::Progress;

/// A connection without a byte for this long counts as broken.
const STALLED: Duration = Duration::from_secs(30);

/// A file fetched from an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebFile {
    /// Its path on this machine.
    pub path: PathBuf,
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
    /// Why this is the file fetched earlier. Absent if the host confirmed or sent the current file.
    pub stale: Option<String>,
}

/// What was last fetched from an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LastFetch {
    sha256: String,
    name: String,
    /// The `ETag` of the reply. Absent if the host sent none.
    etag: Option<String>,
}

impl Web {
    /// The current file at `url`, stored under the name `name`.
    ///
    /// The host is asked whether the file fetched earlier is still current. If the host does not answer, the earlier
    /// file is returned and [`WebFile::stale`] gives the reason.
    ///
    /// Blocks its thread on the disk, and while another process fetches from the address.
    ///
    /// # Errors
    /// [`WebError::Fetch`].
    pub(crate) async fn file(
        &self,
        url: &str,
        name: &str,
        progress: &dyn Progress,
    ) -> Result<WebFile, WebError> {
        let failed = |reason| WebError::Fetch { url: url.to_owned(), reason };
        let target = self.client.target(url).map_err(failed)?;
        let files = AddressFiles::new(&self.folder, &target, name);
        let _lock = files.lock(progress).map_err(|error| failed(format!("cannot store it: {error}")))?;
        let earlier = files.earlier();
        let fetched = fetch(&self.client, &target, &files, earlier.as_ref(), progress).await;
        match (fetched.map_err(failed), earlier) {
            (Err(error), Some((_, file))) => Ok(WebFile { stale: Some(error.to_string()), ..file }),
            (fetched, _) => fetched,
        }
    }

    /// The file fetched from `url` earlier, with the given hash if there is one. Sends no request.
    #[must_use]
    pub(crate) fn earlier_file(&self, url: &str, name: &str, sha256: Option<&str>) -> Option<WebFile> {
        // The address is not checked, because nothing is fetched from it.
        let files = AddressFiles::new(&self.folder, &parse_url(url).ok()?, name);
        match sha256 {
            Some(sha256) => files.file(sha256),
            None => files.earlier().map(|(_, file)| file),
        }
    }
}

/// Downloads the file. Tries again after failures that another attempt can mend.
async fn fetch(
    client: &Client,
    url: &Url,
    files: &AddressFiles,
    earlier: Option<&(LastFetch, WebFile)>,
    progress: &dyn Progress,
) -> Result<WebFile, String> {
    let mut retries = Retries::new(SCHEDULE);
    loop {
        let before = files.part_size();
        let error = match try_once(client, url, files, earlier, progress).await {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        if files.part_size() > before {
            retries.reset();
        }
        wait_after(error, &mut retries).await?;
    }
}

/// One attempt.
async fn try_once(
    client: &Client,
    url: &Url,
    files: &AddressFiles,
    earlier: Option<&(LastFetch, WebFile)>,
    progress: &dyn Progress,
) -> Result<WebFile, FetchError> {
    let part = files.part();
    let headers = conditions(earlier, part.as_ref());
    let reply = tokio::time::timeout(STALLED, client.reach(url, &headers)).await.map_err(|_| stalled())??;
    match (reply.status(), earlier) {
        (StatusCode::NOT_MODIFIED, Some((_, file))) => return Ok(file.clone()),
        (StatusCode::RANGE_NOT_SATISFIABLE, _) => {
            files.drop_part();
            return Err(FetchError::Transient(
                "the host does not have this part of the file".to_owned(),
                None,
            ));
        }
        (StatusCode::PARTIAL_CONTENT, _) => {}
        _ => {
            check_status(&reply)?;
            files.drop_part();
        }
    }
    progress.announce(&format!("downloading {url}"));
    let etag = header_text(reply.headers(), ETAG).map(str::to_owned);
    receive(reply, files, progress).await?;
    files.keep(etag).map_err(cannot_store)
}

/// The headers of the request: for the rest of an unfinished download, or for a file other than the earlier one.
fn conditions(earlier: Option<&(LastFetch, WebFile)>, part: Option<&(u64, String)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    };
    match (part, earlier.and_then(|(known, _)| known.etag.as_deref())) {
        (Some((size, mark)), _) => {
            put(RANGE, &format!("bytes={size}-"));
            put(IF_RANGE, mark);
        }
        (None, Some(etag)) => put(IF_NONE_MATCH, etag),
        (None, None) => {}
    }
    headers
}

async fn receive(
    mut reply: Response,
    files: &AddressFiles,
    progress: &dyn Progress,
) -> Result<(), FetchError> {
    // A weak ETag does not promise the same bytes.
    let etag = header_text(reply.headers(), ETAG).filter(|etag| !etag.starts_with("W/"));
    let mark = etag.or_else(|| header_text(reply.headers(), LAST_MODIFIED));
    let mut part = files.open_part(mark).map_err(cannot_store)?;
    let mut done = files.part_size();
    let total = reply.content_length().map(|left| done + left);
    loop {
        let next = tokio::time::timeout(STALLED, reply.chunk()).await;
        let Some(bytes) = next.map_err(|_| stalled())?.map_err(transport)? else { break };
        part.write_all(&bytes).map_err(cannot_store)?;
        done += bytes.len() as u64;
        progress.bytes(done, total);
    }
    match total.filter(|total| *total != done) {
        Some(total) => {
            Err(FetchError::Transient(format!("the connection closed after {done} of {total} bytes"), None))
        }
        None => Ok(()),
    }
}

fn stalled() -> FetchError {
    FetchError::Transient(format!("no byte arrived for {} s", STALLED.as_secs()), None)
}

fn cannot_store(error: io::Error) -> FetchError {
    FetchError::Permanent(format!("cannot store it: {error}"))
}

/// The paths in the cache for one address.
struct AddressFiles {
    content_folder: PathBuf,
    last_fetch: PathBuf,
    name: String,
}

impl AddressFiles {
    fn new(cache: &Path, url: &Url, name: &str) -> Self {
        let key = sha256_hex(url.as_str());
        let last_fetch = cache.join("addresses").join(key);
        Self { content_folder: cache.join("files"), last_fetch, name: plain(name) }
    }

    fn earlier(&self) -> Option<(LastFetch, WebFile)> {
        let known: LastFetch = serde_json::from_slice(&read_regular(&self.last_fetch).ok()?).ok()?;
        let file = self.file(&known.sha256)?;
        Some((known, file))
    }

    /// The file with this hash, if it is stored undamaged.
    fn file(&self, sha256: &str) -> Option<WebFile> {
        let path = self.place(sha256);
        let found = sha256_of_file(&path).ok()?.sha256;
        (found == sha256).then_some(WebFile { path, sha256: found, stale: None })
    }

    fn place(&self, sha256: &str) -> PathBuf {
        self.content_folder.join(sha256).join(&self.name)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.last_fetch.with_extension(ending)
    }

    /// No other process fetches from the address until the lock is dropped.
    fn lock(&self, progress: &dyn Progress) -> Result<FileLock, FileError> {
        let waiting =
            || progress.announce(&format!("waiting for another process that downloads {}", self.name));
        FileLock::wait(&self.beside("lock"), waiting)
    }

    /// The size of an unfinished download, and the version of the content that its bytes are from.
    fn part(&self) -> Option<(u64, String)> {
        let size = self.part_size();
        let mark = read_regular_text(self.beside("mark")).ok()?;
        (size > 0).then_some((size, mark))
    }

    fn part_size(&self) -> u64 {
        fs::metadata(self.beside("incomplete")).map_or(0, |part| part.len())
    }

    fn drop_part(&self) {
        // They may be missing.
        let _ = fs::remove_file(self.beside("mark"));
        let _ = fs::remove_file(self.beside("incomplete"));
    }

    /// Opens the unfinished download for appending. Without a mark it starts over: the version of its bytes is unknown.
    fn open_part(&self, mark: Option<&str>) -> io::Result<File> {
        match mark {
            Some(mark) => write_bytes(&self.beside("mark"), mark.as_bytes())?,
            None => self.drop_part(),
        }
        let path = self.beside("incomplete");
        File::options().append(true).create(true).open(path)
    }

    /// Stores the finished download as the current file of the address.
    fn keep(&self, etag: Option<String>) -> io::Result<WebFile> {
        let part = self.beside("incomplete");
        let sha256 = sha256_of_file(&part)?.sha256;
        let path = self.place(&sha256);
        create_parent_folders(&path)?;
        move_into_place(&part, &path)?;
        self.drop_part();
        let known = LastFetch { sha256: sha256.clone(), name: self.name.clone(), etag };
        write_json(&self.last_fetch, &known)?;
        Ok(WebFile { path, sha256, stale: None })
    }
}

/// The name with every character that is unsafe in a file name replaced.
fn plain(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = name.chars().map(|c| if kept(c) { c } else { '-' }).collect();
    if name.trim_matches('.').is_empty() { "data".to_owned() } else { name }
}
