//! Tests that an inexact encoder puts each similarity on the same side of the threshold as an exact encoder.

use std::cell::RefCell;

use sentence_embed::Embeddings;

use super::*;
use crate::types::EncoderSpec;

/// The largest error of the similarities of the inexact encoder.
const WRONG: f64 = 0.01;

/// An encoder for tests. A text that is a number has this similarity with the text `answer`, exactly or approximately.
struct Encoder {
    /// The value that [`Embed::uncertainty`] returns.
    uncertainty: f64,
    asked_exactly: RefCell<Vec<String>>,
}

impl Encoder {
    fn new(uncertainty: f64) -> Self {
        Self { uncertainty, asked_exactly: RefCell::default() }
    }
}

/// Unit vectors in the plane. The vector of `answer` is the first axis.
fn vectors(texts: &[&str], error: impl Fn(f64) -> f64) -> Embeddings {
    let vector = |text: &&str| {
        let cosine = text.parse::<f64>().map_or(1.0, |number| (number + error(number)).clamp(-1.0, 1.0));
        [cosine as f32, (1.0 - cosine * cosine).sqrt() as f32]
    };
    Embeddings::new(texts.iter().flat_map(vector).collect(), 2)
}

/// An error of up to [`WRONG`] in both directions, without a pattern.
fn error(number: f64) -> f64 {
    0.99 * WRONG * (number * 12_345.0).sin()
}

impl Embed for Encoder {
    fn spec(&self) -> EncoderSpec {
        EncoderSpec::default()
    }

    fn embed(&self, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        Ok(vectors(texts, error))
    }

    fn uncertainty(&self) -> f64 {
        self.uncertainty
    }

    fn embed_exactly(&self, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        self.asked_exactly.borrow_mut().extend(texts.iter().map(|text| (*text).to_owned()));
        Ok(vectors(texts, |_| 0.0))
    }
}

/// Similarities from 0.7 to 0.9 in steps of 0.0005, except the threshold.
fn numbers() -> Vec<f64> {
    (0..400).map(|i| 0.700_25 + f64::from(i) * 0.000_5).collect()
}

fn scores(encoder: &Encoder) -> Vec<f64> {
    let references: Vec<String> = numbers().iter().map(f64::to_string).collect();
    let pairs: Vec<Pair<'_>> =
        references.iter().map(|reference| Pair { text: "answer", reference }).collect();
    similarities(&pairs, encoder, Precision { threshold: THRESHOLD, is_exact: false }).unwrap()
}

fn wins(scores: &[f64]) -> Vec<bool> {
    scores.iter().map(|score| *score > THRESHOLD).collect()
}

#[test]
fn no_score_is_on_the_wrong_side_of_the_threshold_and_only_doubtful_texts_are_embedded_again() {
    let expected = wins(&numbers());
    let careless = Encoder::new(0.0);
    assert_ne!(wins(&scores(&careless)), expected, "the stand-in is wrong often enough to be noticed");
    assert!(careless.asked_exactly.borrow().is_empty());
    let encoder = Encoder::new(WRONG);
    let found = scores(&encoder);
    assert_eq!(wins(&found), expected);
    let exact = numbers();
    let asked = encoder.asked_exactly.borrow();
    for (found, number) in found.iter().zip(exact) {
        let again = asked.contains(&number.to_string());
        let expected = if again { number } else { number + error(number) };
        assert!((found - expected).abs() < 1e-6, "{found} {number}");
        assert!(again || (number - THRESHOLD).abs() > WRONG / 100.0);
    }
    assert!(asked.len() < 100, "{} of 400 are within twice the error of the threshold", asked.len());
}

#[test]
fn where_nothing_is_in_doubt_nothing_is_embedded_again() {
    let encoder = Encoder::new(1e-9);
    scores(&encoder);
    assert!(encoder.asked_exactly.borrow().is_empty());
}
