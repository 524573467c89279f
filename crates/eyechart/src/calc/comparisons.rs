//! Comparisons of two runs, and the samples that they need, by name.

use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::{LevelArg, numbered, of, same_length, with};
use super::{Function, Output, parse, present};
use crate::stats::{self, PairedCounts};

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("compare_means", compare_means),
    ("detectable", detectable),
    ("holm", holm),
    ("mcnemar", mcnemar),
    ("mcnemar_power", mcnemar_power),
    ("not_worse", not_worse),
    ("samples_needed", samples_needed),
    ("tango", tango),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paired {
    #[serde(rename = "a")]
    both: usize,
    #[serde(rename = "b")]
    only_first: usize,
    #[serde(rename = "c")]
    only_second: usize,
    #[serde(rename = "d")]
    neither: usize,
    #[serde(default)]
    level: LevelArg,
    margin: Option<f64>,
}

impl Paired {
    fn counts(&self) -> PairedCounts {
        let Self { both, only_first, only_second, neither, .. } = *self;
        PairedCounts { both, only_first, only_second, neither }
    }
}

fn tango(args: Value) -> Result<Output, String> {
    let paired: Paired = parse(args)?;
    let counts = paired.counts();
    Ok(with([("difference", counts.difference().map(Value::from))], stats::tango(counts, paired.level.0)))
}

fn not_worse(args: Value) -> Result<Output, String> {
    let paired: Paired = parse(args)?;
    let margin = paired.margin.ok_or("missing field `margin`")?;
    let test = stats::not_worse(paired.counts(), margin);
    Ok(present([("z", test.map(|test| test.z.into())), ("p", test.map(|test| test.p.into()))]))
}

fn mcnemar(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        b: usize,
        c: usize,
    }
    let Args { b, c } = parse(args)?;
    let p = stats::mcnemar(b, c);
    Ok(present([("p_exact", of(p.exact)), ("p_mid", of(p.mid)), ("p_score", of(p.score))]))
}

fn compare_means(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        a: Vec<f64>,
        b: Vec<f64>,
        clusters: Vec<Value>,
        #[serde(default)]
        level: LevelArg,
    }
    let Args { a, b, clusters, level } = parse(args)?;
    same_length(&[("values in a", a.len()), ("in b", b.len()), ("clusters", clusters.len())])?;
    let Some(mean) = stats::compare_means(&a, &b, &numbered(&clusters), level.0) else {
        return Ok(Output::new());
    };
    let figures = [
        ("difference", of(mean.difference)),
        ("se", mean.spread.map(|spread| spread.standard_error().into())),
        ("df", mean.spread.map(|spread| spread.df.into())),
        ("p", mean.p.map(Value::from)),
    ];
    Ok(with(figures, mean.interval))
}

fn holm(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        p: Vec<f64>,
    }
    Ok(present([("adjusted", Some(json!(stats::holm(&parse::<Args>(args)?.p))))]))
}

fn alpha_of_tests() -> f64 {
    0.05
}

fn usual_power() -> f64 {
    0.8
}

fn samples_needed(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        discordant: f64,
        detect: f64,
        #[serde(default = "alpha_of_tests")]
        alpha: f64,
        #[serde(default = "usual_power")]
        power: f64,
    }
    let Args { discordant, detect, alpha, power } = parse(args)?;
    let needed = stats::samples_needed(discordant, detect, alpha, power);
    Ok(present([("n", needed.map(|needed| (needed.ceil() as u64).into()))]))
}

fn detectable(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        discordant: f64,
        n: f64,
        #[serde(default = "alpha_of_tests")]
        alpha: f64,
        #[serde(default = "usual_power")]
        power: f64,
    }
    let Args { discordant, n, alpha, power } = parse(args)?;
    let found = stats::detectable_difference(discordant, n, alpha, power);
    Ok(present([("detect", found.map(Value::from))]))
}

fn mcnemar_power(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        n: usize,
        only_first: f64,
        only_second: f64,
        #[serde(default = "alpha_of_tests")]
        alpha: f64,
    }
    let Args { n, only_first, only_second, alpha } = parse(args)?;
    if !(only_first >= 0.0 && only_second >= 0.0 && only_first + only_second <= 1.0) {
        return Err("only_first and only_second: expected shares with a sum of at most 1".to_owned());
    }
    let power = stats::mcnemar_power(n, only_first, only_second, alpha);
    Ok(present([("exact", of(power.exact)), ("mid", of(power.mid_p))]))
}
