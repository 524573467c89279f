//! The public encoder: reads the folder of a model, then converts texts to tokens, batches and vectors.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::batch::Text;
use crate::config::Config;
use crate::crew::{self, Work};
use crate::embeddings::Embeddings;
use crate::error::Error;
use crate::in_order::InOrder;
use crate::model::{self, Forward, LANDMARK};
use crate::options::{Options, Precision};
use crate::pipeline::Pipeline;
use crate::pooling::Head;
use crate::tokenize::TextTokenizer;
use crate::weights::{self, Weights};

/// A sentence encoder in memory, about 90 MB for all-MiniLM-L6-v2. Threads can share it.
pub struct Encoder {
    model: Box<dyn Forward>,
    tokenizer: TextTokenizer,
    dim: usize,
    max_tokens: usize,
    options: Options,
}

impl Encoder {
    /// Reads a model from a folder in the layout of sentence-transformers.
    ///
    /// The folder must have `config.json`, `tokenizer.json` and `model.safetensors` with floats of 32 or 16 bits. The
    /// file `modules.json` and the files that it names decide on mean or CLS pooling, on the scaling of the vectors,
    /// and on the number of tokens that are read from a text (`sentence_bert_config.json`). Without `modules.json` the
    /// settings of all-MiniLM-L6-v2 apply: 256 tokens and their mean, scaled to length 1. The files
    /// `sentence_bert_config.json` and `1_Pooling/config.json` override them.
    ///
    /// # Errors
    ///
    /// An error if a file is missing or damaged, or describes a model that is not supported. Supported is a BERT
    /// encoder with GELU (exact or by tanh) or ReLU, with absolute positions, with mean or CLS pooling, and without
    /// further layers and prompts. The error names the file, what was found and what was expected.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        Self::with_options(dir, Options::default())
    }

    /// Like [`from_dir`](Self::from_dir), with options.
    ///
    /// # Errors
    ///
    /// The errors of [`from_dir`](Self::from_dir), and an error if the processor does not support the precision.
    pub fn with_options(dir: &Path, options: Options) -> Result<Self, Error> {
        let pipeline = Pipeline::read(dir)?;
        let dir = &pipeline.transformer;
        let config = Config::read(dir)?;
        let settings = pipeline.text_settings(&config)?;
        let tokenizer = TextTokenizer::read(dir, &config, settings)?;
        let (path, bytes) = weights::read(dir)?;
        let head = Head { pooling: pipeline.pooling, normalize: pipeline.normalize };
        let weights = Weights::parse(&path, &bytes, LANDMARK)?;
        let model = model::read(&weights, &config, head, options)?;
        Ok(Self { model, tokenizer, dim: config.hidden_size, max_tokens: settings.max_tokens, options })
    }

    /// Returns the length of each vector; 384 for all-MiniLM-L6-v2.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns the maximum number of tokens that are read from a text, including the two tokens that mark its ends; 256
    /// for all-MiniLM-L6-v2. The rest of a longer text is ignored.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Returns the number of tokens that are read from `text`, including the two tokens that mark its ends: at most
    /// [`max_tokens`](Self::max_tokens).
    ///
    /// # Errors
    ///
    /// An error if the tokenizer rejects the text. The tokenizer of all-MiniLM-L6-v2 accepts every text.
    pub fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        self.tokenizer.encode(text, 0).map(|ids| ids.len())
    }

    /// Returns the precision of the matrix products.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.options.get_precision()
    }

    /// Returns the vector of each text, in the order of the texts. An empty text is valid.
    ///
    /// The vectors have length 1, unless the `modules.json` of the model lacks the step that scales them.
    ///
    /// Besides the result, the call needs a few MB of memory per thread, for any number of texts.
    ///
    /// # Errors
    ///
    /// An error if the tokenizer rejects a text. The tokenizer of all-MiniLM-L6-v2 accepts every text.
    pub fn embed<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Embeddings, Error> {
        self.embed_with(texts, |_| ())
    }

    /// Like [`embed`](Self::embed), and calls `progress` after each batch with the number of texts that are done.
    ///
    /// `progress` is called from any thread, but never by two threads at the same time. The number increases, and the
    /// last one is the number of all texts.
    ///
    /// # Errors
    ///
    /// The errors of [`embed`](Self::embed).
    pub fn embed_with<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        progress: impl Fn(usize) + Sync,
    ) -> Result<Embeddings, Error> {
        let mut values = vec![0.0; texts.len() * self.dim];
        let mut done = 0;
        let keep = |batch: &[Text], rows: &[f32]| {
            for (text, row) in batch.iter().zip(rows.chunks_exact(self.dim)) {
                values[text.index * self.dim..][..self.dim].copy_from_slice(row);
            }
            done += batch.len();
            progress(done);
            Ok::<_, Error>(())
        };
        let references = texts.iter().map(AsRef::as_ref);
        Job::new(self, references, keep).run(self.options.thread_count().min(texts.len()))?;
        Ok(Embeddings::new(values, self.dim))
    }

    /// Calls `each` with the vector of each text, in the order of the texts, while later texts are computed.
    ///
    /// Memory does not grow with the number of texts: a few hundred texts per thread are held at a time. `each` is
    /// called from any thread, but never by two threads at the same time. Other threads that finish meanwhile wait for
    /// it.
    ///
    /// # Errors
    ///
    /// The error of `each`, or the errors of [`embed`](Self::embed). Texts after the failed text may have been read
    /// from `texts`.
    pub fn embed_each<S, E>(
        &self,
        texts: impl IntoIterator<Item = S, IntoIter: Send>,
        mut each: impl FnMut(&[f32]) -> Result<(), E> + Send,
    ) -> Result<(), E>
    where
        S: AsRef<str>,
        E: From<Error> + Send,
    {
        let mut rows = InOrder::default();
        let hand_over = |batch: &[Text], vectors: &[f32]| {
            for (text, vector) in batch.iter().zip(vectors.chunks_exact(self.dim)) {
                rows.put(text.index, vector);
            }
            rows.by_ref().try_for_each(|row: Vec<f32>| each(&row))
        };
        Job::new(self, texts.into_iter(), hand_over).run(self.options.thread_count())
    }

    /// Returns the vectors of the texts, row after row.
    fn embed_batch(&self, batch: &[Text]) -> Vec<f32> {
        let texts: Vec<&[u32]> = batch.iter().map(|text| &*text.ids).collect();
        let mut rows = vec![0.0; batch.len() * self.dim];
        self.model.forward(&texts, &mut rows);
        rows
    }
}

