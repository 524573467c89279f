//! The result type, and the similarity of two of its rows.

use crate::pooling::cosine_of;

/// The vectors of texts, in the order of the texts: `len` rows of `dim` numbers. Each row has length 1, unless the
/// model does not scale its vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    values: Vec<f32>,
    dim: usize,
}

impl Embeddings {
    /// Creates embeddings from rows of `dim` numbers, one after the other.
    ///
    /// # Panics
    ///
    /// If `dim` is 0, or does not divide the number of `values`.
    #[must_use]
    pub fn new(values: Vec<f32>, dim: usize) -> Self {
        assert!(dim > 0 && values.len().is_multiple_of(dim), "{} values in rows of {dim}", values.len());
        Self { values, dim }
    }

    /// Returns the number of rows, which is the number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the length of a row; 384 for all-MiniLM-L6-v2.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns the vector of the text with this index, from 0.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim..][..self.dim]
    }

    /// Returns the vectors in the order of the texts.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }

    /// Returns all numbers, row after row; there are `len * dim`.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// Returns all numbers, row after row, without a copy.
    #[must_use]
    pub fn into_vec(self) -> Vec<f32> {
        self.values
    }
}

/// Returns the cosine similarity of two vectors, from -1 (opposite) to 1 (same direction). It is 0 if a vector is zero,
/// and NaN if a vector contains NaN. The vectors need not have length 1.
///
/// It corresponds to `util.cos_sim` of sentence-transformers, but it is summed in f64 and clamped to [-1, 1], which
/// `util.cos_sim` exceeds by rounding errors of about 1e-7.
///
/// # Panics
///
/// If `a` and `b` do not have the same number of components.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "the vectors to compare differ in size");
    cosine_of(a, b)
}
