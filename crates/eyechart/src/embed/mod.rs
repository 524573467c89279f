//! Texts to vectors for the scorers: each text once, what was computed before out of a cache, the rest by an encoder on
//! this machine or by an endpoint.
//!
//! Nothing here prints, and nothing knows what the texts are. `docs/embeddings.md` describes it.

mod cache;
mod embedder;
mod local;
mod remote;
mod rows;

pub use cache::{CacheKey, VectorCache};
pub use embedder::{Cached, Embedder, Source, Watcher};
pub use local::{Arithmetic, LocalEncoder};
pub use remote::RemoteEncoder;
