//! How the scores of one or two runs vary.

use std::collections::HashMap;

use super::{Differing, discordant};
use crate::record::{RecordError, RunFolder, for_each_last, read_scores};
use crate::stats::cluster_mean;
use crate::types::{Figure, MetricKind, Score};

/// The scores of a run in one figure: one per sample, the mean over its epochs and references.
#[derive(Debug, Clone, PartialEq)]
pub struct RunScores {
    samples: Vec<SampleScore>,
    /// Whether each sample has one score, which is 0 or 1.
    is_right_or_wrong: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct SampleScore {
    id: String,
    value: f64,
    /// The cluster that the record names; absent for samples that are clusters of their own.
    cluster: Option<String>,
}

/// What is measured about a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasuredComparison {
    /// How the scores differ.
    pub differing: Differing,
    /// The factor by which clusters raise the number of samples, at least 1.
    pub design_effect: f64,
    /// Number of samples.
    pub samples: usize,
    /// Number of clusters.
    pub clusters: usize,
}

impl RunScores {
    /// Reads the scores of `figure` from the run in `folder`.
    ///
    /// # Errors
    /// [`RecordError`] if the scores or the record cannot be read.
    pub fn read(folder: &RunFolder, figure: &Figure) -> Result<Self, RecordError> {
        let mut clusters = HashMap::new();
        for_each_last(&folder.samples_path(), |record| {
            if let Some(cluster) = &record.cluster {
                clusters.insert(record.id.clone(), cluster.clone());
            }
        })?;
        Ok(Self::of(&read_scores(&folder.scores_path())?, figure, &clusters))
    }

    fn of(scores: &[Score], figure: &Figure, clusters: &HashMap<String, String>) -> Self {
        let is_of = |score: &&Score| {
            score.name == figure.name && score.part == figure.part && score.target == figure.target
        };
        let mut places: HashMap<&str, usize> = HashMap::new();
        let (mut samples, mut counts): (Vec<SampleScore>, Vec<usize>) = (Vec::new(), Vec::new());
        for score in scores.iter().filter(is_of) {
            let Some(value) = score.number() else { continue };
            let value = figure.threshold.map_or(value, |threshold| f64::from(u8::from(value > threshold)));
            let place = *places.entry(&score.id).or_insert(samples.len());
            if place == samples.len() {
                let cluster = clusters.get(&score.id).cloned();
                samples.push(SampleScore { id: score.id.clone(), value: 0.0, cluster });
                counts.push(0);
            }
            samples[place].value += value;
            counts[place] += 1;
        }
        for (sample, count) in samples.iter_mut().zip(&counts) {
            sample.value /= *count as f64;
        }
        let is_right_or_wrong = figure.kind == MetricKind::Share && counts.iter().all(|count| *count == 1);
        Self { samples, is_right_or_wrong }
    }

    /// The mean of all scores; `None` without scores.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let values = self.samples.iter().map(|sample| sample.value);
        (!self.samples.is_empty()).then(|| values.sum::<f64>() / self.samples.len() as f64)
    }

    /// Whether each sample is right or wrong, so that a share of right ones says how the scores vary.
    #[must_use]
    pub fn is_right_or_wrong(&self) -> bool {
        self.is_right_or_wrong
    }

    /// The comparison of this run with another model with as good scores, which correlate by `correlation`. `None` for
    /// fewer than two samples.
    #[must_use]
    pub fn alone(&self, p: f64, correlation: f64) -> Option<MeasuredComparison> {
        let samples: Vec<&SampleScore> = self.samples.iter().collect();
        let values = samples.iter().map(|sample| sample.value).collect();
        let varied = Varied::of(values, &samples)?;
        let differing = if self.is_right_or_wrong {
            Differing::Discordant(discordant(p, correlation))
        } else {
            Differing::Variance(2.0 * varied.variance * (1.0 - correlation))
        };
        Some(varied.comparison(differing))
    }

    /// The comparison of the samples that both runs have scored. `None` for fewer than two.
    #[must_use]
    pub fn paired(&self, other: &Self) -> Option<MeasuredComparison> {
        let by_id: HashMap<&str, f64> =
            other.samples.iter().map(|sample| (sample.id.as_str(), sample.value)).collect();
        let (mut samples, mut differences) = (Vec::new(), Vec::new());
        for sample in &self.samples {
            if let Some(value) = by_id.get(sample.id.as_str()) {
                samples.push(sample);
                differences.push(value - sample.value);
            }
        }
        let discordant = differences.iter().filter(|difference| **difference != 0.0).count() as f64;
        let varied = Varied::of(differences, &samples)?;
        let differing = if self.is_right_or_wrong && other.is_right_or_wrong {
            Differing::Discordant(discordant / samples.len() as f64)
        } else {
            Differing::Variance(varied.variance)
        };
        Some(varied.comparison(differing))
    }
}

/// How much numbers of samples vary.
struct Varied {
    /// The variance of single numbers.
    variance: f64,
    design_effect: f64,
    samples: usize,
    clusters: usize,
}

impl Varied {
    fn of(values: Vec<f64>, samples: &[&SampleScore]) -> Option<Self> {
        let clusters = numbered(samples);
        let independent: Vec<usize> = (0..values.len()).collect();
        let naive = cluster_mean(&values, &independent)?.spread?.variance;
        let clustered = cluster_mean(&values, &clusters)?;
        // Without a second cluster, or without variance, nothing is known about the clusters.
        let effect = clustered.spread.map(|spread| spread.variance / naive);
        Some(Self {
            variance: naive * values.len() as f64,
            design_effect: effect.filter(|effect| effect.is_finite()).unwrap_or(1.0).max(1.0),
            samples: values.len(),
            clusters: clustered.clusters,
        })
    }

    fn comparison(&self, differing: Differing) -> MeasuredComparison {
        let Self { design_effect, samples, clusters, .. } = *self;
        MeasuredComparison { differing, design_effect, samples, clusters }
    }
}

/// The number of each sample's cluster, from 0 on without gaps.
fn numbered(samples: &[&SampleScore]) -> Vec<usize> {
    // A named cluster is not the sample with its name as id.
    let mut numbers: HashMap<(Option<&str>, &str), usize> = HashMap::new();
    let mut clusters = Vec::with_capacity(samples.len());
    for &sample in samples {
        let own = if sample.cluster.is_some() { "" } else { sample.id.as_str() };
        let next = numbers.len();
        clusters.push(*numbers.entry((sample.cluster.as_deref(), own)).or_insert(next));
    }
    clusters
}
