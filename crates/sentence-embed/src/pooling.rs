//! The last step: a text's token vectors to one unit vector.

use crate::kernels::ops::add;

/// Below this length a vector is left at what the division by it gives, as PyTorch's `normalize` does.
const SMALLEST_NORM: f64 = 1e-12;

/// Writes to `out` the mean of the rows of `tokens`, scaled to length 1.
pub(crate) fn mean_unit(tokens: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for token in tokens.chunks_exact(out.len()) {
        add(out, token);
    }
    // The mean's divisor cancels out in the scaling, but keeps the threshold where it belongs.
    let count = (tokens.len() / out.len()) as f32;
    out.iter_mut().for_each(|value| *value /= count);
    let factor = 1.0 / norm(out).max(SMALLEST_NORM);
    out.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
}

/// The cosine of the angle between two vectors, clamped to [-1, 1]; 0 if either is zero.
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

    #[test]
    fn the_mean_is_scaled_to_length_one() {
        let mut out = [0.0; 2];
        mean_unit(&[6.0, 0.0, 0.0, 8.0], &mut out);
        assert_eq!(out, [0.6, 0.8]);
    }

    #[test]
    fn a_zero_mean_stays_zero() {
        let mut out = [5.0; 2];
        mean_unit(&[1.0, -1.0, -1.0, 1.0], &mut out);
        assert_eq!(out, [0.0, 0.0]);
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
