//! The report as a JSON list of runs.

use std::path::Path;

use serde::Serialize;

use super::Entry;
use crate::types::{Published, Results};

#[derive(Serialize)]
struct Run<'a> {
    folder: &'a Path,
    #[serde(flatten)]
    results: &'a Results,
    #[serde(skip_serializing_if = "<[Published]>::is_empty")]
    published: &'a [Published],
}

pub(super) fn render(entries: &[Entry]) -> String {
    let runs: Vec<Run<'_>> = entries
        .iter()
        .map(|entry| Run { folder: &entry.folder, results: &entry.results, published: &entry.task.published })
        .collect();
    let text = serde_json::to_string_pretty(&runs);
    text.expect("plain data with text keys always serializes") + "\n"
}
