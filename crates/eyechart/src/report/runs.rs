//! The section on the runs themselves: how many samples, how many failed, how fast.

use super::Entry;
use super::table::{ABSENT, Row, Table};
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
    Row { group: results.task.clone(), name: results.shown_model(), cells }
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
    let whose = format!("{} with {}", results.task, results.shown_model());
    if counts.failed > 0 {
        let kinds = counts.failures.iter().map(|(kind, count)| format!("{count} {}", kind.name()));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        notes.push(format!("{whose}: {} of {} failed ({kinds}).", counts.failed, counts.total));
    }
    let unasked = counts.unasked();
    if unasked > 0 {
        notes.push(format!("{whose}: {unasked} of {} have no record yet.", counts.total));
    }
    if counts.cached > 0 {
        notes.push(format!(
            "{whose}: {} answers are from the cache; speed and tokens leave them out.",
            counts.cached
        ));
    }
    if counts.truncated > 0 {
        let (answers, they) =
            if counts.truncated == 1 { ("answer", "it is") } else { ("answers", "they are") };
        let count = counts.truncated;
        notes.push(format!("{whose}: {count} {answers} cut off by the token limit, scored as {they}."));
    }
    notes
}
