//! A data file by its address: fetched in pieces onto the disk, gone on with where it broke, and asked for again only
//! where it has changed.
//!
//! ```text
//! files/<sha256 of the content>/<name>      a file, under the name that the task has for it
//! addresses/<sha256 of the address>         JSON: which file was there, and by which mark the host knows it
//! addresses/….lock                          held while somebody fetches from it
//! addresses/….incomplete                    the bytes so far of a download that broke, and `….mark` whose they are
//! ```
//!
//! A file counts only under the hash of its content, so whatever breaks here is fetched again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::Web;
use super::client::{Client, LONGEST_WAIT, Trouble, WAITS, check_status, parsed, transport};
use crate::files::{
    FileError, FileLock, create_parent_folders, move_into_place, sha256_hex, sha256_of_file, write_bytes,
    write_json,
};
use crate::text::shown_address;
use crate::types::Progress;

/// Without a byte for this long a connection counts as broken.
const STALLED: Duration = Duration::from_secs(30);

/// A file that was at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebFile {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
    /// Why it is the file that was fetched earlier, where the address could not be asked now.
    pub stale: Option<String>,
}

/// What is known of an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    sha256: String,
    name: String,
    /// The host's `ETag`; absent where it gives none.
    etag: Option<String>,
}

impl Web {
    /// The file at `url` as it is now, kept under the name `name`. The host is asked whether what was fetched earlier is still right; where it
    /// does not answer, that file stands and [`WebFile::stale`] says why.
    ///
    /// Blocks; not for the inside of a runtime.
    ///
    /// # Errors
    /// Why there is no file, with the address.
    pub fn file(&self, url: &str, name: &str, progress: &dyn Progress) -> Result<WebFile, String> {
        let with_url = |reason: String| format!("cannot fetch {}: {reason}", shown_address(url));
        let target = self.client.target(url).map_err(with_url)?;
        let shelf = Shelf::new(&self.folder, &target, name);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| with_url(error.to_string()))?;
        let _lock = shelf.lock(progress).map_err(|error| with_url(format!("cannot keep it: {error}")))?;
        let earlier = shelf.earlier();
        match runtime.block_on(ask(&self.client, &target, &shelf, earlier.as_ref(), progress)) {
            Ok(file) => Ok(file),
            Err(reason) => match earlier {
                Some((_, file)) => Ok(WebFile { stale: Some(with_url(reason)), ..file }),
                None => Err(with_url(reason)),
            },
        }
    }

    /// The file that was fetched from `url` earlier, the one with this hash where one is given. Asks nobody.
    #[must_use]
    pub fn earlier_file(&self, url: &str, name: &str, sha256: Option<&str>) -> Option<WebFile> {
        // Whether it may be connected to does not matter here.
        let shelf = Shelf::new(&self.folder, &parsed(url).ok()?, name);
        match sha256 {
            Some(sha256) => shelf.file(sha256),
            None => shelf.earlier().map(|(_, file)| file),
        }
    }
}

async fn ask(
    client: &Client,
    url: &Url,
    shelf: &Shelf,
    earlier: Option<&(Known, WebFile)>,
    progress: &dyn Progress,
) -> Result<WebFile, String> {
    let mut waits = WAITS.into_iter();
    loop {
        let before = shelf.part_size();
        let trouble = match download(client, url, shelf, earlier, progress).await {
            Ok(file) => return Ok(file),
            Err(Trouble::Lasting(reason)) => return Err(reason),
            Err(trouble) => trouble,
        };
        // As long as bytes come, a connection that breaks is no reason to give up.
        if shelf.part_size() > before {
            waits = WAITS.into_iter();
        }
        match (waits.next(), &trouble) {
            (Some(wait), Trouble::Passing(_, asked)) => {
                tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
            }
            _ => return Err(trouble.into_reason()),
        }
    }
}

/// One try.
async fn download(
    client: &Client,
    url: &Url,
    shelf: &Shelf,
    earlier: Option<&(Known, WebFile)>,
    progress: &dyn Progress,
) -> Result<WebFile, Trouble> {
    let part = shelf.part();
    let headers = conditions(earlier, part.as_ref());
    let reply = tokio::time::timeout(STALLED, client.reach(url, &headers)).await.map_err(|_| stalled())??;
    match (reply.status(), earlier) {
        (StatusCode::NOT_MODIFIED, Some((_, file))) => return Ok(file.clone()),
        (StatusCode::RANGE_NOT_SATISFIABLE, _) => {
            shelf.drop_part();
            return Err(Trouble::Passing("the host has no such part of the file".to_owned(), None));
        }
        (StatusCode::PARTIAL_CONTENT, _) => {}
        _ => {
            check_status(&reply)?;
            shelf.drop_part();
        }
    }
    progress.say(&format!("downloading {url}"));
    let etag = text(&reply, &ETAG);
    receive(reply, shelf, progress).await?;
    shelf.keep(etag).map_err(lasting)
}

