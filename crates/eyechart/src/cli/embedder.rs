//! Options for embeddings: an encoder on this machine or an endpoint, and the cache.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use eyechart::embed::{
    Arithmetic, CacheKey, CachedSource, Embedder, RemoteEncoder, VectorCache, VectorSource,
};
use eyechart::hub::Environment;
use eyechart::net::Certificates;
use eyechart::provider::{
    ApiKey, EmbeddingModel, Gate, GateSettings, Header, HttpSettings, MOST_CONNECTIONS, ModelName,
    QueryParameter, RetryPolicy,
};
use eyechart::types::Endpoint;
use sentence_embed::Precision;
use serde_json::Value;

use super::encoder::{EmbedProgress, EncoderArguments};
use super::values::{parse_header, parse_param, parse_query, parse_whole};

/// Time limit of an attempt.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Maximum number of retries per batch while the endpoint answers other batches.
const RETRIES: u32 = 5;
/// Shorter than for a run: embeddings that have arrived are in the cache, so nothing is lost.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// The source of embeddings and the cache.
#[derive(Debug, Clone, Args)]
pub struct EmbedderArguments {
    #[command(flatten)]
    encoder: EncoderArguments,

    /// Number format of the encoder: f32, or bf16, which is faster on processors with AVX-512 BF16; similarities near
    /// the threshold are computed with f32
    #[arg(long, value_name = "f32|bf16", default_value_t = Precision::F32, conflicts_with = "embedder")]
    embed_precision: Precision,

    /// Threads that embed; 0 means one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_whole::<usize>, conflicts_with = "embedder")]
    embed_threads: usize,

    /// Endpoint for embeddings in place of --encoder, such as openai/text-embedding-3-small
    #[arg(long, value_name = "PROVIDER/MODEL")]
    embedder: Option<String>,

    /// Address of --embedder, without /embeddings
    #[arg(long, value_name = "URL", requires = "embedder")]
    embed_base_url: Option<String>,

    /// Send a header to --embedder; its value is never recorded
    #[arg(long, value_name = "NAME=VALUE", requires = "embedder", value_parser = parse_header)]
    embed_header: Vec<Header>,

    /// Send a query parameter to --embedder; its value is never recorded
    #[arg(long, value_name = "KEY=VALUE", requires = "embedder", value_parser = parse_query)]
    embed_query: Vec<QueryParameter>,

    /// Add a field to the requests to --embedder, such as dimensions=256
    #[arg(long, value_name = "KEY=JSON", requires = "embedder", value_parser = parse_param)]
    embed_param: Vec<(String, Value)>,

    /// Folder in which embeddings are kept; off keeps none [default: eyechart's cache folder]
    #[arg(long, env = "EYECHART_EMBED_CACHE", value_name = "DIR|off")]
    embed_cache: Option<PathBuf>,
}

impl EmbedderArguments {
    /// Opens the source. The files of an encoder are found or fetched now, and loaded when the cache lacks a text.
    pub fn open(&self) -> anyhow::Result<Embedder> {
        let (usual, exact) = match &self.embedder {
            Some(name) => {
                let remote = self.remote(name).with_context(|| format!("--embedder {name}"))?;
                (self.cached(remote.cache_key(), remote), None)
            }
            None => {
                let arithmetic = Arithmetic { precision: self.embed_precision, threads: self.embed_threads };
                let encoder = self.encoder.open(arithmetic)?;
                let exact = encoder.exact().map(|exact| self.cached(exact.cache_key(), exact));
                (self.cached(encoder.cache_key(), encoder), exact)
            }
        };
        Ok(Embedder::new(usual, exact, Box::new(EmbedProgress::default())))
    }

    fn cached(&self, key: CacheKey, source: impl VectorSource + 'static) -> CachedSource {
        let cache = self.cache_folder().map(|folder| VectorCache::new(&folder, key));
        CachedSource::new(Box::new(source), cache)
    }

    fn remote(&self, name: &str) -> anyhow::Result<RemoteEncoder> {
        let name: ModelName = name.parse()?;
        let (variable, own_address) = (name.key_variable(), self.embed_base_url.is_some());
        let authorized =
            self.embed_header.iter().any(|header| header.name.eq_ignore_ascii_case("authorization"));
        let required = name.key_required(own_address) && !authorized;
        let key = ApiKey::check(variable, std::env::var_os(variable), required)?;
        let endpoint = Endpoint {
            protocol: name.protocol().name().to_owned(),
            base_url: name.base_url(self.embed_base_url.as_deref())?,
            key_variable: Some(variable.to_owned()),
            headers: self.embed_header.iter().map(|header| header.name.clone()).collect(),
            query: self.embed_query.iter().map(|parameter| parameter.name.clone()).collect(),
            params: self.embed_param.iter().cloned().collect(),
            keeps_reasoning: false,
            provider: name.provider,
            model: name.model,
        };
        let http = HttpSettings {
            timeout: TIMEOUT,
            connections: MOST_CONNECTIONS,
            headers: self.embed_header.clone(),
            query: self.embed_query.clone(),
            certificates: Certificates::Verified,
            log: None,
        };
        let policy = RetryPolicy { max_retries: RETRIES };
        let model = EmbeddingModel::new(&endpoint, key, &http, policy)?;
        let gate = Gate::new(GateSettings {
            give_up_after: GIVE_UP_AFTER,
            ..GateSettings::default().within_machine()
        });
        Ok(RemoteEncoder::new(model, endpoint, gate)?)
    }

    fn cache_folder(&self) -> Option<PathBuf> {
        match &self.embed_cache {
            Some(path) if path.as_os_str() == "off" => None,
            Some(path) => Some(path.clone()),
            None => Some(Environment::from_process().own_cache()?.join("embeddings")),
        }
    }
}
