//! Turns texts into vectors with a BERT sentence encoder, such as all-MiniLM-L6-v2, on the CPU.
//!
//! A model is read from a folder in the layout of the Python package sentence-transformers. Its vectors agree with
//! those of that package to about 5e-7 per component. The crate implements the forward pass itself. Texts are packed
//! into ragged batches without padding, so the cost of a text depends only on its own tokens. The matrix products use
//! AVX-512, AVX2 or portable code, chosen at run time. Threads tokenize texts and embed batches in parallel.
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
//! The crate reads only the folder of the model and never uses the network.

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
