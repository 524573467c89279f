//! Figures of one run with their intervals, and figures of epochs, by name.

use serde::Deserialize;
use serde_json::Value;

use super::arguments::{LevelArg, ScaleArg, numbered, of, same_length, with};
use super::{Function, Output, parse, present, value};
use crate::stats::{self, Scale, Spread};

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("cluster_mean", cluster_mean),
    ("cluster_proportion", cluster_proportion),
    ("consistency", consistency),
    ("pass_at_k", pass_at_k),
    ("precision_recall", precision_recall),
    ("quantile", quantile),
    ("score_interval", score_interval),
    ("t_interval", t_interval),
    ("top_share", top_share),
    ("variance_split", variance_split),
    ("wilson", wilson),
];

fn wilson(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        x: f64,
        n: f64,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { x, n, level } = parse(args)?;
    if !(0.0..=n).contains(&x) {
        return Err(format!("x is {x}, but n is {n}: expected x from 0 to n"));
    }
    Ok(with([], (n > 0.0).then(|| stats::wilson(x / n, n, level.0.z()))))
}

fn score_interval(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        estimate: f64,
        variance: f64,
        df: f64,
        range: ScaleArg,
        clusters: usize,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { estimate, variance, df, range, clusters, level } = parse(args)?;
    let is_defined = df > 0.0 && clusters > 0 && variance >= 0.0;
    let spread = Spread { variance, df, clusters };
    Ok(with([], is_defined.then(|| stats::score_interval(estimate, spread, range.0, level.0))))
}

