//! One line of `samples.jsonl`: everything about one sample that ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Attempt, Failure, ImageSource, Messages, ModelOutput, PickedSample, Sample, Tokens};

/// Which repetition of a sample, from 1.
pub type Epoch = u32;

/// How a sample ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has an answer that can be scored.
    Completed,
    /// It has none; `error` says why.
    Failed,
}

/// A sample that ended, self-contained: rescoring and exports need no dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// The sample's id, unique within the run.
    pub id: String,
    /// Which repetition, from 1.
    pub epoch: Epoch,
    /// The dataset row it was made from, from 0.
    pub row: u64,
    /// How it ended.
    pub status: Status,
    /// The rendered system message; absent if the task has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The rendered prompt, with the markers of its pictures if the task has them.
    pub prompt: String,
    /// The pictures of the task's examples as sent, in order; empty if none was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub example_images: Vec<ImageRecord>,
    /// The sample's own pictures as sent, in order; one that is sent twice is listed twice. Empty if none was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageRecord>,
    /// The named references.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, Vec<String>>,
    /// Other columns that scores or exports read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The options of a multiple-choice question; absent where the task has no `choices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<RecordedChoices>,
    /// What the sample shares with those that belong together with it: the text of the task's cluster column, the place
    /// of the first picture, or the SHA-256 of the first picture held in the row. Absent where there is none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What came back; a failed sample keeps what there was of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<ModelOutput>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Every request made for it, in order; empty for recorded outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Where its answer is from, if it was not asked for: an earlier run asked the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<CachedAnswer>,
    /// Tokens of earlier answers that this record does not have: of attempts that failed and were sent again, and of
    /// earlier records of the sample that this record replaces.
    #[serde(default, skip_serializing_if = "Tokens::is_zero")]
    pub earlier: Tokens,
}

impl SampleRecord {
    /// The record of a sample that has not ended, and what is to be sent.
    #[must_use]
    pub fn begin(sample: Sample) -> (Self, Messages<ImageSource>) {
        let record = Self {
            id: sample.id,
            epoch: 1,
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

    /// The record of a picked row of which no sample could be made.
    #[must_use]
    pub fn unmade(picked: PickedSample, failure: Failure) -> Self {
        let sample = Sample {
            id: picked.id,
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

    /// What counting and timing need of it: a run of 100,000 samples must not be held in memory for that.
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

    /// Ends it with an answer.
    pub fn complete(&mut self, output: ModelOutput) {
        self.status = Status::Completed;
        self.output = Some(output);
        self.error = None;
    }

    /// Ends it without one.
    pub fn fail(&mut self, failure: Failure) {
        self.status = Status::Failed;
        self.error = Some(failure);
    }

    /// The answer, where the sample completed.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        match self.status {
            Status::Completed => self.output.as_ref().map(|output| output.text.as_str()),
            Status::Failed => None,
        }
    }

    /// Ends it with an answer that an earlier run was given.
    pub fn complete_from_cache(&mut self, output: ModelOutput, from: CachedAnswer) {
        self.complete(output);
        self.cached = Some(from);
    }

    /// Tokens that it has cost, as far as the endpoint reports them: also where it failed, and earlier.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        let asked = self.output.as_ref().filter(|_| self.cached.is_none());
        let own = asked.and_then(|output| output.usage?.counted());
        self.earlier + own.unwrap_or_default()
    }

    /// Whether it has an answer of which nobody knows what it cost.
    #[must_use]
    pub fn is_uncounted(&self) -> bool {
        let counted = |output: &ModelOutput| output.usage.and_then(|usage| usage.counted()).is_some();
        self.cached.is_none() && self.output.as_ref().is_some_and(|output| !counted(output))
    }

    /// Seconds of the attempt that gave the answer, without any wait or earlier attempt.
    #[must_use]
    pub fn latency(&self) -> Option<f64> {
        self.attempts.last().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.seconds)
    }
}

/// The options of a multiple-choice question and the right one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChoices {
    /// The options as the row has them.
    pub options: Vec<String>,
    /// The letter of the right one, `A` for the first unless the options have letters of their own; absent where the
    /// label names none of them, or more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An answer out of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedAnswer {
    /// The key that it was found by: SHA-256 of the request's canonical form, in hex.
    pub key: String,
    /// When it was given: UTC, RFC 3339.
    pub stored: String,
}

/// One picture as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Where it came from: a path, an address, or file, row and column.
    pub source: String,
    /// SHA-256 of the bytes sent, in hex; absent where only the address was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Media type of the bytes sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Number of bytes sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// All that was done to it before it was sent, such as `scaled from 4000 × 3000 to 1024 × 768, re-encoded as
    /// image/jpeg, quality 75`; absent where the original bytes went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// What a reader should know of a picture that went out as it was, such as `carries EXIF orientation 6, which
    /// was not applied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
