//! The public encoder: reads a model's folder, then texts → tokens → batches → unit vectors.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::batch::plan;
use crate::config::{Config, check_pooling, read_bytes, read_max_tokens};
use crate::embeddings::Embeddings;
use crate::error::Error;
use crate::model::{Model, Scratch};
use crate::tokenize::TextTokenizer;
use crate::weights::Weights;

/// A sentence encoder in memory: about 90 MB for all-MiniLM-L6-v2. It can be shared by threads.
pub struct Encoder {
    model: Model,
    tokenizer: TextTokenizer,
    dim: usize,
    max_tokens: usize,
}

impl Encoder {
    /// Reads a model from a folder in the layout of sentence-transformers.
    ///
    /// Needed are `config.json`, `tokenizer.json` and `model.safetensors` with 32-bit floats. If
    /// they are there, `sentence_bert_config.json` sets the number of tokens read of a text (256
    /// otherwise), and `1_Pooling/config.json` is checked to ask for the mean over tokens.
    ///
    /// # Errors
    ///
    /// If a file is missing or damaged, or describes a model other than a BERT encoder with GELU
    /// and mean pooling. The error names the file, what was found and what was expected.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        let config = Config::read(dir)?;
        check_pooling(dir)?;
        let max_tokens = read_max_tokens(dir, &config)?;
        let tokenizer = TextTokenizer::read(dir, &config, max_tokens)?;
        let path = dir.join("model.safetensors");
        let bytes = read_bytes(&path)?;
        let model = Model::read(&Weights::parse(&path, &bytes)?, &config)?;
        Ok(Self { model, tokenizer, dim: config.hidden_size, max_tokens })
    }

    /// The numbers of each vector; 384 for all-MiniLM-L6-v2.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many tokens of a text are read, the two that mark its ends included; the rest of a
    /// longer text is ignored. 256 for all-MiniLM-L6-v2.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The unit vector of each text, in the order of the texts. An empty text is valid.
    ///
    /// Runs on the threads of the current rayon pool. Beside the result and the texts' token ids,
    /// memory is bounded: about 20 MB a thread, however many texts there are.
    ///
    /// # Errors
    ///
    /// If the tokenizer refuses a text, which that of all-MiniLM-L6-v2 never does.
    pub fn embed<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Embeddings, Error> {
        self.embed_with(texts, |_| ())
    }

    /// Like [`embed`](Self::embed), and calls `progress` with the number of texts done so far
    /// after each batch.
    ///
    /// `progress` is called from any thread and by several at once, so a smaller number may follow
    /// a larger one; the number of all texts comes exactly once, unless there are none.
    ///
    /// # Errors
    ///
    /// As [`embed`](Self::embed).
    pub fn embed_with<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        progress: impl Fn(usize) + Sync,
    ) -> Result<Embeddings, Error> {
        let tokens = self.tokenizer.encode(texts)?;
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let batches = plan(&lengths, rayon::current_num_threads());
        let values = Mutex::new(vec![0.0; texts.len() * self.dim]);
        let scratches = Mutex::new(Vec::new());
        let done = AtomicUsize::new(0);
        // A task for each batch, so that a thread that is done early can take over any other batch.
        batches.par_iter().with_max_len(1).for_each(|batch| {
            let mut scratch: Scratch = lock(&scratches).pop().unwrap_or_default();
            let rows = self.embed_batch(batch, &tokens, &mut scratch);
            lock(&scratches).push(scratch);
            scatter(&rows, batch, &mut lock(&values));
            progress(done.fetch_add(batch.len(), Ordering::Relaxed) + batch.len());
        });
        let values = values.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Embeddings::new(values, self.dim))
    }

    /// The vectors of the texts at the places `batch`, row after row.
    fn embed_batch(&self, batch: &[usize], tokens: &[Vec<u32>], scratch: &mut Scratch) -> Vec<f32> {
        let texts: Vec<&[u32]> = batch.iter().map(|&place| &*tokens[place]).collect();
        let mut rows = vec![0.0; batch.len() * self.dim];
        self.model.forward(&texts, scratch, &mut rows);
        rows
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("dim", &self.dim)
            .field("max_tokens", &self.max_tokens)
            .finish_non_exhaustive()
    }
}

/// Copies each row to its place in `values`.
fn scatter(rows: &[f32], places: &[usize], values: &mut [f32]) {
    let dim = rows.len() / places.len();
    for (row, place) in rows.chunks_exact(dim).zip(places) {
        values[place * dim..][..dim].copy_from_slice(row);
    }
}

/// Locks; what a thread that panicked left behind is never read, as rayon passes the panic on.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
