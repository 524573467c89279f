//! Reads a record. Lines that cannot be read are reported, and the others are used.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::RecordError;
use crate::files::open_regular;
use crate::text::json_mistake;
use crate::types::{Epoch, SampleRecord, Score};

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong with the line.
    pub reason: String,
}

impl BadLine {
    /// The note that this line of the log at `path` is left out.
    #[must_use]
    pub fn left_out_of(&self, path: &Path) -> String {
        format!("left out: {}:{}: not a sample's record: {}", path.display(), self.line, self.reason)
    }
}

/// The content of a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The last record of each (id, epoch), in the order of the first lines.
    pub samples: Vec<SampleRecord>,
    /// Lines that cannot be read, except an incomplete last line.
    pub bad_lines: Vec<BadLine>,
    /// The last line if it is incomplete, as after a crash.
    pub torn: Option<BadLine>,
}

/// Reads `samples.jsonl`.
///
/// # Errors
/// [`RecordError::Io`] if the file cannot be read.
pub fn read_record(path: &Path) -> Result<Record, RecordError> {
    read_with(path, |sample| sample)
}

/// Reads `samples.jsonl` without the texts in it, for counts and times. Memory hardly depends on the length of prompts
/// and answers.
///
/// # Errors
/// As [`read_record`].
pub fn read_outline(path: &Path) -> Result<Record, RecordError> {
    read_with(path, SampleRecord::without_texts)
}

/// Calls `visit` with the last record of each (id, epoch) in `samples.jsonl`, in the order of the lines. Memory holds
/// only the ids.
///
/// # Errors
/// As [`read_record`].
pub fn for_each_last(path: &Path, mut visit: impl FnMut(&SampleRecord)) -> Result<(), RecordError> {
    let mut last: HashMap<(String, Epoch), u64> = HashMap::new();
    for_each_sample(path, |line, content| {
        if let Content::Sample(sample) = content {
            last.insert((sample.id, sample.epoch), line.number);
        }
        Ok(())
    })?;
    for_each_sample(path, |line, content| {
        if let Content::Sample(sample) = content {
            let key = (sample.id.clone(), sample.epoch);
            if last.get(&key) == Some(&line.number) {
                visit(&sample);
            }
        }
        Ok(())
    })
}

fn read_with(path: &Path, keep: impl Fn(SampleRecord) -> SampleRecord) -> Result<Record, RecordError> {
    let mut record = Record::default();
    let mut places: HashMap<(String, Epoch), usize> = HashMap::new();
    for_each_sample(path, |line, content| {
        match content {
            Content::Sample(sample) => match places.get(&(sample.id.clone(), sample.epoch)) {
                Some(place) => record.samples[*place] = keep(*sample),
                None => {
                    places.insert((sample.id.clone(), sample.epoch), record.samples.len());
                    record.samples.push(keep(*sample));
                }
            },
            Content::Torn => {
                let reason = "the line is incomplete, as after a crash".to_owned();
                record.torn = Some(BadLine { line: line.number, reason });
            }
            Content::Bad(reason) => record.bad_lines.push(BadLine { line: line.number, reason }),
        }
        Ok(())
    })?;
    Ok(record)
}

/// Reads `scores.jsonl`.
///
/// # Errors
/// [`RecordError`] if the file cannot be read. `eyechart score` makes it again.
pub fn read_scores(path: &Path) -> Result<Vec<Score>, RecordError> {
    let mut scores = Vec::new();
    for_each_score_line(path, |line| {
        scores.push(serde_json::from_slice(line)?);
        Ok(())
    })?;
    Ok(scores)
}

/// Calls `visit` with each line of `scores.jsonl`, so that the scores need not be in memory together.
///
/// # Errors
/// As [`read_scores`]. The error of a line that `visit` cannot parse names the line.
pub(crate) fn for_each_score_line(
    path: &Path,
    mut visit: impl FnMut(&[u8]) -> serde_json::Result<()>,
) -> Result<(), RecordError> {
    for_each_line(path, |line| {
        visit(line.bytes).map_err(|error| RecordError::Malformed {
            path: path.to_owned(),
            reason: format!(
                "line {}: {}; `eyechart score` makes it again",
                line.number,
                json_mistake(&error)
            ),
        })
    })
}

