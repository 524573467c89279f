//! `eyechart show`: the samples of a run.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::record::{RunFolder, read_scores};
use eyechart::report::{Samples, Selection, samples_as_json, samples_as_text};
use eyechart::score::read_scored;
use eyechart::types::{Figure, MetricKind, Results};

use super::score::notice_bad_lines;
use super::values::at_least_one;
use super::{Exit, output};

/// Show samples of a run: prompt, picture, answer, references, and how each was scored
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// Folder of a run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    #[command(flatten)]
    which: Which,

    /// The figure whose scores --wrong and --worst use: its id, or a unique ending of it after a dot [default: the
    /// primary figure]
    #[arg(long, value_name = "ID")]
    figure: Option<String>,

    /// Do not shorten long texts
    #[arg(long)]
    full: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

/// The choice of samples; all samples if no option is given.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Which {
    /// Samples that were scored wrong
    #[arg(long)]
    wrong: bool,

    /// Samples without an answer
    #[arg(long)]
    failed: bool,

    /// The N samples with the worst scores, the worst first
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    worst: Option<usize>,

    /// The sample with this id, or of this row
    #[arg(long, value_name = "ID|row:N")]
    sample: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShowFormat {
    /// Lines of text
    Text,
    /// A JSON list of records, each with its scores
    Json,
}

const EXAMPLES: &str = "\
Examples:
  eyechart show runs/20261124T101500Z-charts-custom-my-model-3f9a2b --wrong
  eyechart show RUN --worst 10 --figure similarity.mean
  eyechart show RUN --sample c-7 --full";

impl Show {
    pub fn call(self) -> anyhow::Result<Exit> {
        let folder = RunFolder::open(&self.run)?;
        let results = self.results(&folder)?;
        let scores = match &results {
            Some(_) => read_scores(&folder.scores_path())?,
            None => Vec::new(),
        };
        let record = folder.record()?;
        notice_bad_lines(&folder, &record.bad_lines);
        let samples = Samples::new(record.samples, scores);
        let views = samples.select(self.selection(results.as_ref())?);
        if let (Some(id), true) = (&self.which.sample, views.is_empty()) {
            anyhow::bail!("{} has no record of a sample {id:?}", folder.path().display());
        }
        output::result(&match self.format {
            ShowFormat::Text => samples_as_text(&views, self.full, output::width()),
            ShowFormat::Json => samples_as_json(&views),
        });
        if views.is_empty() {
            output::progress("no sample matches");
        }
        Ok(Exit::Success)
    }

    /// The results of the run. Absent if it is not scored and no figure is needed.
    fn results(&self, folder: &RunFolder) -> anyhow::Result<Option<Results>> {
        match read_scored(folder) {
            Ok(scored) => Ok(Some(scored.results)),
            Err(error) if self.which.wrong || self.which.worst.is_some() || self.figure.is_some() => {
                Err(error.into())
            }
            Err(error) => {
                output::notice(&format!("shown without scores: {error}"));
                Ok(None)
            }
        }
    }

    fn selection<'a>(&'a self, results: Option<&'a Results>) -> anyhow::Result<Selection<'a>> {
        let which = &self.which;
        if let Some(id) = &which.sample {
            return Ok(Selection::Id(id));
        }
        if which.failed {
            return Ok(Selection::Failed);
        }
        let Some(results) = results.filter(|_| which.wrong || which.worst.is_some()) else {
            return Ok(Selection::All);
        };
        let figure = self.figure_of(results)?;
        match which.worst {
            Some(_) if figure.kind == MetricKind::PerSample => anyhow::bail!(
                "--worst sorts single answers, and {} is a figure of all epochs of a sample: expected a figure such as \
                 accuracy",
                figure.id
            ),
            Some(count) => Ok(Selection::Worst { figure, count }),
            None if figure.is_of_right_and_wrong() => Ok(Selection::Wrong(figure)),
            None => anyhow::bail!(
                "--wrong needs a figure whose scores are right or wrong, and {} is not one: --worst N shows the lowest \
                 scores",
                figure.id
            ),
        }
    }

    fn figure_of<'a>(&self, results: &'a Results) -> anyhow::Result<&'a Figure> {
        match &self.figure {
            Some(id) => Ok(results.figure(id)?),
            None => {
                results.primary().ok_or_else(|| anyhow::anyhow!("the run has no figure: nothing was scored"))
            }
        }
    }
}
