//! The difference of one figure between two runs, with its interval and test. `docs/compare.md` names the methods.

use serde::Serialize;

use super::scores::CountTable;
use crate::stats::{
    ClusterPart, DifferenceTest, Interval, Level, PairedCounts, Scale, Spread, compare_means,
    equal_differences_test, jackknife_spread, mcnemar, t_test, tango,
};
use crate::types::{Counts, SCORES};

/// How the interval and the p value of a difference are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceMethod {
    /// Tango's score interval, and McNemar's mid-p test.
    Tango,
    /// Student's t of the paired differences, with the CR2 variance.
    PairedT,
    /// Student's t, with the variance of leaving out one cluster at a time.
    Jackknife,
    /// The differences do not vary between clusters: the interval of a figure without variance.
    EqualDifferences,
}

/// Why a difference has no interval and no p value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoTest {
    /// All scores are in one cluster, or the figure is not defined without one of the clusters.
    TooFewClusters,
    /// The differences do not vary between clusters, and the figure has no lowest or highest value.
    NoSpread,
}

impl NoTest {
    /// The reason in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::TooFewClusters => "all scores are in one cluster",
            Self::NoSpread => {
                "the differences do not vary between clusters, and the figure has no lowest or highest value"
            }
        }
    }
}

/// The interval and p value of a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tested {
    pub(super) interval: Interval,
    pub(super) p: f64,
    pub(super) method: DifferenceMethod,
}

/// The difference of a figure, other − baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    pub(super) baseline: f64,
    pub(super) other: f64,
    pub(super) difference: f64,
    /// The number of pairs.
    pub(super) n: usize,
    pub(super) clusters: usize,
    pub(super) test: Result<Tested, NoTest>,
}

/// The values of one figure in two runs.
#[derive(Debug, Default)]
pub(super) struct PairedValues {
    pub(super) baseline: Vec<f64>,
    pub(super) other: Vec<f64>,
    /// The number of each pair's cluster, from 0 on without gaps.
    pub(super) clusters: Vec<usize>,
}

/// The lowest and the highest possible value of a figure, and the level of its interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) range: [f64; 2],
    pub(super) level: Level,
}

impl Frame {
    /// The scale of a difference: from lowest − highest to highest − lowest. `None` for a figure without them.
    fn scale(self) -> Option<Scale> {
        let width = self.range[1] - self.range[0];
        (width.is_finite() && width > 0.0).then_some(Scale { low: -width, high: width })
    }

    /// Differences closer than this are equal but for rounding.
    fn rounding(self, largest: f64) -> f64 {
        1e-12 * self.scale().map_or(largest, |scale| scale.high)
    }

    fn equal(self, difference: f64, clusters: usize) -> Result<Tested, NoTest> {
        let scale = self.scale().ok_or(NoTest::NoSpread)?;
        Ok(tested(
            equal_differences_test(difference, scale, clusters, self.level),
            DifferenceMethod::EqualDifferences,
        ))
    }

    /// Student's interval, within the range of a difference.
    fn t(self, difference: f64, spread: Spread, method: DifferenceMethod) -> Result<Tested, NoTest> {
        let test = t_test(difference, spread, self.level).ok_or(NoTest::NoSpread)?;
        let Interval { low, high } = test.interval;
        let interval = match self.scale() {
            Some(scale) => Interval { low: low.max(scale.low), high: high.min(scale.high) },
            None => test.interval,
        };
        Ok(Tested { interval, p: test.p, method })
    }
}

fn tested(test: DifferenceTest, method: DifferenceMethod) -> Tested {
    Tested { interval: test.interval, p: test.p, method }
}

/// The number of clusters of pairs that have the numbers `clusters`.
fn count_of(clusters: &[usize]) -> usize {
    clusters.iter().max().map_or(0, |last| last + 1)
}

