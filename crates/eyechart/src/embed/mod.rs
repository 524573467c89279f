//! Texts to vectors for the scorers: each text once, what was computed before out of a cache, the rest by an encoder on
//! this machine.
//!
//! Nothing here prints, and nothing knows what the texts are. `docs/embeddings.md` describes it.

mod cache;
mod embedder;
mod local;

pub use cache::{CacheKey, VectorCache};
pub use embedder::{Embedder, Source, Watcher};
pub use local::LocalEncoder;
