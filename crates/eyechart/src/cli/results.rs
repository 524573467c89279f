//! `eyechart results`: the figures of scored runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::record::RunFolder;
use eyechart::report::{Entry, Format, render};
use eyechart::score::{ScoreError, Scored, read_scored};
use eyechart::text::counted;

use super::gates::{GateArguments, GatedRun, check_gates, report_gates};
use super::{Exit, chain_of, output};

/// Show the figures of scored runs, side by side
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowResults {
    /// Folder of a run, or a folder of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Output format
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,

    #[command(flatten)]
    gates: GateArguments,
}

const EXAMPLES: &str = "\
Examples:
  eyechart results runs --format markdown
  eyechart results RUN --fail-if 'accuracy.low < 75%' --fail-if 'failed > 1%'
      for CI: exit code 1 if one of them holds (docs/ci.md)";

/// The format of figures and comparisons.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ResultsFormat {
    Table,
    Markdown,
    Csv,
    Json,
}

impl From<ResultsFormat> for Format {
    fn from(format: ResultsFormat) -> Self {
        match format {
            ResultsFormat::Table => Self::Table { width: output::width() },
            ResultsFormat::Markdown => Self::Markdown,
            ResultsFormat::Csv => Self::Csv,
            ResultsFormat::Json => Self::Json,
        }
    }
}

impl ShowResults {
    pub fn call(self) -> anyhow::Result<Exit> {
        let entries = show_each(&chosen_runs(&self.runs)?, |folder| Ok(entry(folder, read_scored(folder)?)))?;
        let gates = self.gates.gates();
        let gated: Vec<GatedRun<'_>> = entries.iter().map(GatedRun::of_task).collect();
        let outcomes = check_gates(&gates, &gated, &[])?;
        output::result(&render(&entries, Format::from(self.format)));
        Ok(report_gates(&outcomes))
    }
}

/// A run that the command line names, itself or by the folder of runs that it is in.
pub struct ChosenRun {
    pub folder: RunFolder,
    is_named: bool,
}

impl ChosenRun {
    /// Whether the command line names the run itself.
    pub fn is_named(&self) -> bool {
        self.is_named
    }

    /// Whether the run is named itself or is of this task. Prints a note if it is not.
    pub fn is_of_task(&self, name: &str) -> bool {
        let task = self.folder.spec().map(|spec| spec.task.name);
        let is_it = self.is_named || task.as_ref().is_ok_and(|task| task == name);
        if let (false, Ok(task)) = (is_it, &task) {
            output::notice(&format!("left out: {} is of the task {task:?}", self.folder.path().display()));
        }
        is_it
    }
}

/// The runs that `paths` name: each a run's folder, or a folder of runs.
pub fn chosen_runs(paths: &[PathBuf]) -> anyhow::Result<Vec<ChosenRun>> {
    let mut chosen = Vec::new();
    for path in paths {
        match RunFolder::open(path) {
            Ok(folder) => chosen.push(ChosenRun { folder, is_named: true }),
            Err(error) => match RunFolder::all_under(path) {
                Ok(runs) if !runs.is_empty() => {
                    chosen.extend(runs.into_iter().map(|folder| ChosenRun { folder, is_named: false }));
                }
                _ => return Err(error.into()),
            },
        }
    }
    Ok(chosen)
}

/// Applies `show` to each run. A run that cannot be shown is an error if it was named itself or if no run can be shown;
/// else a note is printed and the run is left out.
pub fn show_each<T>(
    runs: &[ChosenRun],
    mut show: impl FnMut(&RunFolder) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let (mut all, mut left_out) = (Vec::new(), Vec::new());
    for run in runs {
        if run.folder.data_changed_path().is_file() {
            let path = run.folder.path().display();
            output::notice(&format!("{path}: the data changed while the run read it, so it is not finished"));
        }
        match show(&run.folder) {
            Ok(one) => all.push(one),
            Err(error) if run.is_named => return Err(error),
            Err(error) => left_out.push((run.folder.path(), error)),
        }
    }
    let is_unscored = |error: &anyhow::Error| {
        matches!(error.downcast_ref::<ScoreError>(), Some(ScoreError::Unscored { .. }))
    };
    let (unscored, mut left_out): (Vec<_>, Vec<_>) =
        left_out.into_iter().partition(|(_, error)| is_unscored(error));
    if unscored.len() < 2 {
        left_out.extend(unscored);
    } else if let Some((path, _)) = unscored.first() {
        let runs = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(path).display();
        let without = format!("{} without scores", counted(unscored.len(), "run"));
        let remedy = format!("`eyechart score {runs}` makes them, `eyechart runs {runs}` lists all runs");
        anyhow::ensure!(!all.is_empty() || !left_out.is_empty(), "{runs} has only {without}: {remedy}");
        output::notice(&format!("left out: {without}: {remedy}"));
    }
    // If there is nothing to show, the last one is the error of the command.
    let error = if all.is_empty() { left_out.pop() } else { None };
    for (path, error) in &left_out {
        let (path, reason) = (path.display().to_string(), chain_of(error));
        let whose = if reason.contains(&path) { String::new() } else { format!("{path}: ") };
        output::notice(&format!("left out: {whose}{reason}"));
    }
    error.map_or(Ok(all), |(_, error)| Err(error))
}

/// A scored run for a report.
pub fn entry(folder: &RunFolder, scored: Scored) -> Entry {
    Entry { folder: folder.path().to_owned(), results: scored.results, task: scored.task }
}
