//! The Hugging Face Hub: which files a repository has, and its files into the cache that Python's `huggingface_hub`
//! shares.
//!
//! Everything blocks and may be called from inside and outside of a runtime. Nothing here prints, and nothing knows
//! what the files are good for.

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

/// How long to wait for the Hub, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// For a connection to come about.
    pub connect_timeout: Duration,
    /// For each read, not for a whole file: a slow transfer is fine as long as bytes come.
    pub read_timeout: Duration,
    /// Tries without a byte of progress before a transfer is given up; at least 1.
    pub attempts: u32,
    /// Before the second try; each further wait is twice as long.
    pub first_wait: Duration,
}

impl Default for Settings {
    /// Five seconds to connect, 30 for a read, six tries over about a quarter of a minute.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            attempts: 6,
            first_wait: Duration::from_millis(500),
        }
    }
}

/// The Hub, or the mirror that `HF_ENDPOINT` names, and the cache.
pub struct Hub {
    cache: PathBuf,
    offline: bool,
    http: Arc<Http>,
}

impl Hub {
    /// The Hub as the environment has it. Opens no connection.
    ///
    /// # Errors
    /// Where the environment names no cache folder, no address or no token that can be used.
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

    /// The repository at the commit that its revision is now. A revision that is a commit already costs no request.
    ///
    /// Where the Hub may not be asked or does not answer, it is the commit that the cache remembers:
    /// [`Snapshot::is_from_cache`] tells.
    ///
    /// # Errors
    /// [`HubError::Offline`] and [`HubError::Unreachable`] where the cache remembers none either; what the Hub says
    /// of a repository or a revision that it does not have or does not give.
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
            false => ask_commit(context),
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

/// Asks the Hub which commit the revision is.
fn ask_commit(context: &Context) -> Result<String, HubError> {
    #[derive(Deserialize)]
    struct Info {
        sha: Option<String>,
    }
    let wanted = Wanted::Revision(context.repository.revision());
    let page = context.http.page(context.endpoint().revision(&context.repository));
    let (body, _) = page.map_err(|failure| context.explain(failure, wanted))?;
    let sha = serde_json::from_slice::<Info>(&body).ok().and_then(|info| info.sha);
    sha.filter(|sha| is_commit(sha)).ok_or_else(|| context.protocol("it names no commit"))
}
