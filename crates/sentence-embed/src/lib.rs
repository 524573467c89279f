//! Turns texts into vectors with a BERT sentence encoder, such as all-MiniLM-L6-v2, on the CPU.
//!
//! A model is read from a folder as the Python package sentence-transformers lays it out, and its vectors are that
//! package's to about 5e-7 a component. The forward pass is the crate's own: texts are packed into ragged batches
//! without any padding, so a short text costs what its own tokens cost; the matrix products use AVX-512, AVX2 or
//! what every machine has, chosen at run time; threads split texts into tokens and embed batches side by side.
//!
//! ```no_run
//! use sentence_embed::{Encoder, cosine};
//!
//! let encoder = Encoder::from_dir("all-MiniLM-L6-v2".as_ref())?;
//! let vectors = encoder.embed(&["a dog runs", "a puppy is running"])?;
//! let similarity = cosine(vectors.row(0), vectors.row(1));
//! # Ok::<(), sentence_embed::Error>(())
//! ```
//!
//! The crate reads a model's folder and never the network. It knows nothing of what the texts are.

#![deny(missing_docs, unsafe_code)]

mod batch;
mod config;
mod crew;
mod embeddings;
mod encoder;
mod error;
mod files;
mod in_order;
#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "instructions are chosen at run time; each use says why it is safe")
)]
mod kernels;
mod layer;
mod model;
mod options;
mod pipeline;
mod pooling;
mod tokenize;
mod weights;

pub use embeddings::{Embeddings, cosine};
pub use encoder::Encoder;
pub use error::Error;
#[doc(hidden)]
pub use kernels::Instructions;
pub use options::{Options, Precision, UnknownPrecision};
pub use pipeline::model_files;
