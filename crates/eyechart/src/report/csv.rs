//! The report as CSV: one figure per line, as a fraction, and one count of samples per line.

use super::Entry;
use crate::types::Results;

const HEADS: [&str; WIDTH] = [
    "task",
    "model",
    "source",
    "part",
    "target",
    "metric",
    "value",
    "n",
    "samples_total",
    "samples_failed",
    "name",
    "worst",
    "best",
    "label",
    "low",
    "high",
    "level",
    "clusters",
];

const WIDTH: usize = 18;

pub(super) fn render(entries: &[Entry]) -> String {
    let mut rows = vec![HEADS.map(str::to_owned)];
    for entry in entries {
        rows.extend(measured(entry));
        rows.extend(counted(entry));
        rows.extend(published(entry));
    }
    lines(rows)
}

/// The rows as lines of CSV, safe for spreadsheets.
pub(super) fn lines<const CELLS: usize>(rows: Vec<[String; CELLS]>) -> String {
    let mut text = csv::Writer::from_writer(Vec::new());
    for row in rows {
        text.write_record(row.map(inert)).expect("all rows have as many cells, and a Vec takes any bytes");
    }
    let bytes = text.into_inner().expect("flushing into a Vec cannot fail");
    String::from_utf8(bytes).expect("every cell was a String")
}

/// Puts an apostrophe before a text that a spreadsheet would take for a formula. Numbers are kept as they are.
fn inert(cell: String) -> String {
    const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let is_number = cell.parse::<f64>().is_ok_and(f64::is_finite);
    if cell.starts_with(BEGINNINGS) && !is_number { format!("'{cell}") } else { cell }
}

/// The label of a run and its kind of control.
fn label_of(results: &Results) -> String {
    let control = results.control.map(|control| control.to_string());
    results.label.clone().into_iter().chain(control).collect::<Vec<_>>().join(", ")
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn measured(entry: &Entry) -> impl Iterator<Item = [String; WIDTH]> {
    let Entry { results, .. } = entry;
    results.figures.iter().map(|figure| {
        [
            results.task.clone(),
            results.model.clone(),
            "measured".to_owned(),
            figure.part.clone(),
            figure.target.clone().unwrap_or_default(),
            figure.metric.clone(),
            number(figure.value),
            figure.n.to_string(),
            results.samples.total.to_string(),
            results.samples.failed.to_string(),
            figure.name.clone(),
            number(figure.worst),
            number(figure.best),
            label_of(results),
            number(figure.low),
            number(figure.high),
            number(figure.level),
            if figure.clusters > 0 { figure.clusters.to_string() } else { String::new() },
        ]
    })
}

/// Numbers of samples by how they ended, with the number of all samples.
fn counted(entry: &Entry) -> impl Iterator<Item = [String; WIDTH]> {
    let Entry { results, .. } = entry;
    let samples = &results.samples;
    let whole = [
        ("completed", samples.completed),
        ("truncated", samples.truncated),
        ("failed", samples.failed),
        ("unasked", samples.unasked()),
    ];
    let whole = whole.map(|(name, count)| (name.to_owned(), count)).into_iter();
    let kinds = samples.failures.iter().map(|(kind, count)| (format!("failed.{}", kind.name()), *count));
    whole.chain(kinds).map(|(name, count)| {
        [
            results.task.clone(),
            results.model.clone(),
            "counted".to_owned(),
            String::new(),
            String::new(),
            name,
            count.to_string(),
            samples.total.to_string(),
            samples.total.to_string(),
            samples.failed.to_string(),
            String::new(),
            String::new(),
            String::new(),
            label_of(results),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]
    })
}

fn published(entry: &Entry) -> impl Iterator<Item = [String; WIDTH]> {
    entry.task.published.iter().flat_map(|published| {
        published.figures.iter().map(|(metric, value)| {
            [
                entry.task.name.clone(),
                published.model.clone(),
                format!("published by {}", published.source),
                published.part.clone(),
                published.target.clone().unwrap_or_default(),
                metric.clone(),
                value.to_string(),
                String::new(),
                String::new(),
                String::new(),
                published.name.clone().unwrap_or_default(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn a_text_that_begins_like_a_formula_gets_an_apostrophe_and_a_number_none() {
        for formula in ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-inf"] {
            assert_eq!(inert(formula.to_owned()), format!("'{formula}"));
        }
        for harmless in ["-0.25", "0.5", "1000", "a=b", "", "custom/m"] {
            assert_eq!(inert(harmless.to_owned()), harmless);
        }
    }
}
