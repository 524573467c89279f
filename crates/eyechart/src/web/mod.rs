//! Fetches pictures and data files from the web, once each and only from public addresses, and stores them on disk by
//! hash.
//!
//! Knows nothing of samples or picture formats: the caller checks the bytes of a picture.

mod cache;
mod client;
mod download;
mod error;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::dns::Resolve;
use tokio::sync::OnceCell;

use crate::net::{Guard, SystemNames};
use crate::text::shown_address;
use crate::types::{Failure, FailureKind};
pub(crate) use download::WebFile;
pub use error::WebError;

use cache::Cache;
use client::Client;

/// Checks the bytes of a picture. The error says what is wrong with them.
pub(crate) type Check = fn(&[u8]) -> Result<(), String>;

/// Limits and settings of fetches.
#[derive(Debug, Clone)]
pub(crate) struct WebSettings {
    /// Folder for fetched files. Created if it is missing.
    pub cache: PathBuf,
    /// Check of a picture before it is stored or returned.
    pub check: Check,
    /// Whether to fetch from addresses that only this machine or its network can reach.
    pub allow_private: bool,
    /// Time for one attempt, from the name look-up to the last byte, redirects included.
    pub timeout: Duration,
    /// Maximum size of a picture in bytes.
    pub max_bytes: usize,
    /// Maximum number of redirects.
    pub max_redirects: usize,
    /// Idle connections kept open for each host.
    pub connections: usize,
}

impl WebSettings {
    /// The default limits: 30 s, 50 MiB, 5 redirects, only public addresses.
    #[must_use]
    pub(crate) fn new(cache: PathBuf, check: Check) -> Self {
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
/// Sends no cookies, credentials or referrer. Uses no proxy unless addresses that are not public are
/// allowed, because the address behind a proxy cannot be checked.
#[derive(Debug)]
pub struct Web {
    client: Client,
    folder: PathBuf,
    cache: Arc<Cache>,
    check: Check,
    flights: Mutex<HashMap<Url, Arc<Flight>>>,
}

/// A running or failed fetch of one address: the picture, or the reason why there is none.
type Flight = OnceCell<Result<Bytes, String>>;

impl Web {
    /// Opens no connection.
    ///
    /// # Errors
    /// [`WebError::Client`].
    pub(crate) fn new(settings: WebSettings) -> Result<Self, WebError> {
        let guard = if settings.allow_private { Guard::ANY } else { Guard::PUBLIC };
        Self::guarded(settings, guard, Arc::new(SystemNames))
    }

    fn guarded(settings: WebSettings, guard: Guard, names: Arc<dyn Resolve>) -> Result<Self, WebError> {
        Ok(Self {
            client: Client::new(&settings, guard, names)?,
            cache: Arc::new(Cache::new(settings.cache.clone())),
            folder: settings.cache,
            check: settings.check,
            flights: Mutex::default(),
        })
    }

    /// The picture at `url`, from the cache or the web. Concurrent calls for one address share one fetch. An address
    /// that failed is not tried again by this client. Dropping the future ends the fetch unless another call waits for
    /// it.
    ///
    /// # Errors
    /// [`FailureKind::PictureUnavailable`] with the address and the reason.
    pub(crate) async fn fetch(&self, url: &str) -> Result<Bytes, Failure> {
        let unavailable = |reason| {
            Failure::new(FailureKind::PictureUnavailable, format!("{}: {reason}", shown_address(url)))
        };
        let target = self.client.target(url).map_err(unavailable)?;
        let flight = Arc::clone(self.flights().entry(target.clone()).or_default());
        let outcome = flight.get_or_init(|| self.obtain(&target)).await;
        if outcome.is_ok() {
            // The cache has the picture now. A failure stays here, so that a dead link is not tried again.
            self.flights().remove(&target);
        }
        outcome.clone().map_err(unavailable)
    }

    /// The picture at `url` if it is in the cache. Blocks on the disk, and sends no request.
    #[must_use]
    pub fn from_cache(&self, url: &str) -> Option<Bytes> {
        self.cache.get(&self.client.target(url).ok()?)
    }

    /// Maximum size of a picture in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.client.max_bytes as u64
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
        // With a full or read-only disk the picture is fetched again later. This is not an error.
        let _ = tokio::task::spawn_blocking(move || cache.put(&url, &bytes)).await;
    }
}

#[cfg(test)]
mod tests;
