//! Shares of 0/1 scores.

use eyechart::stats::{Interval, Level, cluster_share};

use super::draws::{Draws, binomial};
use super::layout::{Sizes, own};
use super::{Effort, Row};

/// One score per cluster: exact sums over p from 0.02 to 0.98.
pub fn independent(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for (n, lowest) in [(20, 89.0), (50, 91.0), (100, 92.0), (1_000, 93.5)] {
        if n > effort.largest {
            continue;
        }
        let intervals: Vec<Option<Interval>> = (0..=n).map(|right| interval(n, right)).collect();
        let covers = |step: usize| {
            let p = 0.02 + 0.96 * step as f64 / 384.0;
            let chances = binomial(n, p).into_iter().zip(&intervals);
            let right = chances.filter(|(_, interval)| interval.is_some_and(|interval| holds(interval, p)));
            100.0 * right.map(|(chance, _)| chance).sum::<f64>()
        };
        let found: Vec<f64> = (0..=384).map(covers).collect();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let worst = found.into_iter().fold(f64::INFINITY, f64::min);
        rows.push(Row::exact("share, p from 0.02 to 0.98: mean over p", n, vec![mean], Some((94.5, 96.0))));
        rows.push(Row::exact("share, p from 0.02 to 0.98: worst p", n, vec![worst], Some((lowest, 100.0))));
    }
    rows
}

fn interval(n: usize, right: usize) -> Option<Interval> {
    let scores: Vec<f64> = (0..n).map(|item| f64::from(u8::from(item < right))).collect();
    cluster_share(&scores, &own(n), Level::default())?.interval
}

/// Whether the interval has `value`, rounding errors aside.
pub fn holds(interval: Interval, value: f64) -> bool {
    interval.low <= value + 1e-12 && value - 1e-12 <= interval.high
}

/// Shares in clusters.
pub fn clustered(effort: Effort) -> Vec<Row> {
    let of = |count: usize| {
        let mut found = Vec::new();
        for sizes in Sizes::OF_SEVERAL {
            let clusters = sizes.clusters(count);
            for p in [0.02, 0.1, 0.5, 0.9, 0.98] {
                let mut draws = Draws::of(&format!("share {sizes:?} {count} {p}"));
                found.push(effort.percentage(|| {
                    let scores = scores(&mut draws, &clusters, p, sizes.correlation());
                    let share = cluster_share(&scores, &clusters, Level::default())?;
                    Some(holds(share.interval?, p))
                }));
            }
        }
        let must = (count >= 10).then_some((93.0, 100.0));
        Row::simulated("share in clusters, p from 0.02 to 0.98", count, found, must)
    };
    effort.sizes(&[4, 10, 20, 40, 200]).map(of).collect()
}

/// Scores of which those of one cluster share a chance from a beta distribution, drawn by Pólya's urn: each draw makes the
/// next one of its cluster more likely.
fn scores(draws: &mut Draws, clusters: &[usize], p: f64, correlation: f64) -> Vec<f64> {
    let weight = (1.0 - correlation) / correlation;
    let (mut cluster, mut drawn, mut ones) = (usize::MAX, 0.0, 0.0);
    let next = |of: &usize| {
        if *of != cluster {
            (cluster, drawn, ones) = (*of, 0.0, 0.0);
        }
        let score = f64::from(u8::from(draws.uniform() < (p * weight + ones) / (weight + drawn)));
        drawn += 1.0;
        ones += score;
        score
    };
    clusters.iter().map(next).collect()
}
