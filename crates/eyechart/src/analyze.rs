//! Computes the figures of `results.json` from records and scores.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::files::sha256_hex;
use crate::stats::{quantile, quantile_interval};
use crate::types::{Cost, EvalSpec, FailureKind, Results, SampleCounts, SampleRecord, Score, Speed, Tokens};

mod epochs;
mod figures;
mod intervals;
mod options;

pub use crate::stats::Level;
use epochs::EpochContext;
pub(crate) use epochs::EpochMetric;
use figures::Clusters;
pub use figures::Measured;
pub(crate) use figures::{epoch_figure_ids, figure_ids};
pub(crate) use options::{ReadAnswer, ShuffledOptions};

/// The counts and times of a run. Records are added one by one, so that 100,000 records need not be in memory.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    counts: SampleCounts,
    latencies: Vec<f64>,
    /// The span of each sample, from the start of its first attempt to the end of its last.
    spans: Vec<TimeSpan>,
    requests: usize,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    /// The tokens that were paid for, including failed and replaced answers.
    paid: Tokens,
    /// The number of answers without token counts.
    uncounted: usize,
    clusters: Clusters,
    shuffled: ShuffledOptions,
    /// The message of the first failed sample of each kind.
    failure_messages: BTreeMap<FailureKind, String>,
    /// The number of answers by the model that the endpoint reported.
    reported_models: BTreeMap<String, usize>,
}

/// The percentiles of latency, by name.
const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

/// A span of time, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
struct TimeSpan {
    start: f64,
    end: f64,
}

impl Outcomes {
    /// Adds the record of one sample.
    pub fn add(&mut self, record: &SampleRecord) {
        self.counts.add(record);
        self.latencies.extend(record.latency());
        self.spans.extend(span(record));
        self.requests += record.attempts.len();
        self.paid = self.paid + record.tokens();
        self.uncounted += usize::from(record.lacks_token_counts());
        if let Some(cluster) = &record.cluster {
            self.clusters.add(&record.id, cluster);
        }
        self.shuffled.add(&record.id, record.epoch, record.choices.as_ref());
        if let Some(failure) = &record.error {
            self.failure_messages.entry(failure.kind).or_insert_with(|| failure.message.clone());
        }
        if let Some(model) = record.output.as_ref().and_then(|output| output.model.as_ref()) {
            // The name is looked up first, because nearly every record has the same one.
            match self.reported_models.get_mut(model) {
                Some(answers) => *answers += 1,
                None => drop(self.reported_models.insert(model.clone(), 1)),
            }
        }
        let usage = record.output.as_ref().and_then(|output| output.usage);
        if let (Some(usage), None) = (usage, &record.cached) {
            let add = |sum: Option<u64>, tokens: Option<u64>| {
                tokens.map(|tokens| sum.unwrap_or(0).saturating_add(tokens)).or(sum)
            };
            self.input_tokens = add(self.input_tokens, usage.input_tokens);
            self.output_tokens = add(self.output_tokens, usage.output_tokens);
        }
    }
}

impl<'a> FromIterator<&'a SampleRecord> for Outcomes {
    fn from_iter<I: IntoIterator<Item = &'a SampleRecord>>(records: I) -> Self {
        let mut outcomes = Self::default();
        records.into_iter().for_each(|record| outcomes.add(record));
        outcomes
    }
}

/// Computes the results of a run from the scores of `measured`, with intervals of `level`. The caller sets the encoder and the task file of the
/// scores.
#[must_use]
pub fn analyze(
    spec: &EvalSpec,
    measured: &[Measured],
    outcomes: Outcomes,
    scores: &[Score],
    level: Level,
) -> Results {
    let Outcomes { clusters, shuffled, .. } = &outcomes;
    let context = EpochContext { measured, clusters, shuffled, epochs: spec.epochs, level };
    let (figures, variance) = figures::figures(measured, scores, context);
    Results {
        format: Results::FORMAT.to_owned(),
        task: spec.task.name.clone(),
        model: spec.model.clone(),
        label: spec.label.clone(),
        control: spec.control,
        scored_by: None,
        picked_sha256: Some(picked_sha256(spec)),
        samples: outcomes.counts.clone().of_run(spec),
        failure_messages: outcomes.failure_messages.clone(),
        reported_models: differing(&outcomes.reported_models),
        scorers: measured.iter().map(|measured| measured.spec.clone()).collect(),
        figures,
        variance,
        positions: outcomes.shuffled.picks(measured, scores, &outcomes.clusters, level),
        unscored: figures::unscored(measured, scores),
        encoder: None,
        cost: cost(spec, &outcomes),
        speed: speed(outcomes, level),
    }
}

/// Returns `models` if the endpoint reported different models for one name.
fn differing(models: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    if models.len() > 1 { models.clone() } else { BTreeMap::new() }
}

fn picked_sha256(spec: &EvalSpec) -> String {
    let ids: Vec<&str> = spec.picked.iter().map(|picked| picked.id.as_str()).collect();
    sha256_hex(serde_json::to_vec(&ids).unwrap_or_default())
}

/// Returns the speed; `None` if no attempt gave an answer.
fn speed(outcomes: Outcomes, level: Level) -> Option<Speed> {
    let Outcomes { latencies, spans, .. } = outcomes;
    let of = |q| quantile(&latencies, q);
    let interval = |(name, q): (&str, f64)| {
        let found = quantile_interval(&latencies, q, level)?;
        Some((name.to_owned(), [found.low, found.high]))
    };
    let busy = union_of(spans);
    Some(Speed {
        inferences_per_hour: if busy > 0.0 { latencies.len() as f64 / busy * 3600.0 } else { 0.0 },
        latency_p50: of(0.5)?,
        latency_p90: of(0.9),
        latency_p95: of(0.95)?,
        latency_p99: of(0.99),
        latency_intervals: PERCENTILES.into_iter().filter_map(interval).collect(),
        input_tokens: outcomes.input_tokens,
        output_tokens: outcomes.output_tokens,
        requests: outcomes.requests,
    })
}

/// Returns the cost; `None` if the price is not known or no tokens were reported.
fn cost(spec: &EvalSpec, outcomes: &Outcomes) -> Option<Cost> {
    let (price, tokens) = (spec.price.clone()?, outcomes.paid);
    (!tokens.is_zero()).then(|| Cost { usd: price.of(tokens), price, uncounted: outcomes.uncounted })
}

/// Returns the wall-clock time in seconds in which at least one sample was in progress, including waits between
/// attempts. The time between the end of a run and its resumption does not count.
pub(crate) fn busy_seconds(records: &[SampleRecord]) -> f64 {
    union_of(records.iter().filter_map(span).collect())
}

/// Returns the length of the union of the spans, in seconds.
fn union_of(mut spans: Vec<TimeSpan>) -> f64 {
    spans.sort_unstable_by(|a, b| a.start.total_cmp(&b.start));
    let mut busy = 0.0;
    let mut reached = f64::NEG_INFINITY;
    for TimeSpan { start, end } in spans {
        busy += (end - start.max(reached)).max(0.0);
        reached = reached.max(end);
    }
    busy
}

fn span(record: &SampleRecord) -> Option<TimeSpan> {
    let seconds = |started: &str| Some(started.parse::<Timestamp>().ok()?.as_duration().as_secs_f64());
    let last = record.attempts.last()?;
    let start = seconds(&record.attempts.first()?.started)?;
    Some(TimeSpan { start, end: seconds(&last.started)? + last.seconds })
}
