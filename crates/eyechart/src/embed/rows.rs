//! Collects vectors of one size that come in any order.

use sentence_embed::Embeddings;

use crate::scorer::EmbedError;

/// A place for each vector.
pub(super) struct Rows {
    /// Absent before the first vector, which determines the size.
    values: Option<Embedded>,
    filled: Vec<bool>,
}

struct Embedded {
    dim: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Places for `count` vectors.
    pub(super) fn new(count: usize) -> Self {
        Self { values: None, filled: vec![false; count] }
    }

    /// The places without a vector.
    pub(super) fn missing(&self) -> Vec<usize> {
        (0..self.filled.len()).filter(|&at| !self.filled[at]).collect()
    }

    /// Puts a vector of at least one number into its place.
    ///
    /// # Errors
    /// [`EmbedError`] if it has another size than earlier vectors.
    pub(super) fn put(&mut self, at: usize, vector: &[f32]) -> Result<(), EmbedError> {
        let count = self.filled.len();
        let of_this_size = || Embedded { dim: vector.len(), values: vec![0.0; count * vector.len()] };
        let Embedded { dim, values } = self.values.get_or_insert_with(of_this_size);
        if vector.len() != *dim {
            let message = format!("the encoder gave vectors of {dim} and of {} numbers", vector.len());
            return Err(EmbedError::Encoder(message));
        }
        values[at * *dim..][..*dim].copy_from_slice(vector);
        self.filled[at] = true;
        Ok(())
    }

    /// All vectors.
    ///
    /// # Errors
    /// [`EmbedError`] if one is missing.
    pub(super) fn into_embeddings(self) -> Result<Embeddings, EmbedError> {
        let (missing, count) = (self.missing().len(), self.filled.len());
        if missing > 0 {
            let message = format!("the encoder gave {} vectors for {count} texts", count - missing);
            return Err(EmbedError::Encoder(message));
        }
        Ok(match self.values {
            Some(Embedded { dim, values }) => Embeddings::new(values, dim),
            None => Embeddings::new(Vec::new(), 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_in_their_places_and_of_one_size() {
        let mut rows = Rows::new(3);
        rows.put(2, &[5.0, 6.0]).unwrap();
        assert_eq!(rows.missing(), [0, 1]);
        rows.put(0, &[1.0, 2.0]).unwrap();
        let error = rows.put(1, &[1.0]).unwrap_err().to_string();
        assert!(error.contains("vectors of 2 and of 1 numbers"), "{error}");
        rows.put(1, &[3.0, 4.0]).unwrap();
        assert!(rows.missing().is_empty());
        assert_eq!(rows.into_embeddings().unwrap().as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert!(Rows::new(0).into_embeddings().unwrap().is_empty());
        let error = Rows::new(2).into_embeddings().unwrap_err().to_string();
        assert!(error.contains("gave 0 vectors for 2 texts"), "{error}");
    }
}
