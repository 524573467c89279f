//! Computes figures from scores by the kinds of metrics, without knowing the scorers.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::epochs::{EpochContext, EpochMetric};
use super::intervals::interval_of;
use crate::stats::{Level, mean, share_above, top_count, top_k};
use crate::types::{
    Counts, Direction, Epoch, Figure, Formula, Metric, READABLE, SCORES, Score, ScoreValue, ScorerSpec,
    Unscored, VarianceSplit,
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
    /// Whether the answers that the scorer reads are letters of the question's options.
    pub picks_options: bool,
}

impl Measured {
    pub(super) fn is_of(&self, score: &Score) -> bool {
        let spec = &self.spec;
        score.name == spec.name && score.part == spec.part && score.target == spec.target
    }
}

/// Computes the figures of each scorer that has a score or an unscored answer, and how the variance of its scores divides
/// between samples and epochs.
pub(super) fn figures(
    measured: &[Measured],
    scores: &[Score],
    context: EpochContext<'_>,
) -> (Vec<Figure>, Vec<VarianceSplit>) {
    let EpochContext { clusters, level, .. } = context;
    let (mut figures, mut variances) = (Vec::new(), Vec::new());
    for one in measured {
        let of_it = Scores::of(scores.iter().filter(|score| one.is_of(score)), clusters);
        if of_it.lines > 0 {
            let sums = of_it.sums();
            figures.extend(one.metrics.iter().map(|metric| Figure {
                id: id(&metric.id, &one.spec, measured),
                ..figure(metric, one, &of_it, &sums, level)
            }));
            if context.epochs > 1 {
                let of_epochs = context.figures(one, scores.iter().filter(|score| one.is_of(score)));
                figures.extend(of_epochs.figures);
                variances.extend(of_epochs.variance);
            }
        }
    }
    if let Some(first) = figures.first_mut() {
        first.primary = true;
    }
    (figures, variances)
}

/// Returns the ids of the figures of `measured`, in order.
#[must_use]
pub fn figure_ids(measured: &[Measured]) -> Vec<String> {
    let of = |one: &Measured| -> Vec<String> {
        one.metrics.iter().map(|metric| id(&metric.id, &one.spec, measured)).collect()
    };
    measured.iter().flat_map(of).collect()
}

