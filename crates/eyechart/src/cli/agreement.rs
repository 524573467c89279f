//! `eyechart agreement`: whether scorers agree with each other, and with people.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eyechart::agreement::{Agreement, AgreementOptions, LabelFile, LabelSource, LabelledSide};
use eyechart::analyze::Level;
use eyechart::record::RunFolder;
use eyechart::report::{Format, render_agreement};

use super::results::ResultsFormat;
use super::score::notice_bad_lines;
use super::values::{parse_level, parse_whole};
use super::{Exit, output};

/// Show whether the scorers of a run agree with each other, and with people
///
/// Compares each two scorers of the run over its answers, by rank. With
/// --labels, compares each scorer with people's labels.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowAgreement {
    /// Folder of a scored run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// People's labels: a file of rows with an `id` and a label, or a column of the run's data
    #[arg(long, value_name = "COLUMN|FILE")]
    labels: Option<String>,

    /// The column of the labels in the file [default: `label`, or the only one besides `id` and `epoch`]
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    label_column: Option<String>,

    /// What the labels are of [default: scores if all labels are numbers, else answers]
    #[arg(long, value_enum, value_name = "SIDE", requires = "labels")]
    labels_are: Option<Side>,

    /// Number of samples to list for each pair, those that differ most
    #[arg(long, value_name = "N", default_value = "3", value_parser = parse_whole::<usize>)]
    samples: usize,

    /// Confidence level of the intervals
    #[arg(long, value_name = "LEVEL", default_value = "0.95", value_parser = parse_level)]
    level: Level,

    /// Output format
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    /// The scores
    Scores,
    /// The texts that the scorers read from the answers
    Answers,
}

const EXAMPLES: &str = "\
Examples:
  eyechart agreement runs/20261124T101500Z-charts-custom-my-model-3f9a2b
      do the scorers rank the answers alike?
  eyechart agreement RUN --labels ratings.csv
      do the scores agree with those that people gave?
  eyechart agreement RUN --labels human --labels-are answers
      do the texts that the scorers read agree with the column `human`?";

impl ShowAgreement {
    pub fn call(self) -> anyhow::Result<Exit> {
        let folder = RunFolder::open(&self.run)?;
        let side = self.labels_are.map(|side| match side {
            Side::Scores => LabelledSide::Scores,
            Side::Answers => LabelledSide::Answers,
        });
        let labels = self.labels.map(|given| source(given, self.label_column));
        let options = AgreementOptions { labels, side, level: self.level, samples: self.samples };
        let agreement = Agreement::of(&folder, &options)?;
        notice_bad_lines(&folder, &agreement.bad_lines);
        output::result(&render_agreement(&agreement, Format::from(self.format)));
        Ok(Exit::Success)
    }
}

/// A file if there is one, or if a column in it is named; else a column.
fn source(given: String, column: Option<String>) -> LabelSource {
    if column.is_some() || Path::new(&given).is_file() {
        return LabelSource::File(LabelFile { path: given.into(), column });
    }
    LabelSource::Column(given)
}
