//! From records and scores to figures: `results.json`.

use jiff::Timestamp;

use crate::scorer::THRESHOLD;
use crate::stats::{Estimate, mean, quantile, share_above, top_k};
use crate::types::{
    Compare, Cost, EvalSpec, Figure, Results, SampleCounts, SampleRecord, Score, Speed, Task, Tokens,
};

/// The metrics of every comparison, by the names under which files and tables have them.
pub const METRICS: [&str; 5] = ["win_rate", "mean", "top_1", "top_5", "top_10"];

/// All figures of a run. Comparisons without a single score are left out. What made the scores is for the caller to say.
#[must_use]
pub fn analyze(spec: &EvalSpec, task: &Task, records: &[SampleRecord], scores: &[Score]) -> Results {
    Results {
        format: Results::FORMAT.to_owned(),
        task: spec.task.name.clone(),
        model: spec.model.clone(),
        samples: count(spec, records),
        figures: task.compare.iter().flat_map(|compare| figures_of(compare, scores)).collect(),
        encoder: None,
        speed: speed(records),
        cost: cost(spec, records),
    }
}

fn count(spec: &EvalSpec, records: &[SampleRecord]) -> SampleCounts {
    let mut counts = SampleCounts { total: spec.picked.len(), ..SampleCounts::default() };
    records.iter().for_each(|record| counts.add(record));
    counts
}

fn figures_of(compare: &Compare, scores: &[Score]) -> Vec<Figure> {
    let ours = scores.iter().filter(|score| score.part == compare.part && score.target == compare.target);
    let mut ours = ours.peekable();
    let Some(scorer) = ours.peek().map(|score| score.scorer.clone()) else { return Vec::new() };
    let numbers: Vec<f64> = ours.filter_map(Score::number).collect();
    let figure = |metric: &&str| {
        let (estimate, method) = estimate(metric, &numbers);
        Figure {
            scorer: scorer.clone(),
            part: compare.part.clone(),
            target: compare.target.clone(),
            metric: (*metric).to_owned(),
            value: estimate.value,
            n: estimate.n,
            method,
        }
    };
    METRICS.iter().map(figure).collect()
}

fn estimate(metric: &str, scores: &[f64]) -> (Estimate, String) {
    match metric.strip_prefix("top_").and_then(|k| k.parse().ok()) {
        Some(1) => (top_k(scores, 1), "highest score".to_owned()),
        Some(k) => (top_k(scores, k), format!("mean of the {k} highest scores; grows with n")),
        None if metric == "win_rate" => {
            (share_above(scores, THRESHOLD), format!("share of scores above {THRESHOLD}"))
        }
        None => (mean(scores), "arithmetic mean of all scores".to_owned()),
    }
}

/// `None` where no request was made.
fn speed(records: &[SampleRecord]) -> Option<Speed> {
    let requests = records.iter().map(|record| record.attempts.len()).sum();
    let latencies: Vec<f64> = records.iter().filter_map(SampleRecord::latency).collect();
    let (latency_p50, latency_p95) = (quantile(&latencies, 0.5)?, quantile(&latencies, 0.95)?);
    let busy = busy_seconds(records);
    let tokens = |of: fn(&crate::types::Usage) -> Option<u64>| {
        let asked = records.iter().filter(|record| record.cached.is_none());
        let usages = asked.filter_map(|record| record.output.as_ref()?.usage.as_ref());
        usages.filter_map(of).reduce(u64::saturating_add)
    };
    Some(Speed {
        inferences_per_hour: if busy > 0.0 { latencies.len() as f64 / busy * 3600.0 } else { 0.0 },
        latency_p50,
        latency_p95,
        input_tokens: tokens(|usage| usage.input_tokens),
        output_tokens: tokens(|usage| usage.output_tokens),
        requests,
    })
}

/// `None` where no price is known, or nothing that it could be of.
fn cost(spec: &EvalSpec, records: &[SampleRecord]) -> Option<Cost> {
    let price = spec.price.clone()?;
    let tokens = records.iter().map(SampleRecord::tokens).fold(Tokens::default(), |sum, tokens| sum + tokens);
    let uncounted = records.iter().filter(|record| record.is_uncounted()).count();
    (!tokens.is_zero()).then(|| Cost { usd: price.of(tokens), price, uncounted })
}

/// Seconds of wall-clock time in which at least one sample was under way (waits between its attempts included):
/// the union of their spans, so that the pause before a resume does not count.
pub(crate) fn busy_seconds(records: &[SampleRecord]) -> f64 {
    let mut spans: Vec<(f64, f64)> = records.iter().filter_map(span).collect();
    spans.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut busy = 0.0;
    let mut reached = f64::NEG_INFINITY;
    for (from, to) in spans {
        busy += (to - from.max(reached)).max(0.0);
        reached = reached.max(to);
    }
    busy
}

fn span(record: &SampleRecord) -> Option<(f64, f64)> {
    let seconds = |started: &str| Some(started.parse::<Timestamp>().ok()?.as_duration().as_secs_f64());
    let last = record.attempts.last()?;
    Some((seconds(&record.attempts.first()?.started)?, seconds(&last.started)? + last.seconds))
}
