//! What arguments and results of statistical functions have in common.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Output, present};
use crate::stats::{Interval, Level, Scale};

/// A confidence level, 0.95 if absent.
#[derive(Default, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct LevelArg(pub(super) Level);

impl TryFrom<f64> for LevelArg {
    type Error = String;

    fn try_from(level: f64) -> Result<Self, String> {
        let checked =
            Level::new(level).ok_or_else(|| format!("level {level}: expected a number between 0 and 1"));
        checked.map(Self)
    }
}

/// A scale as `[low, high]`.
#[derive(Deserialize)]
#[serde(try_from = "(f64, f64)")]
pub(super) struct ScaleArg(pub(super) Scale);

impl TryFrom<(f64, f64)> for ScaleArg {
    type Error = String;

    fn try_from((low, high): (f64, f64)) -> Result<Self, String> {
        let is_range = low < high && low.is_finite() && high.is_finite();
        is_range.then_some(Self(Scale { low, high })).ok_or_else(|| format!("range [{low}, {high}] is empty"))
    }
}

/// The pairs with the ends of an interval.
pub(super) fn ends(interval: Option<Interval>) -> [(&'static str, Option<Value>); 2] {
    [
        ("low", interval.map(|interval| interval.low.into())),
        ("high", interval.map(|interval| interval.high.into())),
    ]
}

pub(super) fn with<'a>(
    pairs: impl IntoIterator<Item = (&'a str, Option<Value>)>,
    interval: Option<Interval>,
) -> Output {
    present(pairs.into_iter().chain(ends(interval)))
}

pub(super) fn of(number: f64) -> Option<Value> {
    Some(number.into())
}

/// The number of each key's cluster, from 0 on in the order of their first occurrence.
pub(super) fn numbered(keys: &[Value]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    let number = |key: &Value| {
        let next = numbers.len();
        *numbers.entry(key.to_string()).or_insert(next)
    };
    keys.iter().map(number).collect()
}

pub(super) fn same_length(pairs: &[(&str, usize)]) -> Result<(), String> {
    let is_same = pairs.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let counted: Vec<String> = pairs.iter().map(|(name, length)| format!("{length} {name}")).collect();
    is_same.then_some(()).ok_or_else(|| format!("{}: expected the same number", counted.join(", ")))
}