/// The difference of two shares of 0/1 values. With one pair per cluster: Tango's interval and McNemar's mid-p test;
/// otherwise as means. `None` without pairs.
pub(super) fn of_shares(values: &PairedValues, frame: Frame) -> Option<Difference> {
    let whole = of_means(values, frame)?;
    let is_right_or_wrong = |value: &f64| *value == 0.0 || *value == 1.0;
    let both = || values.baseline.iter().chain(&values.other);
    if whole.clusters < whole.n || !both().all(is_right_or_wrong) {
        return Some(whole);
    }
    let pairs = || values.other.iter().zip(&values.baseline);
    let count = |other: f64, baseline: f64| pairs().filter(|pair| *pair == (&other, &baseline)).count();
    let counts = PairedCounts {
        both: count(1.0, 1.0),
        only_first: count(1.0, 0.0),
        only_second: count(0.0, 1.0),
        neither: count(0.0, 0.0),
    };
    let interval = tango(counts, frame.level)?;
    let p = mcnemar(counts.only_first, counts.only_second).mid;
    let method = DifferenceMethod::Tango;
    Some(Difference { difference: counts.difference()?, test: Ok(Tested { interval, p, method }), ..whole })
}

/// The difference of two means, by Student's t of the paired differences. `None` without pairs.
pub(super) fn of_means(values: &PairedValues, frame: Frame) -> Option<Difference> {
    let PairedValues { baseline, other, clusters } = values;
    let compared = compare_means(other, baseline, clusters, frame.level)?;
    let differences = || other.iter().zip(baseline).map(|(other, baseline)| other - baseline);
    let largest = differences().map(f64::abs).fold(0.0, f64::max);
    let difference = compared.difference;
    let count = count_of(clusters);
    let test = match compared.spread {
        None => Err(NoTest::TooFewClusters),
        Some(spread) if spread.standard_error() <= frame.rounding(largest) => frame.equal(difference, count),
        Some(spread) => frame.t(difference, spread, DifferenceMethod::PairedT),
    };
    // The sum of no values is −0.
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64 + 0.0;
    Some(Difference {
        baseline: mean(baseline),
        other: mean(other),
        difference: difference + 0.0,
        n: baseline.len(),
        clusters: count,
        test,
    })
}

/// The counts of one run's side of the pairs.
pub(super) struct CountedSide<'a> {
    pub(super) table: &'a CountTable,
    pub(super) rows: Vec<CountedRow>,
    /// The cluster of each failed sample, which counts as the bottom of the range.
    pub(super) failed: Vec<usize>,
}

/// A row of counts, with the number of its cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedRow {
    pub(super) cluster: usize,
    pub(super) row: u32,
}

/// A function of summed counts.
#[derive(Clone, Copy)]
pub(super) struct CountFormula {
    pub(super) formula: fn(&Counts) -> Option<f64>,
    /// The value of a failed sample; any value if none failed.
    pub(super) bottom: f64,
}

/// A figure, and the figure without each cluster.
struct LeaveOneOut {
    whole: f64,
    without: Vec<Option<f64>>,
    /// Whether the figure is defined in each cluster on its own.
    is_defined_in: Vec<bool>,
}

/// The difference of two functions of summed counts, with the variance of leaving out one cluster at a time. `sizes` has
/// the number of pairs in each cluster. `None` without pairs, and if a figure is not defined.
pub(super) fn of_counts(
    formula: CountFormula,
    baseline: &CountedSide<'_>,
    other: &CountedSide<'_>,
    sizes: &[usize],
    frame: Frame,
) -> Option<Difference> {
    let (own, others) =
        (leave_one_out(formula, baseline, sizes.len())?, leave_one_out(formula, other, sizes.len())?);
    let pairs = others.without.iter().zip(&own.without);
    let without: Vec<Option<f64>> = pairs.map(|(other, own)| Some((*other)? - (*own)?)).collect();
    let difference = others.whole - own.whole;
    let is_defined = own.is_defined_in.iter().zip(&others.is_defined_in).map(|(own, other)| *own || *other);
    let parts =
        sizes.iter().zip(is_defined).map(|(size, is_defined)| ClusterPart { size: *size, is_defined });
    let parts: Vec<ClusterPart> = parts.collect();
    Some(Difference {
        baseline: own.whole,
        other: others.whole,
        difference,
        n: sizes.iter().sum(),
        clusters: sizes.len(),
        test: test_of_counts(difference, &without, &parts, frame),
    })
}

