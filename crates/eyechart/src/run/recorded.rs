//! Answers that exist already, in a dataset column or in a file of outputs. Sends nothing and reads no picture.

use std::sync::Arc;

use super::RunError;
use super::outputs::Outputs;
use crate::engine::{ExpectedMemory, Lease, Stop, Work};
use crate::task::SampleResult;
use crate::types::{Answers, Failure, FailureKind, ModelOutput, Sample, SampleRecord};

/// Answers that exist already.
pub(super) enum RecordedAnswers {
    /// In this column of each row.
    Column(String),
    /// In a file of outputs.
    Outputs(Arc<Outputs>),
    /// There are none.
    Nothing,
}

impl RecordedAnswers {
    pub(super) fn new(answers: &Answers, outputs: Option<&Arc<Outputs>>) -> Self {
        match (answers, outputs) {
            (Answers::Column(column), _) => Self::Column(column.clone()),
            (_, Some(outputs)) => Self::Outputs(Arc::clone(outputs)),
            _ => Self::Nothing,
        }
    }

    pub(super) fn answer(&self, sample: &Sample) -> Result<String, Failure> {
        let (found, place) = match self {
            Self::Column(column) => (sample.fields.get(column).cloned(), format!("the column {column:?}")),
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

/// Looks up the answers to samples, as work of the engine.
pub(super) struct Replay(pub(super) RecordedAnswers);

impl Work for Replay {
    type Item = SampleResult;
    type Outcome = SampleRecord;
    type Error = RunError;

    fn expected_memory(&self, _: &SampleResult) -> ExpectedMemory {
        ExpectedMemory::known(0)
    }

    async fn perform(&self, item: SampleResult, _: Lease, _: Stop) -> Result<Option<SampleRecord>, RunError> {
        Ok(Some(record_of(&self.0, item)))
    }
}

fn record_of(answers: &RecordedAnswers, sample: SampleResult) -> SampleRecord {
    let sample = match sample {
        Ok(sample) => sample,
        Err(unmade) => return SampleRecord::without_sample(unmade.picked, unmade.failure),
    };
    let answer = answers.answer(&sample);
    let (mut record, _) = SampleRecord::begin(sample);
    match answer {
        Ok(text) => record.complete(ModelOutput::recorded(text)),
        Err(failure) => record.fail(failure),
    }
    record
}
