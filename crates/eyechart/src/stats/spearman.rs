//! Spearman's ρ, with the figure without each cluster, from sorted sums instead of a new computation for each.

use super::jackknife::jackknife_variance;
use super::ranks::{Correlation, members_of, places};

/// Spearman's ρ; `None` if one side is constant. `clusters` has the number of each pair's cluster, from 0 on without
/// gaps.
#[must_use]
pub fn spearman_rho(x: &[f64], y: &[f64], clusters: &[usize]) -> Option<Correlation> {
    let (x, y) = (Ranked::of(x), Ranked::of(y));
    let sums = Sums::of(&x, &y);
    let value = sums.rho_without(&[])?;
    let without = members_of(clusters).into_iter().map(|members| sums.rho_without(&members));
    let without: Vec<Option<f64>> = without.collect();
    Some(Correlation { value, variance: jackknife_variance(&without) })
}

/// Ranks from 1 on; equal values have the mean of their ranks.
#[must_use]
pub fn mean_ranks(values: &[f64]) -> Vec<f64> {
    Ranked::of(values).ranks
}

/// Values as ranks.
struct Ranked {
    /// The items in the order of their values.
    order: Vec<usize>,
    /// The place of each item among the distinct values.
    place: Vec<usize>,
    /// The number of items below each place, and at last that of all items.
    below: Vec<usize>,
    ranks: Vec<f64>,
    /// Σ(t³ − t) over groups of t equal values.
    ties: f64,
}

impl Ranked {
    fn of(values: &[f64]) -> Self {
        let (order, place, count) = places(values);
        let mut below = Vec::with_capacity(count + 1);
        let (mut ranks, mut ties) = (vec![0.0; values.len()], 0.0);
        below.push(0);
        for equal in order.chunk_by(|a, b| place[*a] == place[*b]) {
            let before = below[below.len() - 1];
            let rank = before as f64 + 0.5 * (equal.len() + 1) as f64;
            equal.iter().for_each(|item| ranks[*item] = rank);
            ties += cubes(equal.len());
            below.push(before + equal.len());
        }
        Self { order, place, below, ranks, ties }
    }

    /// How many items have the value of this place.
    fn equal_at(&self, place: usize) -> usize {
        self.below[place + 1] - self.below[place]
    }

    /// For each item, the sum of `weights` over the items above it, and half of that over the items equal to it.
    fn sums_above(&self, weights: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; weights.len()];
        let mut above = 0.0;
        let groups: Vec<&[usize]> = self.order.chunk_by(|a, b| self.place[*a] == self.place[*b]).collect();
        for equal in groups.into_iter().rev() {
            let own: f64 = equal.iter().map(|item| weights[*item]).sum();
            equal.iter().for_each(|item| sums[*item] = above + 0.5 * own);
            above += own;
        }
        sums
    }

    /// How much the rank of `item` falls without `other`: 1 above it, 1/2 beside it. An item counts as beside itself.
    fn fall(&self, item: usize, other: usize) -> f64 {
        match self.place[item].cmp(&self.place[other]) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        }
    }

    /// Σ(t³ − t) without the items `left_out`.
    fn ties_without(&self, left_out: &[usize]) -> f64 {
        let mut places: Vec<usize> = left_out.iter().map(|item| self.place[*item]).collect();
        places.sort_unstable();
        let fall = |equal: &[usize]| {
            let count = self.equal_at(equal[0]);
            cubes(count) - cubes(count - equal.len())
        };
        self.ties - places.chunk_by(|a, b| a == b).map(fall).sum::<f64>()
    }

    /// How much a rank at each place falls without the items `left_out`.
    fn falls(&self, left_out: &[usize]) -> Vec<f64> {
        let mut falls = vec![0.0; self.below.len() - 1];
        left_out.iter().for_each(|item| falls[self.place[*item]] += 1.0);
        let mut below = 0.0;
        for fall in &mut falls {
            let own = *fall;
            *fall = below + 0.5 * own;
            below += own;
        }
        falls
    }
}