/// Returns the ids of the figures over epochs that a run of `measured` with `epochs` epochs can have.
#[must_use]
pub(crate) fn epoch_figure_ids(measured: &[Measured], epochs: Epoch) -> Vec<String> {
    let of = |one: &Measured| -> Vec<String> {
        let possible = EpochMetric::possible(&one.metrics, epochs);
        possible.into_iter().map(|metric| id(&metric.metric().id, &one.spec, measured)).collect()
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

/// The scores of one scorer.
#[derive(Default)]
pub(super) struct Scores<'a> {
    /// The number of scores and unscored answers.
    lines: usize,
    /// The number of samples that have them.
    samples: usize,
    pub(super) values: Vec<f64>,
    /// The number of each value's cluster, from 0 on without gaps.
    pub(super) clusters: Vec<usize>,
    /// The epoch of each value; empty if the values are not of single epochs.
    epochs: Vec<Epoch>,
    /// The counts of each line that has some, with the number of its cluster among these.
    pub(super) counted: Vec<(usize, &'a Counts)>,
    /// The number of lines with counts and a value.
    counted_values: usize,
    /// The values of unreadable answers that are scored as wrong.
    unreadable_values: Vec<f64>,
    /// The number of unreadable answers that are unscored.
    unreadable_unscored: usize,
    has_references: bool,
}

impl<'a> Scores<'a> {
    /// `clusters` has the cluster of each sample that is not its own.
    fn of(scores: impl Iterator<Item = &'a Score>, clusters: &'a Clusters) -> Self {
        let mut all = Self::default();
        let (mut of_values, mut of_counts) = (Numbers::default(), Numbers::default());
        let mut last = None;
        for score in scores {
            let cluster = clusters.of(&score.id);
            all.lines += 1;
            all.samples +=
                usize::from(last.replace((&score.id, score.epoch)) != Some((&score.id, score.epoch)));
            all.has_references |= score.reference.is_some();
            if let Some(value) = score.number() {
                all.values.push(value);
                all.clusters.push(of_values.of(cluster));
                all.epochs.push(score.epoch);
            }
            if score.is_unreadable() {
                match score.number() {
                    Some(value) => all.unreadable_values.push(value),
                    None => all.unreadable_unscored += 1,
                }
            }
            if !score.counts.is_empty() {
                all.counted.push((of_counts.of(cluster), &score.counts));
                all.counted_values += usize::from(score.number().is_some());
            }
        }
        all
    }

    /// The mean of the highest `k` values of an epoch, averaged over the epochs that have as many.
    fn top_k(&self, k: usize) -> Option<f64> {
        let mut by_epoch: BTreeMap<Epoch, Vec<f64>> = BTreeMap::new();
        for (epoch, value) in self.epochs.iter().zip(&self.values) {
            by_epoch.entry(*epoch).or_default().push(*value);
        }
        let of_epochs: Vec<f64> = by_epoch.values().filter_map(|values| top_k(values, k).value).collect();
        mean(&of_epochs).value
    }

    /// The sums of the counts.
    fn sums(&self) -> Counts {
        let mut sums = Counts::from([(SCORES.to_owned(), self.counted.len() as f64)]);
        for (name, count) in self.counted.iter().flat_map(|(_, counts)| counts.iter()) {
            *sums.entry(name.clone()).or_default() += count;
        }
        sums
    }
}

/// The cluster of each sample: the one that the record names, else the sample's own.
#[derive(Debug, Clone, Default)]
pub(super) struct Clusters(HashMap<String, String>);

/// A cluster that the record names, or the sample's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cluster<'a> {
    Named(&'a str),
    Own(&'a str),
}

impl Clusters {
    /// Adds the cluster of a sample.
    pub(super) fn add(&mut self, id: &str, cluster: &str) {
        self.0.insert(id.to_owned(), cluster.to_owned());
    }

    pub(super) fn of<'a>(&'a self, id: &'a str) -> Cluster<'a> {
        self.0.get(id).map_or(Cluster::Own(id), |name| Cluster::Named(name))
    }
}

/// Numbers for clusters, in the order of their first occurrence.
#[derive(Default)]
pub(super) struct Numbers<'a>(HashMap<Cluster<'a>, usize>);

impl<'a> Numbers<'a> {
    pub(super) fn of(&mut self, cluster: Cluster<'a>) -> usize {
        let next = self.0.len();
        *self.0.entry(cluster).or_insert(next)
    }
}

/// Computes a figure, without its id.
pub(super) fn figure(
    metric: &Metric,
    one: &Measured,
    scores: &Scores<'_>,
    sums: &Counts,
    level: Level,
) -> Figure {
    let values = &scores.values;
    let (value, n) = match metric.formula {
        Formula::Mean | Formula::Share => (mean(values).value, values.len()),
        Formula::ShareAbove(threshold) => (share_above(values, threshold).value, values.len()),
        Formula::TopK(k) => (scores.top_k(k), values.len()),
        Formula::TopShare(share) => {
            let k = top_count(values.len(), share);
            (k.and_then(|k| top_k(values, k).value), values.len())
        }
        // Unscored answers can be unreadable too.
        Formula::OfCounts(formula) if metric.id == READABLE => (formula(sums), scores.counted.len()),
        Formula::OfCounts(formula) => (formula(sums), scores.counted_values),
    };
    let found = value.map(|value| interval_of(metric, value, scores, level));
    let interval = found.as_ref().and_then(|found| found.interval.ok());
    let (bounds, spec) = (bounds(metric, scores, one.failed), &one.spec);
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
        low: interval.map(|interval| interval.low),
        high: interval.map(|interval| interval.high),
        level: interval.map(|_| level.value()),
        no_interval: found.as_ref().and_then(|found| found.interval.err()),
        clusters: found.as_ref().map_or(0, |found| found.clusters),
        few_distinct: found.is_some_and(|found| found.is_few_distinct && found.interval.is_ok()),
        asked: scores.samples + one.failed,
        worst: bounds.as_ref().map(|bounds| bounds.worst),
        best: bounds.map(|bounds| bounds.best),
        threshold: metric.formula.threshold(),
        range: metric.range,
        direction: metric.direction,
        method: metric.meaning.clone(),
    }
}

struct Bounds {
    worst: f64,
    best: f64,
}

/// Returns the worst and the best value that a mean or share could have if the failed samples and unreadable answers were
/// known; `None` for other metrics, and without a lowest and a highest value. A failed sample counts as one score, so there
/// are no bounds if each reference has its own score.
fn bounds(metric: &Metric, scores: &Scores<'_>, failed: usize) -> Option<Bounds> {
    let of_value = |value: f64| match metric.formula {
        Formula::Mean | Formula::Share => Some(value),
        Formula::ShareAbove(threshold) => Some(f64::from(u8::from(value > threshold))),
        Formula::OfCounts(_) | Formula::TopK(_) | Formula::TopShare(_) => None,
    };
    let [low, high] = metric.range;
    if scores.has_references || !low.is_finite() || !high.is_finite() {
        return None;
    }
    let (bad, good) = match metric.direction {
        Direction::Higher => (low, high),
        Direction::Lower => (high, low),
        Direction::Neither => return None,
    };
    // The sum of no values is -0.0.
    let sum = |values: &[f64]| -> Option<f64> {
        values.iter().map(|value| of_value(*value)).sum::<Option<f64>>().map(|sum| sum + 0.0)
    };
    let (known, unreadable) = (sum(&scores.values)?, sum(&scores.unreadable_values)?);
    let unknown = (failed + scores.unreadable_unscored) as f64;
    let n = scores.values.len() as f64 + unknown;
    let best = known - unreadable + good * (scores.unreadable_values.len() as f64 + unknown);
    (n > 0.0).then(|| Bounds { worst: (known + bad * unknown) / n, best: best / n })
}

/// Returns the id, `NAME[.PART][.TARGET].METRIC`. It has part and target only if the task has several entries with the
/// name.
pub(super) fn id(metric: &str, spec: &ScorerSpec, all: &[Measured]) -> String {
    let named = || all.iter().map(|one| &one.spec).filter(|other| other.name == spec.name);
    let parts: HashSet<&str> = named().map(|other| other.part.as_str()).collect();
    let targets: HashSet<Option<&str>> = named().map(|other| other.target.as_deref()).collect();
    let part = (parts.len() > 1).then_some(spec.part.as_str());
    let target = spec.target.as_deref().filter(|_| targets.len() > 1);
    let steps = [Some(spec.name.as_str()), part, target, Some(metric)];
    steps.into_iter().flatten().collect::<Vec<_>>().join(".")
}
