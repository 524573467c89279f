//! `eyechart compare`: runs against each other, sample by sample, with a verdict.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use eyechart::analyze::Level;
use eyechart::compare::{Comparison, Options, ScoredRun, compare};
use eyechart::report::{Format, render_comparison};
use eyechart::text::counted;

use super::gates::{GateArguments, check_in_comparison, report_gates};
use super::results::{ResultsFormat, chosen_runs, show_each};
use super::score::notice_bad_lines;
use super::values::{parse_level, parse_whole};
use super::{Exit, output};

/// Compare scored runs sample by sample: differences with intervals, and a verdict
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompareRuns {
    /// Folder of a run, or a folder of runs; the run named first is the baseline of each pair
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// The figure that decides: its p values are not adjusted for the other figures. Its id, or a unique ending of it
    /// after a dot
    #[arg(long, value_name = "FIGURE")]
    primary: Option<String>,

    /// Confidence level of the intervals
    #[arg(long, value_name = "LEVEL", default_value = "0.95", value_parser = parse_level)]
    level: Level,

    /// List the N samples that changed most
    #[arg(long, value_name = "N", default_value = "10", value_parser = parse_whole::<usize>)]
    changed: usize,

    /// Compare runs although their references, options, scorers or controls differ
    #[arg(long)]
    force: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,

    #[command(flatten)]
    gates: GateArguments,
}

const EXAMPLES: &str = "\
Examples:
  eyechart compare OLD NEW
      is NEW better than OLD, the baseline?
  eyechart compare runs --primary exact_match.accuracy
      all pairs of the runs of a task, decided by one figure
  eyechart compare OLD NEW --format json
      every number, with the samples that one side lacks
  eyechart compare OLD NEW --fail-if 'accuracy worse' --fail-if 'failed > 1%'
      for CI: exit code 1 if one of them holds (docs/ci.md)";

impl CompareRuns {
    pub fn call(self) -> anyhow::Result<Exit> {
        let comparison = self.compare()?;
        let gates = self.gates.gates();
        let outcomes = check_in_comparison(&gates, &comparison)?;
        for run in &comparison.runs {
            notice_bad_lines(&run.folder, &run.bad_lines);
        }
        if !comparison.left_out.is_empty() {
            output::notice(&format!(
                "left out: {} of different tasks, or of a control and an ordinary run: name two runs to compare them",
                counted(comparison.left_out.len(), "pair")
            ));
        }
        output::result(&render_comparison(&comparison, Format::from(self.format)));
        Ok(report_gates(&outcomes))
    }

    /// The comparison, before anything is printed.
    fn compare(&self) -> anyhow::Result<Comparison> {
        let mut chosen = chosen_runs(&self.runs)?;
        let mut seen = HashSet::new();
        // A run can be named itself and by its folder.
        chosen.retain(|run| {
            let path = run.folder.path();
            seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
        });
        let options = Options {
            force: self.force,
            // Who names runs one by one wants each pair of them.
            only_alike: !chosen.iter().all(|run| run.is_named()),
            primary: self.primary.clone(),
            level: self.level,
            changed: self.changed,
        };
        let runs = show_each(&chosen, |folder| Ok(ScoredRun::read(folder)?))?;
        Ok(compare(runs, &options)?)
    }
}