/// t³ − t.
fn cubes(count: usize) -> f64 {
    let count = count as f64;
    count * count * count - count
}

/// What ρ without some items needs.
struct Sums<'a> {
    x: &'a Ranked,
    y: &'a Ranked,
    /// The sum of the products of both ranks.
    products: f64,
    /// For each item, the fall of the products by the fall of the ranks in y, and in x.
    by_y: Vec<f64>,
    by_x: Vec<f64>,
    /// The places of each item in x and in y, in the order of x.
    places: Vec<(u32, u32)>,
    below_both: BelowBoth,
}

/// How many items are below a place in x and below one in y.
enum BelowBoth {
    /// By the place in x, then that in y.
    Table(Vec<u32>),
    /// For so many different values that the table would be larger than the data.
    Search(LowerCounts),
}

impl BelowBoth {
    fn of(x: &Ranked, y: &Ranked) -> Self {
        let (rows, columns) = (x.below.len(), y.below.len());
        if rows * columns > 8 * x.ranks.len() {
            let in_x_order = x.order.iter().map(|item| y.place[*item]).collect();
            return Self::Search(LowerCounts::new(in_x_order, columns));
        }
        let mut table = vec![0; rows * columns];
        for (x_place, y_place) in x.place.iter().zip(&y.place) {
            table[(x_place + 1) * columns + y_place + 1] += 1;
        }
        for row in 1..rows {
            let mut in_row = 0;
            for column in 0..columns {
                in_row += table[row * columns + column];
                table[row * columns + column] = in_row + table[(row - 1) * columns + column];
            }
        }
        Self::Table(table)
    }
}

/// How many items are passed in the time that one pair of items takes to look up.
const PAIR_COST: usize = 200;

impl<'a> Sums<'a> {
    fn of(x: &'a Ranked, y: &'a Ranked) -> Self {
        Self {
            products: products(&x.ranks, &y.ranks),
            by_y: y.sums_above(&x.ranks),
            by_x: x.sums_above(&y.ranks),
            places: x.order.iter().map(|item| (x.place[*item] as u32, y.place[*item] as u32)).collect(),
            below_both: BelowBoth::of(x, y),
            x,
            y,
        }
    }

    /// ρ without the items `left_out`: Pearson's correlation of the ranks among the others.
    fn rho_without(&self, left_out: &[usize]) -> Option<f64> {
        let n = (self.x.ranks.len() - left_out.len()) as f64;
        let all = n * n * n - n;
        let x = (all - self.x.ties_without(left_out)) / 12.0;
        let y = (all - self.y.ties_without(left_out)) / 12.0;
        let mean = 0.5 * (n + 1.0);
        let products = || self.products_without(left_out) - n * mean * mean;
        (x > 0.0 && y > 0.0).then(|| products() / (x.sqrt() * y.sqrt()))
    }

    /// The sum of the products of the ranks among the other items: Σ(R − f)(S − g) over them, where f and g are the falls
    /// of the ranks R and S.
    fn products_without(&self, left_out: &[usize]) -> f64 {
        let by_one: f64 = left_out.iter().map(|item| self.by_y[*item] + self.by_x[*item]).sum();
        // These sums are over all items, so those of the items that are left out are taken off.
        let (by_both, own) = if left_out.len() * left_out.len() * PAIR_COST <= self.x.ranks.len() {
            self.by_pairs(left_out)
        } else {
            self.by_passing_all(left_out)
        };
        self.products - by_one + by_both - own
    }

    /// Σfg over all items, and Σ(R − f)(S − g) over the items `left_out`, from each two of these.
    fn by_pairs(&self, left_out: &[usize]) -> (f64, f64) {
        let (mut by_both, mut own) = (0.0, 0.0);
        for item in left_out {
            let fall = |side: &Ranked| left_out.iter().map(|other| side.fall(*item, *other)).sum::<f64>();
            by_both += left_out.iter().map(|other| self.both_fall(*item, *other)).sum::<f64>();
            own += (self.x.ranks[*item] - fall(self.x)) * (self.y.ranks[*item] - fall(self.y));
        }
        (by_both, own)
    }

