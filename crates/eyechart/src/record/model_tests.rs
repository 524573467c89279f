//! The log against a model of it: whatever is done to the file, no good line is lost and no bad one is read.

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
    /// A process opens it, appends these, and closes it.
    Append(Vec<(usize, bool)>),
    /// The end of the file is lost: so many thousandths of it stay.
    Tear(usize),
    /// The last byte is lost: as a rule a newline.
    Nip,
    /// The byte at so many thousandths of the file becomes one that JSON never has.
    Corrupt(usize),
    /// A run ends.
    Fold,
}

fn step() -> impl Strategy<Value = Step> {
    let appended = proptest::collection::vec((0..IDS.len(), any::<bool>()), 0..4);
    prop_oneof![
        4 => appended.prop_map(Step::Append),
        2 => (0..=1000_usize).prop_map(Step::Tear),
        1 => Just(Step::Nip),
        2 => (0..1000_usize).prop_map(Step::Corrupt),
        1 => Just(Step::Fold),
    ]
}

/// A line as the model has it: its text, and what it says unless it was hit.
#[derive(Debug, Clone)]
struct Line {
    text: Vec<u8>,
    says: Option<SampleRecord>,
}

/// The file, line by line. Every line has its newline, but for the last where `torn` holds its bytes.
#[derive(Debug, Default)]
struct Model {
    lines: Vec<Line>,
    torn: Option<Line>,
}

impl Model {
    fn append(&mut self, records: &[SampleRecord]) {
        // A whole record without its newline is completed; anything else without one is dropped.
        self.lines.extend(self.torn.take().filter(|torn| torn.says.is_some()));
        let line = |record: &SampleRecord| Line {
            text: serde_json::to_vec(record).unwrap(),
            says: Some(record.clone()),
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
            // What is left may be whole again: the byte that was hit may have been lost.
            line.says = serde_json::from_slice(&line.text).ok();
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
                return self.lines[index].hit(at);
            }
            if at == length {
                return self.join(index);
            }
            at -= length + 1;
        }
        if let Some(torn) = &mut self.torn {
            torn.hit(at);
        }
    }

    /// The newline behind this line is hit: it and the next become one that says nothing.
    fn join(&mut self, index: usize) {
        let mut joined = self.lines.remove(index);
        joined.text.push(HIT);
        joined.says = None;
        if index < self.lines.len() {
            joined.text.extend(self.lines.remove(index).text);
            self.lines.insert(index, joined);
        } else {
            joined.text.extend(self.torn.take().map(|torn| torn.text).unwrap_or_default());
            self.torn = Some(joined);
        }
    }

    fn fold(&mut self) {
        let last = self.says();
        let text = |record: &SampleRecord| serde_json::to_vec(record).unwrap();
        self.lines =
            last.into_values().map(|record| Line { text: text(&record), says: Some(record) }).collect();
        self.torn = None;
    }

    /// The last record of each id.
    fn says(&self) -> BTreeMap<String, SampleRecord> {
        let records = self.lines.iter().chain(&self.torn).filter_map(|line| line.says.clone());
        records.map(|record| (record.id.clone(), record)).collect()
    }

    fn bad_lines(&self) -> Vec<u64> {
        let numbered = (1..).zip(&self.lines);
        numbered.filter(|(_, line)| line.says.is_none()).map(|(number, _)| number).collect()
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
    fn hit(&mut self, at: usize) {
        self.text[at] = HIT;
        self.says = None;
    }
}

/// No JSON has this byte anywhere.
const HIT: u8 = 0;

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
        Step::Nip => tear(path, length.saturating_sub(1), model),
        Step::Corrupt(thousandths) => {
            let mut bytes = std::fs::read(path).unwrap();
            let at = length * thousandths / 1000;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = HIT;
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

/// A record that is told from all others of its sample by its row.
fn numbered((id, completed): (usize, bool), counter: &mut usize) -> SampleRecord {
    *counter += 1;
    let status = if completed { Status::Completed } else { Status::Failed };
    SampleRecord { row: *counter as u64, ..record(IDS[id], status) }
}

fn append(path: &Path, records: &[SampleRecord]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let log = Appender::open(path).unwrap();
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
    fn whatever_happens_to_the_file_every_good_line_counts_and_every_bad_one_is_named(
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
            let says: BTreeMap<String, SampleRecord> =
                read.samples.into_iter().map(|sample| (sample.id.clone(), sample)).collect();
            prop_assert_eq!(&says, &model.says());
            prop_assert_eq!(read.bad_lines.iter().map(|bad| bad.line).collect::<Vec<_>>(), model.bad_lines());
            prop_assert_eq!(read.torn, model.torn.as_ref().is_some_and(|torn| torn.says.is_none()));
        }
    }
}
