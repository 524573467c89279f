//! Two runs over the same samples: shares of right answers, and ratios of counts.

use eyechart::stats::{Level, PairedCounts, Spread, jackknife_variance, mcnemar_power, t_interval, tango};

use super::draws::{Draws, binomial};
use super::shares::holds;
use super::{Effort, Row};

/// The chances that both runs, only the first, only the second or neither is right.
#[derive(Debug, Clone, Copy)]
struct Chances([f64; 4]);

impl Chances {
    /// For runs with these shares of right answers and this correlation; `None` if there are none.
    fn of(first: f64, second: f64, correlation: f64) -> Option<Self> {
        let common = correlation * (first * (1.0 - first) * second * (1.0 - second)).sqrt();
        let both = first * second + common;
        let chances = [both, first - both, second - both, 1.0 - first - second + both];
        chances.iter().all(|chance| *chance >= 0.0).then_some(Self(chances))
    }

    fn discordant(self) -> f64 {
        self.0[1] + self.0[2]
    }

    /// The chance that Tango's interval covers the difference, as a sum over all tables.
    fn coverage(self, n: usize) -> f64 {
        let [_, only_first, only_second, _] = self.0;
        let difference = only_first - only_second;
        let mut covered = 0.0;
        for (m, of_m) in binomial(n, self.discordant()).into_iter().enumerate() {
            for (k, of_k) in binomial(m, only_first / self.discordant()).into_iter().enumerate() {
                if of_m * of_k < 1e-12 {
                    continue;
                }
                let counts = PairedCounts { both: n - m, only_first: k, only_second: m - k, neither: 0 };
                let interval = tango(counts, Level::default());
                if interval.is_some_and(|interval| holds(interval, difference)) {
                    covered += of_m * of_k;
                }
            }
        }
        covered
    }
}

const CORRELATIONS: [f64; 3] = [0.0, 0.3, 0.6];

/// Differences of shares.
pub fn shares(effort: Effort) -> Vec<Row> {
    let of = |n: usize| {
        let pairs = [(0.5, 0.5), (0.6, 0.5), (0.9, 0.9), (0.95, 0.9), (0.98, 0.98), (0.99, 0.96)];
        let settings = pairs.into_iter().flat_map(|(first, second)| {
            CORRELATIONS.into_iter().filter_map(move |correlation| Chances::of(first, second, correlation))
        });
        let found = settings.map(|chances| 100.0 * chances.coverage(n)).collect();
        Row::exact("difference of shares (Tango), correlation 0 to 0.6", n, found, Some((93.0, 100.0)))
    };
    effort.sizes(&[20, 50, 100, 1_000]).map(of).collect()
}

/// How often two equal runs are said to differ by McNemar's mid-p test.
pub fn equal_shares(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for n in effort.sizes(&[20, 50, 100, 1_000]) {
        let (mut few, mut many) = (Vec::new(), Vec::new());
        for share in [0.5, 0.9, 0.98] {
            for chances in
                CORRELATIONS.iter().filter_map(|correlation| Chances::of(share, share, *correlation))
            {
                let rate = 100.0 * mcnemar_power(n, chances.0[1], chances.0[2], 0.05).mid_p;
                let is_many = chances.discordant() * n as f64 >= 20.0 - 1e-9;
                if is_many { many.push(rate) } else { few.push(rate) }
            }
        }
        let groups = [
            ("equal runs said to differ: shares (mid-p), 20 or more discordant pairs", many, (4.0, 6.0)),
            ("equal runs said to differ: shares (mid-p), fewer", few, (0.0, 6.0)),
        ];
        let groups = groups.into_iter().filter(|(_, found, _)| !found.is_empty());
        rows.extend(groups.map(|(scenario, found, must)| Row::exact(scenario, n, found, Some(must))));
    }
    rows.sort_by_key(|row| row.scenario.ends_with("fewer"));
    rows
}

/// Kinds of samples of a yes-or-no question: the right answer, and which runs are right.
const KINDS: usize = 8;

/// F1 of the first run less that of the second, from the numbers of samples of each kind.
fn difference_of_f1(counts: &[f64; KINDS]) -> Option<f64> {
    let f1 = |is_right: fn(usize) -> bool| {
        let (mut hits, mut errors) = (0.0, 0.0);
        for (kind, count) in counts.iter().enumerate() {
            let is_yes = kind & 4 != 0;
            match (is_yes, is_right(kind)) {
                (true, true) => hits += count,
                (_, false) => errors += count,
                (false, true) => {}
            }
        }
        (hits + errors > 0.0).then(|| 2.0 * hits / (2.0 * hits + errors))
    };
    Some(f1(|kind| kind & 2 != 0)? - f1(|kind| kind & 1 != 0)?)
}

/// How often two runs with equal F1 are said to differ: the jackknife of the difference and Student's t.
pub fn equal_ratios(effort: Effort) -> Vec<Row> {
    let [both, only_first, only_second, neither] =
        Chances::of(0.8, 0.8, 0.4).map_or([0.25; 4], |chances| chances.0);
    let halves = [neither, only_second, only_first, both].map(|chance| chance / 2.0);
    let weights: Vec<f64> = halves.into_iter().chain(halves).collect();
    let of = |n: usize| {
        let mut draws = Draws::of(&format!("equal F1 {n}"));
        let found = effort.percentage(|| {
            let mut counts = [0.0; KINDS];
            (0..n).for_each(|_| counts[draws.position(&weights)] += 1.0);
            let mut without = Vec::with_capacity(n);
            for kind in 0..KINDS {
                let mut left = counts;
                left[kind] -= 1.0;
                let difference = difference_of_f1(&left);
                without.extend(std::iter::repeat_n(difference, counts[kind] as usize));
            }
            let spread = Spread { variance: jackknife_variance(&without)?, df: (n - 1) as f64, clusters: n };
            let interval = t_interval(difference_of_f1(&counts)?, spread, Level::default());
            Some(interval.is_some_and(|interval| !holds(interval, 0.0)))
        });
        // 19% of the pairs are discordant.
        let lowest = if n >= 200 { 4.0 } else { 0.0 };
        Row::simulated("equal runs said to differ: F1 (jackknife t)", n, vec![found], Some((lowest, 6.0)))
    };
    effort.sizes(&[50, 200, 500]).map(of).collect()
}
