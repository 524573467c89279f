//! The arithmetic: matrix products and the passes between them. All unsafe code of the crate is
//! here. Nothing here knows of texts or layers.

pub(crate) mod ops;
pub(crate) mod products;
mod simd;
