//! What scorers need from an encoder: texts in, vectors out.

use sentence_embed::Embeddings;

use crate::types::EncoderSpec;
use crate::types::ErrorClass;

/// Turns texts into vectors. The implementation is an encoder, an endpoint, or a substitute in tests.
pub trait Embed {
    /// Returns what the record says about the encoder.
    fn spec(&self) -> EncoderSpec;

    /// Returns one vector per text, in the order of `texts`.
    ///
    /// # Errors
    /// [`EmbedError`] if the texts cannot be embedded.
    fn embed(&self, texts: &[&str]) -> Result<Embeddings, EmbedError>;

    /// Returns the largest difference between a similarity of two vectors of [`Embed::embed`] and the similarity of the
    /// vectors that [`Embed::embed_exactly`] returns for the same texts.
    fn uncertainty(&self) -> f64;

    /// Returns what [`Embed::embed`] returns, at the highest precision that the encoder has.
    ///
    /// # Errors
    /// [`EmbedError`] if the texts cannot be embedded.
    fn embed_exactly(&self, texts: &[&str]) -> Result<Embeddings, EmbedError>;
}

/// The reason why texts cannot be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The encoder on this machine failed; the text says why.
    #[error("cannot embed the texts: {0}")]
    Encoder(String),
    /// The endpoint failed; the text says why.
    #[error("cannot embed the texts: {0}")]
    Endpoint(String),
}

impl EmbedError {
    /// Returns the class of the error, which decides the exit code.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Encoder(_) => ErrorClass::Data,
            Self::Endpoint(_) => ErrorClass::Endpoint,
        }
    }
}
