//! The section with the numbers of samples and the speed of each run.

use std::cmp::Reverse;

use super::Entry;
use super::table::{ABSENT, Row, Table};
use crate::text::counted;
use crate::types::{Results, Speed};

/// Characters of an endpoint's message in a note.
const LONGEST_MESSAGE: usize = 200;
/// Models in the note on different models.
const SHOWN_MODELS: usize = 4;

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
    let counts = &results.samples;
    let times = counts.epochs.map(|epochs| format!(" × {epochs}")).unwrap_or_default();
    let mut cells = vec![format!("{}{times}", counts.picked()), counts.failed.to_string()];
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

/// The note that the endpoint reported different models for one name; absent if it did not.
fn different_models(results: &Results) -> Option<String> {
    let mut models: Vec<(&String, usize)> =
        results.reported_models.iter().map(|(name, answers)| (name, *answers)).collect();
    models.sort_by_key(|(_, answers)| Reverse(*answers));
    let mut shown: Vec<String> = models
        .iter()
        .take(SHOWN_MODELS)
        .map(|(name, answers)| {
            format!("{} ({})", shortened(name, LONGEST_MESSAGE), counted(*answers, "answer"))
        })
        .collect();
    if models.len() > SHOWN_MODELS {
        shown.push(format!("{} more", models.len() - SHOWN_MODELS));
    }
    let names = shown.join(", ");
    (models.len() > 1).then(|| format!("the endpoint reported different models for this name: {names}"))
}

fn shortened(text: &str, characters: usize) -> String {
    let text = text.trim_end_matches('.');
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn notes(results: &Results) -> Vec<String> {
    let counts = &results.samples;
    let mut notes = Vec::new();
    let run = format!("{} with {}", results.task, results.shown_model());
    let total = match counts.epochs {
        Some(_) => counted(counts.total, counts.unit()),
        None => counts.total.to_string(),
    };
    if counts.failed > 0 {
        let kinds = counts.failures.iter().map(|(kind, count)| format!("{count} {}", kind.name()));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        notes.push(format!("{run}: {} of {total} failed ({kinds}).", counts.failed));
    }
    for (kind, message) in &results.failure_messages {
        notes.push(format!("{run}: first {}: {}.", kind.name(), shortened(message, LONGEST_MESSAGE)));
    }
    notes.extend(different_models(results).map(|models| format!("{run}: {models}.")));
    let unasked = counts.unasked();
    if unasked > 0 {
        notes.push(format!("{run}: {unasked} of {total} without a record."));
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
