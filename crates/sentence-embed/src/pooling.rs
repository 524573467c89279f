//! The last steps: pools the token vectors of a text to one vector, and scales it to length 1 if the model does.

/// The smallest divisor in the scaling, as in `normalize` of PyTorch.
const SMALLEST_NORM: f64 = 1e-12;

/// How the token vectors of a text are pooled to one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The mean of all token vectors.
    Mean,
    /// The vector of the first token, which BERT calls CLS.
    Cls,
}

/// The steps after the transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub pooling: Pooling,
    /// Whether the vector is scaled to length 1.
    pub normalize: bool,
}

impl Head {
    /// Writes the vector of a text to `out`. The rows of `tokens`, at least one, are its token vectors.
    pub(crate) fn apply(self, tokens: &[f32], out: &mut [f32]) {
        match self.pooling {
            Pooling::Mean => mean(tokens, out),
            Pooling::Cls => out.copy_from_slice(&tokens[..out.len()]),
        }
        if self.normalize {
            scale_to_unit(out);
        }
    }
}

fn mean(tokens: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for token in tokens.chunks_exact(out.len()) {
        out.iter_mut().zip(token).for_each(|(sum, value)| *sum += value);
    }
    let count = (tokens.len() / out.len()) as f32;
    out.iter_mut().for_each(|value| *value /= count);
}

fn scale_to_unit(vector: &mut [f32]) {
    let factor = 1.0 / norm(vector).max(SMALLEST_NORM);
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
}

/// Returns the cosine of the angle between two vectors, clamped to [-1, 1]; 0 if a vector is zero.
pub(crate) fn cosine_of(a: &[f32], b: &[f32]) -> f32 {
    let dot: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    let norms = norm(a).max(SMALLEST_NORM) * norm(b).max(SMALLEST_NORM);
    (dot / norms).clamp(-1.0, 1.0) as f32
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pooling: Pooling, normalize: bool, tokens: &[f32]) -> [f32; 2] {
        let mut out = [5.0; 2];
        Head { pooling, normalize }.apply(tokens, &mut out);
        out
    }

    #[test]
    fn the_mean_or_the_first_token_is_taken_and_scaled_to_length_one_where_asked_for() {
        let tokens = [6.0, 0.0, 0.0, 8.0];
        assert_eq!(applied(Pooling::Mean, true, &tokens), [0.6, 0.8]);
        assert_eq!(applied(Pooling::Mean, false, &tokens), [3.0, 4.0]);
        assert_eq!(applied(Pooling::Cls, true, &tokens), [1.0, 0.0]);
        assert_eq!(applied(Pooling::Cls, false, &tokens), [6.0, 0.0]);
    }

    #[test]
    fn a_zero_mean_stays_zero() {
        assert_eq!(applied(Pooling::Mean, true, &[1.0, -1.0, -1.0, 1.0]), [0.0, 0.0]);
    }

    #[test]
    fn the_cosine_ignores_lengths_and_is_zero_for_zero_vectors() {
        assert_eq!(cosine_of(&[3.0, 0.0], &[0.1, 0.0]), 1.0);
        assert_eq!(cosine_of(&[3.0, 0.0], &[-2.0, 0.0]), -1.0);
        assert_eq!(cosine_of(&[3.0, 0.0], &[0.0, 2.0]), 0.0);
        assert_eq!(cosine_of(&[0.0, 0.0], &[0.0, 2.0]), 0.0);
        assert!((cosine_of(&[1.0, 0.0], &[1.0, 1.0]) - 0.5_f32.sqrt()).abs() < 1e-7);
    }
}
