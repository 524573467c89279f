//! A repository at one commit: lists files, downloads them, or reads a part of one.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::cache::RepositoryCache;
use super::context::{Context, Wanted};
use super::download::{Download, Meter};
use super::hash::Hasher;
use super::listing::{Listing, RemoteFile};
use super::repository::check_path;
use super::stream::Stream;
use super::transfer::{Identity, Source};
use super::{HubError, parallel};
use crate::files::open_regular;
use crate::types::Progress;

/// A repository at one commit. Cheap to clone; clones share the list of files.
#[derive(Clone)]
pub struct Snapshot {
    context: Context,
    cache: RepositoryCache,
    commit: String,
    origin: Origin,
    /// Whether no request may be sent.
    offline: bool,
    listing: Arc<OnceLock<Listing>>,
}

/// Where the commit of the revision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The Hub gave it for this snapshot.
    Hub,
    /// The cache has it from an earlier request.
    Cache,
    /// The user named the commit.
    Pinned,
}

impl Snapshot {
    pub(super) fn new(
        context: Context,
        cache: RepositoryCache,
        (commit, origin): (String, Origin),
        offline: bool,
    ) -> Self {
        Self { context, cache, commit, origin, offline, listing: Arc::default() }
    }

    /// The commit: 40 lower-case hexadecimal digits.
    #[must_use]
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// Whether the commit comes from the cache because the Hub could not be asked. The revision may have changed since.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        self.origin == Origin::Cache
    }

    /// The folder with the downloaded files under their paths. It need not exist.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.cache.snapshot(&self.commit)
    }

    /// All files of the commit, sorted by path.
    ///
    /// The Hub is asked once for each commit; Python finds the stored list too. Without a network and without a stored
    /// list, the files in the snapshot's folder are listed, which may be only some of the files.
    ///
    /// # Errors
    /// Any error of the request; [`HubError::Offline`] if no request may be sent and the cache has no file of the
    /// commit.
    pub fn files(&self) -> Result<Vec<RemoteFile>, HubError> {
        self.listing().map(Listing::files)
    }

    /// All files of the commit, as [`Snapshot::files`], but never only some of them.
    ///
    /// # Errors
    /// As [`Snapshot::files`]; [`HubError::PartOnly`] if only some of the files are known.
    pub fn all_files(&self) -> Result<Vec<RemoteFile>, HubError> {
        match self.listing()? {
            listing if listing.is_whole() => Ok(listing.files()),
            _ => Err(HubError::PartOnly { repository: self.context.repository.to_string() }),
        }
    }

    /// The paths of the files in the cache, in the order of `paths`. Missing files are downloaded first, a few at a
    /// time, and checked against the Hub's hash and size.
    ///
    /// # Errors
    /// The first error. Complete files stay in the cache, and the next call continues incomplete ones.
    pub fn get(&self, paths: &[String], progress: &dyn Progress) -> Result<Vec<PathBuf>, HubError> {
        paths.iter().try_for_each(|path| check_path(path))?;
        let place = |path: &String| self.cache.file(&self.commit, path);
        let mut missing: Vec<&str> =
            paths.iter().filter(|path| !self.has(path)).map(String::as_str).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            self.download(&missing, progress)?;
        }
        self.remember();
        Ok(paths.iter().map(place).collect())
    }

    /// Checks a file in the cache against the Hub's size and hash. A file that is not in the cache passes. Sends no
    /// request.
    ///
    /// # Errors
    /// [`HubError::Spoiled`] if they differ, [`HubError::Cache`] if the file cannot be read.
    pub fn verify(&self, path: &str) -> Result<(), HubError> {
        let Some(file) = self.cached(path)? else { return Ok(()) };
        let Some(identity) = self.known_listing().and_then(|listing| listing.identity(path)) else {
            return Ok(());
        };
        let Some(etag) = identity.etag.as_deref() else { return Ok(()) };
        let file = std::fs::canonicalize(&file).unwrap_or(file);
        let damaged = |what, found, expected| HubError::Spoiled { file: file.clone(), what, found, expected };
        let mut hasher = Hasher::of(etag, identity.size);
        let read =
            open_regular(&file).and_then(|file| hasher.read(file)).map_err(HubError::cache("read", &file))?;
        match (identity.size.filter(|size| *size != read), hasher.mismatch(etag)) {
            (Some(size), _) => Err(damaged("size", read.to_string(), size.to_string())),
            (None, Some((what, found))) => Err(damaged(what, found, etag.to_owned())),
            (None, None) => Ok(()),
        }
    }

    /// Some bytes of a file, from the cache if the file is there. Nothing is stored.
    ///
    /// # Errors
    /// As [`Snapshot::get`]; [`HubError::Range`] if the file ends before the range; [`HubError::NoRanges`] if the
    /// server sends only whole files.
    pub fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, HubError> {
        if let Some(file) = self.cached(path)? {
            return read_local(&file, &range).map_err(HubError::cache("read", &file));
        }
        let source = self.source(path)?;
        let size = source.identity.size;
        if range.start > range.end || size.is_some_and(|size| range.end > size) {
            return Err(HubError::Range { path: path.to_owned(), range, size });
        }
        let mut bytes = Vec::new();
        if range.is_empty() {
            return Ok(bytes.into());
        }
        let mut transfer = source.piece(&range);
        while let Some(received) = transfer.next()? {
            bytes.extend_from_slice(&received);
        }
        Ok(bytes.into())
    }

    /// The bytes of a file from `from` to its end, from the cache if the file is there. Nothing is stored.
    ///
    /// After a broken connection the stream continues at the same byte. A stream from the beginning is checked against
    /// the Hub's hash, and ends with an error if the hash differs.
    ///
    /// # Errors
    /// As [`Snapshot::get`]. Later failures are errors of `read`.
    pub fn stream(&self, path: &str, from: u64) -> Result<Box<dyn Read + Send>, HubError> {
        if let Some(file) = self.cached(path)? {
            let opened = open_regular(&file).and_then(|mut opened| {
                opened.seek(SeekFrom::Start(from))?;
                Ok(opened)
            });
            return Ok(Box::new(opened.map_err(HubError::cache("read", &file))?));
        }
        let source = self.source(path)?;
        match source.identity.size {
            Some(size) if from > size => {
                Err(HubError::Range { path: path.to_owned(), range: from..size, size: Some(size) })
            }
            _ => Ok(Box::new(Stream::new(source, from))),
        }
    }

    /// The path of the file in the cache, if the file is there.
    fn cached(&self, path: &str) -> Result<Option<PathBuf>, HubError> {
        check_path(path)?;
        Ok(Some(self.cache.file(&self.commit, path)).filter(|file| file.is_file()))
    }

    /// Whether the cache has the file with the Hub's size. A file that was cut off does not count.
    fn has(&self, path: &str) -> bool {
        let Ok(data) = std::fs::metadata(self.cache.file(&self.commit, path)) else { return false };
        let expected = self.known_listing().and_then(|listing| listing.identity(path)?.size);
        data.is_file() && expected.is_none_or(|size| size == data.len())
    }

    fn listing(&self) -> Result<&Listing, HubError> {
        if let Some(listing) = self.known_listing() {
            return Ok(listing);
        }
        if self.offline || self.is_from_cache() {
            let listing = Listing::of_folder(&self.folder());
            if !listing.is_empty() {
                return Ok(self.listing.get_or_init(|| listing));
            }
        }
        if self.offline {
            return Err(self.context.offline(Wanted::Listing(&self.commit)));
        }
        let listing = Listing::fetch(&self.context, &self.commit)?;
        // It only saves later requests, so a cache that cannot be written is not an error.
        let _ = listing.keep(&self.cache.listing(&self.commit));
        Ok(self.listing.get_or_init(|| listing))
    }

    /// The list of files that is known without a request.
    fn known_listing(&self) -> Option<&Listing> {
        if self.listing.get().is_none()
            && let Some(kept) = Listing::read(&self.cache.listing(&self.commit))
        {
            return Some(self.listing.get_or_init(|| kept));
        }
        self.listing.get()
    }

    fn download(&self, missing: &[&str], progress: &dyn Progress) -> Result<(), HubError> {
        let sources = parallel::for_each(missing, |path, _| self.source(path))?;
        let total = sources.iter().map(|source| source.identity.size).sum();
        let what = match missing {
            [path] => (*path).to_owned(),
            _ => format!("{} files", missing.len()),
        };
        let host = self.context.host();
        progress.announce(&format!("downloading {what} of {} from {host}", self.context.repository));
        let meter = Meter::new(progress, total);
        parallel::for_each(&sources, |source, stop| self.prepare(source)?.run(&meter, stop))?;
        Ok(())
    }

    fn prepare(&self, source: &Source) -> Result<Download<'_>, HubError> {
        let etag = source.identity.etag.as_deref();
        let etag = etag.ok_or_else(|| self.context.protocol(format!("no ETag for {}", source.path)))?;
        // The etag becomes the name of a file.
        let is_name = etag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_name || etag.is_empty() || etag.len() > 128 {
            return Err(self
                .context
                .protocol(format!("an ETag that is not a valid file name for {}", source.path)));
        }
        Ok(Download { cache: &self.cache, etag: etag.to_owned(), source: source.clone() })
    }

    /// Where the file comes from, and its size and etag.
    fn source(&self, path: &str) -> Result<Source, HubError> {
        let wanted = Wanted::File(path, &self.commit);
        if self.offline {
            return Err(self.context.offline(wanted));
        }
        let identity = match self.known_listing().filter(|listing| listing.is_whole()) {
            Some(listing) => listing.identity(path).ok_or_else(|| self.no_entry(path))?,
            None => self.fetch_identity(path)?,
        };
        let (context, commit) = (self.context.clone(), self.commit.clone());
        Ok(Source { context, commit, path: path.to_owned(), identity })
    }

    /// Asks the Hub for this file only, without the list of all files.
    fn fetch_identity(&self, path: &str) -> Result<Identity, HubError> {
        if self.cache.is_absent(&self.commit, path) {
            return Err(self.no_entry(path));
        }
        let url = self.context.endpoint().resolve(&self.context.repository, &self.commit, path);
        let facts = self.context.http.head(url).map_err(|failure| {
            let error = self.context.explain(failure, Wanted::File(path, &self.commit));
            if matches!(error, HubError::EntryNotFound { .. }) {
                self.cache.note_absent(&self.commit, path);
            }
            error
        })?;
        Ok(Identity { etag: facts.etag, size: facts.size })
    }

    fn no_entry(&self, path: &str) -> HubError {
        let (repository, commit) = (self.context.repository.to_string(), self.commit.clone());
        HubError::EntryNotFound { repository, path: path.to_owned(), commit }
    }

    /// Stores the commit of a branch or a tag for offline use, once the cache has files of the commit.
    fn remember(&self) {
        if self.origin == Origin::Hub {
            // The files are in the cache, so a failure here is not an error.
            let _ = self.cache.remember(self.context.repository.revision(), &self.commit);
        }
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("repository", &self.context.repository)
            .field("commit", &self.commit)
            .finish_non_exhaustive()
    }
}

fn read_local(file: &Path, range: &Range<u64>) -> io::Result<Bytes> {
    let mut file = open_regular(file)?;
    file.seek(SeekFrom::Start(range.start))?;
    let length = range.end.saturating_sub(range.start);
    let mut bytes = Vec::new();
    if file.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.into())
}
