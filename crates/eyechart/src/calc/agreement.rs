//! Agreement of raters and association of scores, by name.

use serde::Deserialize;
use serde_json::Value;

use super::arguments::{LevelArg, same_length, with};
use super::{Function, Output, parse};
use crate::stats::{self, Correlation, KappaWeights, Level, Measurement};

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("kappa", kappa),
    ("kendall", |args| correlation(args, "tau_b", stats::kendall_tau_b)),
    ("krippendorff", krippendorff),
    ("spearman", |args| correlation(args, "rho", stats::spearman_rho)),
];

/// A correlation with its standard error and interval, from `clusters` of equal size.
fn associated(name: &str, found: Option<Correlation>, clusters: usize, level: Level) -> Output {
    let interval = found.and_then(|found| found.interval(&vec![1; clusters], level));
    let se = found.and_then(|found| Some(found.variance?.sqrt().into()));
    with([(name, found.map(|found| found.value.into())), ("se", se)], interval)
}

/// A measure of association of two lists, with the number of each pair's cluster.
type Measure = fn(&[f64], &[f64], &[usize]) -> Option<Correlation>;

fn correlation(args: Value, name: &str, measure: Measure) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        x: Vec<f64>,
        y: Vec<f64>,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { x, y, level } = parse(args)?;
    same_length(&[("values in x", x.len()), ("in y", y.len())])?;
    let own: Vec<usize> = (0..x.len()).collect();
    Ok(associated(name, measure(&x, &y, &own), x.len(), level.0))
}

fn kappa(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Weights {
        None,
        Linear,
        Quadratic,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        a: Vec<Value>,
        b: Vec<Value>,
        categories: Vec<Value>,
        weights: Option<Weights>,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { a, b, categories, weights, level } = parse(args)?;
    same_length(&[("ratings in a", a.len()), ("in b", b.len())])?;
    let place = |rating: &Value| {
        let found = categories.iter().position(|category| category == rating);
        found.ok_or_else(|| format!("the rating {rating} is none of the categories"))
    };
    let pairs = a.iter().zip(&b).map(|(one, two)| Ok((place(one)?, place(two)?)));
    let pairs = pairs.collect::<Result<Vec<_>, String>>()?;
    let weights = match weights {
        None | Some(Weights::None) => KappaWeights::None,
        Some(Weights::Linear) => KappaWeights::Linear,
        Some(Weights::Quadratic) => KappaWeights::Quadratic,
    };
    let own: Vec<usize> = (0..pairs.len()).collect();
    let found = stats::kappa(&pairs, categories.len(), weights, &own);
    Ok(associated("kappa", found, pairs.len(), level.0))
}

fn krippendorff(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Metric {
        Nominal,
        Ordinal,
        Interval,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        /// One list per rater, with one rating or null per unit.
        ratings: Vec<Vec<Option<f64>>>,
        metric: Metric,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { ratings, metric, level } = parse(args)?;
    let count = ratings.first().map_or(0, Vec::len);
    if ratings.iter().any(|rater| rater.len() != count) {
        return Err("ratings: expected as many units for each rater".to_owned());
    }
    let of_unit = |unit: usize| ratings.iter().filter_map(|rater| rater[unit]).collect();
    let units: Vec<Vec<f64>> = (0..count).map(of_unit).collect();
    let measurement = match metric {
        Metric::Nominal => Measurement::Nominal,
        Metric::Ordinal => Measurement::Ordinal,
        Metric::Interval => Measurement::Interval,
    };
    let own: Vec<usize> = (0..count).collect();
    Ok(associated("alpha", stats::krippendorff_alpha(&units, measurement, &own), count, level.0))
}
