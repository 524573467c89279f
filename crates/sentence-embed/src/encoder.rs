//! The public encoder: reads a model's folder, then texts → tokens → batches → vectors.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::batch::plan;
use crate::config::Config;
use crate::embeddings::Embeddings;
use crate::error::Error;
use crate::model::{LANDMARK, Model, Scratch};
use crate::pipeline::Pipeline;
use crate::pooling::Head;
use crate::tokenize::TextTokenizer;
use crate::weights::{self, Weights};

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
    /// Needed are `config.json`, `tokenizer.json` and `model.safetensors` with floats of 32 or 16 bits. What
    /// `modules.json` and the files that it leads to say is obeyed: mean or CLS pooling, vectors scaled or not, the
    /// number of tokens read of a text (`sentence_bert_config.json`). A folder without `modules.json` is read as
    /// all-MiniLM-L6-v2 is: 256 tokens, their mean, scaled to length 1, unless `sentence_bert_config.json` and
    /// `1_Pooling/config.json` are there and say otherwise.
    ///
    /// # Errors
    ///
    /// If a file is missing or damaged, or describes a model that is not computed: anything but a BERT encoder with
    /// GELU and absolute positions, with mean or CLS pooling, without further layers and prompts. The error names the
    /// file, what was found and what was expected.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        let pipeline = Pipeline::read(dir)?;
        let dir = &pipeline.transformer;
        let config = Config::read(dir)?;
        let settings = pipeline.text_settings(&config)?;
        let tokenizer = TextTokenizer::read(dir, &config, settings)?;
        let (path, bytes) = weights::read(dir)?;
        let head = Head { pooling: pipeline.pooling, normalize: pipeline.normalize };
        let model = Model::read(&Weights::parse(&path, &bytes, LANDMARK)?, &config, head)?;
        Ok(Self { model, tokenizer, dim: config.hidden_size, max_tokens: settings.max_tokens })
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

    /// The vector of each text, in the order of the texts. An empty text is valid.
    ///
    /// It has length 1, unless the model's `modules.json` lacks the step that scales it.
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
