//! What scorers need of an encoder: texts in, vectors out.

use sentence_embed::Embeddings;

use crate::types::EncoderSpec;
use crate::types::ErrorClass;

/// Turns texts into vectors: the encoder, or a stand-in for tests.
pub trait Embed {
    /// What it is, for the record.
    fn spec(&self) -> EncoderSpec;

    /// One vector a text, in their order.
    ///
    /// # Errors
    /// [`EmbedError`]
    fn embed(&self, texts: &[&str]) -> Result<Embeddings, EmbedError>;

    /// By how much the similarity of two of its vectors may differ from that of [`Embed::embed_exactly`]'s.
    fn uncertainty(&self) -> f64;

    /// As [`Embed::embed`], but as exactly as it can.
    ///
    /// # Errors
    /// [`EmbedError`]
    fn embed_exactly(&self, texts: &[&str]) -> Result<Embeddings, EmbedError>;
}

/// Why texts cannot be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The encoder on this machine cannot.
    #[error("cannot embed the texts: {0}")]
    Encoder(String),
    /// The endpoint does not.
    #[error("cannot embed the texts: {0}")]
    Endpoint(String),
}

impl EmbedError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Encoder(_) => ErrorClass::Data,
            Self::Endpoint(_) => ErrorClass::Endpoint,
        }
    }
}
