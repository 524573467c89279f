//! Whether scorers agree with each other, and with people: from the scores of a run to measures of agreement.
//!
//! Reads the folder of a run and a file of labels, and writes nothing. It does not know what a scorer measures.

mod answers;
mod labels;
mod measure;
mod pairs;
mod people;

use std::path::PathBuf;

use serde::Serialize;

use crate::dataset::DatasetError;
use crate::record::{BadLine, RecordError, RunFolder};
use crate::score::{ScoreError, read_scored};
use crate::stats::Level;
use crate::types::ErrorClass;

use answers::Answers;
use labels::Labels;
pub use labels::{LabelFile, LabelSource, Unmatched};
pub use measure::{Measure, NoMeasure};
pub use pairs::{Differing, PairAgreement};
pub use people::{Disagreement, EntryAgreement, LabelAgreement, LabelledSide};

/// Why the agreement of a run cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgreementError {
    /// The run cannot be read, or has no scores.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The record of the run cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The file of labels cannot be read.
    #[error(transparent)]
    Labels(#[from] DatasetError),
    /// There is nothing to compare.
    #[error("{run} has scores of one entry only ({entry}): --labels compares it with people's labels")]
    OneEntry {
        /// The folder of the run.
        run: PathBuf,
        /// The entry.
        entry: String,
    },
    /// The run has no scores.
    #[error("{run} has no scores: no sample has an answer that was scored")]
    NoScores {
        /// The folder of the run.
        run: PathBuf,
    },
    /// The labels are in no column.
    #[error("--labels {given:?} is neither a file nor a column of the run: {reason}")]
    NoLabels {
        /// What was given.
        given: String,
        /// Why the column cannot be read.
        reason: String,
    },
    /// No label of the file is of an answer of the run.
    #[error(
        "{path}: no label belongs to the run: it has labels of ids such as {label}, and the run has ids such as {answer}"
    )]
    NoMatch {
        /// The file.
        path: PathBuf,
        /// The first id of the file, with its epoch if the run has the id.
        label: String,
        /// The first id of the run.
        answer: String,
    },
    /// The file has no column that must be the label, or several; or the column has no label.
    #[error("{path}: {reason}")]
    LabelColumn {
        /// The file, or the run of the column.
        path: PathBuf,
        /// What is wrong with its columns.
        reason: String,
    },
}

impl AgreementError {
    /// Returns the class of the error, which decides the exit code.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Score(error) => error.class(),
            Self::Record(error) => error.class(),
            Self::Labels(DatasetError::Io { source, .. })
                if source.kind() != std::io::ErrorKind::NotFound =>
            {
                ErrorClass::Machine
            }
            _ => ErrorClass::Usage,
        }
    }
}

/// What is compared, and how.
#[derive(Debug, Clone, Default)]
pub struct AgreementOptions {
    /// The labels of people; absent to compare only the entries.
    pub labels: Option<LabelSource>,
    /// What the labels are of; found in the labels if it is absent.
    pub side: Option<LabelledSide>,
    /// The confidence level of the intervals.
    pub level: Level,
    /// The largest number of samples to list for each pair.
    pub samples: usize,
}

/// The agreement of the entries of a run with each other, and with people's labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Always [`Agreement::FORMAT`].
    pub format: &'static str,
    /// The folder of the run.
    pub folder: PathBuf,
    /// The name of the task.
    pub task: String,
    /// The name of the model.
    pub model: String,
    /// The confidence level of the intervals.
    pub level: f64,
    /// The lines of the record that cannot be read. Their samples are left out.
    #[serde(skip)]
    pub bad_lines: Vec<BadLine>,
    /// Each two entries.
    pub pairs: Vec<PairAgreement>,
    /// The agreement with people; absent without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelAgreement>,
}

impl Agreement {
    /// The format's name and version.
    pub const FORMAT: &'static str = "eyechart.agreement/1";

    /// The agreement of a scored run.
    ///
    /// # Errors
    /// [`AgreementError`] if the run or the labels cannot be read, or there is nothing to compare.
    pub fn of(folder: &RunFolder, options: &AgreementOptions) -> Result<Self, AgreementError> {
        let results = read_scored(folder)?.results;
        let label_column = options.labels.as_ref().and_then(LabelSource::column);
        let answers = Answers::read(folder, &results, label_column)?;
        match answers.entries.as_slice() {
            [] => return Err(AgreementError::NoScores { run: folder.path().to_owned() }),
            [one] if options.labels.is_none() => {
                let (run, entry) = (folder.path().to_owned(), one.id.clone());
                return Err(AgreementError::OneEntry { run, entry });
            }
            _ => {}
        }
        let labels = options.labels.as_ref().map(|source| Labels::read(folder, &answers, source));
        let labels = labels.transpose()?;
        Ok(Self {
            format: Self::FORMAT,
            folder: folder.path().to_owned(),
            task: results.task,
            model: results.model,
            level: options.level.value(),
            labels: labels.map(|labels| people::agreement(&answers, labels, options)),
            pairs: pairs::all(&answers, options),
            bad_lines: answers.bad_lines,
        })
    }
}
