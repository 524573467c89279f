//! A model of embeddings at an endpoint, asked in batches by the engine.

use std::ops::Range;
use std::sync::Arc;

use sentence_embed::Embeddings;

use super::cache::CacheKey;
use super::embedder::Source as Encode;
use super::rows::Rows;
use crate::engine::{
    Asking, Broken, ExpectedMemory, Lease, RequestMemory, Runtime, RuntimeError, Sink, Source, Stop, StopLevel, Stopper, Work,
};
use crate::provider::{EmbeddingModel, Gate, Halt};
use crate::scorer::EmbedError;
use crate::types::{EncoderSpec, Endpoint, Failure, FailureKind, Observers};

/// Texts in a request: what the strictest servers allow.
const BATCH: usize = 32;

/// A remote encoder.
#[derive(Debug)]
pub struct RemoteEncoder {
    work: Arc<Embed>,
    runtime: Runtime,
}

/// Batches of texts as work of the engine.
#[derive(Debug)]
struct Embed {
    model: EmbeddingModel,
    endpoint: Endpoint,
    gate: Arc<Gate>,
}

/// Texts that are sent in one request.
struct Batch {
    /// The place of the first text among all texts.
    first: usize,
    texts: Vec<String>,
}

/// The vectors of a batch.
struct Vectors {
    first: usize,
    vectors: Vec<Vec<f32>>,
}

impl RemoteEncoder {
    /// The model that `model` asks at `endpoint`, through `gate`. Opens no connection yet.
    ///
    /// # Errors
    /// [`RuntimeError::NoThreads`] if the system has no thread or file left.
    pub fn new(model: EmbeddingModel, endpoint: Endpoint, gate: Arc<Gate>) -> Result<Self, RuntimeError> {
        Ok(Self { work: Arc::new(Embed { model, endpoint, gate }), runtime: Runtime::new()? })
    }

    /// Stands for everything that its vectors depend on, as far as it shows from here, but for the text.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey {
        let Endpoint { base_url, model, params, .. } = &self.work.endpoint;
        let params = serde_json::Value::Object(params.clone()).to_string();
        CacheKey::new(&["remote", base_url, model, &params])
    }

    async fn ask(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        let asking = Asking {
            work: Arc::clone(&self.work),
            gate: Arc::clone(&self.work.gate),
            memory: RequestMemory::unlimited(),
            total: texts.len().div_ceil(BATCH),
            observers: Observers::default(),
        };
        let mut batches = Batches { texts, rest: 0..texts.len() };
        let mut placed = Placed { rows: Rows::new(texts.len()), count: 0, done };
        // Nothing gives the order to stop: Ctrl-C ends the process.
        let stopper = Stopper::default();
        asking.run(&mut batches, &mut placed, &stopper.stop()).await?;
        placed.rows.into_embeddings()
    }
}

impl Work for Embed {
    type Item = Batch;
    type Outcome = Vectors;
    type Error = EmbedError;

    fn expected_memory(&self, batch: &Batch) -> ExpectedMemory {
        ExpectedMemory::known(batch.texts.iter().map(|text| text.len() as u64).sum())
    }

    async fn perform(&self, batch: Batch, _: Lease, stop: Stop) -> Result<Option<Vectors>, EmbedError> {
        // A batch in flight is dropped: without the other batches its vectors have no use.
        let embedded = tokio::select! {
            biased;
            () = stop.reached(StopLevel::Finish) => return Ok(None),
            embedded = embed(&self.model, &batch.texts, &self.gate) => embedded,
        };
        match embedded {
            Ok(Ok(vectors)) => Ok(Some(Vectors { first: batch.first, vectors })),
            Ok(Err(failure)) => Err(self.failed(failure)),
            // The words of the error name an option that has no effect here.
            Err(Halt::Silent { silence, failure }) => {
                Err(self.failed(format!("no answer for {} s ({failure})", silence.as_secs())))
            }
            Err(halt) => Err(self.failed(halt)),
        }
    }
}

impl Embed {
    fn failed(&self, why: impl std::fmt::Display) -> EmbedError {
        EmbedError::Endpoint(format!("{} at {}: {why}", self.endpoint.model, self.endpoint.base_url))
    }
}

impl From<Broken> for EmbedError {
    fn from(broken: Broken) -> Self {
        Self::Endpoint(broken.to_string())
    }
}

/// The texts in batches, in their order.
struct Batches<'a> {
    texts: &'a [&'a str],
    rest: Range<usize>,
}

impl Source<Embed> for Batches<'_> {
    async fn next(&mut self) -> Option<Result<Batch, EmbedError>> {
        let first = self.rest.start;
        let texts =
            self.texts.get(first..self.rest.end.min(first + BATCH)).filter(|texts| !texts.is_empty())?;
        self.rest.start += texts.len();
        Some(Ok(Batch { first, texts: texts.iter().map(|&text| text.to_owned()).collect() }))
    }
}

/// Vectors at the places of their texts.
struct Placed<'a> {
    rows: Rows,
    /// Vectors so far, of which `done` is told.
    count: usize,
    done: &'a (dyn Fn(usize) + Sync),
}

impl Sink<Embed> for Placed<'_> {
    async fn take(&mut self, Vectors { first, vectors }: Vectors) -> Result<(), EmbedError> {
        self.count += vectors.len();
        (self.done)(self.count);
        let mut placed = vectors.iter().zip(first..);
        placed.try_for_each(|(vector, at)| self.rows.put(at, vector))
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

impl Encode for RemoteEncoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec {
            name: format!("{}/{}", self.work.endpoint.provider, self.work.endpoint.model),
            base_url: Some(self.work.endpoint.base_url.clone()),
            params: self.work.endpoint.params.clone(),
            ..EncoderSpec::default()
        }
    }

    /// Asks for one text: whether the key is right shows in no other way.
    fn check(&self) -> Result<(), EmbedError> {
        self.embed(&["eyechart"], &|_| ()).map(drop)
    }

    fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        let vectors = self.runtime.block_on(self.ask(texts, done));
        vectors.map_err(|error| self.work.failed(error))?
    }
}