    /// The same from all items.
    fn by_passing_all(&self, left_out: &[usize]) -> (f64, f64) {
        let (x, y) = (self.x.falls(left_out), self.y.falls(left_out));
        let rest = |item: &usize| {
            let (x_fall, y_fall) = (x[self.x.place[*item]], y[self.y.place[*item]]);
            (self.x.ranks[*item] - x_fall) * (self.y.ranks[*item] - y_fall)
        };
        let by_both =
            self.places.iter().map(|(x_place, y_place)| x[*x_place as usize] * y[*y_place as usize]);
        (by_both.sum(), left_out.iter().map(rest).sum())
    }

    /// The sum over all items of the fall in x without `first` times the fall in y without `second`.
    fn both_fall(&self, first: usize, second: usize) -> f64 {
        let (x, y) = (self.x.place[first], self.y.place[second]);
        let n = self.x.ranks.len();
        let above = |x_place: usize, y_place: usize| {
            let (below_x, below_y) = (self.x.below[x_place], self.y.below[y_place]);
            let below_both = match &self.below_both {
                BelowBoth::Table(table) => table[x_place * self.y.below.len() + y_place] as usize,
                BelowBoth::Search(counts) => counts.count(below_x, y_place),
            };
            (n + below_both - below_x - below_y) as f64
        };
        // A fall is the mean of "above" and "not below".
        0.25 * (above(x, y) + above(x + 1, y) + above(x, y + 1) + above(x + 1, y + 1))
    }
}

fn products(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Counts numbers below a bound among the first numbers of a list, in O(log n): a wavelet matrix.
struct LowerCounts {
    /// For each bit from the highest on: how many of the first numbers lack it, in the order of that level.
    lacking: Vec<Vec<u32>>,
}

impl LowerCounts {
    /// Of `numbers`, which are at most `highest`.
    fn new(mut numbers: Vec<usize>, highest: usize) -> Self {
        let bits = usize::BITS - highest.leading_zeros();
        let mut lacking = Vec::new();
        for bit in (0..bits).rev() {
            let lacks = |number: &usize| number >> bit & 1 == 0;
            let mut counts = Vec::with_capacity(numbers.len() + 1);
            let mut count = 0;
            counts.push(count);
            for number in &numbers {
                count += u32::from(lacks(number));
                counts.push(count);
            }
            lacking.push(counts);
            let (without, with): (Vec<usize>, Vec<usize>) = numbers.iter().partition(|number| lacks(number));
            numbers = without;
            numbers.extend(with);
        }
        Self { lacking }
    }

    /// How many of the first `end` numbers are below `bound`, which is at most the highest number.
    fn count(&self, mut end: usize, bound: usize) -> usize {
        let (mut start, mut sum) = (0, 0);
        for (level, lacking) in self.lacking.iter().enumerate() {
            let (before, up_to) = (lacking[start] as usize, lacking[end] as usize);
            if bound >> (self.lacking.len() - 1 - level) & 1 == 1 {
                sum += up_to - before;
                let all = lacking[lacking.len() - 1] as usize;
                (start, end) = (all + start - before, all + end - up_to);
            } else {
                (start, end) = (before, up_to);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers below `distinct` in a fixed order.
    fn values(n: usize, factor: usize, distinct: usize) -> Vec<f64> {
        (0..n).map(|item| (item * factor % 997 % distinct) as f64).collect()
    }

    #[test]
    fn each_way_to_leave_out_items_gives_the_same_sums() {
        for distinct in [3, 997] {
            let (x, y) = (Ranked::of(&values(900, 137, distinct)), Ranked::of(&values(900, 291, distinct)));
            let sums = Sums::of(&x, &y);
            assert_eq!(matches!(sums.below_both, BelowBoth::Search(_)), distinct == 997);
            for left_out in [vec![5], vec![0, 899], vec![7, 8, 300, 301, 302]] {
                assert_eq!(sums.by_pairs(&left_out), sums.by_passing_all(&left_out));
            }
        }
    }
}