fn test_of_counts(
    difference: f64,
    without: &[Option<f64>],
    clusters: &[ClusterPart],
    frame: Frame,
) -> Result<Tested, NoTest> {
    let rounding = frame.rounding(difference.abs());
    let spread = jackknife_spread(without, clusters, rounding).ok_or(NoTest::TooFewClusters)?;
    if spread.variance > 0.0 {
        frame.t(difference, spread, DifferenceMethod::Jackknife)
    } else {
        frame.equal(difference, spread.clusters)
    }
}

/// The figure of one side, whole and without each of the `clusters`. With failed samples it is the mean of the figure over
/// the others and of the bottom of the range, weighted by their numbers.
fn leave_one_out(formula: CountFormula, side: &CountedSide<'_>, clusters: usize) -> Option<LeaveOneOut> {
    let columns = side.table.columns();
    // The counts of the lines, their number first.
    let width = columns.len() + 1;
    let mut sums = vec![0.0; clusters * width];
    let mut total = vec![0.0; width];
    for CountedRow { cluster, row } in &side.rows {
        let of_cluster = &mut sums[cluster * width..][..width];
        let counts = std::iter::once(1.0).chain(columns.iter().map(|column| column.value(*row)));
        for ((sum, total), count) in of_cluster.iter_mut().zip(&mut total).zip(counts) {
            *sum += count;
            *total += count;
        }
    }
    let mut failed = vec![0.0; clusters];
    side.failed.iter().for_each(|cluster| failed[*cluster] += 1.0);
    let all_failed = side.failed.len() as f64;
    let mut left = Left::new(side.table);
    let none = vec![0.0; width];
    let mut figure = |without: &[f64], failed: f64| {
        let (answered, failed) = (total[0] - without[0], all_failed - failed);
        let mut of_answered = || {
            left.set(&total, without);
            (formula.formula)(&left.counts).filter(|value| value.is_finite())
        };
        match (answered > 0.0, failed > 0.0) {
            (true, false) => of_answered(),
            (true, true) => Some((answered * of_answered()? + failed * formula.bottom) / (answered + failed)),
            (false, true) => Some(formula.bottom),
            (false, false) => None,
        }
    };
    let whole = figure(&none, 0.0)?;
    let sums_of = |cluster: usize| &sums[cluster * width..][..width];
    let without = (0..clusters).map(|cluster| figure(sums_of(cluster), failed[cluster])).collect();
    let is_defined_in = (0..clusters).map(|cluster| {
        left.set(sums_of(cluster), &none);
        failed[cluster] > 0.0 || (formula.formula)(&left.counts).is_some_and(f64::is_finite)
    });
    let is_defined_in = is_defined_in.collect();
    Some(LeaveOneOut { whole, without, is_defined_in })
}

/// Sums of counts by name, whose values are set many times.
struct Left {
    counts: Counts,
    /// For each value of `counts`, in order: the column of it.
    columns: Vec<usize>,
}

impl Left {
    fn new(table: &CountTable) -> Self {
        let names = std::iter::once(SCORES).chain(table.columns().iter().map(|column| column.name.as_str()));
        let mut columns: Vec<(&str, usize)> = names.zip(0..).collect();
        columns.sort_unstable();
        let counts = columns.iter().map(|(name, _)| ((*name).to_owned(), 0.0)).collect();
        Self { counts, columns: columns.into_iter().map(|(_, column)| column).collect() }
    }

    fn set(&mut self, total: &[f64], without: &[f64]) {
        for (count, column) in self.counts.values_mut().zip(&self.columns) {
            *count = total[*column] - without[*column];
        }
    }
}
