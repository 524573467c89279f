//! Reports: from figures to tables, whatever their number of runs. One file per section, one per renderer.
//!
//! A report reads what a run's folder holds, never a network, and returns text: printing is `cli`'s.

mod controls;
mod cost;
mod csv;
mod figures;
mod json;
mod layout;
mod markdown;
mod runs;
mod samples;
mod table;
mod text;

use std::path::PathBuf;

use crate::types::{Results, Task};

pub use layout::{LayoutError, export_vlm_benchmarks};
pub use samples::{SampleView, Samples, Selection, samples_as_json, samples_as_text};

/// One run as a report sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its folder.
    pub folder: PathBuf,
    /// Its figures.
    pub results: Results,
    /// Its task, with the figures that others published.
    pub task: Task,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal of 80 columns.
    Table,
    /// For a README or an issue.
    Markdown,
    /// For a spreadsheet: one figure a line, as fractions.
    Csv,
    /// For machines: the runs' `results.json`, with folder and published figures.
    Json,
}

/// The report on `entries`.
#[must_use]
pub fn render(entries: &[Entry], format: Format) -> String {
    let entries = &controls::beneath_their_runs(entries);
    match format {
        Format::Json => return json::render(entries),
        Format::Csv => return csv::render(entries),
        Format::Table | Format::Markdown => {}
    }
    let mut tables = figures::tables(entries);
    tables.extend([runs::table(entries), cost::table(entries)]);
    let render = if format == Format::Table { text::render } else { markdown::render };
    tables.iter().filter(|table| !table.rows.is_empty()).map(render).collect::<Vec<_>>().join("\n")
}
