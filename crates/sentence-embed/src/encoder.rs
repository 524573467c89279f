//! The public encoder: reads a model's folder, then texts → tokens → batches → vectors.

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

/// A sentence encoder in memory: about 90 MB for all-MiniLM-L6-v2. It can be shared by threads.
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
    /// Needed are `config.json`, `tokenizer.json` and `model.safetensors` with floats of 32 or 16 bits. What
    /// `modules.json` and the files that it leads to say is obeyed: mean or CLS pooling, vectors scaled or not, the
    /// number of tokens read of a text (`sentence_bert_config.json`). A folder without `modules.json` is read as
    /// all-MiniLM-L6-v2 is: 256 tokens, their mean, scaled to length 1, unless `sentence_bert_config.json` and
    /// `1_Pooling/config.json` are there and say otherwise.
    ///
    /// # Errors
    ///
    /// If a file is missing or damaged, or describes a model that is not computed: anything but a BERT encoder with
    /// GELU (exact or by tanh) or ReLU and absolute positions, with mean or CLS pooling, without further layers and prompts. The error names the
    /// file, what was found and what was expected.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        Self::with_options(dir, Options::default())
    }

    /// Like [`from_dir`](Self::from_dir), and computes as `options` say.
    ///
    /// # Errors
    ///
    /// As [`from_dir`](Self::from_dir), and if the processor lacks what the precision needs.
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

    /// How many tokens of `text` are read, the two that mark its ends included: at most
    /// [`max_tokens`](Self::max_tokens).
    ///
    /// # Errors
    ///
    /// If the tokenizer refuses the text, which that of all-MiniLM-L6-v2 never does.
    pub fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        self.tokenizer.encode(text, 0).map(|ids| ids.len())
    }

    /// How the products are computed.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.options.get_precision()
    }

    /// The vector of each text, in the order of the texts. An empty text is valid.
    ///
    /// It has length 1, unless the model's `modules.json` lacks the step that scales it.
    ///
    /// Beside the result, memory is bounded: a few MB a thread, however many texts there are.
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
    /// `progress` is called from any thread, by one at a time and with growing numbers; the last one
    /// is the number of all texts.
    ///
    /// # Errors
    ///
    /// As [`embed`](Self::embed).
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

    /// Hands the vector of each text to `each`, in the order of the texts, while later ones are computed.
    ///
    /// Memory does not grow with the number of texts: some hundreds of them a thread are held at a time.
    /// `each` is called from any thread, by one at a time; it holds up the others that finish meanwhile.
    ///
    /// # Errors
    ///
    /// What `each` returns, or as [`embed`](Self::embed). Texts later than the one at fault may have been
    /// read from `texts`.
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

    /// The vectors of the texts, row after row.
    fn embed_batch(&self, batch: &[Text]) -> Vec<f32> {
        let texts: Vec<&[u32]> = batch.iter().map(|text| &*text.ids).collect();
        let mut rows = vec![0.0; batch.len() * self.dim];
        self.model.forward(&texts, &mut rows);
        rows
    }
}

/// One call: where texts come from and where vectors go.
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

/// Locks. What a thread that panicked left behind is not looked at: the panic is passed on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