/// What is asked: all of the file unless it is still the earlier one, or the rest of one whose beginning is here.
fn conditions(earlier: Option<&(Known, WebFile)>, part: Option<&(u64, String)>) -> HeaderMap {
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

async fn receive(mut reply: Response, shelf: &Shelf, progress: &dyn Progress) -> Result<(), Trouble> {
    let mark =
        text(&reply, &ETAG).filter(|etag| !etag.starts_with("W/")).or_else(|| text(&reply, &LAST_MODIFIED));
    let mut part = shelf.open_part(mark.as_deref()).map_err(lasting)?;
    let mut done = shelf.part_size();
    let total = reply.content_length().map(|left| done + left);
    loop {
        let next = tokio::time::timeout(STALLED, reply.chunk()).await;
        let Some(bytes) = next.map_err(|_| stalled())?.map_err(transport)? else { break };
        part.write_all(&bytes).map_err(lasting)?;
        done += bytes.len() as u64;
        progress.bytes(done, total);
    }
    match total.filter(|total| *total != done) {
        Some(total) => Err(Trouble::Passing(format!("{done} of {total} bytes came"), None)),
        None => Ok(()),
    }
}

fn stalled() -> Trouble {
    Trouble::Passing(format!("nothing came for {} s", STALLED.as_secs()), None)
}

fn lasting(error: io::Error) -> Trouble {
    Trouble::Lasting(format!("cannot keep it: {error}"))
}

fn text(reply: &Response, name: &HeaderName) -> Option<String> {
    Some(reply.headers().get(name)?.to_str().ok()?.to_owned())
}

/// The places of one address.
struct Shelf {
    files: PathBuf,
    known: PathBuf,
    name: String,
}

impl Shelf {
    fn new(cache: &Path, url: &Url, name: &str) -> Self {
        let key = sha256_hex(url.as_str());
        let known = cache.join("addresses").join(key);
        Self { files: cache.join("files"), known, name: plain(name) }
    }

    fn earlier(&self) -> Option<(Known, WebFile)> {
        let known: Known = serde_json::from_slice(&fs::read(&self.known).ok()?).ok()?;
        let file = self.file(&known.sha256)?;
        Some((known, file))
    }

    /// The file with this hash, where it is here and whole.
    fn file(&self, sha256: &str) -> Option<WebFile> {
        let path = self.place(sha256);
        let found = sha256_of_file(&path).ok()?.sha256;
        (found == sha256).then_some(WebFile { path, sha256: found, stale: None })
    }

    fn place(&self, sha256: &str) -> PathBuf {
        self.files.join(sha256).join(&self.name)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.known.with_extension(ending)
    }

    /// No other process fetches from the address until the lock is dropped.
    fn lock(&self, progress: &dyn Progress) -> Result<FileLock, FileError> {
        let waiting = || progress.say(&format!("waiting for another process that downloads {}", self.name));
        FileLock::wait(&self.beside("lock"), waiting)
    }

    /// The bytes that an earlier download left, and the mark of the content that they are of.
    fn part(&self) -> Option<(u64, String)> {
        let size = self.part_size();
        let mark = fs::read_to_string(self.beside("mark")).ok()?;
        (size > 0).then_some((size, mark))
    }

    fn part_size(&self) -> u64 {
        fs::metadata(self.beside("incomplete")).map_or(0, |part| part.len())
    }

    fn drop_part(&self) {
        // What is not there need not go.
        let _ = fs::remove_file(self.beside("mark"));
        let _ = fs::remove_file(self.beside("incomplete"));
    }

    /// The part, to be gone on with. Without a mark nobody could say later whose beginning it is.
    fn open_part(&self, mark: Option<&str>) -> io::Result<File> {
        match mark {
            Some(mark) => write_bytes(&self.beside("mark"), mark.as_bytes())?,
            None => self.drop_part(),
        }
        let path = self.beside("incomplete");
        File::options().append(true).create(true).open(path)
    }

    /// Makes the whole part the file that is at the address.
    fn keep(&self, etag: Option<String>) -> io::Result<WebFile> {
        let part = self.beside("incomplete");
        let sha256 = sha256_of_file(&part)?.sha256;
        let path = self.place(&sha256);
        create_parent_folders(&path)?;
        move_into_place(&part, &path)?;
        self.drop_part();
        let known = Known { sha256: sha256.clone(), name: self.name.clone(), etag };
        write_json(&self.known, &known)?;
        Ok(WebFile { path, sha256, stale: None })
    }
}

/// The name as far as it can be a file's in the cache.
fn plain(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = name.chars().map(|c| if kept(c) { c } else { '-' }).collect();
    if name.trim_matches('.').is_empty() { "data".to_owned() } else { name }
}
