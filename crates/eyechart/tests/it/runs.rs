//! `eyechart runs`, and how `eyechart results` treats runs without scores.

use crate::common::{Place, endpoint, eyechart, rule, run_at, stderr, stdout};
use serde_json::{Value, json};

/// A run with a record, one that stopped, and two whose endpoint refused the key before any sample had a record.
fn place_with_runs() -> Place {
    let place = Place::new();
    let task = place.texts(3);
    run_at(&endpoint(Vec::new()), &place, &task).assert().code(0);
    let stops = endpoint(vec![rule(json!({"prompt": "What is 2?", "fault": "401"}))]);
    run_at(&stops, &place, &task).args(["--max-connections", "1"]).assert().code(3);
    let refuses = endpoint(vec![rule(json!({"fault": "401"}))]);
    (0..2).for_each(|_| drop(run_at(&refuses, &place, &task).assert().code(3)));
    place
}

#[test]
fn runs_are_listed_with_their_state_and_their_size() {
    let place = place_with_runs();
    let output = eyechart().arg("runs").arg(place.runs()).args(["--format", "json"]).assert().code(0);
    let list: Vec<Value> = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let states: Vec<_> = list.iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["finished", "stopped", "empty", "empty"]);
    assert_eq!(
        (&list[1]["completed"], &list[1]["samples"], &list[1]["failed"]),
        (&json!(2), &json!(3), &json!(0))
    );
    assert!(list.iter().all(|run| run["bytes"].as_u64().unwrap() > 500), "{list:?}");
    let table = stdout(eyechart().arg("runs").arg(place.runs()).assert().code(0).get_output());
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("2 of 3") && table.contains(" kB  "), "{table}");
    let mut command = eyechart();
    let output =
        command.arg("runs").arg(place.runs()).env("COLUMNS", "40").assert().code(0).get_output().clone();
    let narrow = stdout(&output);
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    assert!(narrow.contains("stopped: 2 of 3 completed, 0 failed"), "{narrow}");
    let joined = narrow.replace('\n', "");
    assert!(place.all_runs().iter().all(|run| joined.contains(run.path().to_str().unwrap())), "{narrow}");
}

#[test]
fn only_runs_without_a_record_are_removed_and_not_without_being_asked() {
    let place = place_with_runs();
    let remove = || {
        let mut command = eyechart();
        command.arg("runs").arg(place.runs()).arg("--remove-empty");
        command
    };
    let said = stderr(remove().assert().code(2).get_output());
    assert!(said.contains("delete 2 runs without a record?") && said.contains("--yes"), "{said}");
    assert_eq!(place.all_runs().len(), 4);
    let said = stderr(remove().arg("--yes").assert().code(0).get_output());
    assert!(said.contains("2 runs deleted"), "{said}");
    assert_eq!(place.all_runs().len(), 2);
    assert!(place.all_runs().iter().all(|run| !run.samples().is_empty()));
    let said = stderr(remove().arg("--yes").assert().code(0).get_output());
    assert!(said.contains("nothing is deleted"), "{said}");
}

#[test]
fn runs_without_scores_are_left_out_in_one_line() {
    let place = place_with_runs();
    let results = || {
        let mut command = eyechart();
        command.arg("results").arg(place.runs());
        command
    };
    let said = stderr(results().assert().code(2).get_output());
    assert!(said.contains("has only 4 runs without scores: `eyechart score "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    eyechart().arg("score").arg(place.all_runs()[0].path()).assert().code(0);
    let said = stderr(results().assert().code(0).get_output());
    assert!(said.contains("left out: 3 runs without scores"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