fn t_interval(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        values: Vec<f64>,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { values, level } = parse(args)?;
    let own: Vec<usize> = (0..values.len()).collect();
    let Some(mean) = stats::cluster_mean(&values, &own) else { return Ok(Output::new()) };
    let is_constant = values.iter().all(|value| *value == values[0]);
    // The mean of equal values may have a rounding error.
    let variance = |spread: Spread| if is_constant { 0.0 } else { spread.variance };
    let spread = mean.spread.map(|spread| Spread { variance: variance(spread), ..spread });
    let interval = spread.and_then(|spread| stats::t_interval(mean.mean, spread, level.0));
    let se = spread.map(|spread| spread.standard_error().into());
    Ok(with([("mean", of(mean.mean)), ("se", se)], interval))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clustered {
    values: Vec<f64>,
    clusters: Vec<Value>,
    range: Option<ScaleArg>,
    #[serde(default)]
    level: LevelArg,
}

impl Clustered {
    fn parse(args: Value) -> Result<Self, String> {
        let args: Self = parse(args)?;
        same_length(&[("values", args.values.len()), ("clusters", args.clusters.len())])?;
        Ok(args)
    }
}

fn cluster_mean(args: Value) -> Result<Output, String> {
    let Clustered { values, clusters, range, level } = Clustered::parse(args)?;
    let clusters = numbered(&clusters);
    let (Some(mean), Some(errors)) =
        (stats::cluster_mean(&values, &clusters), stats::standard_errors(&values, &clusters))
    else {
        return Ok(Output::new());
    };
    let spread = mean.spread.filter(|spread| spread.variance > 0.0);
    let score =
        spread.zip(range).map(|(spread, range)| stats::score_interval(mean.mean, spread, range.0, level.0));
    let number = |number: Option<f64>| number.map(Value::from);
    Ok(with(
        [
            ("mean", of(mean.mean)),
            ("n", Some(values.len().into())),
            ("clusters", Some(mean.clusters.into())),
            ("se_naive", number(errors.naive)),
            ("se_miller", number(errors.miller)),
            ("se_cr1", number(errors.cr1)),
            ("se_cr2", number(mean.spread.map(Spread::standard_error))),
            ("df", number(mean.spread.map(|spread| spread.df))),
            ("score_low", number(score.map(|interval| interval.low))),
            ("score_high", number(score.map(|interval| interval.high))),
        ],
        spread.and_then(|spread| stats::t_interval(mean.mean, spread, level.0)),
    ))
}

fn cluster_proportion(args: Value) -> Result<Output, String> {
    let Clustered { values, clusters, level, .. } = Clustered::parse(args)?;
    if let Some(other) = values.iter().find(|value| **value != 0.0 && **value != 1.0) {
        return Err(format!("the value {other}: expected 0 or 1"));
    }
    let Some(share) = stats::cluster_share(&values, &numbered(&clusters), level.0) else {
        return Ok(Output::new());
    };
    let figures = [
        ("value", of(share.value)),
        ("n", Some(values.len().into())),
        ("clusters", Some(share.clusters.into())),
        ("n_eff", share.effective_n.map(Value::from)),
    ];
    Ok(with(figures, share.interval))
}

fn top_share(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        values: Vec<f64>,
        share: f64,
        range: ScaleArg,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { values, share, range, level } = parse(args)?;
    let own: Vec<usize> = (0..values.len()).collect();
    let Some(top) = stats::top_share(&values, &own, share, range.0, level.0) else {
        return Ok(Output::new());
    };
    Ok(with([("value", of(top.value)), ("se", of(top.standard_error))], top.interval))
}

fn quantile(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        values: Vec<f64>,
        q: f64,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { values, q, level } = parse(args)?;
    let found = stats::quantile(&values, q).map(Value::from);
    Ok(with([("value", found)], stats::quantile_interval(&values, q, level.0)))
}

/// Counts of right and wrong verdicts by cluster: true and false positives, false and true negatives.
type Verdicts = [f64; 4];

fn precision_recall(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        clusters: Vec<Verdicts>,
        #[serde(default)]
        level: LevelArg,
    }
    type Figure = fn(Verdicts) -> Option<f64>;
    const FIGURES: [(&str, Figure); 3] = [
        ("precision", |[right, wrong, ..]| ratio(right, right + wrong)),
        ("recall", |[right, _, missed, _]| ratio(right, right + missed)),
        ("f1", |[right, wrong, missed, _]| ratio(2.0 * right, 2.0 * right + wrong + missed)),
    ];
    let Args { clusters, level } = parse(args)?;
    let sum = clusters.iter().fold([0.0; 4], |sum, counts| std::array::from_fn(|at| sum[at] + counts[at]));
    let sizes: Vec<usize> = clusters.iter().map(|counts| counts.iter().sum::<f64>() as usize).collect();
    let mut output = Output::new();
    for (name, figure) in FIGURES {
        let without = |counts: &Verdicts| figure(std::array::from_fn(|at| sum[at] - counts[at]));
        let without: Vec<Option<f64>> = clusters.iter().map(without).collect();
        let value = figure(sum);
        let variance = value.and_then(|_| stats::jackknife_variance(&without));
        let interval = value.zip(variance).map(|(value, variance)| {
            let df = stats::bell_mccaffrey_df(&sizes);
            let spread = Spread { variance, df, clusters: sizes.len() };
            stats::score_interval(value, spread, Scale::SHARE, level.0)
        });
        output.extend(present([
            (name, value.map(Value::from)),
            (&*format!("{name}_se"), variance.map(|variance| variance.sqrt().into())),
            (&*format!("{name}_low"), interval.map(|interval| interval.low.into())),
            (&*format!("{name}_high"), interval.map(|interval| interval.high.into())),
        ]));
    }
    Ok(output)
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole != 0.0).then(|| part / whole)
}

fn pass_at_k(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        n: usize,
        c: usize,
        k: usize,
    }
    let Args { n, c, k } = parse(args)?;
    Ok(value(stats::pass_at_k(n, c, k)))
}

fn consistency(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answers: Vec<String>,
    }
    Ok(value(stats::consistency(&parse::<Args>(args)?.answers)))
}

fn variance_split(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        samples: Vec<Vec<f64>>,
    }
    let split = stats::variance_split(&parse::<Args>(args)?.samples);
    let figures =
        [("within", split.within), ("between", split.between), ("within_share", split.within_share())];
    Ok(present(figures.map(|(name, figure)| (name, figure.map(Value::from)))))
}
