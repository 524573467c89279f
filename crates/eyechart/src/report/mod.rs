//! Reports: from the figures of one or more runs to tables. One file per section, one per renderer.
//!
//! A report reads only the folders of runs and returns text, which `cli` prints.

mod agreement;
mod comparison;
mod controls;
mod cost;
mod csv;
mod epochs;
mod figures;
mod json;
mod layout;
mod markdown;
mod positions;
mod runs;
mod samples;
mod table;
mod text;

use std::path::PathBuf;

use crate::types::{Results, Task};

pub use agreement::render_agreement;
pub use comparison::render_comparison;
pub use layout::{LayoutError, export_vlm_benchmarks};
pub use samples::{SampleView, Samples, Selection, samples_as_json, samples_as_text};

/// The data of one run in a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The figures of the run.
    pub results: Results,
    /// The task of the run, with published figures.
    pub task: Task,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text tables, for a terminal.
    Table {
        /// Maximum number of columns of a line.
        width: usize,
    },
    /// Markdown tables, for a README or an issue.
    Markdown,
    /// CSV, for a spreadsheet: one figure per line, as a fraction.
    Csv,
    /// A JSON list with the `results.json` of each run, its folder and published figures.
    Json,
}

/// The report on `entries`.
#[must_use]
pub fn render(entries: &[Entry], format: Format) -> String {
    let entries = &controls::beneath_their_runs(entries);
    match format {
        Format::Json => return json::render(entries),
        Format::Csv => return csv::render(entries),
        Format::Table { .. } | Format::Markdown => {}
    }
    let mut tables = figures::tables(entries);
    tables.extend([epochs::table(entries), positions::table(entries)]);
    tables.extend([runs::table(entries), cost::table(entries)]);
    let shown = |table: &table::Table| match format {
        Format::Table { width } => text::render(table, width),
        _ => markdown::render(table),
    };
    tables.iter().filter(|table| !table.rows.is_empty()).map(shown).collect::<Vec<_>>().join("\n")
}
