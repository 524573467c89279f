//! Measures that are no means: κ, F1 and rank correlations.

use eyechart::stats::{
    Correlation, KappaWeights, Level, Scale, Spread, jackknife_variance, kappa, kendall_tau_b,
    score_interval, spearman_rho,
};

use super::draws::{Draws, normal_share};
use super::layout::own;
use super::shares::holds;
use super::{Effort, Row};

/// The chances of yes and yes, yes and no, no and yes, no and no.
type Chances = [f64; 4];

/// κ and F1 of tables of yes and no.
pub fn tables(effort: Effort) -> Vec<Row> {
    let common: [Chances; 3] = [[0.35, 0.1, 0.1, 0.45], [0.47, 0.03, 0.02, 0.48], [0.28, 0.22, 0.22, 0.28]];
    let rare: [Chances; 1] = [[0.06, 0.05, 0.05, 0.84]];
    let ratios: [Chances; 2] = [[0.4, 0.1, 0.1, 0.4], [0.5, 0.03, 0.02, 0.45]];
    let groups: [(&'static str, &[Chances], Covers); 3] = [
        ("κ from 0.1 to 0.9", &common, kappa_covers),
        ("κ 0.5, a category that has 11% of the items", &rare, kappa_covers),
        ("F1 0.8 and 0.95", &ratios, f1_covers),
    ];
    let mut rows = Vec::new();
    for (scenario, tables, covers) in groups {
        for n in effort.sizes(&[20, 50, 100, 500]) {
            let found = tables.iter().map(|chances| covers(effort, n, *chances)).collect();
            rows.push(Row::simulated(scenario, n, found, (n >= 50).then_some((92.5, 100.0))));
        }
    }
    rows
}

/// The coverage at one size of a table.
type Covers = fn(Effort, usize, Chances) -> f64;

fn kappa_covers(effort: Effort, n: usize, chances: Chances) -> f64 {
    let [both, only_first, only_second, neither] = chances;
    let (first, second) = (both + only_first, both + only_second);
    let by_chance = first * second + (1.0 - first) * (1.0 - second);
    let value = (both + neither - by_chance) / (1.0 - by_chance);
    let mut draws = Draws::of(&format!("kappa {n} {chances:?}"));
    let (clusters, sizes) = (own(n), vec![1; n]);
    effort.percentage(|| {
        let draw = |_| {
            let cell = draws.position(&chances);
            (cell / 2, cell % 2)
        };
        let ratings: Vec<(usize, usize)> = (0..n).map(draw).collect();
        let found = kappa(&ratings, 2, KappaWeights::None, &clusters)?;
        Some(holds(found.interval(&sizes, Level::default())?, value))
    })
}

fn f1_of([hits, false_alarms, misses, _]: [f64; 4]) -> Option<f64> {
    let all = 2.0 * hits + false_alarms + misses;
    (all > 0.0).then(|| 2.0 * hits / all)
}

fn f1_covers(effort: Effort, n: usize, chances: Chances) -> f64 {
    let mut draws = Draws::of(&format!("F1 {n} {chances:?}"));
    effort.percentage(|| {
        let mut counts = [0.0; 4];
        (0..n).for_each(|_| counts[draws.position(&chances)] += 1.0);
        let mut without = Vec::with_capacity(n);
        for cell in 0..counts.len() {
            let mut left = counts;
            left[cell] -= 1.0;
            without.extend(std::iter::repeat_n(f1_of(left), counts[cell] as usize));
        }
        let spread = Spread { variance: jackknife_variance(&without)?, df: (n - 1) as f64, clusters: n };
        let interval = score_interval(f1_of(counts)?, spread, Scale::SHARE, Level::default());
        Some(holds(interval, f1_of(chances)?))
    })
}

/// A measure of association of two lists, with the number of each pair's cluster.
type Measure = fn(&[f64], &[f64], &[usize]) -> Option<Correlation>;

/// τ-b and ρ of normal scores, with and without ties.
pub fn ranks(effort: Effort) -> Vec<Row> {
    let of = |n: usize| {
        let mut found = Vec::new();
        for correlation in [0.0, 0.5, 0.85] {
            for has_ties in [false, true] {
                let pairs = NormalPairs { correlation, has_ties };
                let truth = pairs.truth();
                found.push(pairs.covers(effort, n, kendall_tau_b, truth.tau_b));
                found.push(pairs.covers(effort, n, spearman_rho, truth.rho));
            }
        }
        Row::simulated("τ-b and ρ, from 0 to 0.85, with and without ties", n, found, Some((92.5, 98.0)))
    };
    effort.sizes(&[20, 50, 100]).map(of).collect()
}

/// Pairs of correlated normal scores.
#[derive(Debug, Clone, Copy)]
struct NormalPairs {
    correlation: f64,
    /// Whether the first side has only five levels.
    has_ties: bool,
}

/// Between these, the first side has its levels.
const CUTS: [f64; 4] = [-1.0, -0.3, 0.3, 1.0];

/// What the measures are for infinitely many pairs.
struct Truth {
    tau_b: f64,
    rho: f64,
}

impl NormalPairs {
    fn draw(self, draws: &mut Draws) -> (f64, f64) {
        let (x, own) = (draws.normal(), draws.normal());
        let y = self.correlation * x + (1.0 - self.correlation * self.correlation).sqrt() * own;
        let level = || CUTS.iter().filter(|cut| x >= **cut).count() as f64;
        (if self.has_ties { level() } else { x }, y)
    }

    fn truth(self) -> Truth {
        if self.has_ties {
            return self.truth_of_levels();
        }
        Truth {
            tau_b: 2.0 / std::f64::consts::PI * self.correlation.asin(),
            rho: 6.0 / std::f64::consts::PI * (self.correlation / 2.0).asin(),
        }
    }

    /// By the midpoint rule over the second side: given that, the first one is normal.
    fn truth_of_levels(self) -> Truth {
        const STEP: f64 = 0.002;
        let rest = (1.0 - self.correlation * self.correlation).sqrt();
        let below = |cut: usize| normal_share(CUTS[cut]);
        let shares: [f64; 5] = std::array::from_fn(|level| between(level, below));
        // The middle of the ranks of a level, as a share.
        let grades: [f64; 5] =
            std::array::from_fn(|level| shares[..level].iter().sum::<f64>() + shares[level] / 2.0);
        let (mut passed, mut concordance, mut products) = ([0.0; 5], 0.0, 0.0);
        for step in 0..8_000 {
            let y = -8.0 + (f64::from(step) + 0.5) * STEP;
            let density = (-0.5 * y * y).exp() / (2.0 * std::f64::consts::PI).sqrt() * STEP;
            let below = |cut: usize| normal_share((CUTS[cut] - self.correlation * y) / rest);
            let here: [f64; 5] = std::array::from_fn(|level| density * between(level, below));
            for level in 0..5 {
                let lower: f64 = passed[..level].iter().sum();
                let higher: f64 = passed[level + 1..].iter().sum();
                concordance += here[level] * (lower - higher);
                products += here[level] * grades[level] * normal_share(y);
            }
            (0..5).for_each(|level| passed[level] += here[level]);
        }
        let same: f64 = shares.iter().map(|share| share * share).sum();
        let square: f64 = shares.iter().zip(grades).map(|(share, grade)| share * (grade - 0.5).powi(2)).sum();
        Truth {
            tau_b: 2.0 * concordance / (1.0 - same).sqrt(),
            rho: (products - 0.25) / (square / 12.0).sqrt(),
        }
    }

    fn covers(self, effort: Effort, n: usize, measure: Measure, truth: f64) -> f64 {
        let mut draws = Draws::of(&format!("ranks {n} {self:?}"));
        let (clusters, sizes) = (own(n), vec![1; n]);
        effort.percentage(|| {
            let (x, y): (Vec<f64>, Vec<f64>) = (0..n).map(|_| self.draw(&mut draws)).unzip();
            let found = measure(&x, &y, &clusters)?;
            Some(holds(found.interval(&sizes, Level::default())?, truth))
        })
    }
}

/// The chance of a level, from the chance to be below each cut.
fn between(level: usize, below: impl Fn(usize) -> f64) -> f64 {
    let up_to = if level < CUTS.len() { below(level) } else { 1.0 };
    up_to - if level > 0 { below(level - 1) } else { 0.0 }
}