/// One call: the source of the texts and the sink of the vectors.
struct Job<'a, I, F> {
    encoder: &'a Encoder,
    texts: Mutex<std::iter::Enumerate<I>>,
    sink: Mutex<F>,
}

impl<'a, I: Iterator, F> Job<'a, I, F> {
    fn new(encoder: &'a Encoder, texts: I, sink: F) -> Self {
        Self { encoder, texts: Mutex::new(texts.enumerate()), sink: Mutex::new(sink) }
    }
}

impl<S, I, E, F> Job<'_, I, F>
where
    S: AsRef<str>,
    I: Iterator<Item = S> + Send,
    E: From<Error> + Send,
    F: FnMut(&[Text], &[f32]) -> Result<(), E> + Send,
{
    fn run(&self, threads: usize) -> Result<(), E> {
        crew::run(self, threads.max(1))
    }
}

impl<S, I, E, F> Work for Job<'_, I, F>
where
    S: AsRef<str>,
    I: Iterator<Item = S> + Send,
    E: From<Error> + Send,
    F: FnMut(&[Text], &[f32]) -> Result<(), E> + Send,
{
    type Error = E;

    fn read(&self, most: usize) -> Result<Vec<Text>, E> {
        let texts: Vec<(usize, S)> = lock(&self.texts).by_ref().take(most).collect();
        let split = |(index, text): (usize, S)| {
            let ids = self.encoder.tokenizer.encode(text.as_ref(), index)?;
            Ok(Text { index, ids })
        };
        texts.into_iter().map(split).collect()
    }

    fn embed(&self, batch: Vec<Text>) -> Result<(), E> {
        let rows = self.encoder.embed_batch(&batch);
        (lock(&self.sink))(&batch, &rows)
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("dim", &self.dim)
            .field("max_tokens", &self.max_tokens)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Locks a mutex. Poisoning is ignored: after a panic no state is used, because the panic is passed on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
