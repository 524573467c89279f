//! Compares the log with a model: after any damage to the file, no good line is lost and no bad line is read.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::reader::tests::record;
use super::{Appender, fold, read_record};
use crate::types::{SampleRecord, Status};

const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What can happen to a log.
#[derive(Debug, Clone)]
enum Step {
    /// A process opens the log, appends these records, and closes it.
    Append(Vec<(usize, bool)>),
    /// The end of the file is lost. This many thousandths of the file remain.
    Tear(usize),
    /// The last byte is lost, which is usually a newline.
    LoseLastByte,
    /// The byte at this many thousandths of the file becomes a byte that JSON never contains.
    Corrupt(usize),
    /// A run ends.
    Fold,
}

fn step() -> impl Strategy<Value = Step> {
    let appended = proptest::collection::vec((0..IDS.len(), any::<bool>()), 0..4);
    prop_oneof![
        4 => appended.prop_map(Step::Append),
        2 => (0..=1000_usize).prop_map(Step::Tear),
        1 => Just(Step::LoseLastByte),
        2 => (0..1000_usize).prop_map(Step::Corrupt),
        1 => Just(Step::Fold),
    ]
}

/// A line of the model: its text, and its record unless the line is damaged.
#[derive(Debug, Clone)]
struct Line {
    text: Vec<u8>,
    record: Option<SampleRecord>,
}

/// The file, line by line. Every line ends with a newline, except a last line in `torn`.
#[derive(Debug, Default)]
struct Model {
    lines: Vec<Line>,
    torn: Option<Line>,
}

impl Model {
    fn append(&mut self, records: &[SampleRecord]) {
        // A complete record without its newline is kept; any other line without a newline is dropped.
        self.lines.extend(self.torn.take().filter(|torn| torn.record.is_some()));
        let line = |record: &SampleRecord| Line {
            text: serde_json::to_vec(record).unwrap(),
            record: Some(record.clone()),
        };
        self.lines.extend(records.iter().map(line));
    }

    fn tear(&mut self, length: usize) {
        let mut left = length;
        let mut kept = Vec::new();
        let mut torn = None;
        for mut line in std::mem::take(&mut self.lines).into_iter().chain(self.torn.take()) {
            if left > line.text.len() {
                left -= line.text.len() + 1;
                kept.push(line);
                continue;
            }
            line.text.truncate(left);
            // The rest may be valid again, because the damaged byte may have been lost.
            line.record = serde_json::from_slice(&line.text).ok();
            torn = Some(line).filter(|line| !line.text.is_empty());
            break;
        }
        (self.lines, self.torn) = (kept, torn);
    }

    fn corrupt(&mut self, at: usize) {
        let mut at = at;
        for index in 0..self.lines.len() {
            let length = self.lines[index].text.len();
            if at < length {
                return self.lines[index].damage(at);
            }
            if at == length {
                return self.join(index);
            }
            at -= length + 1;
        }
        if let Some(torn) = &mut self.torn {
            torn.damage(at);
        }
    }

    /// Damages the newline after this line: the line and the next line become one unreadable line.
    fn join(&mut self, index: usize) {
        let mut joined = self.lines.remove(index);
        joined.text.push(DAMAGED);
        joined.record = None;
        if index < self.lines.len() {
            joined.text.extend(self.lines.remove(index).text);
            self.lines.insert(index, joined);
        } else {
            joined.text.extend(self.torn.take().map(|torn| torn.text).unwrap_or_default());
            self.torn = Some(joined);
        }
    }

    fn fold(&mut self) {
        let last = self.last_records();
        let text = |record: &SampleRecord| serde_json::to_vec(record).unwrap();
        self.lines =
            last.into_values().map(|record| Line { text: text(&record), record: Some(record) }).collect();
        self.torn = None;
    }

    /// The last record of each id.
    fn last_records(&self) -> BTreeMap<String, SampleRecord> {
        let records = self.lines.iter().chain(&self.torn).filter_map(|line| line.record.clone());
        records.map(|record| (record.id.clone(), record)).collect()
    }

    fn bad_lines(&self) -> Vec<u64> {
        let numbered = (1..).zip(&self.lines);
        numbered.filter(|(_, line)| line.record.is_none()).map(|(number, _)| number).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in &self.lines {
            bytes.extend_from_slice(&line.text);
            bytes.push(b'\n');
        }
        bytes.extend(self.torn.iter().flat_map(|torn| &torn.text));
        bytes
    }
}

impl Line {
    fn damage(&mut self, at: usize) {
        self.text[at] = DAMAGED;
        self.record = None;
    }
}

/// A byte that JSON never contains.
const DAMAGED: u8 = 0;

fn apply(step: &Step, path: &Path, model: &mut Model, counter: &mut usize) {
    let length = std::fs::metadata(path).unwrap().len() as usize;
    match step {
        Step::Append(samples) => {
            let records: Vec<SampleRecord> =
                samples.iter().map(|sample| numbered(*sample, counter)).collect();
            append(path, &records);
            model.append(&records);
        }
        Step::Tear(thousandths) => tear(path, length * thousandths / 1000, model),
        Step::LoseLastByte => tear(path, length.saturating_sub(1), model),
        Step::Corrupt(thousandths) => {
            let mut bytes = std::fs::read(path).unwrap();
            let at = length * thousandths / 1000;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = DAMAGED;
                std::fs::write(path, bytes).unwrap();
                model.corrupt(at);
            }
        }
        Step::Fold => {
            fold(path, IDS.into_iter()).unwrap();
            model.fold();
        }
    }
}

fn tear(path: &Path, left: usize, model: &mut Model) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(left as u64).unwrap();
    model.tear(left);
}

/// Returns a record whose row differs from all other records of its sample.
fn numbered((id, completed): (usize, bool), counter: &mut usize) -> SampleRecord {
    *counter += 1;
    let status = if completed { Status::Completed } else { Status::Failed };
    SampleRecord { row: *counter as u64, ..record(IDS[id], status) }
}

fn append(path: &Path, records: &[SampleRecord]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let log = Appender::open(path, None).unwrap();
    runtime.block_on(async {
        for record in records {
            log.append(record).await.unwrap();
        }
    });
    log.finish().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_damage_every_good_line_counts_and_every_bad_line_is_reported(
        steps in proptest::collection::vec(step(), 1..16),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        std::fs::write(&path, "").unwrap();
        let (mut model, mut counter) = (Model::default(), 0);
        for step in &steps {
            apply(step, &path, &mut model, &mut counter);
            prop_assert_eq!(std::fs::read(&path).unwrap(), model.bytes());
            let read = read_record(&path).unwrap();
            let record: BTreeMap<String, SampleRecord> =
                read.samples.into_iter().map(|sample| (sample.id.clone(), sample)).collect();
            prop_assert_eq!(&record, &model.last_records());
            prop_assert_eq!(read.bad_lines.iter().map(|bad| bad.line).collect::<Vec<_>>(), model.bad_lines());
            prop_assert_eq!(read.torn.is_some(), model.torn.as_ref().is_some_and(|torn| torn.record.is_none()));
        }
    }
}
