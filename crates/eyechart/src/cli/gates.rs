//! `--fail-if` and `--fail-unless`: gates on the commands that show figures.

use std::collections::HashSet;
use std::path::Path;

use clap::Args;
use eyechart::compare::{Comparison, NoTest, RunPair};
use eyechart::gate::{
    Condition, Gate, GateError, GateOutcome, MeasuredDifference, MeasuredPair, MeasuredRun, Rule, check,
};
use eyechart::report::Entry;
use eyechart::score::{epoch_figure_ids, figure_ids};
use eyechart::text::counted;
use eyechart::types::Results;

use super::{Exit, output};

/// Conditions that decide the exit code.
#[derive(Debug, Args)]
pub struct GateArguments {
    /// End with exit code 1 if this holds, such as 'accuracy < 75%'; can be repeated (docs/ci.md)
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,

    /// End with exit code 1 unless this holds, such as 'accuracy >= 75%'; can be repeated
    #[arg(long, value_name = "CONDITION")]
    fail_unless: Vec<Condition>,
}

impl GateArguments {
    /// The gates, in the order in which they are checked.
    pub fn gates(&self) -> Vec<Gate> {
        let of = |rule, conditions: &[Condition]| -> Vec<Gate> {
            conditions.iter().map(|condition| Gate { rule, condition: condition.clone() }).collect()
        };
        [of(Rule::FailIf, &self.fail_if), of(Rule::FailUnless, &self.fail_unless)].concat()
    }
}

/// A run for gates.
pub struct GatedRun<'a> {
    name: String,
    results: &'a Results,
    ids: Vec<String>,
}

impl<'a> GatedRun<'a> {
    /// A run of which `ids` are the figures that it has or lacks.
    pub fn new(folder: &Path, results: &'a Results, mut ids: Vec<String>) -> Self {
        let own = results.figures.iter().map(|figure| &figure.id);
        let more: Vec<String> = own.filter(|id| !ids.contains(id)).cloned().collect();
        ids.extend(more);
        Self { name: format!("{} ({})", results.shown_model(), folder.display()), results, ids }
    }

    /// A run with the figures of its task. Of the figures over epochs, which depend on the answers, a scored run has all.
    pub fn of_task(entry: &'a Entry) -> Self {
        let mut ids = figure_ids(&entry.task);
        match entry.results.figures.as_slice() {
            [] => ids.extend(epoch_figure_ids(&entry.task, entry.results.samples.epochs.unwrap_or(1))),
            figures => ids.extend(figures.iter().map(|figure| figure.id.clone())),
        }
        let mut known = HashSet::new();
        ids.retain(|id| known.insert(id.clone()));
        Self::new(&entry.folder, &entry.results, ids)
    }
}

/// Checks gates on the values of `runs` and on the differences of `pairs`. Prints nothing.
pub fn check_gates<'a, 'b>(
    gates: &'a [Gate],
    runs: &'b [GatedRun<'_>],
    pairs: &[MeasuredPair<'_>],
) -> Result<Vec<GateOutcome<'a>>, GateError> {
    let measured =
        |run: &'b GatedRun<'_>| MeasuredRun { name: &run.name, results: run.results, ids: &run.ids };
    check(gates, &runs.iter().map(measured).collect::<Vec<_>>(), pairs)
}

/// Checks gates in a comparison: on differences in every pair, on values in every run that is compared with an earlier one.
pub fn check_in_comparison<'a>(
    gates: &'a [Gate],
    comparison: &Comparison,
) -> Result<Vec<GateOutcome<'a>>, GateError> {
    let of_runs = comparison.runs.iter().flat_map(|run| &run.results.figures).map(|figure| &figure.id);
    let mut ids: Vec<String> = of_runs.cloned().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut pairs: Vec<RunPair> = Vec::new();
    for figure in &comparison.pairs {
        if !pairs.contains(&figure.runs) {
            pairs.push(figure.runs);
        }
    }
    let run = |at: usize| {
        let run = &comparison.runs[at];
        GatedRun::new(run.folder.path(), &run.results, ids.clone())
    };
    let others = (0..comparison.runs.len()).filter(|at| pairs.iter().any(|pair| pair.other == *at));
    let others: Vec<GatedRun<'_>> = others.map(run).collect();
    let measured = pairs.iter().map(|pair| MeasuredPair {
        name: format!("{} against {}", run(pair.other).name, run(pair.baseline).name),
        differences: differences(comparison, *pair),
        ids: &ids,
    });
    check_gates(gates, &others, &measured.collect::<Vec<_>>())
}

fn differences(comparison: &Comparison, pair: RunPair) -> Vec<MeasuredDifference<'_>> {
    let primary = comparison.primary.as_deref().or_else(|| {
        let primary = comparison.runs[pair.baseline].results.primary()?;
        Some(primary.id.as_str())
    });
    let of_pair = comparison.pairs.iter().filter(|figure| figure.runs == pair);
    let measured = of_pair.map(|figure| MeasuredDifference {
        figure: &figure.figure,
        is_primary: primary == Some(figure.figure.as_str()),
        range: figure.range,
        direction: figure.direction,
        difference: figure.difference,
        interval: match (figure.low, figure.high) {
            (Some(low), Some(high)) => Ok([low, high]),
            _ => Err(figure.no_interval.map_or("it has no test", NoTest::in_words)),
        },
        won: figure.won,
        lost: figure.lost,
        same: figure.same,
    });
    measured.collect()
}

/// Prints each failed gate with the value that decided, and returns the exit code.
pub fn report_gates(outcomes: &[GateOutcome<'_>]) -> Exit {
    let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
    for outcome in outcomes {
        for failure in &outcome.failures {
            output::error(&format!("{}: {}: {}", outcome.gate, failure.subject, failure.reason));
        }
    }
    match (outcomes.len(), failed) {
        (0, _) => Exit::Success,
        (all, 0) => {
            output::progress(&format!("{} passed", counted(all, "gate")));
            Exit::Success
        }
        (all, failed) => {
            output::progress(&format!("{failed} of {} failed", counted(all, "gate")));
            Exit::FINDINGS
        }
    }
}
