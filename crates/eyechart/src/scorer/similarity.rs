//! The scorer `similarity`: cosine similarity of sentence embeddings, as the published comparison computes it.

use std::collections::HashMap;

use sentence_embed::cosine;
use serde_json::{Map, Value, json};

use super::declaration::{ConfiguredScorer, Declaration, KeyFault, ScorerError, number};
use super::embed::{Embed, EmbedError};
use super::measure::{Measure, Outcome, Pair};
use crate::types::{Formula, Metric, References, ScoreEntry};

/// The similarity above which the published comparison counts a win.
const THRESHOLD: f64 = 0.8;

/// The scorer `similarity`.
pub(super) const SIMILARITY: Declaration = Declaration {
    range: [-1.0, 1.0],
    keys: &["threshold", "k"],
    needs_encoder: true,
    ..Declaration::new("similarity", build)
};

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let threshold = number(entry, "threshold")?.unwrap_or(THRESHOLD);
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(KeyFault::new("threshold", format!("`threshold` is {threshold}: expected -1 to 1")));
    }
    let tops = tops(entry)?;
    let mut parameters = Map::from_iter([("threshold".to_owned(), json!(threshold))]);
    if !tops.is_empty() {
        parameters.insert("k".to_owned(), json!(tops));
    }
    // The mean of several similarities can be near the threshold although none of them is, so all must be exact.
    let is_exact = entry.references == Some(References::Mean);
    let score = move |pairs: &[Pair<'_>], tools: &super::Tools<'_>| {
        let missing = || EmbedError::Encoder("no encoder was opened".to_owned());
        let embedder = tools.embedder.ok_or_else(missing)?;
        Ok(similarities(pairs, embedder, Precision { threshold, is_exact })?
            .into_iter()
            .map(Outcome::value)
            .collect())
    };
    let metrics = metrics(threshold, &tops);
    Ok(ConfiguredScorer {
        parameters,
        metrics,
        columns: Vec::new(),
        measure: Measure::Pairs(Box::new(score)),
    })
}

fn tops(entry: &ScoreEntry) -> Result<Vec<usize>, KeyFault> {
    let Some(value) = entry.own.get("k") else { return Ok(Vec::new()) };
    let fault =
        || KeyFault::new("k", format!("`k`: expected a list of whole numbers from 1 up, found {value}"));
    let items = value.as_array().ok_or_else(fault)?;
    let whole = |item: &Value| item.as_u64().filter(|k| *k > 0).and_then(|k| usize::try_from(k).ok());
    let tops = items.iter().map(|item| whole(item).ok_or_else(fault)).collect::<Result<Vec<_>, _>>()?;
    let is_repeated = |(at, k): (usize, &usize)| tops[..at].contains(k);
    match tops.iter().enumerate().any(is_repeated) {
        true => Err(KeyFault::new("k", format!("`k` has a number twice: {value}"))),
        false => Ok(tops),
    }
}

fn metrics(threshold: f64, tops: &[usize]) -> Vec<Metric> {
    let range = [-1.0, 1.0];
    let mean = Metric::new("mean", Formula::Mean, "mean similarity of answers to references").within(range);
    let share = Metric::new(
        "share_above",
        Formula::ShareAbove(threshold),
        &format!("answers whose similarity to a reference exceeds {threshold}; not an accuracy"),
    );
    let share = share.titled(format!("share > {threshold}"));
    let mut metrics = vec![mean, share];
    let top = "mean of the k highest similarities of the run; grows with the number of scores";
    metrics.extend(tops.iter().map(|k| {
        Metric::new(&format!("top_{k}"), Formula::TopK(*k), top).titled(format!("top-{k}")).within(range)
    }));
    if !tops.is_empty() {
        let tenth = "mean of the highest tenth of the similarities";
        let tenth = Metric::new("top_10pct", Formula::TopShare(0.1), tenth).titled("top 10%");
        metrics.push(tenth.within(range));
    }
    metrics
}

/// Which similarities must be computed exactly.
#[derive(Clone, Copy)]
struct Precision {
    /// Similarities near this threshold are computed exactly.
    threshold: f64,
    /// Whether all similarities are computed exactly.
    is_exact: bool,
}

/// The distinct texts with their positions, so that each text is embedded once.
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

/// Returns the similarity of each pair, in [-1, 1]. An empty text is embedded like any other text.
fn similarities(
    pairs: &[Pair<'_>],
    embedder: &dyn Embed,
    precision: Precision,
) -> Result<Vec<f64>, ScorerError> {
    let mut texts = Texts::default();
    let places: Vec<[usize; 2]> =
        pairs.iter().map(|pair| [texts.place(pair.text), texts.place(pair.reference)]).collect();
    let vectors = match precision.is_exact {
        true => embedder.embed_exactly(&texts.distinct)?,
        false => embedder.embed(&texts.distinct)?,
    };
    let mut values: Vec<f64> =
        places.iter().map(|[a, b]| similarity_of(vectors.row(*a), vectors.row(*b))).collect();
    if !precision.is_exact {
        recompute_near_threshold(pairs, embedder, precision.threshold, &mut values)?;
    }
    Ok(values)
}

/// Computes in f32 and widens the value, as the reference tools do before they compare it with the threshold.
fn similarity_of(a: &[f32], b: &[f32]) -> f64 {
    f64::from(cosine(a, b))
}

/// Recomputes exactly the values that may be on the wrong side of the threshold.
fn recompute_near_threshold(
    pairs: &[Pair<'_>],
    embedder: &dyn Embed,
    threshold: f64,
    values: &mut [f64],
) -> Result<(), EmbedError> {
    let uncertainty = embedder.uncertainty();
    let is_near_threshold = |value: f64| uncertainty > 0.0 && (value - threshold).abs() <= uncertainty;
    let mut uncertain = Texts::default();
    let mut recomputed = Vec::new();
    for (at, (pair, value)) in pairs.iter().zip(&*values).enumerate() {
        if is_near_threshold(*value) {
            recomputed.push((at, uncertain.place(pair.text), uncertain.place(pair.reference)));
        }
    }
    if recomputed.is_empty() {
        return Ok(());
    }
    let vectors = embedder.embed_exactly(&uncertain.distinct)?;
    for (at, a, b) in recomputed {
        values[at] = similarity_of(vectors.row(a), vectors.row(b));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
