//! The `[[score]]` and `[[compare]]` entries of a task: the entries that its answers are scored by, and the mistakes
//! in them.

use serde_json::json;

use super::check::{WrongValue, wrong_value};
use crate::scorer::Scorer;
use crate::types::{Compare, Metric, References, ScoreEntry, Task};

/// The scorer of tasks with `choices` and without an entry.
const OF_CHOICES: &str = "choice";
/// The scorer of `[[compare]]`.
const OF_COMPARE: &str = "similarity";
/// The earlier name of the metric [`SHARE_ABOVE`].
const WIN_RATE: &str = "win_rate";
const SHARE_ABOVE: &str = "share_above";

/// `task` with all entries in `score`, and with the current names of metrics.
pub(super) fn resolved(mut task: Task) -> Task {
    task.score.extend(task.compare.drain(..).map(entry_of));
    if task.score.is_empty() && task.dataset.choices.is_some() {
        task.score.push(ScoreEntry::new(OF_CHOICES));
    }
    for published in &mut task.published {
        if let Some(win_rate) = published.figures.remove(WIN_RATE) {
            published.figures.entry(SHARE_ABOVE.to_owned()).or_insert(win_rate);
        }
    }
    task
}

fn entry_of(compare: Compare) -> ScoreEntry {
    let own = json!({"threshold": 0.8, "k": [1, 5, 10]});
    ScoreEntry {
        part: compare.part,
        take: compare.take,
        column: compare.column,
        target: Some(compare.target),
        title: compare.title,
        references: Some(References::Each),
        is_compare: true,
        own: own.as_object().cloned().unwrap_or_default(),
        ..ScoreEntry::new(OF_COMPARE)
    }
}

/// A hint about a resolved task for the user before answers are paid for; `None` if there is nothing to say.
pub(super) fn hint(task: &Task) -> Option<String> {
    let compares_only = !task.score.is_empty() && task.score.iter().all(|entry| entry.is_compare);
    let is_hinted = compares_only && task.dataset.choices.is_some() && !task.is_of_published_suite();
    is_hinted.then(|| {
        format!(
            "{}: the task has `choices`, but [[compare]] measures similarity, which is not accuracy; [[score]] with \
             scorer = \"{OF_CHOICES}\" measures how often the right option is picked",
            task.name
        )
    })
}

/// The mistakes in the entries of a task that is not resolved yet.
pub(super) fn mistakes(task: &Task) -> Vec<WrongValue> {
    let mut mistakes = Vec::new();
    if !task.score.is_empty() && !task.compare.is_empty() {
        let what = "both [[score]] and [[compare]]: write every [[compare]] as [[score]] with scorer = \"similarity\"";
        mistakes.push(wrong_value("compare.0", what));
    }
    for (index, compare) in task.compare.iter().enumerate() {
        let is_same = |other: &Compare| other.part == compare.part && other.target == compare.target;
        if task.compare[..index].iter().any(is_same) {
            let (part, target) = (&compare.part, &compare.target);
            let what = format!(
                "a second [[compare]] with the part {part:?} and the target {target:?}: give one another `part`"
            );
            mistakes.push(wrong_value(format!("compare.{index}"), what));
        }
    }
    for (index, entry) in task.score.iter().enumerate() {
        mistakes.extend(mistakes_of(task, index, entry));
    }
    mistakes
}

fn mistakes_of(task: &Task, index: usize, entry: &ScoreEntry) -> Vec<WrongValue> {
    let at = |key: &str| format!("score.{index}.{key}");
    let mut mistakes = Vec::new();
    if task.score[..index].iter().any(|other| other.is_same(entry)) {
        let what = format!(
            "a second [[score]] named {:?} with the same part and target: give one another `name`",
            entry.name()
        );
        mistakes.push(wrong_value(format!("score.{index}"), what));
    }
    if entry.name().contains('.') {
        mistakes
            .push(wrong_value(at("name"), "`name` has a dot, which separates the steps of a figure's id"));
    }
    match Scorer::new(entry) {
        Err(found) => mistakes.push(wrong_value(at(&found.key), found.what)),
        Ok(scorer) if scorer.needs_choices() && task.dataset.choices.is_none() => {
            let what = format!(
                "{} needs the columns with options and label: choices = {{ options = \"…\", label = \"…\" }} in [dataset]",
                entry.scorer
            );
            mistakes.push(wrong_value(at("scorer"), what));
        }
        Ok(_) => {}
    }
    mistakes
}

/// The mistakes in the published figures of a task that is not resolved yet: figures that no table would show, or
/// would show as something else.
pub(super) fn published_mistakes(task: &Task) -> Vec<WrongValue> {
    let resolved = resolved(task.clone());
    let mut mistakes = Vec::new();
    for (index, (published, given)) in resolved.published.iter().zip(&task.published).enumerate() {
        let at = |key: &str| format!("published.{index}.{key}");
        let entries: Vec<&ScoreEntry> =
            resolved.score.iter().filter(|entry| published.is_for(entry)).collect();
        if entries.is_empty() {
            let what = "no [[score]] has the part, the target and the name of these figures: no table would show them";
            mistakes.push(wrong_value(format!("published.{index}"), what));
        }
        if given.figures.contains_key(WIN_RATE) && given.figures.contains_key(SHARE_ABOVE) {
            let what = format!("`{WIN_RATE}` and `{SHARE_ABOVE}` are one metric: leave one");
            mistakes.push(wrong_value(at("figures"), what));
        }
        let scorers = entries.iter().filter_map(|entry| Scorer::new(entry).ok());
        let metrics: Vec<Metric> = scorers.flat_map(|scorer| scorer.metrics()).collect();
        if !metrics.is_empty() {
            let wrong = published.figures.iter().filter_map(|(id, value)| mistake_in(id, *value, &metrics));
            mistakes.extend(wrong.map(|what| wrong_value(at("figures"), what)));
        }
    }
    mistakes
}

fn mistake_in(id: &str, value: f64, metrics: &[Metric]) -> Option<String> {
    let Some(metric) = metrics.iter().find(|metric| metric.id == id) else {
        let known: Vec<&str> = metrics.iter().map(|metric| metric.id.as_str()).collect();
        return Some(format!("unknown metric `{id}`: expected one of {}", known.join(", ")));
    };
    let [lowest, highest] = metric.range;
    (!(lowest..=highest).contains(&value))
        .then(|| format!("`{id}` is {value}: expected a number from {lowest} to {highest}, not percent"))
}
