//! Intervals of figures, by the kinds of metrics.

use std::collections::HashMap;

use super::figures::Scores;
use crate::stats::{
    self, ClusterPart, Interval, Level, Scale, Spread, cluster_mean, cluster_share, jackknife_spread,
};
use crate::types::{Counts, Formula, Metric, NoInterval, READABLE, SCORES};

/// With fewer clusters than this that differ from the commonest score, an interval is rough.
const FEW_DISTINCT: usize = 10;
/// Figures whose difference is at most this share of them are equal but for rounding.
const ROUNDING: f64 = 1e-12;

/// The interval of a figure, and what it rests on.
pub(super) struct FigureInterval {
    /// The interval, or the reason why there is none.
    pub(super) interval: Result<Interval, NoInterval>,
    /// The number of clusters.
    pub(super) clusters: usize,
    /// Whether fewer than ten clusters differ from the commonest score.
    pub(super) is_few_distinct: bool,
}

/// The interval of the figure of `metric` with `value`.
pub(super) fn interval_of(metric: &Metric, value: f64, scores: &Scores<'_>, level: Level) -> FigureInterval {
    if metric.id == READABLE {
        return of_readable(&scores.counted, level);
    }
    let (values, clusters) = (&scores.values, &scores.clusters);
    let distinct = |values: &[f64]| is_few_distinct(values, clusters);
    let (interval, is_few_distinct) = match metric.formula {
        Formula::Mean => (of_mean(values, clusters, metric, level), distinct(values)),
        Formula::Share => (of_share(values, clusters, level), distinct(values)),
        Formula::ShareAbove(threshold) => {
            let above: Vec<f64> =
                values.iter().map(|value| f64::from(u8::from(*value > threshold))).collect();
            (of_share(&above, clusters, level), distinct(&above))
        }
        Formula::OfCounts(formula) => {
            return of_counts(formula, value, metric, &scores.counted, level);
        }
        Formula::TopK(_) => (Err(NoInterval::TopK), false),
        Formula::TopShare(share) => {
            let top =
                scale_of(metric).and_then(|scale| stats::top_share(values, clusters, share, scale, level));
            (top.and_then(|top| top.interval).ok_or(NoInterval::TooFewClusters), false)
        }
    };
    FigureInterval { interval, clusters: count_of(clusters), is_few_distinct }
}

fn count_of(clusters: &[usize]) -> usize {
    clusters.iter().max().map_or(0, |last| last + 1)
}

/// The scale of a metric, unless a figure has no lowest or highest value.
fn scale_of(metric: &Metric) -> Option<Scale> {
    let [low, high] = metric.range;
    (low.is_finite() && high.is_finite()).then_some(Scale { low, high })
}

fn of_mean(
    values: &[f64],
    clusters: &[usize],
    metric: &Metric,
    level: Level,
) -> Result<Interval, NoInterval> {
    let mean = cluster_mean(values, clusters).ok_or(NoInterval::TooFewClusters)?;
    of_spread(mean.mean, mean.spread.ok_or(NoInterval::TooFewClusters)?, metric, level)
}

fn of_spread(value: f64, spread: Spread, metric: &Metric, level: Level) -> Result<Interval, NoInterval> {
    match scale_of(metric) {
        Some(scale) => Ok(stats::score_interval(value, spread, scale, level)),
        None => stats::t_interval(value, spread, level).ok_or(NoInterval::NoSpread),
    }
}

fn of_share(values: &[f64], clusters: &[usize], level: Level) -> Result<Interval, NoInterval> {
    cluster_share(values, clusters, level).and_then(|share| share.interval).ok_or(NoInterval::TooFewClusters)
}

/// The interval of the share of readable answers: a count of each line that is 0 or 1.
fn of_readable(counted: &[(usize, &Counts)], level: Level) -> FigureInterval {
    let of_line = |(_, counts): &(usize, &Counts)| counts.get(READABLE).copied().unwrap_or_default();
    let values: Vec<f64> = counted.iter().map(of_line).collect();
    let clusters: Vec<usize> = counted.iter().map(|(cluster, _)| *cluster).collect();
    FigureInterval {
        interval: of_share(&values, &clusters, level),
        clusters: count_of(&clusters),
        is_few_distinct: is_few_distinct(&values, &clusters),
    }
}

/// The interval of a function of summed counts, by leaving out one cluster at a time.
fn of_counts(
    formula: fn(&Counts) -> Option<f64>,
    value: f64,
    metric: &Metric,
    counted: &[(usize, &Counts)],
    level: Level,
) -> FigureInterval {
    let count = counted.iter().map(|(cluster, _)| cluster + 1).max().unwrap_or(0);
    let mut members: Vec<Vec<&Counts>> = vec![Vec::new(); count];
    counted.iter().for_each(|(cluster, counts)| members[*cluster].push(counts));
    let mut total = Counts::from([(SCORES.to_owned(), counted.len() as f64)]);
    for (name, count) in counted.iter().flat_map(|(_, counts)| counts.iter()) {
        *total.entry(name.clone()).or_default() += count;
    }
    let mut left = total.clone();
    let mut own: Counts = total.keys().map(|name| (name.clone(), 0.0)).collect();
    let mut of_own = Vec::new();
    let mut parts = Vec::with_capacity(count);
    let without = members.iter().map(|members| {
        own.values_mut().for_each(|sum| *sum = 0.0);
        let names =
            members.iter().flat_map(|counts| counts.iter()).map(|(name, count)| (name.as_str(), *count));
        for (name, count) in names.chain([(SCORES, members.len() as f64)]) {
            if let (Some(sum), Some(own)) = (left.get_mut(name), own.get_mut(name)) {
                *sum -= count;
                *own += count;
            }
        }
        let figure = formula(&left);
        let of_cluster = formula(&own).filter(|value| value.is_finite());
        parts.push(ClusterPart { size: members.len(), is_defined: of_cluster.is_some() });
        of_own.extend(of_cluster);
        // The totals again, and not the sum, so that no rounding error adds up.
        for name in members.iter().flat_map(|counts| counts.keys()).map(String::as_str).chain([SCORES]) {
            if let (Some(sum), Some(whole)) = (left.get_mut(name), total.get(name)) {
                *sum = *whole;
            }
        }
        figure
    });
    let without: Vec<Option<f64>> = without.collect();
    let spread = jackknife_spread(&without, &parts, ROUNDING * value.abs());
    let interval =
        spread.ok_or(NoInterval::TooFewClusters).and_then(|spread| of_spread(value, spread, metric, level));
    let clusters: Vec<usize> = (0..of_own.len()).collect();
    FigureInterval { interval, clusters: count, is_few_distinct: is_few_distinct(&of_own, &clusters) }
}

/// Whether fewer than ten clusters hold a score that differs from the commonest one.
fn is_few_distinct(values: &[f64], clusters: &[usize]) -> bool {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    // Adding 0 makes 0 of −0.
    let bits = |value: f64| (value + 0.0).to_bits();
    values.iter().for_each(|value| *counts.entry(bits(*value)).or_default() += 1);
    let commonest = counts.into_iter().max_by_key(|(bits, count)| (*count, *bits)).map(|(bits, _)| bits);
    let mut differs = vec![false; count_of(clusters)];
    for (value, cluster) in values.iter().zip(clusters) {
        differs[*cluster] |= Some(bits(*value)) != commonest;
    }
    differs.iter().filter(|differs| **differs).count() < FEW_DISTINCT
}
