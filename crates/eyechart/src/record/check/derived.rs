//! Checks `scores.jsonl` and `results.json`: both exist or neither, and they belong to the current record.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::samples::Samples;
use super::{Finding, Problem, some_of};
use crate::files::read_regular;
use crate::record::RunFolder;
use crate::record::reader::for_each_line;
use crate::text::{counted, json_mistake};
use crate::types::{Epoch, MetricKind, READABLE, Results, SampleCounts, Score, Status};

/// The coarsest resolution of file times.
const TIME_STEP: Duration = Duration::from_secs(2);
const AGAIN: &str = "`eyechart score` makes it again";

/// Checks the scores if there are any. Returns whether the run has scores; a run without scores is not a problem.
pub(super) fn check(folder: &RunFolder, samples: &Samples, findings: &mut Vec<Finding>) -> bool {
    let (scores, results) = (folder.scores_path(), folder.results_path());
    match (scores.exists(), results.exists()) {
        (false, false) => return false,
        (true, true) => {}
        (there, _) => {
            let missing = if there { &results } else { &scores };
            findings.push(Finding::new(Problem::Unreadable, missing, format!("missing: {AGAIN}")));
        }
    }
    for (derived, source) in [(&scores, &folder.samples_path()), (&results, &scores)] {
        findings.extend(is_older(derived, source).then(|| {
            let message = format!("older than {}: {AGAIN}", source.display());
            Finding::new(Problem::Stale, derived, message)
        }));
    }
    if is_of_an_earlier_version(&results) {
        return true;
    }
    let numbers = scores.exists().then(|| check_scores(&scores, samples, findings));
    if results.exists() {
        check_results(&results, samples, numbers.as_ref(), findings);
    }
    true
}

/// Returns whether an earlier version wrote the results. They are not checked, because they have other fields and can
/// be computed again.
fn is_of_an_earlier_version(results: &Path) -> bool {
    let text = read_regular(results).unwrap_or_default();
    let format = serde_json::from_slice::<serde_json::Value>(&text).ok();
    format.is_some_and(|results| results["format"] == "eyechart.results/1")
}

fn is_older(derived: &Path, source: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    match (changed(derived), changed(source)) {
        (Some(derived), Some(source)) => source.duration_since(derived).is_ok_and(|older| older > TIME_STEP),
        _ => false,
    }
}

/// Name, part and target of a score entry.
type Entry = (String, String, Option<String>);

/// How many lines of `scores.jsonl` the figures use.
#[derive(Default)]
struct Lines {
    with_number: usize,
    with_counts: usize,
    with_both: usize,
}

type Numbers = BTreeMap<Entry, Lines>;

fn check_scores(path: &Path, samples: &Samples, findings: &mut Vec<Finding>) -> Numbers {
    let mut numbers = Numbers::new();
    let mut scored: HashSet<(String, Epoch)> = HashSet::new();
    let mut unanswered: BTreeSet<String> = BTreeSet::new();
    let read = for_each_line(path, |line| {
        match serde_json::from_slice::<Score>(line.bytes) {
            Ok(score) => {
                let key = (score.id.clone(), score.epoch);
                if samples.ended.get(&key) != Some(&Status::Completed) {
                    unanswered.insert(score.id.clone());
                }
                scored.insert(key);
                let (number, counts) = (score.number().is_some(), !score.counts.is_empty());
                let lines = numbers.entry((score.name, score.part, score.target)).or_default();
                lines.with_number += usize::from(number);
                lines.with_counts += usize::from(counts);
                lines.with_both += usize::from(number && counts);
            }
            Err(error) => {
                let message = format!("not a score: {}; {AGAIN}", json_mistake(&error));
                findings.push(Finding::new(Problem::BadLine, path, message).at(line.number));
            }
        }
        Ok(())
    });
    if let Err(error) = read {
        findings.push(Finding::new(Problem::Unreadable, path, error.to_string()));
    }
    if !unanswered.is_empty() {
        let ids = some_of(unanswered.iter().map(String::as_str));
        let count = counted(unanswered.len(), "sample");
        let message = format!("has scores of {count} without an answer in the record ({ids}): {AGAIN}");
        findings.push(Finding::new(Problem::Stale, path, message));
    }
    findings.extend(unscored(path, samples, &scored));
    numbers
}

/// Reports answers without a score if other answers have one: these answers are newer than the scores.
fn unscored(path: &Path, samples: &Samples, scored: &HashSet<(String, Epoch)>) -> Option<Finding> {
    let completed = samples.ended.iter().filter(|(_, status)| **status == Status::Completed);
    let mut ids: Vec<&str> =
        completed.filter(|(key, _)| !scored.contains(*key)).map(|((id, _), _)| id.as_str()).collect();
    if ids.is_empty() || scored.is_empty() {
        return None;
    }
    ids.sort_unstable();
    let count = counted(ids.len(), "answer");
    let message = format!("lacks the scores of {count} ({}): {AGAIN}", some_of(ids.into_iter()));
    Some(Finding::new(Problem::Stale, path, message))
}

fn check_results(path: &Path, samples: &Samples, numbers: Option<&Numbers>, findings: &mut Vec<Finding>) {
    let read = read_regular(path).map_err(|error| error.to_string());
    let results: Results = match read.and_then(|text| parse(&text)) {
        Ok(results) => results,
        Err(reason) => {
            findings.push(Finding::new(Problem::Unreadable, path, format!("{reason}; {AGAIN}")));
            return;
        }
    };
    if results.samples != samples.counts {
        let (found, expected) = (in_words(&results.samples), in_words(&samples.counts));
        let message = format!("counts {found}, but the record has {expected}: {AGAIN}");
        findings.push(Finding::new(Problem::Stale, path, message));
    }
    for figure in results.figures.iter().filter(|figure| figure.kind != MetricKind::PerSample) {
        let key = (figure.name.clone(), figure.part.clone(), figure.target.clone());
        let count = numbers.map(|numbers| match (numbers.get(&key), figure.kind) {
            (None, _) => 0,
            (Some(lines), MetricKind::Ratio) if figure.metric == READABLE => lines.with_counts,
            (Some(lines), MetricKind::Ratio) => lines.with_both,
            (Some(lines), _) => lines.with_number,
        });
        if let Some(count) = count.filter(|count| *count != figure.n) {
            let message = format!(
                "{} is over {}, but scores.jsonl has {count}: {AGAIN}",
                figure.id,
                counted(figure.n, "score")
            );
            findings.push(Finding::new(Problem::Stale, path, message));
        }
    }
}

/// Such as `6 samples (5 completed, 1 failed: 1 bad_request)`.
fn in_words(counts: &SampleCounts) -> String {
    let kinds = counts.failures.iter().map(|(kind, count)| format!("{count} {}", kind.name()));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let failed = if kinds.is_empty() { String::new() } else { format!(": {kinds}") };
    let mut of_completed = String::new();
    for (count, name) in [(counts.truncated, "truncated"), (counts.cached, "cached")] {
        if count > 0 {
            of_completed.push_str(&format!(", {count} of them {name}"));
        }
    }
    let SampleCounts { completed, failed: failures, .. } = counts;
    let samples = counted(counts.total, counts.unit());
    format!("{samples} ({completed} completed{of_completed}, {failures} failed{failed})")
}

fn parse(text: &[u8]) -> Result<Results, String> {
    let results: Results = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if results.format == Results::FORMAT {
        return Ok(results);
    }
    Err(format!("its format is {:?}, expected {:?}", results.format, Results::FORMAT))
}
