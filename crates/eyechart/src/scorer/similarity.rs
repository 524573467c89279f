//! Cosine similarity of sentence embeddings, as the published comparison computes it.

use std::collections::HashMap;

use sentence_embed::{Embeddings, cosine};

use crate::types::{Answers, Compare, EncoderSpec, SampleRecord, Score, ScoreValue};

/// The similarity above which the published comparison counts a win.
pub const THRESHOLD: f64 = 0.8;

const NAME: &str = "similarity";

/// Turns texts into vectors: the encoder, or a stand-in for tests.
pub trait Embed {
    /// What it is, for the record.
    fn spec(&self) -> EncoderSpec;

    /// One vector a text, in their order.
    ///
    /// # Errors
    /// [`EmbedError`]
    fn embed(&self, texts: &[&str]) -> Result<Embeddings, EmbedError>;

    /// By how much the similarity of two of its vectors may differ from that of [`Embed::embed_exactly`]'s.
    fn uncertainty(&self) -> f64;

    /// As [`Embed::embed`], but as exactly as it can.
    ///
    /// # Errors
    /// [`EmbedError`]
    fn embed_exactly(&self, texts: &[&str]) -> Result<Embeddings, EmbedError>;
}

/// Why texts cannot be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The encoder on this machine cannot.
    #[error("cannot embed the texts: {0}")]
    Encoder(String),
    /// The endpoint does not.
    #[error("cannot embed the texts: {0}")]
    Endpoint(String),
}

/// What is compared in one score: indices into the distinct texts, or why nothing is.
struct Pair {
    score: Score,
    texts: Option<(usize, usize)>,
}

/// Distinct texts, each with its place: none is embedded twice.
#[derive(Default)]
struct Texts<'a> {
    places: HashMap<&'a str, usize>,
    distinct: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.distinct.push(text);
            self.distinct.len() - 1
        })
    }
}

/// Scores every comparison of every record: one score for each reference of the target, in [-1, 1].
///
/// A failed sample has no scores: it is counted as failed. A sample whose target is empty is unscored for it. A
/// part of an answer may be empty; it is compared as the empty text.
///
/// # Errors
/// The encoder's.
pub fn similarity(
    records: &[SampleRecord],
    compares: &[Compare],
    answers: &Answers,
    encoder: &dyn Embed,
) -> Result<Vec<Score>, EmbedError> {
    let mut texts = Texts::default();
    let mut pairs = Vec::new();
    for record in records {
        for compare in compares.iter().filter(|compare| !is_by_construction(compare, answers)) {
            pair_up(record, compare, &mut texts, &mut pairs);
        }
    }
    let vectors = encoder.embed(&texts.distinct)?;
    let similarity = |(a, b): (usize, usize)| similarity_of(vectors.row(a), vectors.row(b));
    let mut values: Vec<Option<f64>> = pairs.iter().map(|pair| pair.texts.map(similarity)).collect();
    settle_doubts(&pairs, &texts.distinct, encoder, &mut values)?;
    let scored = pairs.into_iter().zip(values).map(|(Pair { mut score, .. }, value)| {
        if let Some(value) = value {
            score.value = ScoreValue::Value(value);
        }
        score
    });
    Ok(scored.collect())
}

/// The reference tools compute in f32 and compare the widened value with the threshold.
fn similarity_of(a: &[f32], b: &[f32]) -> f64 {
    f64::from(cosine(a, b))
}

/// Computes exactly what may be on the other side of the threshold than it should be.
fn settle_doubts(
    pairs: &[Pair],
    texts: &[&str],
    encoder: &dyn Embed,
    values: &mut [Option<f64>],
) -> Result<(), EmbedError> {
    let uncertainty = encoder.uncertainty();
    let is_doubtful = |value: f64| uncertainty > 0.0 && (value - THRESHOLD).abs() <= uncertainty;
    let mut doubtful = Texts::default();
    let mut settled = Vec::new();
    for (at, (pair, value)) in pairs.iter().zip(&*values).enumerate() {
        if let (Some((a, b)), true) = (pair.texts, value.is_some_and(is_doubtful)) {
            settled.push((at, doubtful.place(texts[a]), doubtful.place(texts[b])));
        }
    }
    if settled.is_empty() {
        return Ok(());
    }
    let vectors = encoder.embed_exactly(&doubtful.distinct)?;
    for (at, a, b) in settled {
        values[at] = Some(similarity_of(vectors.row(a), vectors.row(b)));
    }
    Ok(())
}

/// A recorded column compared with itself would say nothing.
fn is_by_construction(compare: &Compare, answers: &Answers) -> bool {
    matches!(answers, Answers::Column(column) if *column == compare.target)
}

fn pair_up<'a>(record: &'a SampleRecord, compare: &Compare, texts: &mut Texts<'a>, pairs: &mut Vec<Pair>) {
    let Some(answer) = record.answer() else { return };
    let part = match &compare.column {
        None => Some(compare.take.of(answer)),
        Some(column) => record.fields.get(column).map(|text| text.trim()).filter(|text| !text.is_empty()),
    };
    let mut push = |reference, texts, unscored: &str| {
        let score = Score {
            id: record.id.clone(),
            epoch: record.epoch,
            scorer: NAME.to_owned(),
            part: compare.part.clone(),
            target: compare.target.clone(),
            reference,
            value: ScoreValue::Unscored(unscored.to_owned()),
        };
        pairs.push(Pair { score, texts });
    };
    let references = record.targets.get(&compare.target).map_or(&[][..], Vec::as_slice);
    let Some(part) = part else { return push(None, None, "the recorded column is empty") };
    if references.iter().all(|reference| reference.trim().is_empty()) {
        return push(None, None, "the target is empty");
    }
    for (index, reference) in references.iter().enumerate() {
        if reference.trim().is_empty() {
            push(Some(index), None, "the reference is empty");
        } else {
            push(Some(index), Some((texts.place(part), texts.place(reference))), "");
        }
    }
}

#[cfg(test)]
mod tests;
