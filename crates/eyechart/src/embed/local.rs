//! An encoder on this machine: told apart by its files' hashes, loaded when it is first needed.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use sentence_embed::{Embeddings, Encoder, Options, Precision, model_files};

use super::cache::CacheKey;
use super::embedder::Source;
use crate::files::sha256_of_file;
use crate::scorer::EmbedError;
use crate::types::EncoderSpec;
use crate::weights::Model;

/// By how much a similarity may differ from that by f32, where the arithmetic is another one. Over all pairs of the
/// encoder's golden texts it is 1.7e-3 for bf16 at most (`sentence-embed/tests/golden.rs`); over millions of pairs of
/// texts that are one sign repeated, such as a model writes that is caught in a loop, up to 0.043 was found.
const INEXACT: f64 = 6e-2;

/// How an encoder computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arithmetic {
    /// Its numbers.
    pub precision: Precision,
    /// Threads that compute; 0 stands for one a core.
    pub threads: usize,
}

/// An encoder whose files are known, and in memory once somebody has embedded by it.
#[derive(Debug)]
pub struct LocalEncoder {
    folder: PathBuf,
    name: String,
    /// The files with their SHA-256 in hex, the weights last.
    hashes: Vec<(PathBuf, String)>,
    /// Whether the weights are those of the encoder that is used by default.
    is_known: bool,
    arithmetic: Arithmetic,
    loaded: OnceCell<Encoder>,
}

impl LocalEncoder {
    /// The encoder in `folder`, to be called `name`; if absent, as the folder is, unless its weights are known. Reads
    /// and hashes all its files, but computes nothing from them; later it does by `arithmetic`.
    ///
    /// # Errors
    /// [`EmbedError::Encoder`], which names the file that is missing, damaged or of a model that is not computed.
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

    /// Stands for everything that its vectors depend on, but for the text.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey {
        let mut parts = vec!["local".to_owned(), self.arithmetic.precision.to_string()];
        for (path, hash) in &self.hashes {
            let inside = path.strip_prefix(&self.folder).unwrap_or(path);
            parts.push(format!("{} {hash}", inside.display()));
        }
        CacheKey::new(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The same encoder by f32, where this one computes by anything else.
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

    /// The encoder itself.
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

impl Source for LocalEncoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec {
            name: self.name.clone(),
            sha256: self.hashes.last().map(|(_, hash)| hash.clone()),
            precision: Some(self.arithmetic.precision.to_string()),
            ..EncoderSpec::default()
        }
    }

    fn check(&self) -> Result<(), EmbedError> {
        // Of weights and a tokenizer that no hash vouches for it shows only in memory whether they are whole.
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
