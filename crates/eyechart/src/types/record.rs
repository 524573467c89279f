//! One line of `samples.jsonl`: the complete record of a sample that ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Attempt, Failure, ImageSource, Messages, ModelOutput, PickedSample, Sample, Tokens};

/// The repetition of a sample, from 1.
pub type Epoch = u32;

/// How a sample ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The sample has an answer that can be scored.
    Completed,
    /// The sample has no answer. `error` has the reason.
    Failed,
}

/// The record of a sample that ended. It is self-contained: scoring again and exports need no dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// The id of the sample, unique within the run.
    pub id: String,
    /// The repetition, from 1.
    pub epoch: Epoch,
    /// The row of the dataset, from 0.
    pub row: u64,
    /// How the sample ended.
    pub status: Status,
    /// The rendered system message; absent if the task has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The rendered prompt, with the markers of its pictures if the task has them.
    pub prompt: String,
    /// The pictures of the task's examples as sent, in order; empty if none was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub example_images: Vec<ImageRecord>,
    /// The sample's own pictures as sent, in order. A picture that is sent twice is listed twice. Empty if no picture
    /// was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageRecord>,
    /// The named references.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, Vec<String>>,
    /// Other columns that scores or exports read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The options of a multiple-choice question; absent if the task has no `choices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<RecordedChoices>,
    /// Identifies the samples that belong together: the text of the task's cluster column, the place of the first
    /// picture, or the SHA-256 of the first picture stored in the row. Absent if the row has none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The output. A failed sample keeps what it received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<ModelOutput>,
    /// Why the sample failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// All requests for the sample, in order; empty for recorded outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The source of the answer if an earlier run sent the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<CachedAnswer>,
    /// Tokens of earlier answers that this record does not have: of attempts that failed and were sent again, and of
    /// earlier records of the sample that this record replaces.
    #[serde(default, skip_serializing_if = "Tokens::is_zero")]
    pub earlier: Tokens,
}

impl SampleRecord {
    /// Begins the record of a sample, and returns it with the messages to send.
    #[must_use]
    pub fn begin(sample: Sample) -> (Self, Messages<ImageSource>) {
        let record = Self {
            id: sample.id,
            epoch: sample.epoch,
            row: sample.row,
            status: Status::Failed,
            system: sample.messages.system.clone(),
            prompt: sample.prompt,
            example_images: Vec::new(),
            images: Vec::new(),
            targets: sample.targets,
            fields: sample.fields,
            choices: sample.choices,
            cluster: sample.cluster,
            output: None,
            error: None,
            attempts: Vec::new(),
            cached: None,
            earlier: Tokens::default(),
        };
        (record, sample.messages)
    }

    /// The record of a picked row that gives no sample in `epoch`.
    #[must_use]
    pub fn without_sample(picked: PickedSample, epoch: Epoch, failure: Failure) -> Self {
        let sample = Sample {
            id: picked.id,
            epoch,
            row: picked.row,
            prompt: String::new(),
            messages: Messages::of_text(""),
            targets: BTreeMap::new(),
            fields: BTreeMap::new(),
            choices: None,
            cluster: None,
        };
        let (mut record, _) = Self::begin(sample);
        record.fail(failure);
        record
    }

    /// The part of the record that counting and timing need, so that a run of 100,000 samples need not be in memory.
    #[must_use]
    pub fn without_texts(self) -> Self {
        let output = self.output.map(|output| ModelOutput {
            text: String::new(),
            reasoning: None,
            model: None,
            ..output
        });
        Self {
            system: None,
            prompt: String::new(),
            example_images: Vec::new(),
            images: Vec::new(),
            targets: BTreeMap::new(),
            fields: BTreeMap::new(),
            choices: None,
            output,
            ..self
        }
    }

    /// Completes the sample with an answer.
    pub fn complete(&mut self, output: ModelOutput) {
        self.status = Status::Completed;
        self.output = Some(output);
        self.error = None;
    }

    /// Ends the sample without an answer.
    pub fn fail(&mut self, failure: Failure) {
        self.status = Status::Failed;
        self.error = Some(failure);
    }

    /// The answer, if the sample completed.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        match self.status {
            Status::Completed => self.output.as_ref().map(|output| output.text.as_str()),
            Status::Failed => None,
        }
    }

    /// Completes the sample with an answer that an earlier run received.
    pub fn complete_from_cache(&mut self, output: ModelOutput, from: CachedAnswer) {
        self.complete(output);
        self.cached = Some(from);
    }

    /// The tokens of all answers, also of failed and earlier ones, as far as the endpoint reported them.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        self.earlier + self.own_tokens()
    }

    /// The tokens of the output, as far as the endpoint reported them.
    #[must_use]
    pub fn own_tokens(&self) -> Tokens {
        let asked = self.output.as_ref().filter(|_| self.cached.is_none());
        asked.and_then(|output| output.usage?.counted()).unwrap_or_default()
    }

    /// Whether the sample has an answer of unknown cost.
    #[must_use]
    pub fn lacks_token_counts(&self) -> bool {
        let counted = |output: &ModelOutput| output.usage.and_then(|usage| usage.counted()).is_some();
        self.cached.is_none() && self.output.as_ref().is_some_and(|output| !counted(output))
    }

    /// Seconds of the attempt with the answer, without waits and earlier attempts.
    #[must_use]
    pub fn latency(&self) -> Option<f64> {
        self.attempts.last().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.seconds)
    }
}

/// The options of a multiple-choice question and the right option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChoices {
    /// The options in the row, in the order in which they were sent.
    pub options: Vec<String>,
    /// The letter of the right option. `A` is the first option, unless the options have their own letters. Absent if
    /// the label names no option, or more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// For each option as sent, its position in the row, from 0, without dropped options; absent unless the run
    /// shuffled the options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<usize>>,
}

/// An answer from the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedAnswer {
    /// The key in the cache: SHA-256 of the request's canonical form, in hexadecimal.
    pub key: String,
    /// The time of the answer: UTC, RFC 3339.
    pub stored: String,
}

/// A picture as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The source: a path, an address, or file, row and column.
    pub source: String,
    /// SHA-256 of the sent bytes, in hexadecimal; absent if only the address was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Media type of the sent bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Number of sent bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// All changes to the picture, such as `scaled from 4000 × 3000 to 1024 × 768, re-encoded as image/jpeg, quality
    /// 75`; absent if the original bytes were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// A note for readers on a picture that was sent unchanged, such as `carries EXIF orientation 6, which was not
    /// applied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
