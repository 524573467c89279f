//! Means of scores on a scale, and differences of two of them.

use eyechart::stats::{Level, Scale, cluster_mean, compare_means, score_interval};

use super::draws::{Draws, normal_share};
use super::layout::{Sizes, own};
use super::shares::holds;
use super::{Effort, Row};

/// How scores are distributed.
#[derive(Debug, Clone, Copy)]
enum Scores {
    /// Beta(5, 1): the most at 1, all values possible.
    Beta,
    /// Like cosines of sentence embeddings: skewed to the left.
    Cosine,
    /// Like VQA accuracy: nine of ten are 1.
    Accuracy,
    /// Like ANLS: three of four are 1, some are 0.
    EditSimilarity,
    /// Like CIDEr: a long tail to the right, up to 10.
    LongTail,
}

impl Scores {
    fn draw(self, draws: &mut Draws) -> f64 {
        match self {
            Self::Beta => draws.uniform().powf(0.2),
            Self::Cosine => 1.0 - (0.12 * draws.gamma(2.2)).min(1.2),
            Self::Accuracy => [0.0, 0.3, 0.6, 0.9, 1.0][draws.position(&[0.04, 0.02, 0.02, 0.02, 0.9])],
            Self::EditSimilarity => match draws.position(&[0.75, 0.15, 0.1]) {
                0 => 1.0,
                1 => 0.5 + 0.5 * draws.uniform(),
                _ => 0.0,
            },
            Self::LongTail => (draws.normal() - 0.5).exp().min(10.0),
        }
    }

    /// The true mean.
    fn mean(self) -> f64 {
        match self {
            Self::Beta => 5.0 / 6.0,
            Self::Cosine => 1.0 - expected(1.2, |x| x.powf(1.2) * (-x / 0.12).exp()),
            Self::Accuracy => 0.02 * (0.3 + 0.6 + 0.9) + 0.9,
            Self::EditSimilarity => 0.75 + 0.75 * 0.15,
            Self::LongTail => expected(10.0, |x| (-0.5 * (x.ln() + 0.5).powi(2)).exp() / x),
        }
    }

    fn scale(self) -> Scale {
        match self {
            Self::Cosine => Scale::CORRELATION,
            Self::LongTail => Scale { low: 0.0, high: 10.0 },
            _ => Scale::SHARE,
        }
    }
}

/// The mean of positive values with this density (up to a factor), cut at `most`, by the midpoint rule.
fn expected(most: f64, density: impl Fn(f64) -> f64) -> f64 {
    let (mut all, mut sum) = (0.0, 0.0);
    for step in 0..4_000_000 {
        let x = (f64::from(step) + 0.5) * most * 1e-5;
        all += density(x);
        sum += density(x) * x.min(most);
    }
    sum / all
}

