//! Checks `samples.jsonl`: every line is a record, and every picked sample has exactly one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Finding, Problem, some_of};
use crate::record::RunFolder;
use crate::record::reader::{Content, for_each_sample};
use crate::text::counted;
use crate::types::{Epoch, EvalSpec, SampleCounts, SampleRecord, Status, ToAsk};

/// The facts in the record that other checks need.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) counts: SampleCounts,
    /// Status of each (id, epoch).
    pub(super) ended: HashMap<(String, Epoch), Status>,
}

/// The last record of a sample so far, and its line.
struct Last {
    line: u64,
    record: SampleRecord,
}

pub(super) fn check(folder: &RunFolder, spec: Option<&EvalSpec>, findings: &mut Vec<Finding>) -> Samples {
    let check = Check {
        path: folder.samples_path(),
        images: folder.images_path(),
        rows: spec.map(|spec| spec.picked.iter().map(|picked| (picked.id.as_str(), picked.row)).collect()),
        epochs: spec.map_or(Epoch::MAX, |spec| spec.epochs),
        all_images_kept: spec.is_some_and(|spec| spec.execution.keep_images),
    };
    let last = check.lines(findings);
    if let Some(spec) = spec {
        check.find_missing(folder.path(), spec, &last, findings);
    }
    let mut counts = match spec {
        Some(spec) => SampleCounts::default().of_run(spec),
        None => SampleCounts { total: last.len(), ..SampleCounts::default() },
    };
    last.values().for_each(|last| counts.add(&last.record));
    Samples { counts, ended: last.into_iter().map(|(key, last)| (key, last.record.status)).collect() }
}

struct Check<'a> {
    path: PathBuf,
    images: PathBuf,
    /// Row of each picked sample. Absent without a spec.
    rows: Option<HashMap<&'a str, u64>>,
    /// Number of epochs of the run.
    epochs: Epoch,
    all_images_kept: bool,
}

impl Check<'_> {
    /// Checks each line. Returns the last record of each sample, without its texts.
    fn lines(&self, findings: &mut Vec<Finding>) -> HashMap<(String, Epoch), Last> {
        let mut last = HashMap::new();
        let read = for_each_sample(&self.path, |line, content| {
            match content {
                Content::Sample(record) => self.record(line.number, *record, &mut last, findings),
                Content::Bad(reason) => {
                    let message = format!("not a sample's record: {reason}");
                    findings.push(self.finding(Problem::BadLine, message).at(line.number));
                }
                Content::Torn => {
                    let message = "a torn last line: it is dropped when the run is resumed";
                    findings.push(self.finding(Problem::TornLine, message).at(line.number));
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            findings.push(self.finding(Problem::Unreadable, error.to_string()));
        }
        last
    }

    fn record(
        &self,
        line: u64,
        record: SampleRecord,
        last: &mut HashMap<(String, Epoch), Last>,
        findings: &mut Vec<Finding>,
    ) {
        let wrong = self.contradictions(&record).into_iter().chain(self.missing_images(&record));
        findings.extend(wrong.map(|(problem, message)| self.finding(problem, message).at(line)));
        let key = (record.id.clone(), record.epoch);
        if let Some(earlier) = last.insert(
            key,
            Last { line, record: SampleRecord { attempts: Vec::new(), ..record.without_texts() } },
        ) {
            let earlier = earlier.line;
            let message = format!("the sample has a record in line {earlier} already: the last one counts");
            findings.push(self.finding(Problem::Duplicate, message).at(line));
        }
    }

    fn contradictions(&self, record: &SampleRecord) -> Vec<(Problem, String)> {
        let mut wrong = Vec::new();
        let id = &record.id;
        match self.rows.as_ref().map(|rows| rows.get(id.as_str())) {
            Some(None) => wrong.push((Problem::NotPicked, format!("the sample {id:?} is not in spec.json"))),
            Some(Some(row)) if *row != record.row => {
                let message = format!("the sample {id:?} is of row {}, expected {row}", record.row);
                wrong.push((Problem::Inconsistent, message));
            }
            _ if record.epoch == 0 || record.epoch > self.epochs => {
                let message = format!(
                    "the sample {id:?} has epoch {}, expected 1 to {} as in spec.json",
                    record.epoch, self.epochs
                );
                wrong.push((Problem::NotPicked, message));
            }
            _ => {}
        }
        let expected = match record.status {
            Status::Completed if record.output.is_none() => "an output",
            Status::Completed if record.error.is_some() => "no error",
            Status::Failed if record.error.is_none() => "an error",
            _ => return wrong,
        };
        let status = if record.status == Status::Completed { "completed" } else { "failed" };
        wrong.push((Problem::Inconsistent, format!("the sample {id:?} has {status}: expected {expected}")));
        wrong
    }

    /// Reports pictures that are stored nowhere else and are missing.
    fn missing_images(&self, record: &SampleRecord) -> Vec<(Problem, String)> {
        let images = record.example_images.iter().chain(&record.images);
        let kept = images.filter(|image| self.all_images_kept || image.changed.is_some());
        let missing =
            kept.filter_map(|image| image.sha256.as_ref()).filter(|sha| !self.images.join(sha).exists());
        let message = |sha: &String| format!("the picture {} is missing", self.images.join(sha).display());
        missing.map(|sha| (Problem::Picture, message(sha))).collect()
    }

    fn find_missing(
        &self,
        run: &Path,
        spec: &EvalSpec,
        last: &HashMap<(String, Epoch), Last>,
        findings: &mut Vec<Finding>,
    ) {
        let recorded: HashSet<(&str, Epoch)> = last.keys().map(|(id, epoch)| (id.as_str(), *epoch)).collect();
        let missing = ToAsk::except(spec, |id, epoch| recorded.contains(&(id, epoch)));
        if !missing.is_empty() {
            let counts = SampleCounts::default().of_run(spec);
            let message = format!(
                "{} of {} have no record ({}): `eyechart run --resume {}` asks them",
                missing.answers(),
                counted(counts.total, counts.unit()),
                some_of(missing.samples().iter().map(|picked| picked.id.as_str())),
                run.display()
            );
            findings.push(self.finding(Problem::Missing, message));
        }
    }

    fn finding(&self, problem: Problem, message: impl Into<String>) -> Finding {
        Finding::new(problem, &self.path, message)
    }
}
