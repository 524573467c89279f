//! The Hugging Face Hub: lists the files of a repository, and downloads them into the cache that Python's
//! `huggingface_hub` shares.
//!
//! Every call blocks and may be made inside or outside of an async runtime. This module does not print, and does not
//! know what the files contain.

mod cache;
mod context;
mod download;
mod endpoint;
mod environment;
mod error;
mod hash;
mod http;
mod listing;
mod parallel;
mod repository;
mod snapshot;
mod stream;
mod transfer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

pub use environment::{Environment, KEY_VARIABLES, Token};
pub use error::HubError;
pub use listing::RemoteFile;
pub use repository::{Repository, RepositoryKind};
pub use snapshot::Snapshot;

use cache::RepositoryCache;
use context::{Context, Wanted};
use endpoint::Endpoint;
use http::Http;
use repository::is_commit;
use snapshot::Origin;

/// Timeouts and retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for one read, not for a whole file: a slow transfer continues as long as bytes arrive.
    pub read_timeout: Duration,
    /// Attempts without a new byte before a transfer fails. Zero counts as one.
    pub attempts: u32,
    /// Wait before the second attempt. Each later wait is twice as long.
    pub first_wait: Duration,
}

impl Default for Settings {
    /// 5 s to connect, 30 s for a read, six attempts over about 15 s.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            attempts: 6,
            first_wait: Duration::from_millis(500),
        }
    }
}

/// The Hub or the mirror in `HF_ENDPOINT`, and the cache.
pub struct Hub {
    cache: PathBuf,
    offline: bool,
    http: Arc<Http>,
}

impl Hub {
    /// The Hub that the environment describes. Opens no connection.
    ///
    /// # Errors
    /// If the environment has no usable cache folder, address or token.
    pub fn new(env: &Environment) -> Result<Self, HubError> {
        Self::with_settings(env, Settings::default())
    }

    /// As [`Hub::new`], with other timeouts.
    ///
    /// # Errors
    /// As [`Hub::new`].
    pub fn with_settings(env: &Environment, settings: Settings) -> Result<Self, HubError> {
        let cache = env.hub_cache().ok_or(HubError::NoCache)?;
        let endpoint = Endpoint::parse(env.endpoint())?;
        let http = Http::new(endpoint, env.token().as_ref(), settings)?;
        Ok(Self { cache, offline: env.hf_hub_offline, http: Arc::new(http) })
    }

    /// The repository at the current commit of its revision. No request is sent for a revision that is a commit.
    ///
    /// If the Hub may not be asked or does not answer, the commit in the cache is used, and [`Snapshot::is_from_cache`]
    /// is true.
    ///
    /// # Errors
    /// [`HubError::Offline`] and [`HubError::Unreachable`] if the cache has no commit either. Another error if the Hub
    /// does not have the repository or the revision, or refuses access.
    pub fn snapshot(&self, repository: &Repository) -> Result<Snapshot, HubError> {
        repository.check()?;
        let cache = RepositoryCache::new(&self.cache, repository);
        let context = Context { http: Arc::clone(&self.http), repository: repository.clone() };
        let found = match repository.pinned_commit() {
            Some(commit) => (commit.to_owned(), Origin::Pinned),
            None => self.resolve(&context, &cache)?,
        };
        Ok(Snapshot::new(context, cache, found, self.offline))
    }

    fn resolve(&self, context: &Context, cache: &RepositoryCache) -> Result<(String, Origin), HubError> {
        let revision = context.repository.revision();
        let asked = match self.offline {
            true => Err(context.offline(Wanted::Revision(revision))),
            false => fetch_commit(context),
        };
        match asked {
            Ok(commit) => Ok((commit, Origin::Hub)),
            Err(error) if error.is_out_of_reach() => {
                cache.commit_of(revision).map(|commit| (commit, Origin::Cache)).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("cache", &self.cache)
            .field("host", &self.http.endpoint().host())
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// Asks the Hub for the current commit of the revision.
fn fetch_commit(context: &Context) -> Result<String, HubError> {
    #[derive(Deserialize)]
    struct Info {
        sha: Option<String>,
    }
    let wanted = Wanted::Revision(context.repository.revision());
    let page = context.http.page(context.endpoint().revision(&context.repository));
    let (body, _) = page.map_err(|failure| context.explain(failure, wanted))?;
    let sha = serde_json::from_slice::<Info>(&body).ok().and_then(|info| info.sha);
    sha.filter(|sha| is_commit(sha)).ok_or_else(|| context.protocol("the reply has no commit"))
}
