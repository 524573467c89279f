//! Pictures and data files by address: each fetched once, from public addresses alone, and kept on disk by its hash.
//!
//! Knows nothing of samples or picture formats: the caller says which pictures are worth keeping.

mod address;
mod cache;
mod client;
mod download;
mod guard;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::dns::Resolve;
use tokio::sync::OnceCell;

use crate::text::shown_address;
use crate::types::{Failure, FailureKind};
pub use download::WebFile;

use cache::Cache;
use client::Client;
use guard::{Guard, SystemNames};

/// Says what is wrong with bytes that are not what was wanted.
pub type Check = fn(&[u8]) -> Result<(), String>;

/// How pictures are fetched.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// The folder for what was fetched; made where it is missing.
    pub cache: PathBuf,
    /// What must hold of a picture's bytes before they are kept or given to anybody.
    pub check: Check,
    /// Whether addresses that only this machine or its network can reach are fetched from too.
    pub allow_private: bool,
    /// For one try, from the name's look-up to the last byte, redirects included.
    pub timeout: Duration,
    /// The longest body.
    pub max_bytes: usize,
    /// Redirects that are followed.
    pub max_redirects: usize,
    /// Connections to one host that are kept open between pictures.
    pub connections: usize,
}

impl WebSettings {
    /// The usual limits: 30 s, 50 MiB, 5 redirects, public addresses alone.
    #[must_use]
    pub fn new(cache: PathBuf, check: Check) -> Self {
        Self {
            cache,
            check,
            allow_private: false,
            timeout: Duration::from_secs(30),
            max_bytes: 50 << 20,
            max_redirects: 5,
            connections: 8,
        }
    }
}

/// Fetches pictures and files. Many tasks can share it.
///
/// No cookie, no credential and no referrer is sent, and no proxy is used: behind one, the address that is
/// connected to could not be checked.
#[derive(Debug)]
pub struct Web {
    client: Client,
    folder: PathBuf,
    cache: Arc<Cache>,
    check: Check,
    flights: Mutex<HashMap<Url, Arc<Flight>>>,
}

/// One address being fetched, and what came of it: the picture, or why there is none.
type Flight = OnceCell<Result<Bytes, String>>;

impl Web {
    /// A client that has not connected to anything yet.
    ///
    /// # Errors
    /// What is wrong with the machine's certificates.
    pub fn new(settings: WebSettings) -> Result<Self, String> {
        let guard = if settings.allow_private { Guard::ANY } else { Guard::PUBLIC };
        Self::guarded(settings, guard, Arc::new(SystemNames))
    }

    fn guarded(settings: WebSettings, guard: Guard, names: Arc<dyn Resolve>) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(&settings, guard, names)?,
            cache: Arc::new(Cache::new(settings.cache.clone())),
            folder: settings.cache,
            check: settings.check,
            flights: Mutex::default(),
        })
    }

    /// The picture at `url`: from the cache, or else fetched. Whoever asks for an address that is being fetched
    /// waits for that fetch; one that failed is not tried again by this client. Dropping the future ends the
    /// fetch, unless somebody else waits for it.
    ///
    /// # Errors
    /// [`FailureKind::PictureUnavailable`] with the address and what stood in the way.
    pub async fn fetch(&self, url: &str) -> Result<Bytes, Failure> {
        let unavailable = |reason| {
            Failure::new(FailureKind::PictureUnavailable, format!("{}: {reason}", shown_address(url)))
        };
        let target = self.client.target(url).map_err(unavailable)?;
        let flight = Arc::clone(self.flights().entry(target.clone()).or_default());
        let outcome = flight.get_or_init(|| self.obtain(&target)).await;
        if outcome.is_ok() {
            // The cache has it from now on; what failed stays here, so that a dead link is not tried again.
            self.flights().remove(&target);
        }
        outcome.clone().map_err(unavailable)
    }

    /// The picture at `url` where it was fetched before. Blocks on the disk, and asks nobody.
    #[must_use]
    pub fn kept(&self, url: &str) -> Option<Bytes> {
        self.cache.get(&self.client.target(url).ok()?)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Url, Arc<Flight>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn obtain(&self, url: &Url) -> Result<Bytes, String> {
        if let Some(bytes) = self.cached(url).await {
            return Ok(bytes);
        }
        let bytes = self.client.get(url).await?;
        (self.check)(&bytes)?;
        self.keep(url, bytes.clone()).await;
        Ok(bytes)
    }

    async fn cached(&self, url: &Url) -> Option<Bytes> {
        let (cache, url) = (Arc::clone(&self.cache), url.clone());
        tokio::task::spawn_blocking(move || cache.get(&url)).await.ok()?
    }

    async fn keep(&self, url: &Url, bytes: Bytes) {
        let (cache, url) = (Arc::clone(&self.cache), url.clone());
        // A full or read-only disk costs another fetch some day, and is no reason to lose this picture.
        let _ = tokio::task::spawn_blocking(move || cache.put(&url, &bytes)).await;
    }
}

#[cfg(test)]
mod tests;
