//! The results of a run: `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use serde_json::{Map, Value};

use super::{
    EncoderSpec, Epoch, EvalSpec, FailureKind, MetricKind, PositionPicks, Price, SampleRecord, Status,
    StopReason, TaskSource, UnknownFigure, VarianceSplit, find_figure,
};

/// Everything that a report shows of a run. Derived: it can be rebuilt from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Always [`Results::FORMAT`].
    pub format: String,
    /// The name of the task.
    pub task: String,
    /// The name of the model, `provider/name`.
    pub model: String,
    /// The `--label`, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The change of what is sent if the run is a control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// The task file of `eyechart score --task`, which the scorers and published figures are from; absent for the
    /// run's own task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored_by: Option<TaskSource>,
    /// SHA-256 of the ids of the picked samples as a JSON list, in hexadecimal. Runs of one task with the same value
    /// asked about the same samples. Absent in results of versions without controls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picked_sha256: Option<String>,
    /// The number of samples, by how they ended.
    pub samples: SampleCounts,
    /// The message of the first failed sample of each kind of failure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failure_messages: BTreeMap<FailureKind, String>,
    /// Number of answers by the name of the model that the endpoint reported with them; empty unless the names differ.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reported_models: BTreeMap<String, usize>,
    /// The applied scorers, in the task's order.
    pub scorers: Vec<ScorerSpec>,
    /// All figures, in the task's order.
    pub figures: Vec<Figure>,
    /// How the scores vary within and between samples, by scorer; empty unless samples were asked several times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variance: Vec<VarianceSplit>,
    /// The positions of the picked options, by scorer; empty unless the run shuffled the options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<PositionPicks>,
    /// Number of answers of completed samples without a score, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unscored: Vec<Unscored>,
    /// The encoder of the vectors that similarities were computed from; absent if no similarity was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderSpec>,
    /// The speed of the endpoint; absent for recorded outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// The cost of the answers; absent if the price or the number of tokens is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

impl Results {
    /// The format's name and version.
    pub const FORMAT: &str = "eyechart.results/2";

    /// The model's name in tables, with the label and the control of the run.
    #[must_use]
    pub fn shown_model(&self) -> String {
        let label = self.label.iter().map(|label| format!(" [{label}]"));
        let control = self.control.iter().map(|control| format!(" ({control})"));
        std::iter::once(self.model.clone()).chain(label).chain(control).collect()
    }

    /// The figure with this id, or the only figure whose id ends with it after a dot.
    ///
    /// # Errors
    /// [`UnknownFigure`] with the existing ids.
    pub fn figure(&self, id: &str) -> Result<&Figure, UnknownFigure> {
        find_figure(id, &self.figures, |figure| &figure.id)
    }

    /// The primary figure of the run: the first metric of the first scorer.
    #[must_use]
    pub fn primary(&self) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.primary)
    }
}

/// A change of the pictures or the options, for a run that is compared with the same run without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// No picture is sent.
    NoImages,
    /// Every sample is sent the pictures of another sample.
    ShuffleImages,
    /// The options of each question are in another order in each epoch.
    ShuffleOptions,
}

impl Control {
    /// The name in `spec.json` and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoImages => "no-images",
            Self::ShuffleImages => "shuffle-images",
            Self::ShuffleOptions => "shuffle-options",
        }
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoImages => "no images",
            Self::ShuffleImages => "shuffled images",
            Self::ShuffleOptions => "shuffled options",
        })
    }
}

/// A scorer as applied. The figures of two runs can be compared if their scorers are equal.
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
    /// The version of the scorer's rules. Another version may score the same answer differently.
    pub version: u32,
    /// All keys that the scores depend on, with defaults filled in.
    pub parameters: Map<String, Value>,
    /// The lowest and the highest possible score.
    pub range: [f64; 2],
    /// Which scores are better.
    pub direction: Direction,
    /// Whether the scores depend on the encoder in the results.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uses_encoder: bool,
}

/// Which values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher values are better.
    Higher,
    /// Lower values are better.
    Lower,
    /// Neither: the value describes the answers.
    #[serde(rename = "none")]
    Neither,
}

impl Direction {
    /// The direction for whether higher values are better.
    #[must_use]
    pub fn of(higher_is_better: bool) -> Self {
        if higher_is_better { Self::Higher } else { Self::Lower }
    }
}

/// Answers without a score for one scorer and one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unscored {
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The reason.
    pub reason: String,
    /// Number of missing scores.
    pub n: usize,
}

