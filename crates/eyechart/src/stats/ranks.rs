//! Kendall's τ-b, with the figure without each cluster, from sorted sums instead of a new computation for each.

use std::cmp::Ordering;

use super::clusters::bell_mccaffrey_df;
use super::interval::{Interval, Level, Scale, Spread, score_interval};
use super::jackknife::jackknife_variance;

/// A measure of association with its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// The value, in [−1, 1].
    pub value: f64,
    /// Its variance, by leaving out one cluster at a time; absent if the measure is not defined without some cluster.
    pub variance: Option<f64>,
}

impl Correlation {
    /// The interval, from the numbers of items in the clusters; `None` without a variance.
    #[must_use]
    pub fn interval(&self, cluster_sizes: &[usize], level: Level) -> Option<Interval> {
        let spread = Spread {
            variance: self.variance?,
            df: bell_mccaffrey_df(cluster_sizes),
            clusters: cluster_sizes.len(),
        };
        Some(score_interval(self.value, spread, Scale::CORRELATION, level))
    }
}

/// Kendall's τ-b; `None` if one side is constant. `clusters` has the number of each pair's cluster, from 0 on without
/// gaps.
#[must_use]
pub fn kendall_tau_b(x: &[f64], y: &[f64], clusters: &[usize]) -> Option<Correlation> {
    let pairs = positions(x, y);
    let all: Vec<OrderedPairs> = pairs.iter().map(Position::ordered_pairs).collect();
    let total: OrderedPairs = all.iter().copied().sum();
    let members = members_of(clusters);
    let without = members.iter().map(|members| {
        let mut left = total;
        members.iter().for_each(|item| left.remove_twice(all[*item]));
        if members.len() > 1 {
            // Pairs inside of the cluster were removed once too often.
            let of = |values: &[f64]| members.iter().map(|item| values[*item]).collect::<Vec<f64>>();
            let inside = positions(&of(x), &of(y));
            left = left + inside.iter().map(Position::ordered_pairs).sum();
        }
        left.tau_b()
    });
    let without: Vec<Option<f64>> = without.collect();
    Some(Correlation { value: total.tau_b()?, variance: jackknife_variance(&without) })
}

/// The items of each cluster.
pub(super) fn members_of(clusters: &[usize]) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); clusters.iter().max().map_or(0, |last| last + 1)];
    clusters.iter().enumerate().for_each(|(item, cluster)| members[*cluster].push(item));
    members
}

/// Sums over the ordered pairs of an item with all others.
#[derive(Debug, Clone, Copy, Default)]
struct OrderedPairs {
    /// Pairs in the same order on both sides, less those in opposite order.
    concordance: i64,
    /// Pairs that differ in x.
    differ_in_x: i64,
    /// Pairs that differ in y.
    differ_in_y: i64,
}

impl std::ops::Add for OrderedPairs {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            concordance: self.concordance + other.concordance,
            differ_in_x: self.differ_in_x + other.differ_in_x,
            differ_in_y: self.differ_in_y + other.differ_in_y,
        }
    }
}

impl std::iter::Sum for OrderedPairs {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, item| sum + item)
    }
}

impl OrderedPairs {
    fn remove_twice(&mut self, item: Self) {
        self.concordance -= 2 * item.concordance;
        self.differ_in_x -= 2 * item.differ_in_x;
        self.differ_in_y -= 2 * item.differ_in_y;
    }

    fn tau_b(self) -> Option<f64> {
        let is_defined = self.differ_in_x > 0 && self.differ_in_y > 0;
        let scale = (self.differ_in_x as f64).sqrt() * (self.differ_in_y as f64).sqrt();
        is_defined.then(|| self.concordance as f64 / scale)
    }
}

/// How many of the other items lie where, seen from one item.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    above_both: i64,
    below_both: i64,
    above_x_below_y: i64,
    below_x_above_y: i64,
    above_x_same_y: i64,
    below_x_same_y: i64,
    same_x_above_y: i64,
    same_x_below_y: i64,
}

impl Position {
    fn ordered_pairs(&self) -> OrderedPairs {
        let opposite = self.above_x_below_y + self.below_x_above_y;
        let both = self.above_both + self.below_both + opposite;
        OrderedPairs {
            concordance: self.above_both + self.below_both - opposite,
            differ_in_x: both + self.above_x_same_y + self.below_x_same_y,
            differ_in_y: both + self.same_x_above_y + self.same_x_below_y,
        }
    }
}

