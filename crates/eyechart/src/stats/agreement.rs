//! Agreement of raters beyond chance.

use std::collections::BTreeMap;

use super::jackknife::jackknife_variance;
use super::ranks::{Correlation, members_of};

/// How much a disagreement between two categories counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KappaWeights {
    /// 1 for any disagreement (Cohen 1960).
    None,
    /// The distance of the categories' positions (Cohen 1968).
    Linear,
    /// Its square.
    Quadratic,
}

impl KappaWeights {
    fn of(self, first: usize, second: usize) -> f64 {
        let distance = first.abs_diff(second) as f64;
        match self {
            Self::None => f64::from(u8::from(first != second)),
            Self::Linear => distance,
            Self::Quadratic => distance * distance,
        }
    }
}

/// Cohen's κ of two raters. Each rating is the position of its category among `categories` of them; `clusters` has the
/// number of each item's cluster, from 0 on without gaps. `None` if no disagreement could happen by chance.
#[must_use]
pub fn kappa(
    ratings: &[(usize, usize)],
    categories: usize,
    weights: KappaWeights,
    clusters: &[usize],
) -> Option<Correlation> {
    let table = KappaTable::new(ratings, categories, weights);
    let without = members_of(clusters).into_iter().map(|members| {
        let left_out: Vec<(usize, usize)> = members.into_iter().map(|item| ratings[item]).collect();
        table.without(&left_out)
    });
    let without: Vec<Option<f64>> = without.collect();
    Some(Correlation { value: table.without(&[])?, variance: jackknife_variance(&without) })
}

/// Sums of the table of two raters.
struct KappaTable {
    weights: KappaWeights,
    n: f64,
    /// The weighted disagreement.
    observed: f64,
    /// n times the one that is expected by chance.
    expected: f64,
    /// For each category of the first rater, the sum of weights against the ratings of the second, and the reverse.
    against_second: Vec<f64>,
    against_first: Vec<f64>,
}

impl KappaTable {
    fn new(ratings: &[(usize, usize)], categories: usize, weights: KappaWeights) -> Self {
        let (mut first, mut second) = (vec![0.0; categories], vec![0.0; categories]);
        for (one, two) in ratings {
            first[*one] += 1.0;
            second[*two] += 1.0;
        }
        let against = |counts: &[f64]| -> Vec<f64> {
            let sum = |category| -> f64 {
                counts.iter().enumerate().map(|(other, count)| weights.of(category, other) * count).sum()
            };
            (0..categories).map(sum).collect()
        };
        let against_second = against(&second);
        Self {
            weights,
            n: ratings.len() as f64,
            observed: ratings.iter().map(|(one, two)| weights.of(*one, *two)).sum(),
            expected: first.iter().zip(&against_second).map(|(count, sum)| count * sum).sum(),
            against_first: against(&first),
            against_second,
        }
    }

    /// κ without some of the items.
    fn without(&self, left_out: &[(usize, usize)]) -> Option<f64> {
        let n = self.n - left_out.len() as f64;
        let (mut observed, mut expected) = (self.observed, self.expected);
        for (one, two) in left_out {
            observed -= self.weights.of(*one, *two);
            expected -= self.against_second[*one] + self.against_first[*two];
            expected += left_out.iter().map(|(_, other)| self.weights.of(*one, *other)).sum::<f64>();
        }
        (expected > 0.0).then(|| 1.0 - observed * n / expected)
    }
}

/// What distances between ratings mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measurement {
    /// Ratings are equal or not.
    Nominal,
    /// Ratings have an order.
    Ordinal,
    /// Ratings are numbers.
    Interval,
}

/// Most distinct ordinal ratings for which a variance is computed: each unit costs their square.
const MOST_ORDINAL_RATINGS: usize = 100;

/// Krippendorff's α (2011). `units` has the ratings of each unit, of any number of raters; units with fewer than two do not
/// count. `clusters` has the number of each unit's cluster, from 0 on without gaps. The variance is absent for more than
/// 100 different ordinal ratings. `None` if all ratings are equal.
#[must_use]
pub fn krippendorff_alpha(
    units: &[Vec<f64>],
    measurement: Measurement,
    clusters: &[usize],
) -> Option<Correlation> {
    let ratings = Ratings::new(units);
    let sums = match measurement {
        Measurement::Nominal | Measurement::Interval => {
            Distances::Fixed(Sums::of(&ratings, measurement == Measurement::Interval))
        }
        Measurement::Ordinal => Distances::Ranked(Coincidences::of(&ratings)),
    };
    let alpha = |members: &[usize]| {
        let left_out = LeftOut::of(members.iter().map(|unit| &ratings.units[*unit]).collect());
        let is_defined = ratings.distinct_without(&left_out.counts) > 1;
        is_defined.then(|| sums.alpha_without(&left_out)).flatten()
    };
    let value = alpha(&[])?;
    let is_too_fine = measurement == Measurement::Ordinal && ratings.values.len() > MOST_ORDINAL_RATINGS;
    let without: Vec<Option<f64>> = if is_too_fine {
        Vec::new()
    } else {
        members_of(clusters).iter().map(|members| alpha(members)).collect()
    };
    Some(Correlation { value, variance: jackknife_variance(&without) })
}

