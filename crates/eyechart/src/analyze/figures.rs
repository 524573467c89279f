//! Computes figures from scores by the kinds of metrics, without knowing the scorers.

use std::collections::HashSet;

use crate::stats::{mean, share_above, top_k};
use crate::types::{
    Counts, Direction, Figure, Formula, Metric, READABLE, SCORES, Score, ScoreValue, ScorerSpec, Unscored,
};

/// A scorer as it was applied, with its metrics.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The scorer.
    pub spec: ScorerSpec,
    /// The metrics, in the order in which they are shown.
    pub metrics: Vec<Metric>,
    /// The number of failed samples that the scorer could have scored.
    pub failed: usize,
}

impl Measured {
    fn is_of(&self, score: &Score) -> bool {
        let spec = &self.spec;
        score.name == spec.name && score.part == spec.part && score.target == spec.target
    }
}

/// Computes the figures of each scorer that has a score or an unscored answer.
pub(super) fn figures(measured: &[Measured], scores: &[Score]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for one in measured {
        let sums = Sums::of(scores.iter().filter(|score| one.is_of(score)));
        if sums.lines > 0 {
            figures.extend(
                one.metrics.iter().map(|metric| Figure {
                    id: id(metric, &one.spec, measured),
                    ..figure(metric, one, &sums)
                }),
            );
        }
    }
    if let Some(first) = figures.first_mut() {
        first.primary = true;
    }
    figures
}

/// Returns the ids of the figures of `measured`, in order.
#[must_use]
pub fn figure_ids(measured: &[Measured]) -> Vec<String> {
    let of = |one: &Measured| -> Vec<String> {
        one.metrics.iter().map(|metric| id(metric, &one.spec, measured)).collect()
    };
    measured.iter().flat_map(of).collect()
}

/// Counts the missing scores by scorer and reason, in the order in which the reasons first occur.
pub(super) fn unscored(measured: &[Measured], scores: &[Score]) -> Vec<Unscored> {
    let mut all: Vec<Unscored> = Vec::new();
    for one in measured {
        let start = all.len();
        for score in scores.iter().filter(|score| one.is_of(score)) {
            let ScoreValue::Unscored(reason) = &score.value else { continue };
            match all[start..].iter_mut().find(|unscored| unscored.reason == *reason) {
                Some(unscored) => unscored.n += 1,
                None => all.push(Unscored {
                    name: one.spec.name.clone(),
                    part: one.spec.part.clone(),
                    target: one.spec.target.clone(),
                    reason: reason.clone(),
                    n: 1,
                }),
            }
        }
    }
    all
}

/// The values and sums of the scores of one scorer.
#[derive(Default)]
struct Sums {
    /// The number of scores and unscored answers.
    lines: usize,
    values: Vec<f64>,
    counts: Counts,
    /// The number of lines with counts.
    counted: usize,
    /// The number of lines with counts and a value.
    counted_values: usize,
    /// The number of unreadable answers that are scored as wrong.
    unreadable_wrong: usize,
    /// The number of unreadable answers that are unscored.
    unreadable_unscored: usize,
    has_references: bool,
}

impl Sums {
    fn of<'a>(scores: impl Iterator<Item = &'a Score>) -> Self {
        let mut sums = Self::default();
        for score in scores {
            sums.lines += 1;
            sums.values.extend(score.number());
            sums.has_references |= score.reference.is_some();
            if score.is_unreadable() {
                match score.number() {
                    Some(_) => sums.unreadable_wrong += 1,
                    None => sums.unreadable_unscored += 1,
                }
            }
            let is_counted = !score.counts.is_empty();
            sums.counted += usize::from(is_counted);
            sums.counted_values += usize::from(is_counted && score.number().is_some());
            for (name, count) in &score.counts {
                *sums.counts.entry(name.clone()).or_default() += count;
            }
        }
        sums.counts.insert(SCORES.to_owned(), sums.counted as f64);
        sums
    }
}

/// Computes a figure, without its id.
fn figure(metric: &Metric, one: &Measured, sums: &Sums) -> Figure {
    let (value, n) = match metric.formula {
        Formula::Mean | Formula::Share => (mean(&sums.values).value, sums.values.len()),
        Formula::ShareAbove(threshold) => (share_above(&sums.values, threshold).value, sums.values.len()),
        Formula::TopK(k) => (top_k(&sums.values, k).value, sums.values.len()),
        // Unscored answers can be unreadable too.
        Formula::OfCounts(formula) if metric.id == READABLE => (formula(&sums.counts), sums.counted),
        Formula::OfCounts(formula) => (formula(&sums.counts), sums.counted_values),
    };
    let (bounds, spec) = (bounds(metric, sums, one.failed), &one.spec);
    Figure {
        id: String::new(),
        name: spec.name.clone(),
        scorer: spec.scorer.clone(),
        part: spec.part.clone(),
        target: spec.target.clone(),
        metric: metric.id.clone(),
        kind: metric.formula.kind(),
        primary: false,
        title: metric.title.clone(),
        value,
        n,
        worst: bounds.as_ref().map(|bounds| bounds.worst),
        best: bounds.map(|bounds| bounds.best),
        threshold: metric.formula.threshold(),
        range: metric.range,
        direction: Direction::of(metric.higher_is_better),
        method: metric.meaning.clone(),
    }
}

struct Bounds {
    worst: f64,
    best: f64,
}

/// Returns the lowest and the highest value that a share of right answers could have if the failed samples and
/// unreadable answers were known; `None` for other metrics. A failed sample counts as one score, so there are no bounds
/// if each reference has its own score.
fn bounds(metric: &Metric, sums: &Sums, failed: usize) -> Option<Bounds> {
    if !matches!(metric.formula, Formula::Share) || sums.has_references {
        return None;
    }
    // The sum of no values is -0.0.
    let right = sums.values.iter().sum::<f64>() + 0.0;
    let unknown = (failed + sums.unreadable_unscored) as f64;
    let n = sums.values.len() as f64 + unknown;
    (n > 0.0).then(|| Bounds { worst: right / n, best: (right + sums.unreadable_wrong as f64 + unknown) / n })
}

/// Returns the id, `NAME[.PART][.TARGET].METRIC`. It has part and target only if the task has several entries with the
/// name.
fn id(metric: &Metric, spec: &ScorerSpec, all: &[Measured]) -> String {
    let named = || all.iter().map(|one| &one.spec).filter(|other| other.name == spec.name);
    let parts: HashSet<&str> = named().map(|other| other.part.as_str()).collect();
    let targets: HashSet<Option<&str>> = named().map(|other| other.target.as_deref()).collect();
    let part = (parts.len() > 1).then_some(spec.part.as_str());
    let target = spec.target.as_deref().filter(|_| targets.len() > 1);
    let steps = [Some(spec.name.as_str()), part, target, Some(metric.id.as_str())];
    steps.into_iter().flatten().collect::<Vec<_>>().join(".")
}
