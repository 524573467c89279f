//! Figures of samples that were asked several times: `pass_at_k`, consistency, and how the variance of scores divides.

use std::collections::HashMap;

use super::figures::{Clusters, Measured, Numbers, Scores, figure, id};
use super::options::{Answer, ShuffledOptions};
use crate::stats::{self, Level};
use crate::types::{Counts, Epoch, Figure, Formula, Metric, MetricKind, Score, VarianceSplit};

/// The scores of one sample over its epochs. If each reference has its own score, those of one reference.
struct Repeated<'a> {
    id: &'a str,
    values: Vec<f64>,
    /// The answers that the scorer read, one for each epoch. Epochs in which it reads none are left out.
    answers: Vec<Answer<'a>>,
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
    pub(super) fn figures<'a>(&'a self, one: &Measured, scores: impl Iterator<Item = &'a Score>) -> OfEpochs {
        let samples = self.repeated(scores);
        let is_right_or_wrong = one.metrics.iter().any(|metric| matches!(metric.formula, Formula::Share));
        let pass_at = (1..=self.epochs).filter(|_| is_right_or_wrong).filter_map(|k| {
            let meaning = match k {
                1 => "chance that an answer is right, averaged over samples".to_owned(),
                _ => format!(
                    "chance that at least one of {k} answers is right (Chen 2021), averaged over samples"
                ),
            };
            let metric = Metric::new(&format!("pass_at_{k}"), Formula::Mean, &meaning);
            self.mean_over_samples(one, metric.titled(format!("pass@{k}")), &samples, |sample| {
                let right = sample.values.iter().filter(|value| **value == 1.0).count();
                stats::pass_at_k(sample.values.len(), right, k as usize)
            })
        });
        let reads_answers =
            samples.iter().flat_map(|sample| &sample.answers).any(|answer| *answer != Answer::Unreadable);
        let meaning = "share of pairs of epochs of a sample with the same answer (the same option if the options were \
                       shuffled), averaged over samples";
        let consistency = Metric::new("consistency", Formula::Mean, meaning);
        let consistency = reads_answers
            .then(|| {
                self.mean_over_samples(one, consistency, &samples, |sample| {
                    stats::consistency(&sample.answers)
                })
            })
            .flatten();
        OfEpochs { figures: pass_at.chain(consistency).collect(), variance: variance(one, &samples) }
    }

    /// The scores by sample and reference, in the order of their first lines.
    fn repeated<'a>(&'a self, scores: impl Iterator<Item = &'a Score>) -> Vec<Repeated<'a>> {
        let mut samples: Vec<Repeated<'a>> = Vec::new();
        let mut places: HashMap<(&str, Option<usize>), usize> = HashMap::new();
        for score in scores {
            let place = *places.entry((&score.id, score.reference)).or_insert(samples.len());
            if place == samples.len() {
                samples.push(Repeated { id: &score.id, values: Vec::new(), answers: Vec::new() });
            }
            samples[place].values.extend(score.number());
            samples[place].answers.extend(self.shuffled.answer(score));
        }
        samples
    }

    /// The mean of `value` over the samples that have one, with its interval by clusters; absent if none has one.
    fn mean_over_samples(
        &self,
        one: &Measured,
        metric: Metric,
        samples: &[Repeated<'_>],
        value: impl Fn(&Repeated<'_>) -> Option<f64>,
    ) -> Option<Figure> {
        let (mut numbers, mut of_samples) = (Numbers::default(), Scores::default());
        for sample in samples {
            if let Some(value) = value(sample) {
                of_samples.values.push(value);
                of_samples.clusters.push(numbers.of(self.clusters.of(sample.id)));
            }
        }
        (!of_samples.values.is_empty()).then(|| Figure {
            id: id(&metric.id, &one.spec, self.measured),
            kind: MetricKind::PerSample,
            asked: 0,
            worst: None,
            best: None,
            ..figure(&metric, one, &of_samples, &Counts::new(), self.level)
        })
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