/// Sums of distances between ratings.
enum Distances {
    /// The distance of two ratings does not depend on the others.
    Fixed(Sums),
    /// It is the number of ratings between them.
    Ranked(Coincidences),
}

impl Distances {
    fn alpha_without(&self, left_out: &LeftOut<'_>) -> Option<f64> {
        match self {
            Self::Fixed(sums) => sums.alpha_without(left_out),
            Self::Ranked(coincidences) => coincidences.alpha_without(left_out),
        }
    }
}

/// The counts of each rating in a unit, by the rating's place; empty for a unit that does not count.
type UnitCounts = BTreeMap<usize, f64>;

fn size(unit: &UnitCounts) -> f64 {
    unit.values().sum()
}

/// Units to leave out together.
struct LeftOut<'a> {
    units: Vec<&'a UnitCounts>,
    /// The counts of all of them.
    counts: UnitCounts,
}

impl<'a> LeftOut<'a> {
    fn of(units: Vec<&'a UnitCounts>) -> Self {
        let mut counts = UnitCounts::new();
        for (place, count) in units.iter().flat_map(|unit| unit.iter()) {
            *counts.entry(*place).or_default() += count;
        }
        Self { units, counts }
    }
}

struct Ratings {
    /// The distinct ratings, sorted.
    values: Vec<f64>,
    units: Vec<UnitCounts>,
    /// How often each rating occurs in units that count.
    counts: Vec<f64>,
}

impl Ratings {
    fn new(units: &[Vec<f64>]) -> Self {
        let counting = |unit: &&Vec<f64>| unit.len() > 1;
        let mut values: Vec<f64> = units.iter().filter(counting).flatten().copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let mut counts = vec![0.0; values.len()];
        let units = units.iter().map(|unit| {
            let mut of_unit = UnitCounts::new();
            for rating in Some(unit).filter(counting).into_iter().flatten() {
                let place = values.partition_point(|value| value < rating);
                *of_unit.entry(place).or_default() += 1.0;
                counts[place] += 1.0;
            }
            of_unit
        });
        let units = units.collect();
        Self { values, units, counts }
    }

    /// The number of different ratings without some.
    fn distinct_without(&self, left_out: &UnitCounts) -> usize {
        self.counts.len() - left_out.iter().filter(|(place, count)| self.counts[**place] == **count).count()
    }
}

/// α from observed and expected disagreement, each a sum over ordered pairs of `n` ratings.
fn alpha_of(n: f64, observed: f64, expected: f64) -> Option<f64> {
    (expected > 0.0).then(|| 1.0 - (n - 1.0) * observed / expected)
}

/// Sums for distances that do not depend on the other ratings: squared differences of numbers, or inequality.
struct Sums {
    /// The ratings less their mean, so that squares lose no digits; absent for nominal ratings.
    numbers: Option<Vec<f64>>,
    counts: Vec<f64>,
    n: f64,
    observed: f64,
    /// Σ count², or the sums of the numbers and of their squares.
    square_counts: f64,
    first: f64,
    second: f64,
}

impl Sums {
    fn of(ratings: &Ratings, is_interval: bool) -> Self {
        let n: f64 = ratings.counts.iter().sum();
        let weighted = ratings.values.iter().zip(&ratings.counts);
        let mean = weighted.map(|(value, count)| value * count).sum::<f64>() / n;
        let numbers =
            is_interval.then(|| ratings.values.iter().map(|value| value - mean).collect::<Vec<_>>());
        let mut sums = Self {
            counts: ratings.counts.clone(),
            n,
            observed: 0.0,
            square_counts: ratings.counts.iter().map(|count| count * count).sum(),
            first: 0.0,
            second: 0.0,
            numbers,
        };
        let all: UnitCounts = ratings.counts.iter().copied().enumerate().collect();
        (sums.first, sums.second) = sums.moments(&all);
        sums.observed = ratings.units.iter().map(|unit| sums.inside(unit)).sum();
        sums
    }

