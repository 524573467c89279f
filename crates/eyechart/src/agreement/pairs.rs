//! Rank correlations of each two entries, and the answers that they rank most differently.

use serde::Serialize;

use super::AgreementOptions;
use super::answers::{Answers, Entry};
use super::measure::{Clusters, Measure, constant_side};
use crate::stats::{Level, kendall_tau_b, mean_ranks, spearman_rho};
use crate::types::Epoch;

/// The agreement of two entries over the answers that both scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairAgreement {
    /// The first entry, as in the ids of figures.
    pub first: String,
    /// The second entry.
    pub second: String,
    /// The number of answers that both scored.
    pub n: usize,
    /// The number of their clusters.
    pub clusters: usize,
    /// The number of answers that only the first scored.
    pub only_first: usize,
    /// The number of answers that only the second scored.
    pub only_second: usize,
    /// Kendall's τ-b.
    pub tau_b: Measure,
    /// Spearman's ρ.
    pub rho: Measure,
    /// The answers whose ranks differ most, the largest difference first.
    pub differing: Vec<Differing>,
}

/// An answer that two entries rank differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differing {
    /// The id of the sample.
    pub id: String,
    /// The epoch.
    pub epoch: Epoch,
    /// The score of the first entry.
    pub first: f64,
    /// The score of the second entry.
    pub second: f64,
    /// The rank of the first score: the share of answers below it, and half of those with the same score.
    pub first_rank: f64,
    /// The rank of the second score.
    pub second_rank: f64,
}

/// Each two entries, in the order of the task.
pub(super) fn all(answers: &Answers, options: &AgreementOptions) -> Vec<PairAgreement> {
    let entries = &answers.entries;
    let each = entries
        .iter()
        .enumerate()
        .flat_map(|(at, first)| entries[at + 1..].iter().map(move |second| Pair::of(answers, first, second)));
    each.map(|pair| pair.agreement(options)).collect()
}

/// Two entries over the answers that both scored.
struct Pair<'a> {
    answers: &'a Answers,
    first: &'a Entry,
    second: &'a Entry,
    /// The places of these answers.
    places: Vec<usize>,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// τ-b and ρ of two lists.
pub(super) struct RankMeasures {
    pub(super) tau_b: Measure,
    pub(super) rho: Measure,
}

impl RankMeasures {
    pub(super) fn of(x: &[f64], y: &[f64], clusters: &Clusters, level: Level) -> Self {
        if let Some(reason) = constant_side(x, y) {
            return Self { tau_b: Measure::absent(reason), rho: Measure::absent(reason) };
        }
        Self {
            tau_b: Measure::of(kendall_tau_b(x, y, &clusters.numbers), clusters, level),
            rho: Measure::of(spearman_rho(x, y, &clusters.numbers), clusters, level),
        }
    }
}

impl<'a> Pair<'a> {
    fn of(answers: &'a Answers, first: &'a Entry, second: &'a Entry) -> Self {
        let (mut places, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        for (place, values) in first.values.iter().zip(&second.values).enumerate() {
            if let (Some(one), Some(other)) = values {
                places.push(place);
                x.push(*one);
                y.push(*other);
            }
        }
        Self { answers, first, second, places, x, y }
    }

    fn agreement(&self, options: &AgreementOptions) -> PairAgreement {
        let clusters = Clusters::of(self.places.iter().map(|place| self.answers.clusters[*place]));
        let measures = RankMeasures::of(&self.x, &self.y, &clusters, options.level);
        let only = |entry: &Entry| entry.values.iter().flatten().count() - self.places.len();
        PairAgreement {
            first: self.first.id.clone(),
            second: self.second.id.clone(),
            n: self.places.len(),
            clusters: clusters.sizes.len(),
            only_first: only(self.first),
            only_second: only(self.second),
            tau_b: measures.tau_b,
            rho: measures.rho,
            differing: self.differing(options.samples),
        }
    }

    /// The answers whose ranks differ most. Answers of equal difference are in the order of the record.
    fn differing(&self, count: usize) -> Vec<Differing> {
        let n = self.places.len() as f64;
        let share = |rank: &f64| (rank - 0.5) / n;
        let (x, y) = (mean_ranks(&self.x), mean_ranks(&self.y));
        let difference = |at: usize| (x[at] - y[at]).abs();
        let mut order: Vec<usize> = (0..self.places.len()).filter(|at| difference(*at) > 0.0).collect();
        order.sort_by(|a, b| difference(*b).total_cmp(&difference(*a)));
        let one = |at: usize| {
            let key = &self.answers.keys[self.places[at]];
            Differing {
                id: key.id.clone(),
                epoch: key.epoch,
                first: self.x[at],
                second: self.y[at],
                first_rank: share(&x[at]),
                second_rank: share(&y[at]),
            }
        };
        order.into_iter().take(count).map(one).collect()
    }
}