/// How the samples of a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCounts {
    /// Number of picked samples; with epochs, of the answers that they are asked for: all other numbers count answers too.
    pub total: usize,
    /// How often each sample is asked; absent if once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Epoch>,
    /// Number of samples with an answer that can be scored.
    pub completed: usize,
    /// Number of samples that ended without an answer. `total - completed - failed` samples were not asked yet.
    pub failed: usize,
    /// Number of completed samples whose answer the token limit cut off.
    #[serde(default)]
    pub truncated: usize,
    /// Number of completed samples whose answer an earlier run received.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: usize,
    /// Failed samples by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<FailureKind, usize>,
}

impl SampleCounts {
    /// The counts as those of a run of `spec`.
    #[must_use]
    pub fn of_run(self, spec: &EvalSpec) -> Self {
        let epochs = Some(spec.epochs).filter(|epochs| *epochs > 1);
        Self { total: spec.answers_due(), epochs, ..self }
    }

    /// Number of picked samples.
    #[must_use]
    pub fn picked(&self) -> usize {
        self.total / self.epochs.unwrap_or(1).max(1) as usize
    }

    /// What the numbers count: `sample`, or `answer` if each sample is asked several times.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        if self.epochs.is_some() { "answer" } else { "sample" }
    }

    /// Number of samples without a record.
    #[must_use]
    pub fn unasked(&self) -> usize {
        self.total.saturating_sub(self.completed + self.failed)
    }

    /// Counts the record of a sample.
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
    /// `NAME[.PART][.TARGET].METRIC`. Part and target are included only if the task has several under the name.
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
    /// How the metric is computed from scores.
    pub kind: MetricKind,
    /// Whether it is the primary figure of the run. Exactly one figure is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// The title of the metric in tables.
    pub title: String,
    /// The value, a fraction if its range is within [-1, 1]; absent if it is not defined, such as a ratio over
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Number of scores in the figure. If each reference has a score, each counts.
    pub n: usize,
    /// The lower end of the interval; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The confidence level of the interval, such as 0.95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// Why a figure with a value has no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_interval: Option<NoInterval>,
    /// Number of clusters of the scores; 0 without a value. Scores of one cluster are not independent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clusters: usize,
    /// Whether fewer than ten clusters differ from the commonest score, so that the interval is rough.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub few_distinct: bool,
    /// Number of samples that were to be scored, with those that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked: usize,
    /// The value if every failed sample and every answer without a score were at the bad end of the range; absent for
    /// ratios, highest values and scores of single references.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<f64>,
    /// The value if every failed sample and every unreadable answer were at the good end of the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<f64>,
    /// For a share of scores above a threshold: the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The lowest and highest possible value.
    pub range: [f64; 2],
    /// Which values are better.
    pub direction: Direction,
    /// A description of the metric and its computation.
    pub method: String,
}

/// Why a figure has no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoInterval {
    /// All scores are in one cluster, or the figure is not defined without one of the clusters.
    TooFewClusters,
    /// No method covers means of a fixed number of highest scores.
    TopK,
    /// All scores are equal, and the figure has no lowest or highest value.
    NoSpread,
}

impl NoInterval {
    /// The reason in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::TooFewClusters => "all scores are in one cluster",
            Self::TopK => "a mean of a fixed number of highest scores has no interval",
            Self::NoSpread => "all scores are equal, and the figure has no lowest or highest value",
        }
    }
}

impl Figure {
    /// Whether the scores are 1 for a right answer and 0 for a wrong one.
    #[must_use]
    pub fn is_of_right_and_wrong(&self) -> bool {
        self.kind == MetricKind::Share && self.threshold.is_none()
    }
}

/// The speed of the answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Completed samples per hour of wall-clock time with requests in flight.
    pub inferences_per_hour: f64,
    /// Median latency of the attempts that gave an answer, in seconds.
    pub latency_p50: f64,
    /// 90th percentile of the same latencies, in seconds; absent in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p90: Option<f64>,
    /// 95th percentile of the same latencies, in seconds.
    pub latency_p95: f64,
    /// 99th percentile of the same latencies, in seconds; absent in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p99: Option<f64>,
    /// Intervals of these percentiles, by their names such as `p50`, in seconds. A percentile with too few latencies has
    /// none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latency_intervals: BTreeMap<String, [f64; 2]>,
    /// Prompt tokens over all answers; absent if the endpoint reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Answer tokens over all answers; absent if the endpoint reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Number of requests, including retries.
    pub requests: usize,
}

/// The cost of the answers at the price in the spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// US dollars for all tokens that the endpoint reported, including failed samples and replaced records.
    pub usd: f64,
    /// The price.
    pub price: Price,
    /// Number of answers whose tokens the endpoint did not report. Their cost is not included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
