//! An encoder on this machine: told apart by its files' hashes, loaded when it is first needed.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use sentence_embed::{Embeddings, Encoder, Options, model_files};

use super::cache::CacheKey;
use super::embedder::Source;
use crate::scorer::EmbedError;
use crate::types::EncoderSpec;
use crate::weights::{Model, sha256_of};

/// The arithmetic of the encoder.
const PRECISION: &str = "f32";

/// An encoder whose files are known, and in memory once somebody has embedded by it.
#[derive(Debug)]
pub struct LocalEncoder {
    folder: PathBuf,
    name: String,
    /// The files with their SHA-256 in hex, the weights last.
    hashes: Vec<(PathBuf, String)>,
    /// Whether the weights are those of the encoder that is used by default.
    is_known: bool,
    options: Options,
    loaded: OnceCell<Encoder>,
}

impl LocalEncoder {
    /// The encoder in `folder`, to be called `name`; if absent, as the folder is, unless its weights are known. Reads
    /// and hashes all its files, but computes nothing from them; later it does as `options` say.
    ///
    /// # Errors
    /// [`EmbedError::Encoder`], which names the file that is missing, damaged or of a model that is not computed.
    pub fn open(folder: &Path, name: Option<&str>, options: Options) -> Result<Self, EmbedError> {
        let files = model_files(folder).map_err(failed)?;
        let hash = |path: PathBuf| match sha256_of(&path) {
            Ok(hash) => Ok((path, hash)),
            Err(error) => Err(failed(format!("cannot read {}: {error}", path.display()))),
        };
        let hashes = files.into_iter().map(hash).collect::<Result<Vec<_>, _>>()?;
        let known = Model::minilm();
        let is_known = hashes.last().is_some_and(|(_, hash)| known.has_weights(hash));
        let name = match name {
            Some(name) => name.to_owned(),
            None if is_known => known.name,
            None => name_of(folder),
        };
        Ok(Self { folder: folder.to_owned(), name, hashes, is_known, options, loaded: OnceCell::new() })
    }

    /// Stands for everything that its vectors depend on, but for the text.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey {
        let mut parts = vec!["local".to_owned(), PRECISION.to_owned()];
        for (path, hash) in &self.hashes {
            let inside = path.strip_prefix(&self.folder).unwrap_or(path);
            parts.push(format!("{} {hash}", inside.display()));
        }
        CacheKey::new(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The encoder itself.
    ///
    /// # Errors
    /// As [`Encoder::with_options`].
    pub fn get(&self) -> Result<&Encoder, EmbedError> {
        if let Some(encoder) = self.loaded.get() {
            return Ok(encoder);
        }
        let encoder = Encoder::with_options(&self.folder, self.options).map_err(failed)?;
        Ok(self.loaded.get_or_init(|| encoder))
    }
}

impl Source for LocalEncoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec {
            name: self.name.clone(),
            sha256: self.hashes.last().map(|(_, hash)| hash.clone()),
            precision: Some(PRECISION.to_owned()),
            ..EncoderSpec::default()
        }
    }

    fn check(&self) -> Result<(), EmbedError> {
        // What its hash does not vouch for shows only in memory whether it can be computed.
        if self.is_known { Ok(()) } else { self.get().map(drop) }
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