/// One score per cluster.
pub fn independent(effort: Effort) -> Vec<Row> {
    let groups: [(&'static str, &[Scores]); 3] = [
        ("mean of Beta(5, 1) and cosine-like scores", &[Scores::Beta, Scores::Cosine]),
        (
            "mean of scores that are mostly 1 (like VQA accuracy and ANLS)",
            &[Scores::Accuracy, Scores::EditSimilarity],
        ),
        ("mean of scores with a long tail (like CIDEr)", &[Scores::LongTail]),
    ];
    let mut rows = Vec::new();
    for (scenario, kinds) in groups {
        let means: Vec<f64> = kinds.iter().map(|kind| kind.mean()).collect();
        for n in effort.sizes(&[20, 50, 100, 1_000]) {
            let of = |(kind, mean): (&Scores, &f64)| covers(effort, *kind, *mean, n);
            let found = kinds.iter().zip(&means).map(of).collect();
            let must = match kinds[0] {
                Scores::Beta => Some((93.0, 97.0)),
                Scores::Accuracy if n < 50 => Some((88.0, 100.0)),
                Scores::Accuracy => Some((92.5, 97.0)),
                _ => None,
            };
            rows.push(Row::simulated(scenario, n, found, must));
        }
    }
    rows
}

fn covers(effort: Effort, kind: Scores, mean: f64, n: usize) -> f64 {
    let mut draws = Draws::of(&format!("mean {kind:?} {n}"));
    let clusters = own(n);
    effort.percentage(|| {
        let scores: Vec<f64> = (0..n).map(|_| kind.draw(&mut draws)).collect();
        mean_holds(&scores, &clusters, kind.scale(), mean)
    })
}

fn mean_holds(scores: &[f64], clusters: &[usize], scale: Scale, mean: f64) -> Option<bool> {
    let found = cluster_mean(scores, clusters)?;
    Some(holds(score_interval(found.mean, found.spread?, scale, Level::default()), mean))
}

/// Scores in clusters: Beta(5, 1) by a normal copula.
pub fn clustered(effort: Effort) -> Vec<Row> {
    let of = |count: usize| {
        let of_sizes = |sizes: Sizes| {
            let clusters = sizes.clusters(count);
            let mut draws = Draws::of(&format!("clustered mean {sizes:?} {count}"));
            effort.percentage(|| {
                let common = commons(&mut draws, count);
                let correlation = sizes.correlation();
                let draw = |cluster: &usize| {
                    let own = (1.0 - correlation).sqrt() * draws.normal();
                    normal_share(correlation.sqrt() * common[*cluster] + own).powf(0.2)
                };
                let scores: Vec<f64> = clusters.iter().map(draw).collect();
                mean_holds(&scores, &clusters, Scale::SHARE, 5.0 / 6.0)
            })
        };
        let found = Sizes::OF_SEVERAL.into_iter().map(of_sizes).collect();
        let must = (count >= 10).then_some((93.0, 98.0));
        Row::simulated("mean in clusters", count, found, must)
    };
    effort.sizes(&[4, 10, 20, 40, 200]).map(of).collect()
}

fn commons(draws: &mut Draws, count: usize) -> Vec<f64> {
    (0..count).map(|_| draws.normal()).collect()
}

/// The scores of two runs over the same samples. Each cluster has a difficulty in common; the scores of a run are
/// Beta(`shape`, 1).
struct TwoRuns<'a> {
    sizes: Sizes,
    count: usize,
    clusters: &'a [usize],
    shapes: [f64; 2],
}

impl TwoRuns<'_> {
    fn draw(&self, draws: &mut Draws) -> [Vec<f64>; 2] {
        let difficulty = commons(draws, self.count);
        let correlation = self.sizes.correlation();
        self.shapes.map(|shape| {
            let common = commons(draws, self.count);
            let draw = |cluster: &usize| {
                let own = (1.0 - correlation).sqrt() * draws.normal();
                let z = difficulty[*cluster] + correlation.sqrt() * common[*cluster] + own;
                normal_share(z / std::f64::consts::SQRT_2).powf(1.0 / shape)
            };
            self.clusters.iter().map(draw).collect()
        })
    }

    /// Calls `test` with each pair of runs.
    fn percentage(
        &self,
        effort: Effort,
        mut test: impl FnMut(eyechart::stats::PairedMean) -> Option<bool>,
    ) -> f64 {
        let mut draws = Draws::of(&format!("two runs {:?} {} {:?}", self.sizes, self.count, self.shapes));
        effort.percentage(|| {
            let [first, second] = self.draw(&mut draws);
            test(compare_means(&first, &second, self.clusters, Level::default())?)
        })
    }
}

/// Differences of the means of two runs of which one is better.
pub fn paired(effort: Effort) -> Vec<Row> {
    let of = |count: usize| {
        let of_sizes = |sizes: Sizes| {
            let runs = TwoRuns { sizes, count, clusters: &sizes.clusters(count), shapes: [5.0, 3.0] };
            let difference = 5.0 / 6.0 - 3.0 / 4.0;
            runs.percentage(effort, |found| Some(holds(found.interval?, difference)))
        };
        let found = Sizes::ALL.into_iter().map(of_sizes).collect();
        Row::simulated("difference of means", count, found, Some((92.5, 98.0)))
    };
    effort.sizes(&[10, 20, 50, 200]).map(of).collect()
}

/// How often two equal runs are said to differ.
pub fn equal_means(effort: Effort) -> Vec<Row> {
    let of = |count: usize| {
        let of_sizes = |sizes: Sizes| {
            let runs = TwoRuns { sizes, count, clusters: &sizes.clusters(count), shapes: [5.0, 5.0] };
            runs.percentage(effort, |found| Some(found.p? <= 0.05))
        };
        let found = Sizes::ALL.into_iter().map(of_sizes).collect();
        Row::simulated("equal runs said to differ: means (CR2 t)", count, found, Some((0.0, 6.0)))
    };
    effort.sizes(&[10, 20, 50, 200]).map(of).collect()
}
