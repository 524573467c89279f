//! Self-attention of one text: each head's queries against its keys, and the values so weighted.

use std::ops::Range;

use crate::kernels::ops::softmax_rows;
use crate::kernels::products::{Layout, Matrix, MatrixMut, multiply};

/// The shape of the attention: `heads` heads of `head_dim` numbers each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub heads: usize,
    pub head_dim: usize,
}

impl Attention {
    /// Attends within the tokens `span` of a batch.
    ///
    /// A row of `qkv` holds a token's queries, keys and values, each of all heads in turn; a row of
    /// `out` gets the weighted values of all heads in turn. `scores` is scratch.
    pub(crate) fn apply(self, qkv: &[f32], span: Range<usize>, scores: &mut Vec<f32>, out: &mut [f32]) {
        let (len, hidden) = (span.len(), self.heads * self.head_dim);
        let qkv = &qkv[span.start * 3 * hidden..span.end * 3 * hidden];
        let out = &mut out[span.start * hidden..span.end * hidden];
        scores.resize(len * len, 0.0);
        let factor = 1.0 / (self.head_dim as f32).sqrt();
        let square = Layout::row_major(len, len);
        for head in 0..self.heads {
            let start = head * self.head_dim;
            let part = |first: usize| Layout::block(first + start, len, self.head_dim, 3 * hidden);
            let [queries, keys, values] = [part(0), part(hidden), part(2 * hidden)];
            let read = |layout| Matrix { data: qkv, layout };
            let to = MatrixMut { data: scores, layout: square };
            multiply(to, read(queries), read(keys.transposed()), factor);
            softmax_rows(scores, len);
            let weights = Matrix { data: scores, layout: square };
            let to = MatrixMut { data: out, layout: Layout::block(start, len, self.head_dim, hidden) };
            multiply(to, weights, read(values), 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One number of the output, straight from the definition.
    fn reference(qkv: &[f32], span: Range<usize>, token: usize, channel: usize) -> f64 {
        let (head_dim, hidden) = (4, 12);
        let head = channel / head_dim * head_dim;
        let at = |token: usize, place: usize| f64::from(qkv[token * 3 * hidden + place]);
        let score = |other: usize| {
            let terms = (head..head + head_dim).map(|i| at(token, i) * at(other, hidden + i));
            (terms.sum::<f64>() / (head_dim as f64).sqrt()).exp()
        };
        let sum: f64 = span.clone().map(score).sum();
        let weighted = span.map(|other| score(other) * at(other, 2 * hidden + channel));
        weighted.sum::<f64>() / sum
    }

    #[test]
    fn attention_agrees_with_its_definition_and_stays_within_its_text() {
        let attention = Attention { heads: 3, head_dim: 4 };
        let tokens = 30;
        let qkv: Vec<f32> = (0..tokens * 36).map(|i| ((i * i + 7 * i) % 101) as f32 / 50.0 - 1.0).collect();
        let mut out = vec![9.0; tokens * 12];
        let mut scores = Vec::new();
        attention.apply(&qkv, 2..21, &mut scores, &mut out);
        attention.apply(&qkv, 21..24, &mut scores, &mut out);
        for (place, &found) in out.iter().enumerate() {
            let (token, channel) = (place / 12, place % 12);
            let expected = match token {
                2..21 => reference(&qkv, 2..21, token, channel),
                21..24 => reference(&qkv, 21..24, token, channel),
                _ => 9.0,
            };
            assert!((f64::from(found) - expected).abs() < 1e-6, "{token} {channel}");
        }
    }
}
