//! The scorer `captions`: BLEU, ROUGE-L and CIDEr of all captions of a run.

use std::collections::HashSet;

use super::{BleuCounts, CaptionItem, bleu, score_repeated};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault};
use crate::scorer::measure::{Item, Measure, Outcome};
use crate::types::{Counts, Formula, Metric, ScoreEntry};

/// The scorer `captions`.
pub(in crate::scorer) const CAPTIONS: Declaration =
    Declaration { range: CIDER_RANGE, reads_all_references: true, ..Declaration::new("captions", build) };

const CIDER_RANGE: [f64; 2] = [0.0, 10.0];

/// The names of the counts.
const ITEMS: &str = "captions";
const ROUGE_L: &str = "rouge_l";
const LENGTH: &str = "length";
const REFERENCE_LENGTH: &str = "reference_length";

fn build(_: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let cider =
        "0 to 10; weighs words by all references of the run, so compare it over the same samples only";
    let bleu = "share of runs of 1 to 4 words that a reference has, with a penalty for short captions";
    let bleu = |id: &str, title: &str, formula: fn(&Counts) -> Option<f64>| {
        Metric::new(id, Formula::OfCounts(formula), bleu).titled(title)
    };
    let mut metrics = vec![
        Metric::new("cider", Formula::Mean, cider).titled("CIDEr").within(CIDER_RANGE),
        bleu("bleu_1", "BLEU-1", |counts| bleu_of(counts, 0)),
        bleu("bleu_2", "BLEU-2", |counts| bleu_of(counts, 1)),
        bleu("bleu_3", "BLEU-3", |counts| bleu_of(counts, 2)),
        bleu("bleu_4", "BLEU-4", |counts| bleu_of(counts, 3)),
    ];
    let rouge = "mean overlap with a reference by the longest common subsequence of words";
    metrics.push(Metric::new("rouge_l", Formula::OfCounts(rouge_l_of), rouge).titled("ROUGE-L"));
    Ok(ConfiguredScorer::plain(metrics, Measure::Items(Box::new(|items, _| Ok(outcomes(items))))))
}

fn outcomes(items: &[Item<'_>]) -> Vec<Outcome> {
    let answers: Vec<&str> = items.iter().map(|item| item.text).collect();
    let references: Vec<Vec<&str>> = items.iter().map(|item| item.references.clone()).collect();
    let mut samples = HashSet::new();
    let is_repeated: Vec<bool> = items.iter().map(|item| !samples.insert(item.record.id.as_str())).collect();
    score_repeated(&answers, &references, &is_repeated).items.into_iter().map(outcome).collect()
}

fn outcome(item: Option<CaptionItem>) -> Outcome {
    let Some(item) = item else { return Outcome::unscored("the target is empty") };
    let Some(cider) = item.cider else { return Outcome::unscored("no reference of the run has a word") };
    Outcome { counts: to_counts(&item), ..Outcome::value(cider) }
}

/// Returns the counts of the caption by name. The figures of the run are computed from their sums.
fn to_counts(item: &CaptionItem) -> Counts {
    let numbered = |name: &str, counts: &[u64; 4]| {
        counts.iter().zip(1..).map(|(count, n)| (format!("{name}_{n}"), *count as f64)).collect::<Vec<_>>()
    };
    let mut counts = Counts::from([
        (ITEMS.to_owned(), 1.0),
        (ROUGE_L.to_owned(), item.rouge_l),
        (LENGTH.to_owned(), item.counts.length as f64),
        (REFERENCE_LENGTH.to_owned(), item.counts.reference_length as f64),
    ]);
    counts.extend(numbered("matches", &item.counts.matches));
    counts.extend(numbered("guesses", &item.counts.guesses));
    counts
}

fn bleu_of(counts: &Counts, n: usize) -> Option<f64> {
    let count = |name: &str| counts.get(name).map_or(0, |count| *count as u64);
    let numbered = |name: &str| std::array::from_fn(|n| count(&format!("{name}_{}", n + 1)));
    let summed = BleuCounts {
        matches: numbered("matches"),
        guesses: numbered("guesses"),
        length: count(LENGTH),
        reference_length: count(REFERENCE_LENGTH),
    };
    (count(ITEMS) > 0).then(|| bleu(&summed)[n])
}

fn rouge_l_of(counts: &Counts) -> Option<f64> {
    let captions = counts.get(ITEMS)?;
    Some(counts.get(ROUGE_L)? / captions)
}