    fn moments(&self, unit: &UnitCounts) -> (f64, f64) {
        let number = |place: usize| self.numbers.as_ref().map_or(0.0, |numbers| numbers[place]);
        let add = |(first, second): (f64, f64), (place, count): (&usize, &f64)| {
            let number = number(*place);
            (first + count * number, second + count * number * number)
        };
        unit.iter().fold((0.0, 0.0), add)
    }

    /// The disagreement inside of a unit.
    fn inside(&self, unit: &UnitCounts) -> f64 {
        let size = size(unit);
        if size < 2.0 {
            return 0.0;
        }
        let (first, second) = self.moments(unit);
        let pairs = if self.numbers.is_some() {
            2.0 * (size * second - first * first)
        } else {
            size * size - unit.values().map(|count| count * count).sum::<f64>()
        };
        pairs / (size - 1.0)
    }

    fn alpha_without(&self, left_out: &LeftOut<'_>) -> Option<f64> {
        let n = self.n - size(&left_out.counts);
        let (first, second) = self.moments(&left_out.counts);
        let expected = if self.numbers.is_some() {
            2.0 * (n * (self.second - second) - (self.first - first).powi(2))
        } else {
            let fall = |(place, count): (&usize, &f64)| count * (2.0 * self.counts[*place] - count);
            n * n - (self.square_counts - left_out.counts.iter().map(fall).sum::<f64>())
        };
        let inside: f64 = left_out.units.iter().map(|unit| self.inside(unit)).sum();
        alpha_of(n, self.observed - inside, expected)
    }
}

/// How often two ratings meet in a unit, for distances that depend on all ratings: the distance of two ordinal ratings is
/// the number of ratings between their mean ranks.
struct Coincidences {
    counts: Vec<f64>,
    /// The ratings that meet, row by row, each unit weighted by 1/(size − 1).
    pairs: Vec<f64>,
}

impl Coincidences {
    fn of(ratings: &Ratings) -> Self {
        let count = ratings.counts.len();
        let mut all = Self { counts: ratings.counts.clone(), pairs: vec![0.0; count * count] };
        ratings
            .units
            .iter()
            .for_each(|unit| each_pair(unit, |one, two, weight| all.pairs[one * count + two] += weight));
        all
    }

    fn alpha_without(&self, left_out: &LeftOut<'_>) -> Option<f64> {
        let mut counts = self.counts.clone();
        left_out.counts.iter().for_each(|(place, count)| counts[*place] -= count);
        let ranks = mean_ranks(&counts);
        let distance = |one: usize, two: usize| (ranks[one] - ranks[two]).powi(2);
        let count = counts.len();
        let mut observed: f64 =
            self.pairs.iter().enumerate().map(|(at, weight)| weight * distance(at / count, at % count)).sum();
        for unit in &left_out.units {
            each_pair(unit, |one, two, weight| observed -= weight * distance(one, two));
        }
        let n: f64 = counts.iter().sum();
        let mean = counts.iter().zip(&ranks).map(|(count, rank)| count * rank).sum::<f64>() / n;
        let squares: f64 = counts.iter().zip(&ranks).map(|(count, rank)| count * (rank - mean).powi(2)).sum();
        alpha_of(n, observed, 2.0 * n * squares)
    }
}

/// Calls `take` with the places and the weight of each ordered pair of different ratings in a unit.
fn each_pair(unit: &UnitCounts, mut take: impl FnMut(usize, usize, f64)) {
    let size = size(unit);
    for (one, count) in unit {
        for (two, other) in unit.iter().filter(|(two, _)| *two != one) {
            take(*one, *two, count * other / (size - 1.0));
        }
    }
}

fn mean_ranks(counts: &[f64]) -> Vec<f64> {
    let mut below = 0.0;
    let rank = |count: &f64| {
        below += count;
        below - count / 2.0
    };
    counts.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_leaves_out_whole_clusters() {
        let units: Vec<Vec<f64>> = (0..30)
            .map(|unit| vec![f64::from(unit % 5), f64::from(unit % 7 % 5), f64::from(unit % 3)])
            .collect();
        let clusters: Vec<usize> = (0..30).map(|unit| unit % 8).collect();
        for measurement in [Measurement::Nominal, Measurement::Ordinal, Measurement::Interval] {
            let again = |left_out: usize| {
                let kept = units.iter().zip(&clusters).filter(|(_, cluster)| **cluster != left_out);
                let kept: Vec<Vec<f64>> = kept.map(|(unit, _)| unit.clone()).collect();
                let own: Vec<usize> = (0..kept.len()).collect();
                krippendorff_alpha(&kept, measurement, &own).map(|alpha| alpha.value)
            };
            let expected = jackknife_variance(&(0..8).map(again).collect::<Vec<_>>()).unwrap();
            let found = krippendorff_alpha(&units, measurement, &clusters).unwrap().variance.unwrap();
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
        }
    }
}
