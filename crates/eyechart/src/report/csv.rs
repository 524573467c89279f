//! The report for spreadsheets: one figure a line, as fractions, and one count of samples a line.

use super::Entry;

const HEADS: [&str; 10] =
    ["task", "model", "source", "part", "target", "metric", "value", "n", "samples_total", "samples_failed"];

pub(super) fn render(entries: &[Entry]) -> String {
    let mut rows = vec![HEADS.map(str::to_owned)];
    for entry in entries {
        rows.extend(measured(entry));
        rows.extend(counted(entry));
        rows.extend(published(entry));
    }
    let mut text = csv::Writer::from_writer(Vec::new());
    for row in rows {
        text.write_record(row).expect("all rows have as many cells, and a Vec takes any bytes");
    }
    let bytes = text.into_inner().expect("flushing into a Vec cannot fail");
    String::from_utf8(bytes).expect("every cell was a String")
}

fn measured(entry: &Entry) -> impl Iterator<Item = [String; 10]> {
    let Entry { results, .. } = entry;
    results.figures.iter().map(|figure| {
        [
            results.task.clone(),
            results.model.clone(),
            "measured".to_owned(),
            figure.part.clone(),
            figure.target.clone(),
            figure.metric.clone(),
            figure.value.map(|value| value.to_string()).unwrap_or_default(),
            figure.n.to_string(),
            results.samples.total.to_string(),
            results.samples.failed.to_string(),
        ]
    })
}

/// How the samples ended: numbers of samples, out of all of them.
fn counted(entry: &Entry) -> impl Iterator<Item = [String; 10]> {
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
        ]
    })
}

fn published(entry: &Entry) -> impl Iterator<Item = [String; 10]> {
    entry.task.published.iter().flat_map(|published| {
        published.figures.iter().map(|(metric, value)| {
            [
                entry.task.name.clone(),
                published.model.clone(),
                format!("published by {}", published.source),
                published.part.clone(),
                published.target.clone(),
                metric.clone(),
                value.to_string(),
                String::new(),
                String::new(),
                String::new(),
            ]
        })
    })
}
