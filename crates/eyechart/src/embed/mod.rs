//! Turns texts into vectors for the scorers. Known vectors come from a cache; the rest are computed by an encoder on this
//! machine or requested from an endpoint, each text once.
//!
//! Nothing here prints or knows what the texts mean. `docs/embeddings.md` is the description for users.

mod cache;
mod embedder;
mod local;
mod remote;
mod rows;

pub use cache::{CacheKey, VectorCache};
pub use embedder::{CachedSource, EmbedObserver, Embedder, VectorSource};
pub use local::{Arithmetic, LocalEncoder};
pub use remote::RemoteEncoder;
