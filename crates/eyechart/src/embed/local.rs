//! An encoder on this machine, identified by the hashes of its files and loaded when it is first needed.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use sentence_embed::{Embeddings, Encoder, Options, Precision, model_files};

use super::cache::CacheKey;
use super::embedder::VectorSource;
use crate::files::sha256_of_file;
use crate::scorer::EmbedError;
use crate::types::EncoderSpec;
use crate::weights::Model;

/// How much a similarity may differ from that of f32 arithmetic. For bf16, the largest difference is 1.7e-3 over all pairs
/// of the golden texts of the encoder (`sentence-embed/tests/golden.rs`), and 0.043 over millions of pairs of texts that
/// repeat one character, as a model writes that is caught in a loop.
const INEXACT: f64 = 6e-2;

/// How an encoder computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arithmetic {
    /// The type of its numbers.
    pub precision: Precision,
    /// Number of threads; 0 means one per core.
    pub threads: usize,
}

/// An encoder whose files are known. They are loaded when the first text is embedded.
#[derive(Debug)]
pub struct LocalEncoder {
    folder: PathBuf,
    name: String,
    /// The files with their SHA-256 in hex, the weights last.
    hashes: Vec<(PathBuf, String)>,
    /// Whether the weights are those of the default encoder.
    is_known: bool,
    arithmetic: Arithmetic,
    loaded: OnceCell<Encoder>,
}

impl LocalEncoder {
    /// The encoder in `folder`, which computes by `arithmetic`. It is called `name`; without `name`, it is called as the
    /// folder, unless its weights are known. Reads and hashes all its files.
    ///
    /// # Errors
    /// [`EmbedError::Encoder`] with the file that is missing, damaged or of an unsupported model.
    pub fn open(folder: &Path, name: Option<&str>, arithmetic: Arithmetic) -> Result<Self, EmbedError> {
        let precision = arithmetic.precision;
        if !precision.is_supported() {
            return Err(failed(sentence_embed::Error::Precision { precision }));
        }
        let files = model_files(folder).map_err(failed)?;
        let hash = |path: PathBuf| match sha256_of_file(&path) {
            Ok(hash) => Ok((path, hash.sha256)),
            Err(error) => Err(failed(error)),
        };
        let hashes = files.into_iter().map(hash).collect::<Result<Vec<_>, _>>()?;
        let known = Model::minilm();
        let is_known = hashes.last().is_some_and(|(_, hash)| known.has_weights(hash));
        let name = match name {
            Some(name) => name.to_owned(),
            None if is_known => known.name,
            None => name_of(folder),
        };
        Ok(Self { folder: folder.to_owned(), name, hashes, is_known, arithmetic, loaded: OnceCell::new() })
    }

    /// Identifies everything that a vector depends on, except the text.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey {
        let mut parts = vec!["local".to_owned(), self.arithmetic.precision.to_string()];
        for (path, hash) in &self.hashes {
            let inside = path.strip_prefix(&self.folder).unwrap_or(path);
            parts.push(format!("{} {hash}", inside.display()));
        }
        CacheKey::new(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The same encoder with f32 arithmetic, if this one has another arithmetic.
    #[must_use]
    pub fn exact(&self) -> Option<Self> {
        let arithmetic = Arithmetic { precision: Precision::F32, ..self.arithmetic };
        let exact = || Self {
            folder: self.folder.clone(),
            name: self.name.clone(),
            hashes: self.hashes.clone(),
            is_known: self.is_known,
            arithmetic,
            loaded: OnceCell::new(),
        };
        (arithmetic != self.arithmetic).then(exact)
    }

    /// The loaded encoder.
    ///
    /// # Errors
    /// As [`Encoder::with_options`].
    pub fn get(&self) -> Result<&Encoder, EmbedError> {
        if let Some(encoder) = self.loaded.get() {
            return Ok(encoder);
        }
        let Arithmetic { precision, threads } = self.arithmetic;
        let options = Options::default().precision(precision).threads(threads);
        let encoder = Encoder::with_options(&self.folder, options).map_err(failed)?;
        Ok(self.loaded.get_or_init(|| encoder))
    }
}

impl VectorSource for LocalEncoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec {
            name: self.name.clone(),
            sha256: self.hashes.last().map(|(_, hash)| hash.clone()),
            precision: Some(self.arithmetic.precision.to_string()),
            ..EncoderSpec::default()
        }
    }

    fn check(&self) -> Result<(), EmbedError> {
        // Files without a known hash may be damaged, which shows only when they are loaded.
        if self.is_known { Ok(()) } else { self.get().map(drop) }
    }

    fn uncertainty(&self) -> f64 {
        if self.arithmetic.precision == Precision::F32 { 0.0 } else { INEXACT }
    }

    fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
        self.get()?.embed_with(texts, done).map_err(failed)
    }
}

fn name_of(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.file_name().map_or_else(|| "encoder".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn failed(why: impl ToString) -> EmbedError {
    EmbedError::Encoder(why.to_string())
}
