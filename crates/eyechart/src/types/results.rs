//! What a run comes to: `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use serde_json::{Map, Value};

use super::{EncoderSpec, FailureKind, MetricKind, Price, SampleRecord, Status, StopReason, TaskSource};

/// Everything a report shows of one run. Derived: it can be rebuilt from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Always [`Results::FORMAT`].
    pub format: String,
    /// The task's name.
    pub task: String,
    /// The model's name, `provider/name`.
    pub model: String,
    /// `--label`, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How the pictures were tampered with, where the run is a control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// The task file that `eyechart score --task` took scorers and published figures from; absent where they are those
    /// of the run's own task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored_by: Option<TaskSource>,
    /// SHA-256 of the ids of the picked samples, as a JSON list, in hex: runs of one task with the same value were asked
    /// about the same samples. Absent in results of versions before controls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picked_sha256: Option<String>,
    /// How many samples there are and how they ended.
    pub samples: SampleCounts,
    /// The scorers that made the figures, in the task's order.
    pub scorers: Vec<ScorerSpec>,
    /// Every figure, in the task's order.
    pub figures: Vec<Figure>,
    /// How many answers of completed samples have no score, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unscored: Vec<Unscored>,
    /// What made the vectors whose similarity the figures are of; absent where no similarity was computed.
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
    pub const FORMAT: &str = "eyechart.results/2";

    /// What tables call the model: with the label and the control of the run, where it has them.
    #[must_use]
    pub fn shown_model(&self) -> String {
        let label = self.label.iter().map(|label| format!(" [{label}]"));
        let control = self.control.iter().map(|control| format!(" ({control})"));
        std::iter::once(self.model.clone()).chain(label).chain(control).collect()
    }

    /// The figure with this id, or the only one whose id ends with it at a dot.
    ///
    /// # Errors
    /// [`UnknownFigure`] with the ids that there are.
    pub fn figure(&self, id: &str) -> Result<&Figure, UnknownFigure> {
        let ends = |figure: &&Figure| figure.id.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
        let matching: Vec<&Figure> = self.figures.iter().filter(ends).collect();
        let exact = self.figures.iter().find(|figure| figure.id == id);
        match (exact, matching.as_slice()) {
            (Some(figure), _) => Ok(figure),
            (None, [figure]) => Ok(*figure),
            (None, several) => {
                let candidates = if several.is_empty() { self.figures.iter().collect() } else { matching };
                Err(UnknownFigure {
                    given: id.to_owned(),
                    candidates: candidates.iter().map(|figure| figure.id.clone()).collect(),
                })
            }
        }
    }

    /// The figure that stands for the run: the first metric of the first scorer.
    #[must_use]
    pub fn primary(&self) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.primary)
    }
}

/// An id that is the ending of no figure's id, or of several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no single figure {given:?}: expected one of {}, or a unique ending of one after a dot", candidates.join(", "))]
pub struct UnknownFigure {
    /// What was given.
    pub given: String,
    /// The ids that it could be.
    pub candidates: Vec<String>,
}

/// What is done to the pictures of a run whose answers are compared with those of the same run with its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// No picture is sent.
    NoImages,
    /// Every sample is sent the pictures of another one.
    ShuffleImages,
}

impl Control {
    /// Its name in `spec.json` and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoImages => "no-images",
            Self::ShuffleImages => "shuffle-images",
        }
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoImages => "no images",
            Self::ShuffleImages => "shuffled images",
        })
    }
}

/// A scorer as it was applied. Two runs' figures can be compared where all of it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScorerSpec {
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scorer's name.
    pub scorer: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The version of the scorer's rules: another one may score the same answer differently.
    pub version: u32,
    /// Every key that its scores depend on, with defaults filled in.
    pub parameters: Map<String, Value>,
    /// The lowest and the highest possible score.
    pub range: [f64; 2],
    /// Which scores are better.
    pub direction: Direction,
    /// Whether its scores depend on the encoder that the results name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uses_encoder: bool,
}

/// Which values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher ones.
    Higher,
    /// Lower ones.
    Lower,
}

impl Direction {
    /// The direction of what is better if it is higher, or not.
    #[must_use]
    pub fn of(higher_is_better: bool) -> Self {
        if higher_is_better { Self::Higher } else { Self::Lower }
    }
}

/// Answers that one scorer could not score for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unscored {
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why they have no score.
    pub reason: String,
    /// Number of scores that are missing.
    pub n: usize,
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

/// One metric over the scores of one `[[score]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// `NAME[.PART][.TARGET].METRIC`: part and target only where the task has several under the name.
    pub id: String,
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scorer's name.
    pub scorer: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The metric, such as `accuracy`.
    pub metric: String,
    /// How the metric is made of scores.
    pub kind: MetricKind,
    /// Whether it is the run's primary figure; exactly one figure is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// What tables call the metric.
    pub title: String,
    /// The figure, a fraction where its range is within [-1, 1]; absent where it is not defined, as for a ratio over
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Number of scores it is made of (references count one each where each has a score).
    pub n: usize,
    /// Of a share of 0/1 scores: its value if every failed sample were wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<f64>,
    /// Of a share of 0/1 scores: its value if every failed sample and every unreadable answer were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<f64>,
    /// Of a share of scores above a threshold: the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Its lowest and highest possible value.
    pub range: [f64; 2],
    /// Which values are better.
    pub direction: Direction,
    /// What it is and how it is computed, in words.
    pub method: String,
}

impl Figure {
    /// Whether its scores are 1 for a right answer and 0 for a wrong one.
    #[must_use]
    pub fn is_of_right_and_wrong(&self) -> bool {
        self.kind == MetricKind::Share && self.threshold.is_none()
    }
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