/// The positions of all items, in O(n log n): a sweep over x that counts the items passed so far by y.
fn positions(x: &[f64], y: &[f64]) -> Vec<Position> {
    let n = x.len();
    let (_, y_place, y_count) = places(y);
    let (x_order, x_place, x_count) = places(x);
    let mut y_totals = Counts::new(y_count);
    y_place.iter().for_each(|place| y_totals.add(*place));
    let mut passed = Counts::new(y_count);
    let mut same = Counts::new(y_count);
    let mut found = vec![Position::default(); n];
    let mut start = 0;
    for _ in 0..x_count {
        let end =
            start + x_order[start..].iter().take_while(|i| x_place[**i] == x_place[x_order[start]]).count();
        let group = &x_order[start..end];
        group.iter().for_each(|item| same.add(y_place[*item]));
        for item in group {
            let place = y_place[*item];
            let (all, low, own) = (y_totals.around(place), passed.around(place), same.around(place));
            found[*item] = Position {
                below_both: low.below,
                below_x_same_y: low.same,
                below_x_above_y: low.above,
                same_x_below_y: own.below,
                same_x_above_y: own.above,
                above_x_below_y: all.below - low.below - own.below,
                above_x_same_y: all.same - low.same - own.same,
                above_both: all.above - low.above - own.above,
            };
        }
        for item in group {
            same.remove(y_place[*item]);
            passed.add(y_place[*item]);
        }
        start = end;
    }
    found
}

/// The items in the order of their values, the place of each among the distinct values, and the number of these.
pub(super) fn places(values: &[f64]) -> (Vec<usize>, Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| compare(values[*a], values[*b]));
    let mut place = vec![0; values.len()];
    let mut count = 0;
    for (at, item) in order.iter().enumerate() {
        let is_new = at == 0 || compare(values[order[at - 1]], values[*item]) == Ordering::Less;
        count += usize::from(is_new);
        place[*item] = count - 1;
    }
    (order, place, count)
}

/// 0 and −0 are equal.
fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.total_cmp(&b))
}

/// Counts by place, with sums in O(log n): a Fenwick tree.
struct Counts {
    tree: Vec<i64>,
    total: i64,
}

/// Counts below, at and above a place.
struct Around {
    below: i64,
    same: i64,
    above: i64,
}

impl Counts {
    fn new(places: usize) -> Self {
        Self { tree: vec![0; places + 1], total: 0 }
    }

    fn add(&mut self, place: usize) {
        self.change(place, 1);
    }

    fn remove(&mut self, place: usize) {
        self.change(place, -1);
    }

    fn change(&mut self, place: usize, by: i64) {
        self.total += by;
        let mut at = place + 1;
        while at < self.tree.len() {
            self.tree[at] += by;
            at += at & at.wrapping_neg();
        }
    }

    /// Number of items at the first `places` places.
    fn first(&self, places: usize) -> i64 {
        let (mut at, mut sum) = (places, 0);
        while at > 0 {
            sum += self.tree[at];
            at &= at - 1;
        }
        sum
    }

    fn around(&self, place: usize) -> Around {
        let (below, up_to) = (self.first(place), self.first(place + 1));
        Around { below, same: up_to - below, above: self.total - up_to }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spearman::spearman_rho;
    use super::*;

    /// Values with ties from a fixed sequence.
    fn values(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((state >> 60) as u32)
        };
        std::iter::repeat_with(next).take(n).collect()
    }

    fn without(values: &[f64], clusters: &[usize], left_out: usize) -> Vec<f64> {
        let kept = values.iter().zip(clusters).filter(|(_, cluster)| **cluster != left_out);
        kept.map(|(value, _)| *value).collect()
    }

    #[test]
    fn leaving_out_by_sums_is_leaving_out() {
        let (x, y) = (values(60, 1), values(60, 2));
        let own: Vec<usize> = (0..60).collect();
        let several: Vec<usize> = (0..60).map(|item| item % 17).collect();
        type Measure = fn(&[f64], &[f64], &[usize]) -> Option<Correlation>;
        for (measure, clusters) in [
            (kendall_tau_b as Measure, &own),
            (kendall_tau_b, &several),
            (spearman_rho, &own),
            (spearman_rho, &several),
        ] {
            let count = clusters.iter().max().unwrap() + 1;
            let again = |left_out| {
                let (x, y) = (without(&x, clusters, left_out), without(&y, clusters, left_out));
                measure(&x, &y, &(0..x.len()).collect::<Vec<_>>()).map(|found| found.value)
            };
            let expected = jackknife_variance(&(0..count).map(again).collect::<Vec<_>>()).unwrap();
            let found = measure(&x, &y, clusters).unwrap().variance.unwrap();
            assert!((found - expected).abs() < 1e-12 * expected, "{found}, expected {expected}");
        }
    }

    #[test]
    fn a_constant_side_has_no_figure_and_one_that_is_constant_without_some_item_no_variance() {
        let clusters = [0, 1, 2];
        assert_eq!(kendall_tau_b(&[1.0, 2.0, 3.0], &[1.0; 3], &clusters), None);
        assert_eq!(spearman_rho(&[1.0, 2.0, 3.0], &[1.0; 3], &clusters), None);
        for measure in [kendall_tau_b, spearman_rho] {
            let found = measure(&[1.0, 2.0, 3.0], &[0.0, 0.0, 1.0], &clusters).unwrap();
            assert_eq!(found.variance, None);
        }
    }
}
