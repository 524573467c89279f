//! Answers that exist already, in a dataset column or in a file of outputs. Sends nothing and reads no picture.

use std::sync::Arc;

use super::RunError;
use super::outputs::{Outputs, RecordedLine};
use crate::engine::{ExpectedMemory, Lease, Stop, Work};
use crate::provider::{OPENAI_CHAT, read_recorded};
use crate::task::SampleResult;
use crate::types::{Answers, Epoch, Failure, FailureKind, ModelOutput, Sample, SampleRecord};

/// Answers that exist already.
pub(super) struct RecordedAnswers {
    place: RecordedPlace,
    /// Whether reasoning within a text stays in the text.
    keeps_reasoning: bool,
}

/// Where recorded answers are.
enum RecordedPlace {
    /// In this column of each row.
    Column(String),
    /// In a file of outputs.
    Outputs(Arc<Outputs>),
    /// There are none.
    Nothing,
}

impl RecordedAnswers {
    pub(super) fn new(answers: &Answers, outputs: Option<&Arc<Outputs>>, keeps_reasoning: bool) -> Self {
        let place = match (answers, outputs) {
            (Answers::Column(column), _) => RecordedPlace::Column(column.clone()),
            (_, Some(outputs)) => RecordedPlace::Outputs(Arc::clone(outputs)),
            _ => RecordedPlace::Nothing,
        };
        Self { place, keeps_reasoning }
    }

    /// The answer to `sample` in `epoch`.
    ///
    /// # Errors
    /// The failure of the sample if there is no answer.
    pub(super) fn answer(&self, sample: &Sample, epoch: Epoch) -> Result<ModelOutput, Failure> {
        let missing = |message| Err(Failure::new(FailureKind::NotRecorded, message));
        let (found, place) = match &self.place {
            RecordedPlace::Column(column) => {
                (sample.fields.get(column).cloned(), format!("the column {column:?}"))
            }
            RecordedPlace::Outputs(outputs) => match outputs.get(&sample.id, epoch) {
                Some(RecordedLine::Reply { status, body }) => {
                    return read_recorded(OPENAI_CHAT, *status, body, self.keeps_reasoning);
                }
                Some(RecordedLine::Nothing(reason)) => {
                    return missing(format!("the outputs have no answer for this sample: {reason}"));
                }
                Some(RecordedLine::Text(text)) => (Some(text.clone()), "the outputs".to_owned()),
                None => (None, "the outputs".to_owned()),
            },
            RecordedPlace::Nothing => (None, "the run".to_owned()),
        };
        let Some(text) = found else {
            return missing(format!("{place} has no answer for this sample"));
        };
        let mut output = ModelOutput::recorded(text);
        let is_cut_off = !self.keeps_reasoning && output.split_reasoning();
        match output.text.trim().is_empty() {
            false => Ok(output),
            true if is_cut_off => {
                let message = format!("the answer in {place} ends within its reasoning");
                Err(Failure::new(FailureKind::Truncated, message))
            }
            true => Err(Failure::new(FailureKind::Empty, format!("the answer in {place} is empty"))),
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
        Err(unmade) => return unmade.record(),
    };
    let answer = answers.answer(&sample, sample.epoch);
    let (mut record, _) = SampleRecord::begin(sample);
    match answer {
        Ok(output) => record.complete(output),
        Err(failure) => record.fail(failure),
    }
    record
}