/// Calls `visit` with each line of `samples.jsonl`, in order: the last line of an (id, epoch) counts. Returns the lines
/// that `visit` cannot parse, except an incomplete last line.
///
/// # Errors
/// [`RecordError::Io`] if the file cannot be read.
pub(crate) fn for_each_sample_line(
    path: &Path,
    mut visit: impl FnMut(&[u8]) -> serde_json::Result<()>,
) -> Result<Vec<BadLine>, RecordError> {
    let mut bad_lines = Vec::new();
    for_each_line(path, |line| {
        if let Err(error) = visit(line.bytes)
            && line.whole
        {
            bad_lines.push(BadLine { line: line.number, reason: json_mistake(&error) });
        }
        Ok(())
    })?;
    Ok(bad_lines)
}

/// The content of a line of `samples.jsonl`. Every reader of the log uses this type.
pub(super) enum Content {
    /// The record of a sample.
    Sample(Box<SampleRecord>),
    /// Not a record, with the reason.
    Bad(String),
    /// An incomplete record at the end of the file.
    Torn,
}

/// Calls `visit` with each line of a `samples.jsonl` and its content. Blank lines are left out.
pub(super) fn for_each_sample(
    path: &Path,
    mut visit: impl FnMut(&RawLine<'_>, Content) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    for_each_line(path, |line| {
        let content = match serde_json::from_slice(line.bytes) {
            Ok(sample) => Content::Sample(sample),
            Err(_) if !line.whole => Content::Torn,
            Err(error) => Content::Bad(json_mistake(&error)),
        };
        visit(&line, content)
    })
}

/// A line without its newline.
pub(super) struct RawLine<'a> {
    /// Number of the line, from 1.
    pub(super) number: u64,
    pub(super) bytes: &'a [u8],
    /// Offset of the first byte.
    pub(super) offset: u64,
    /// Whether the line ends with a newline.
    pub(super) whole: bool,
}

/// Calls `visit` with each line. Blank lines are left out.
pub(super) fn for_each_line(
    path: &Path,
    mut visit: impl FnMut(RawLine<'_>) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    let mut file =
        BufReader::with_capacity(1 << 16, open_regular(path).map_err(RecordError::io("open", path))?);
    let mut line = Vec::new();
    let mut next = 0;
    for number in 1.. {
        line.clear();
        let offset = next;
        next += file.read_until(b'\n', &mut line).map_err(RecordError::io("read", path))? as u64;
        if line.is_empty() {
            break;
        }
        let whole = line.ends_with(b"\n");
        let bytes = line.trim_ascii_end();
        if !bytes.is_empty() {
            visit(RawLine { number, bytes, offset, whole })?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::types::{ModelOutput, Status};

    pub(crate) fn record(id: &str, status: Status) -> SampleRecord {
        SampleRecord {
            id: id.to_owned(),
            epoch: 1,
            row: 0,
            status,
            prompt: "Why?".to_owned(),
            system: None,
            example_images: Vec::new(),
            images: Vec::new(),
            targets: Default::default(),
            fields: Default::default(),
            choices: None,
            cluster: None,
            output: (status == Status::Completed).then(|| ModelOutput::recorded("Because.")),
            error: None,
            attempts: Vec::new(),
            cached: None,
            earlier: Default::default(),
        }
    }

    #[test]
    fn the_last_line_of_an_id_counts_and_a_corrupt_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let line = |id, status| serde_json::to_string(&record(id, status)).unwrap();
        let lines = [
            line("a", Status::Failed),
            "{\"id\": 3, garbage".to_owned(),
            line("b", Status::Completed),
            line("a", Status::Completed),
            "{\"id\":\"c\",\"epo".to_owned(),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let read = read_record(&path).unwrap();
        assert_eq!(read.samples.iter().map(|sample| sample.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read.samples[0].status, Status::Completed);
        assert_eq!(read.bad_lines.iter().map(|bad| bad.line).collect::<Vec<_>>(), [2]);
        assert!(read.torn.is_some());
        let mut visited = Vec::new();
        for_each_last(&path, |sample| visited.push(sample.clone())).unwrap();
        visited.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(visited, read.samples, "the same, one after the other");
        let outline: Vec<_> = read.samples.into_iter().map(SampleRecord::without_texts).collect();
        assert_eq!(read_outline(&path).unwrap().samples, outline);
    }
}
