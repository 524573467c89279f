//! What a run comes to: `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{EncoderSpec, FailureKind, Price, SampleRecord, Status, StopReason};

/// Everything a report shows of one run. Derived: it can be rebuilt from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Always [`Results::FORMAT`].
    pub format: String,
    /// The task's name.
    pub task: String,
    /// The model's name, `provider/name`.
    pub model: String,
    /// How many samples there are and how they ended.
    pub samples: SampleCounts,
    /// Every figure, in the task's order.
    pub figures: Vec<Figure>,
    /// What made the vectors whose similarity the figures are of; absent where nothing was scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderSpec>,
    /// How fast the endpoint was; absent for recorded outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// What the answers cost; absent where no price is known, or no number of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

impl Results {
    /// The format's name and version.
    pub const FORMAT: &str = "eyechart.results/1";
}

/// How the samples of a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCounts {
    /// Samples picked.
    pub total: usize,
    /// Samples with an answer that can be scored.
    pub completed: usize,
    /// Samples that ended without one. `total - completed - failed` have not been asked yet.
    pub failed: usize,
    /// Of the completed ones, answers that the token limit cut off.
    #[serde(default)]
    pub truncated: usize,
    /// Of the completed ones, answers that earlier runs were given.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: usize,
    /// The failed ones by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<FailureKind, usize>,
}

impl SampleCounts {
    /// Samples without a record yet.
    #[must_use]
    pub fn unasked(&self) -> usize {
        self.total.saturating_sub(self.completed + self.failed)
    }

    /// Counts one sample's record.
    pub fn add(&mut self, record: &SampleRecord) {
        match (record.status, &record.error) {
            (Status::Completed, _) => self.completed += 1,
            (Status::Failed, error) => {
                self.failed += 1;
                if let Some(error) = error {
                    *self.failures.entry(error.kind).or_default() += 1;
                }
            }
        }
        self.cached += usize::from(record.answer().is_some() && record.cached.is_some());
        let stop = record.output.as_ref().and_then(|output| output.stop_reason);
        self.truncated += usize::from(record.answer().is_some() && stop == Some(StopReason::Length));
    }
}

/// One metric over the scores of one (part, target) pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The scorer's name.
    pub scorer: String,
    /// The compared part.
    pub part: String,
    /// The target it was compared with.
    pub target: String,
    /// `win_rate`, `mean`, `top_1`, `top_5` or `top_10`.
    pub metric: String,
    /// The figure as a fraction, not percent; absent where there are too few scores for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Number of scores it is made of (references count one each).
    pub n: usize,
    /// How it is computed, in words.
    pub method: String,
}

/// How fast answers came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Completed samples per hour of wall-clock time in which requests were under way.
    pub inferences_per_hour: f64,
    /// Median latency of the attempts that gave an answer, in seconds.
    pub latency_p50: f64,
    /// 95th percentile of the same, in seconds.
    pub latency_p95: f64,
    /// Prompt tokens over all answers; absent where the endpoint reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Answer tokens over all answers; absent where the endpoint reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Requests sent, retries included.
    pub requests: usize,
}

/// What the answers cost, at the price that the spec names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// US dollars for all tokens that the endpoint reported, those of failed samples and of records that later ones
    /// took the place of included.
    pub usd: f64,
    /// The price.
    pub price: Price,
    /// Answers whose tokens the endpoint did not report: they come on top.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
