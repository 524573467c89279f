//! The section with the numbers of samples and the speed of each run.

use super::Entry;
use super::table::{ABSENT, Row, Table};
use crate::text::counted;
use crate::types::{Results, Speed};

pub(super) fn table(entries: &[Entry]) -> Table {
    Table {
        title: "Runs".to_owned(),
        group: "task",
        name: "model",
        heads: ["samples", "failed", "per hour", "p50 s", "p95 s", "tokens in/out"]
            .map(str::to_owned)
            .to_vec(),
        rows: entries.iter().map(|entry| row(&entry.results)).collect(),
        notes: entries.iter().flat_map(|entry| notes(&entry.results)).collect(),
    }
}

fn row(results: &Results) -> Row {
    let mut cells = vec![results.samples.total.to_string(), results.samples.failed.to_string()];
    let of = |show: fn(&Speed) -> String| results.speed.as_ref().map_or_else(|| ABSENT.to_owned(), show);
    cells.push(of(|speed| format!("{:.0}", speed.inferences_per_hour)));
    cells.push(of(|speed| format!("{:.2}", speed.latency_p50)));
    cells.push(of(|speed| format!("{:.2}", speed.latency_p95)));
    cells.push(of(|speed| format!("{}/{}", tokens(speed.input_tokens), tokens(speed.output_tokens))));
    Row { group: results.task.clone(), name: results.shown_model(), cells, intervals: Vec::new() }
}

fn tokens(count: Option<u64>) -> String {
    match count {
        None => ABSENT.to_owned(),
        Some(count @ ..10_000) => count.to_string(),
        Some(count @ ..1_000_000) => format!("{:.0}k", count as f64 / 1e3),
        Some(count) => format!("{:.1}M", count as f64 / 1e6),
    }
}

fn notes(results: &Results) -> Vec<String> {
    let counts = &results.samples;
    let mut notes = Vec::new();
    let run = format!("{} with {}", results.task, results.shown_model());
    if counts.failed > 0 {
        let kinds = counts.failures.iter().map(|(kind, count)| format!("{count} {}", kind.name()));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        notes.push(format!("{run}: {} of {} failed ({kinds}).", counts.failed, counts.total));
    }
    let unasked = counts.unasked();
    if unasked > 0 {
        notes.push(format!("{run}: {unasked} of {} without a record.", counts.total));
    }
    if counts.cached > 0 {
        let answers = counted(counts.cached, "answer");
        notes.push(format!("{run}: {answers} from the cache, left out of speed and tokens."));
    }
    if counts.truncated > 0 {
        let answers = counted(counts.truncated, "answer");
        notes.push(format!("{run}: {answers} cut off by the token limit, and scored."));
    }
    notes
}
