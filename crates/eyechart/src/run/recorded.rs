//! Answers that exist already: a dataset column, or outputs made elsewhere. Nothing is sent, no picture touched.

use tokio::sync::mpsc;

use super::outputs::Outputs;
use super::{Ended, RunError, Stop, StopLevel};
use crate::dataset::DatasetError;
use crate::log::Appender;
use crate::task::SampleResult;
use crate::types::{Answers, Failure, FailureKind, ModelOutput, Sample, SampleRecord};

/// Where the answers are.
pub(super) enum Source<'a> {
    /// In this column of each row.
    Column(&'a str),
    /// In a file of outputs.
    Outputs(&'a Outputs),
    /// Nowhere: the caller had neither.
    Nothing,
}

impl<'a> Source<'a> {
    pub(super) fn new(answers: &'a Answers, outputs: Option<&'a Outputs>) -> Self {
        match (answers, outputs) {
            (Answers::Column(column), _) => Self::Column(column),
            (_, Some(outputs)) => Self::Outputs(outputs),
            _ => Self::Nothing,
        }
    }

    pub(super) fn answer(&self, sample: &Sample) -> Result<String, Failure> {
        let (found, place) = match self {
            Self::Column(column) => (sample.fields.get(*column).cloned(), format!("the column {column:?}")),
            Self::Outputs(outputs) => (outputs.get(&sample.id).map(str::to_owned), "the outputs".to_owned()),
            Self::Nothing => (None, "the run".to_owned()),
        };
        match found {
            None => {
                Err(Failure::new(FailureKind::NotRecorded, format!("{place} has no answer for this sample")))
            }
            Some(text) if text.trim().is_empty() => {
                Err(Failure::new(FailureKind::Empty, format!("the answer in {place} is empty")))
            }
            Some(text) => Ok(text),
        }
    }
}

pub(super) async fn replay(
    source: Source<'_>,
    mut samples: mpsc::Receiver<Result<SampleResult, DatasetError>>,
    log: &Appender,
    stop: &Stop,
) -> Result<Ended, RunError> {
    while let Some(sample) = samples.recv().await {
        if stop.level() > StopLevel::Go {
            return Ok(Ended::Interrupted);
        }
        log.append(&record_of(&source, sample.map_err(RunError::Broken)?)).await?;
    }
    Ok(Ended::Finished)
}

fn record_of(source: &Source<'_>, sample: SampleResult) -> SampleRecord {
    let sample = match sample {
        Ok(sample) => sample,
        Err(unmade) => return SampleRecord::unmade(unmade.picked, unmade.failure),
    };
    let answer = source.answer(&sample);
    let (mut record, _) = SampleRecord::begin(sample);
    match answer {
        Ok(text) => record.complete(ModelOutput::recorded(text)),
        Err(failure) => record.fail(failure),
    }
    record
}
