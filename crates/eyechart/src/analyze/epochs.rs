//! Figures of samples that were asked several times: `pass_at_k`, consistency, and how the variance of scores divides.

use std::collections::HashMap;
use std::hash::Hash;

use super::figures::{Clusters, Measured, Numbers, Scores, figure, id};
use super::options::{Answer, ReadAnswer, ShuffledOptions};
use crate::stats::{self, Level};
use crate::types::{Counts, Epoch, Figure, Formula, Metric, MetricKind, Score, VarianceSplit};

/// The scores of one sample over its epochs.
struct Repeated<'a> {
    id: &'a str,
    /// The score of each epoch that has one: the mean over the references if each of them has its own score.
    values: Vec<f64>,
    /// The answers that the scorer read, one for each epoch. Epochs in which it reads none are left out.
    answers: Vec<Answer<'a>>,
}

/// A figure over the epochs of each sample: one number for a sample, averaged over samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochMetric {
    /// The chance that at least one of this many answers is right.
    PassAt(Epoch),
    /// The share of pairs of epochs with the same answer.
    Consistency,
}

impl EpochMetric {
    /// The metric of a figure; `None` if the figure is not over epochs.
    pub(crate) fn of(figure: &Figure) -> Option<Self> {
        let is_known = figure.kind == MetricKind::PerSample;
        let k = figure.metric.strip_prefix(PASS_AT).and_then(|k| k.parse().ok());
        let metric = k.map(Self::PassAt).or((figure.metric == CONSISTENCY).then_some(Self::Consistency));
        metric.filter(|_| is_known)
    }

    /// The metrics that a run of `epochs` epochs can have, for a scorer with `metrics`.
    pub(super) fn possible(metrics: &[Metric], epochs: Epoch) -> Vec<Self> {
        let is_right_or_wrong = metrics.iter().any(|metric| matches!(metric.formula, Formula::Share));
        let pass_at = (1..=epochs).filter(|_| is_right_or_wrong).map(Self::PassAt);
        pass_at.chain([Self::Consistency]).filter(|_| epochs > 1).collect()
    }

    /// The value of a sample with these scores and answers; `None` if it has too few.
    pub(crate) fn value<T: Eq + Hash>(self, values: &[f64], answers: &[T]) -> Option<f64> {
        let right = || values.iter().filter(|value| **value == 1.0).count();
        match self {
            Self::PassAt(k) => stats::pass_at_k(values.len(), right(), k as usize),
            Self::Consistency => stats::consistency(answers),
        }
    }

    /// The metric over samples.
    pub(crate) fn metric(self) -> Metric {
        let (id, title, meaning) = match self {
            Self::PassAt(1) => (
                format!("{PASS_AT}1"),
                "pass@1".to_owned(),
                "chance that an answer is right, averaged over samples".to_owned(),
            ),
            Self::PassAt(k) => (
                format!("{PASS_AT}{k}"),
                format!("pass@{k}"),
                format!(
                    "chance that at least one of {k} answers is right (Chen 2021), averaged over samples"
                ),
            ),
            Self::Consistency => (
                CONSISTENCY.to_owned(),
                CONSISTENCY.to_owned(),
                "share of pairs of epochs of a sample with the same answer (the same option if the options were \
                 shuffled), averaged over samples"
                    .to_owned(),
            ),
        };
        Metric::new(&id, Formula::Mean, &meaning).titled(title)
    }
}

const PASS_AT: &str = "pass_at_";
const CONSISTENCY: &str = "consistency";

/// The scores of one answer, one for each reference if each has its own.
struct ScoredAnswer<'a> {
    first: &'a Score,
    sum: f64,
    count: u32,
}

impl ScoredAnswer<'_> {
    fn add(&mut self, value: Option<f64>) {
        self.sum += value.unwrap_or_default();
        self.count += u32::from(value.is_some());
    }

    /// The mean over the references; absent if no reference has a score.
    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// What the epochs of one scorer's samples give.
pub(super) struct OfEpochs {
    /// The figures.
    pub(super) figures: Vec<Figure>,
    /// How the variance of the scores divides; absent if no sample has two scores.
    pub(super) variance: Option<VarianceSplit>,
}

