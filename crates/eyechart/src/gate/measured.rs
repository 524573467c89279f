//! What gates are checked against. A command fills these from its runs.

use crate::types::{Direction, Results};

/// A run.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredRun<'a> {
    /// The name in messages.
    pub name: &'a str,
    /// The figures of the run.
    pub results: &'a Results,
    /// The ids of all figures that the run's task has. A run without answers has none of them.
    pub ids: &'a [String],
}

/// Two runs over the same samples.
#[derive(Debug, Clone)]
pub struct MeasuredPair<'a> {
    /// The name in messages.
    pub name: String,
    /// The differences, one per compared figure.
    pub differences: Vec<MeasuredDifference<'a>>,
    /// The ids of all figures that the runs have.
    pub ids: &'a [String],
}

/// The difference of one figure: the other run's value less that of the baseline.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredDifference<'a> {
    /// The figure's id.
    pub figure: &'a str,
    /// Whether `won`, `lost` and `same` are about this figure.
    pub is_primary: bool,
    /// The lowest and highest value that the figure can have.
    pub range: [f64; 2],
    /// Which values of the figure are better.
    pub direction: Direction,
    /// The difference.
    pub difference: f64,
    /// The interval of the difference, or why there is none.
    pub interval: Result<[f64; 2], &'a str>,
    /// Number of pairs in which the other run is better.
    pub won: usize,
    /// Number of pairs in which the baseline is better.
    pub lost: usize,
    /// Number of pairs without a difference.
    pub same: usize,
}
