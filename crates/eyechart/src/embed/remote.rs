//! A model of embeddings at an endpoint, asked in batches, as many at once as it bears.

use std::sync::Arc;

use sentence_embed::Embeddings;
use tokio::runtime::Runtime;
use tokio::task::{JoinError, JoinSet};

use super::cache::CacheKey;
use super::embedder::Source;
use super::rows::Rows;
use crate::provider::{EmbeddingModel, Gate, Halt};
use crate::scorer::EmbedError;
use crate::types::{EncoderSpec, Endpoint, Failure, FailureKind};

/// Texts in a request: what the strictest servers allow.
const BATCH: usize = 32;

/// A remote encoder.
#[derive(Debug)]
pub struct RemoteEncoder {
    model: Arc<EmbeddingModel>,
    endpoint: Endpoint,
    gate: Arc<Gate>,
    runtime: Runtime,
}

/// What became of one batch: its number, and its vectors or why there are none.
type Ended = (usize, Result<Result<Vec<Vec<f32>>, Failure>, Halt>);

impl RemoteEncoder {
    /// The model that `model` asks at `endpoint`, through `gate`. Opens no connection yet.
    ///
    /// # Errors
    /// Where the system has no thread or file left.
    pub fn new(model: EmbeddingModel, endpoint: Endpoint, gate: Arc<Gate>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { model: Arc::new(model), endpoint, gate, runtime })
    }

    /// Stands for everything that its vectors depend on, as far as it shows from here, but for the text.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey {
        let Endpoint { base_url, model, params, .. } = &self.endpoint;
        let params = serde_json::Value::Object(params.clone()).to_string();
        CacheKey::new(&["remote", base_url, model, &params])
    }

    async fn ask(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        let mut rows = Rows::new(texts.len());
        let (mut asked, mut so_far) = (JoinSet::new(), 0);
        let mut take = |ended: Result<Ended, JoinError>| {
            let (number, vectors) = self.vectors(ended)?;
            so_far += vectors.len();
            done(so_far);
            let mut placed = vectors.iter().zip(number * BATCH..);
            placed.try_for_each(|(vector, at)| rows.put(at, vector))
        };
        for (number, batch) in texts.chunks(BATCH).enumerate() {
            let slot = self.gate.acquire().await;
            // A request that failed for good must not wait for all others.
            while let Some(ended) = asked.try_join_next() {
                take(ended)?;
            }
            let (model, gate) = (Arc::clone(&self.model), Arc::clone(&self.gate));
            let batch: Vec<String> = batch.iter().map(|&text| text.to_owned()).collect();
            asked.spawn(async move {
                let ended = embed(&model, &batch, &gate).await;
                drop(slot);
                (number, ended)
            });
        }
        while let Some(ended) = asked.join_next().await {
            take(ended)?;
        }
        rows.into_embeddings()
    }

    /// The vectors of a batch that ended well, and its number.
    fn vectors(&self, ended: Result<Ended, JoinError>) -> Result<(usize, Vec<Vec<f32>>), EmbedError> {
        let (number, outcome) = ended.map_err(|error| self.failed(error))?;
        match outcome {
            Ok(Ok(vectors)) => Ok((number, vectors)),
            Ok(Err(failure)) => Err(self.failed(failure)),
            // Its own words name an option that does not bear on this.
            Err(Halt::Silent { silence, failure }) => {
                Err(self.failed(format!("no answer for {} s ({failure})", silence.as_secs())))
            }
            Err(halt) => Err(self.failed(halt)),
        }
    }

    fn failed(&self, why: impl std::fmt::Display) -> EmbedError {
        EmbedError::Endpoint(format!("{} at {}: {why}", self.endpoint.model, self.endpoint.base_url))
    }
}

/// Asks for a batch; for its halves where it is refused as it is, as by a server that takes fewer at once.
async fn embed(
    model: &EmbeddingModel,
    texts: &[String],
    gate: &Arc<Gate>,
) -> Result<Result<Vec<Vec<f32>>, Failure>, Halt> {
    let asked = model.embed(texts, gate).await?;
    let is_refused =
        |failure: &Failure| matches!(failure.kind, FailureKind::TooLarge | FailureKind::BadRequest);
    if texts.len() == 1 || !asked.as_ref().is_err_and(is_refused) {
        return Ok(asked);
    }
    let mut vectors = Vec::with_capacity(texts.len());
    for half in texts.chunks(texts.len().div_ceil(2)) {
        match Box::pin(embed(model, half, gate)).await? {
            Ok(half) => vectors.extend(half),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(vectors))
}

impl Source for RemoteEncoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec {
            name: format!("{}/{}", self.endpoint.provider, self.endpoint.model),
            base_url: Some(self.endpoint.base_url.clone()),
            params: self.endpoint.params.clone(),
            ..EncoderSpec::default()
        }
    }

    /// Asks for one text: whether the key is right shows in no other way.
    fn check(&self) -> Result<(), EmbedError> {
        self.embed(&["eyechart"], &|_| ()).map(drop)
    }

    fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        self.runtime.block_on(self.ask(texts, done))
    }
}