/// What the figures of epochs are computed with.
#[derive(Clone, Copy)]
pub(super) struct EpochContext<'a> {
    /// All scorers, for the ids of the figures.
    pub(super) measured: &'a [Measured],
    pub(super) clusters: &'a Clusters,
    pub(super) shuffled: &'a ShuffledOptions,
    /// How often each sample was asked.
    pub(super) epochs: Epoch,
    pub(super) level: Level,
}

impl EpochContext<'_> {
    /// The figures of `one`, whose scores are `scores`.
    pub(super) fn figures<'a>(
        &'a self,
        one: &Measured,
        scores: impl Iterator<Item = &'a Score> + Clone,
    ) -> OfEpochs {
        // A mean over references can lie between right and wrong.
        let has_references = scores.clone().any(|score| score.reference.is_some());
        let samples = self.repeated(one, scores);
        let reads_answers =
            samples.iter().flat_map(|sample| &sample.answers).any(|answer| *answer != Answer::Unreadable);
        let possible = EpochMetric::possible(&one.metrics, self.epochs).into_iter();
        let figures = possible
            .filter(|metric| match metric {
                EpochMetric::PassAt(_) => !has_references,
                EpochMetric::Consistency => reads_answers,
            })
            .map(|metric| self.mean_over_samples(one, metric, &samples));
        OfEpochs { figures: figures.collect(), variance: variance(one, &samples) }
    }

    /// The scores by sample, in the order of their first lines.
    fn repeated<'a>(&'a self, one: &Measured, scores: impl Iterator<Item = &'a Score>) -> Vec<Repeated<'a>> {
        let mut answers: Vec<ScoredAnswer<'a>> = Vec::new();
        let mut places: HashMap<(&str, Epoch), usize> = HashMap::new();
        for score in scores {
            let place = *places.entry((&score.id, score.epoch)).or_insert(answers.len());
            if place == answers.len() {
                answers.push(ScoredAnswer { first: score, sum: 0.0, count: 0 });
            }
            answers[place].add(score.number());
        }
        let mut samples: Vec<Repeated<'a>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for answer in answers {
            let place = *places.entry(&answer.first.id).or_insert(samples.len());
            if place == samples.len() {
                samples.push(Repeated { id: &answer.first.id, values: Vec::new(), answers: Vec::new() });
            }
            samples[place].values.extend(answer.value());
            samples[place].answers.extend(self.shuffled.answer(ReadAnswer::of(one, answer.first)));
        }
        samples
    }

    /// The mean over the samples that have the metric, with its interval by clusters; without a value if none has it.
    /// Values that are all 0 or 1 have the interval of a share.
    fn mean_over_samples(&self, one: &Measured, metric: EpochMetric, samples: &[Repeated<'_>]) -> Figure {
        let (mut numbers, mut of_samples) = (Numbers::default(), Scores::default());
        for sample in samples {
            if let Some(value) = metric.value(&sample.values, &sample.answers) {
                of_samples.values.push(value);
                of_samples.clusters.push(numbers.of(self.clusters.of(sample.id)));
            }
        }
        let is_share = of_samples.values.iter().all(|value| [0.0, 1.0].contains(value));
        let metric = metric.metric();
        let formula = if is_share { Formula::Share } else { metric.formula };
        let metric = Metric { formula, ..metric };
        Figure {
            id: id(&metric.id, &one.spec, self.measured),
            kind: MetricKind::PerSample,
            asked: 0,
            worst: None,
            best: None,
            ..figure(&metric, one, &of_samples, &Counts::new(), self.level)
        }
    }
}

fn variance(one: &Measured, samples: &[Repeated<'_>]) -> Option<VarianceSplit> {
    let values: Vec<Vec<f64>> = samples.iter().map(|sample| sample.values.clone()).collect();
    let split = stats::variance_split(&values);
    Some(VarianceSplit {
        name: one.spec.name.clone(),
        part: one.spec.part.clone(),
        target: one.spec.target.clone(),
        samples: values.iter().filter(|values| !values.is_empty()).count(),
        within: split.within?,
        between: split.between,
        within_share: split.within_share(),
    })
}
