//! Builds the line that is written to a program for each sample.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::scorer::measure::Item;
use crate::types::{Epoch, ImageRecord, RecordedChoices};

#[derive(Serialize)]
struct SampleLine<'a> {
    id: &'a str,
    epoch: Epoch,
    prompt: &'a str,
    answer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    references: &'a [&'a str],
    targets: &'a BTreeMap<String, Vec<String>>,
    fields: &'a BTreeMap<String, String>,
    images: &'a [ImageRecord],
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<&'a RecordedChoices>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
}

/// Returns the sample as one line of JSON, with its line break.
pub(super) fn line(item: &Item<'_>) -> Vec<u8> {
    let record = item.record;
    let line = SampleLine {
        id: &record.id,
        epoch: record.epoch,
        prompt: &record.prompt,
        answer: item.text,
        output: record.answer(),
        references: &item.references,
        targets: &record.targets,
        fields: &record.fields,
        images: &record.images,
        choices: record.choices.as_ref(),
        cluster: record.cluster.as_deref(),
    };
    // Serializing texts and numbers into memory cannot fail.
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
