//! A comparison as JSON and CSV.

use std::path::Path;

use serde::Serialize;

use crate::compare::{
    Comparison, DifferingSetting, FigureComparison, FigureNotCompared, LackingScores, RunPair,
};
use crate::report::csv::{number, written};
use crate::types::{Results, SampleCounts};

/// The name and version of the JSON form.
const FORMAT: &str = "eyechart.comparison/1";

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    level: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<&'a str>,
    runs: Vec<RunLine<'a>>,
    differing: &'a [DifferingSetting],
    pairs: Vec<OfPair<'a, &'a FigureComparison>>,
    not_compared: Vec<OfPair<'a, &'a FigureNotCompared>>,
    lacking: Vec<OfPair<'a, &'a LackingScores>>,
    notes: Vec<OfPair<'a, Note<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unbeaten: Vec<UnbeatenLine<'a>>,
}

#[derive(Serialize)]
struct RunLine<'a> {
    folder: &'a Path,
    task: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<&'static str>,
    samples: &'a SampleCounts,
}

/// Something about a pair of runs, which are named by their folders.
#[derive(Serialize)]
struct OfPair<'a, T: Serialize> {
    baseline: &'a Path,
    other: &'a Path,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Note<'a> {
    note: &'a str,
}

#[derive(Serialize)]
struct UnbeatenLine<'a> {
    figure: &'a str,
    runs: Vec<&'a Path>,
}

pub(super) fn as_json(comparison: &Comparison) -> String {
    let folder = |run: usize| comparison.runs[run].folder.path();
    let unbeaten = comparison.unbeaten.iter().map(|unbeaten| UnbeatenLine {
        figure: &unbeaten.figure,
        runs: unbeaten.runs.iter().map(|run| folder(*run)).collect(),
    });
    let notes = comparison.notes.iter().map(|note| of(comparison, note.runs, Note { note: &note.text }));
    let document = Document {
        format: FORMAT,
        level: comparison.level,
        primary: comparison.primary.as_deref(),
        runs: comparison.runs.iter().map(|run| run_line(run.folder.path(), &run.results)).collect(),
        differing: &comparison.differing,
        pairs: comparison.pairs.iter().map(|figure| of(comparison, figure.runs, figure)).collect(),
        not_compared: comparison.not_compared.iter().map(|left| of(comparison, left.runs, left)).collect(),
        lacking: comparison.lacking.iter().map(|lacking| of(comparison, lacking.runs, lacking)).collect(),
        notes: notes.collect(),
        unbeaten: unbeaten.collect(),
    };
    let text = serde_json::to_string_pretty(&document);
    text.expect("plain data with text keys always serializes") + "\n"
}

fn of<T: Serialize>(comparison: &Comparison, runs: RunPair, what: T) -> OfPair<'_, T> {
    let folder = |run: usize| comparison.runs[run].folder.path();
    OfPair { baseline: folder(runs.baseline), other: folder(runs.other), what }
}

fn run_line<'a>(folder: &'a Path, results: &'a Results) -> RunLine<'a> {
    RunLine {
        folder,
        task: &results.task,
        model: &results.model,
        label: results.label.as_deref(),
        control: results.control.map(crate::types::Control::name),
        samples: &results.samples,
    }
}

const HEADS: [&str; 27] = [
    "baseline",
    "other",
    "figure",
    "n",
    "clusters",
    "baseline_value",
    "other_value",
    "difference",
    "low",
    "high",
    "level",
    "p",
    "p_adjusted",
    "won",
    "lost",
    "same",
    "only_baseline",
    "only_other",
    "verdict",
    "failed_baseline",
    "failed_other",
    "with_failures_difference",
    "with_failures_low",
    "with_failures_high",
    "with_failures_p",
    "with_failures_p_adjusted",
    "with_failures_verdict",
];

/// One line for each figure of each pair.
pub(super) fn as_csv(comparison: &Comparison) -> String {
    let folder = |run: usize| comparison.runs[run].folder.path().display().to_string();
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(comparison.pairs.iter().map(|figure| {
        let failures = figure.with_failures.as_ref();
        [
            folder(figure.runs.baseline),
            folder(figure.runs.other),
            figure.figure.clone(),
            figure.n.to_string(),
            figure.clusters.to_string(),
            figure.baseline_value.to_string(),
            figure.other_value.to_string(),
            figure.difference.to_string(),
            number(figure.low),
            number(figure.high),
            comparison.level.to_string(),
            number(figure.p),
            number(figure.p_adjusted),
            figure.won.to_string(),
            figure.lost.to_string(),
            figure.same.to_string(),
            figure.only_baseline.to_string(),
            figure.only_other.to_string(),
            figure.verdict.name().to_owned(),
            failures.map(|failures| failures.failed_baseline.to_string()).unwrap_or_default(),
            failures.map(|failures| failures.failed_other.to_string()).unwrap_or_default(),
            number(failures.map(|failures| failures.difference)),
            number(failures.and_then(|failures| failures.low)),
            number(failures.and_then(|failures| failures.high)),
            number(failures.and_then(|failures| failures.p)),
            number(failures.and_then(|failures| failures.p_adjusted)),
            failures.map(|failures| failures.verdict.name().to_owned()).unwrap_or_default(),
        ]
    }));
    written(rows)
}
