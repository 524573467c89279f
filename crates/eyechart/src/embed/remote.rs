//! An embedding model at an endpoint. The engine sends its requests, each with a batch of texts.

use std::ops::Range;
use std::sync::Arc;

use sentence_embed::Embeddings;

use super::cache::CacheKey;
use super::embedder::VectorSource;
use super::rows::Rows;
use crate::engine::{
    ExpectedMemory, Lease, RequestMemory, Runtime, RuntimeError, Sink, Source, Stop, StopLevel, Stopper,
    TaskFailed, Work, WorkLoop,
};
use crate::provider::{EmbeddingModel, Gate, Halt};
use crate::scorer::EmbedError;
use crate::types::{EncoderSpec, Endpoint, Failure, FailureKind, Observers};

/// Texts per request: what the strictest servers allow.
const BATCH: usize = 32;

/// An embedding model at an endpoint.
#[derive(Debug)]
pub struct RemoteEncoder {
    work: Arc<EmbedBatches>,
    runtime: Runtime,
}

/// Batches of texts as work of the engine.
#[derive(Debug)]
struct EmbedBatches {
    model: EmbeddingModel,
    endpoint: Endpoint,
    gate: Arc<Gate>,
}

/// The texts of one request.
struct Batch {
    /// The index of the first text among all texts.
    first: usize,
    texts: Vec<String>,
}

/// The vectors of a batch.
struct Vectors {
    first: usize,
    vectors: Vec<Vec<f32>>,
}

impl RemoteEncoder {
    /// The model at `endpoint`. `gate` limits the requests. Opens no connection yet.
    ///
    /// # Errors
    /// [`RuntimeError::NoThreads`] if the system has no thread or file left.
    pub fn new(model: EmbeddingModel, endpoint: Endpoint, gate: Arc<Gate>) -> Result<Self, RuntimeError> {
        Ok(Self { work: Arc::new(EmbedBatches { model, endpoint, gate }), runtime: Runtime::new()? })
    }

    /// Identifies what a vector depends on, as far as this is known here, except the text.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey {
        let Endpoint { base_url, model, params, .. } = &self.work.endpoint;
        let params = serde_json::Value::Object(params.clone()).to_string();
        CacheKey::new(&["remote", base_url, model, &params])
    }

    async fn ask(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        let work_loop = WorkLoop {
            work: Arc::clone(&self.work),
            gate: Arc::clone(&self.work.gate),
            memory: RequestMemory::unlimited(),
            total: texts.len().div_ceil(BATCH),
            observers: Observers::default(),
        };
        let mut batches = Batches { texts, rest: 0..texts.len() };
        let mut vectors = VectorSink { rows: Rows::new(texts.len()), count: 0, done };
        // There is no order to stop from outside: Ctrl-C ends the process while texts are embedded.
        let stopper = Stopper::default();
        work_loop.run(&mut batches, &mut vectors, &stopper.stop()).await?;
        vectors.rows.into_embeddings()
    }
}

impl Work for EmbedBatches {
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
            // The message of the error names an option that has no effect here.
            Err(Halt::Silent { silence, failure }) => {
                Err(self.failed(format!("no answer for {} s ({failure})", silence.as_secs())))
            }
            Err(halt) => Err(self.failed(halt)),
        }
    }
}

impl EmbedBatches {
    fn failed(&self, why: impl std::fmt::Display) -> EmbedError {
        EmbedError::Endpoint(format!("{} at {}: {why}", self.endpoint.model, self.endpoint.base_url))
    }
}

impl From<TaskFailed> for EmbedError {
    fn from(failed: TaskFailed) -> Self {
        Self::Endpoint(failed.to_string())
    }
}

/// Divides the texts into batches, in order.
struct Batches<'a> {
    texts: &'a [&'a str],
    rest: Range<usize>,
}

impl Source<EmbedBatches> for Batches<'_> {
    async fn next(&mut self) -> Option<Result<Batch, EmbedError>> {
        let first = self.rest.start;
        let texts =
            self.texts.get(first..self.rest.end.min(first + BATCH)).filter(|texts| !texts.is_empty())?;
        self.rest.start += texts.len();
        Some(Ok(Batch { first, texts: texts.iter().map(|&text| text.to_owned()).collect() }))
    }
}

/// Puts the vectors in the order of their texts.
struct VectorSink<'a> {
    rows: Rows,
    /// Number of vectors so far, which `done` is called with.
    count: usize,
    done: &'a (dyn Fn(usize) + Sync),
}

impl Sink<EmbedBatches> for VectorSink<'_> {
    async fn take(&mut self, Vectors { first, vectors }: Vectors) -> Result<(), EmbedError> {
        self.count += vectors.len();
        (self.done)(self.count);
        let mut placed = vectors.iter().zip(first..);
        placed.try_for_each(|(vector, at)| self.rows.put(at, vector))
    }
}

/// Requests the vectors of a batch. If the endpoint refuses the batch, as a server does that takes fewer texts at once,
/// requests each half of it.
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

impl VectorSource for RemoteEncoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec {
            name: format!("{}/{}", self.work.endpoint.provider, self.work.endpoint.model),
            base_url: Some(self.work.endpoint.base_url.clone()),
            params: self.work.endpoint.params.clone(),
            ..EncoderSpec::default()
        }
    }

    /// Requests the vector of one text: only a request shows whether the key is right.
    fn check(&self) -> Result<(), EmbedError> {
        self.embed(&["eyechart"], &|_| ()).map(drop)
    }

    fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        let vectors = self.runtime.block_on(self.ask(texts, done));
        vectors.map_err(|error| self.work.failed(error))?
    }
}
