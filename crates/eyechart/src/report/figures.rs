//! The section with the figures: one table a benchmark, one group a comparison, one row a model.

use super::Entry;
use super::table::{ABSENT, Row, Table};
use crate::types::{Compare, EncoderSpec, Published};
use crate::weights::Model;

const HEADS: [(&str, &str); 5] = [
    ("win_rate", "win rate"),
    ("mean", "mean"),
    ("top_1", "top-1"),
    ("top_5", "top-5"),
    ("top_10", "top-10"),
];

/// How the names of published rows, and the notes on them, begin.
const PUBLISHED: &str = "published:";

/// One table for each benchmark among `entries`, in their order.
pub(super) fn tables(entries: &[Entry]) -> Vec<Table> {
    let mut names: Vec<&str> = Vec::new();
    for entry in entries {
        if !names.contains(&table_of(entry)) {
            names.push(table_of(entry));
        }
    }
    let of = |name: &str| entries.iter().filter(|entry| table_of(entry) == name).collect::<Vec<_>>();
    names.iter().map(|name| table(name, &of(name))).collect()
}

fn table_of(entry: &Entry) -> &str {
    entry.task.table.as_deref().unwrap_or(&entry.task.name)
}

fn table(name: &str, entries: &[&Entry]) -> Table {
    let heads = HEADS.iter().map(|(_, head)| *head).chain(["n"]).collect();
    let mut table = Table {
        title: format!("{name}, similarity in %"),
        group: "comparison",
        name: "model",
        heads,
        rows: Vec::new(),
        notes: Vec::new(),
    };
    let mut seen: Vec<&Compare> = Vec::new();
    for entry in entries {
        for compare in &entry.task.compare {
            if !seen.contains(&compare) {
                seen.push(compare);
                add_comparison(&mut table, compare, entries);
            }
        }
    }
    add_encoders(&mut table, entries);
    table
}

/// Says whose similarity it is, unless all figures are by the encoder that the published ones are by.
fn add_encoders(table: &mut Table, entries: &[&Entry]) {
    let usual = Model::minilm();
    let is_usual = |encoder: &EncoderSpec| {
        encoder.precision.is_some()
            && encoder.sha256.as_deref().is_some_and(|sha256| usual.has_weights(sha256))
    };
    let scored = || entries.iter().filter_map(|entry| Some((entry, entry.results.encoder.as_ref()?)));
    if scored().all(|(_, encoder)| is_usual(encoder)) {
        return;
    }
    for (entry, encoder) in scored() {
        let note = format!("{}: similarity by {}.", entry.results.model, in_words(encoder));
        if !table.notes.contains(&note) {
            table.notes.push(note);
        }
    }
    if table.rows.iter().any(|row| row.name.starts_with(PUBLISHED)) {
        table.notes.push(format!("{PUBLISHED} similarity by {}.", usual.name));
    }
}

fn in_words(encoder: &EncoderSpec) -> String {
    match (&encoder.base_url, &encoder.precision) {
        (Some(base_url), _) => format!("{} at {base_url}", encoder.name),
        (None, Some(precision)) => format!("{} ({precision})", encoder.name),
        (None, None) => encoder.name.clone(),
    }
}

fn add_comparison(table: &mut Table, compare: &Compare, entries: &[&Entry]) {
    let group = title(compare);
    let with = || entries.iter().filter(|entry| entry.task.compare.contains(compare));
    for row in with().filter_map(|entry| measured(entry, compare, &group)) {
        // A recorded column is the same beside every model that was asked about the same samples.
        if compare.column.is_none() || !table.rows.contains(&row) {
            table.rows.push(row);
        }
    }
    let mut published: Vec<&Published> = Vec::new();
    for entry in with() {
        let ours = |figures: &&Published| figures.part == compare.part && figures.target == compare.target;
        for figures in entry.task.published.iter().filter(ours) {
            if !published.contains(&figures) {
                published.push(figures);
            }
        }
    }
    for figures in published {
        table.rows.push(published_row(figures, &group));
        add_notes(table, figures, &group);
    }
}

fn title(compare: &Compare) -> String {
    let both = || format!("{} ↔ {}", compare.part, compare.target);
    compare.title.clone().unwrap_or_else(both)
}

/// A recorded column that stands in for a model is marked as what it is.
fn measured(entry: &Entry, compare: &Compare, group: &str) -> Option<Row> {
    let ours = |part: &str, target: &str| part == compare.part && target == compare.target;
    let figures = || entry.results.figures.iter().filter(|figure| ours(&figure.part, &figure.target));
    let n = figures().next()?.n;
    let cell = |metric: &str| {
        let figure = figures().find(|figure| figure.metric == metric);
        percent(figure.and_then(|figure| figure.value))
    };
    let cells = HEADS.iter().map(|(metric, _)| cell(metric)).chain([n.to_string()]);
    let name = match &compare.column {
        Some(column) => format!("column {column}"),
        None => entry.results.model.clone(),
    };
    Some(Row { group: group.to_owned(), name, cells: cells.collect() })
}

fn published_row(published: &Published, group: &str) -> Row {
    let cell = |metric: &str| percent(published.figures.get(metric).copied());
    let cells = HEADS.iter().map(|(metric, _)| cell(metric)).chain([ABSENT.to_owned()]);
    Row { group: group.to_owned(), name: format!("{PUBLISHED} {}", published.model), cells: cells.collect() }
}

fn add_notes(table: &mut Table, published: &Published, group: &str) {
    let whose = format!("{PUBLISHED} figures of {}, not measured here.", published.source);
    if !table.notes.contains(&whose) {
        table.notes.push(whose);
    }
    table.notes.extend(published.note.iter().map(|note| format!("published, {group}: {note}.")));
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| format!("{:.1}", value * 100.0))
}
