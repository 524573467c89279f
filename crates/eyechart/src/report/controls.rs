//! Controls in reports: their place beneath the runs that they are compared with, and the notes on them.

use super::Entry;
use crate::types::{Control, Results};

/// The entries with each control directly beneath the run without a control of the same task and model. If there are several
/// such runs, one with the same samples comes first, then one with the same label, then the last one. Other entries keep
/// their order.
pub(super) fn beneath_their_runs(entries: &[Entry]) -> Vec<Entry> {
    let all: Vec<&Entry> = entries.iter().collect();
    let mut order: Vec<usize> = (0..entries.len()).collect();
    let place = |index: &usize| run_of(&all, &entries[*index]).unwrap_or(*index);
    order.sort_by_key(|index| (place(index), entries[*index].results.control));
    order.into_iter().map(|index| entries[index].clone()).collect()
}

/// The index in `entries` of the run that `control` is compared with. Absent if `control` is not a control.
fn run_of(entries: &[&Entry], control: &Entry) -> Option<usize> {
    let control = &control.results;
    control.control?;
    let is_same_task_and_model =
        |run: &Results| run.task == control.task && run.model == control.model && run.control.is_none();
    let runs = entries.iter().enumerate().filter(|(_, entry)| is_same_task_and_model(&entry.results));
    let best = runs.max_by_key(|(_, Entry { results: run, .. })| {
        (run.picked_sha256 == control.picked_sha256, run.label == control.label)
    });
    best.map(|(index, _)| index)
}

/// One note per kind of control among `entries`, and one per control with other samples than its run.
pub(super) fn notes(entries: &[&Entry]) -> Vec<String> {
    let mut notes = Vec::new();
    for kind in [Control::NoImages, Control::ShuffleImages, Control::ShuffleOptions] {
        if entries.iter().any(|entry| entry.results.control == Some(kind)) {
            notes.push(format!("Rows marked ({kind}) are controls: {}.", in_words(kind)));
        }
    }
    for entry in entries {
        let Some(run) = run_of(entries, entry).map(|index| &entries[index].results) else { continue };
        let control = &entry.results;
        let hashes = control.picked_sha256.as_ref().zip(run.picked_sha256.as_ref());
        if hashes.is_some_and(|(control, run)| control != run) {
            notes.push(format!(
                "{} and {} were asked about different samples and cannot be compared: repeat one of them with \
                 the --limit and --seed of the other.",
                control.shown_model(),
                run.shown_model()
            ));
        }
    }
    notes
}

fn in_words(kind: Control) -> &'static str {
    match kind {
        Control::NoImages => {
            "the same prompts were sent without pictures, which shows how much of the score above needs the pictures"
        }
        Control::ShuffleImages => {
            "each prompt was sent with the pictures of another sample, which shows how much of the score above needs \
             the right pictures"
        }
        Control::ShuffleOptions => {
            "the options of each question were sent in other orders, which shows how much of the score above depends on \
             their order"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;

    fn entry(model: &str, other: Value) -> Entry {
        let mut results = json!({"format": Results::FORMAT, "task": "t", "model": model, "scorers": [], "figures": [],
            "samples": {"total": 1, "completed": 1, "failed": 0}});
        let fields = other.as_object().unwrap().clone();
        results.as_object_mut().unwrap().extend(fields);
        let task = "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\n[prompt]\ntext = \"?\"\n";
        Entry {
            folder: PathBuf::new(),
            results: serde_json::from_value(results).unwrap(),
            task: toml::from_str(task).unwrap(),
        }
    }

    fn shown(entries: &[Entry]) -> Vec<String> {
        beneath_their_runs(entries).iter().map(|entry| entry.results.shown_model()).collect()
    }

    #[test]
    fn a_control_is_directly_beneath_its_run_in_any_order() {
        let entries = [
            entry("b", json!({"control": "shuffle-images"})),
            entry("a", json!({"control": "shuffle-images"})),
            entry("a", json!({"control": "no-images"})),
            entry("a", json!({})),
            entry("other", json!({})),
            entry("b", json!({})),
            entry("alone", json!({"control": "no-images"})),
        ];
        let expected = [
            "a",
            "a (no images)",
            "a (shuffled images)",
            "other",
            "b",
            "b (shuffled images)",
            "alone (no images)",
        ];
        assert_eq!(shown(&entries), expected);
    }

    #[test]
    fn of_several_runs_a_control_is_beneath_the_one_with_its_samples_and_its_label() {
        let entries = [
            entry("a", json!({"control": "no-images", "picked_sha256": "1", "label": "new"})),
            entry("a", json!({"picked_sha256": "1"})),
            entry("a", json!({"picked_sha256": "1", "label": "new"})),
            entry("a", json!({"picked_sha256": "2", "label": "new"})),
        ];
        assert_eq!(shown(&entries), ["a", "a [new]", "a [new] (no images)", "a [new]"]);
        assert_eq!(notes(&entries.iter().collect::<Vec<_>>()).len(), 1, "the samples are the same");
    }

    #[test]
    fn a_control_of_other_samples_is_not_taken_for_a_comparison() {
        let run = |sha256: &str| entry("a", json!({"picked_sha256": sha256}));
        let control = entry("a", json!({"control": "no-images", "picked_sha256": "1"}));
        let found = notes(&[&run("2"), &control]);
        assert!(found[1].contains("a (no images) and a were asked about different samples"), "{found:?}");
        assert_eq!(notes(&[&run("1"), &control]).len(), 1);
        assert_eq!(notes(&[&run("1"), &run("2")]), Vec::<String>::new());
    }
}
