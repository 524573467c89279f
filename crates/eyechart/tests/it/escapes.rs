//! Other people's texts steer neither a terminal nor a spreadsheet.

use crate::common::{Place, endpoint, eyechart, rule, run_at, stderr, stdout};
use serde_json::{Value, json};

/// Clears the screen, sets the title, writes from right to left, hides what came before.
const NASTY: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{9b}31m\rgone";

fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{202e}'))
}

#[test]
fn what_an_endpoint_says_is_shown_with_its_control_characters_escaped() {
    let place = Place::new();
    let task = place.texts(4);
    let server = endpoint(vec![rule(json!({"status": 401, "body": json!({"error": NASTY}).to_string()}))]);
    let output = run_at(&server, &place, &task).assert().code(3).get_output().clone();
    let said = stderr(&output);
    assert!(is_harmless(&said), "{said:?}");
    assert!(said.contains(r"\u001b[2J\u001b]0;owned\u0007\u202e\u009b31m"), "{said:?}");
}

#[test]
fn names_of_files_ids_and_models_are_shown_with_their_control_characters_escaped() {
    let place = Place::new();
    let rows: Vec<Value> = (0..3)
        .map(|index| json!({"id": format!("{index}{NASTY}"), "question": "What?", "answer": "A"}))
        .collect();
    place.write_jsonl("texts.jsonl", &rows);
    place.texts(3);
    place.write_jsonl("texts.jsonl", &rows);
    let outputs = json!({"id": format!("0{NASTY}"), "output": NASTY});
    let outputs = place.write_jsonl(&format!("outputs{NASTY}.jsonl"), &[outputs, json!({"id": NASTY})]);
    let mut command = eyechart();
    command.arg("run").arg(place.path("texts.toml")).args(["--model", NASTY, "--outputs"]).arg(&outputs);
    command.arg("--limit").arg("3").arg("--out").arg(place.path(&format!("runs/{NASTY}")));
    let output = command.assert().code(1).get_output().clone();
    for printed in [stdout(&output), stderr(&output)] {
        assert!(is_harmless(&printed), "{printed:?}");
        assert!(printed.contains(r"\u001b[2J"), "{printed:?}");
    }
    let mut results = eyechart();
    results.arg("results").arg(place.path(&format!("runs/{NASTY}"))).args(["--format", "json"]);
    let json = stdout(results.assert().code(0).get_output());
    assert!(is_harmless(&json), "{json:?}");
    let json: Value = serde_json::from_str(&json).expect("escapes of JSON, as all of it");
    assert_eq!(json[0]["model"], NASTY, "and nothing is changed by them");
    let mut check = eyechart();
    let checked = stdout(check.arg("check").arg(place.path(&format!("runs/{NASTY}"))).assert().get_output());
    assert!(is_harmless(&checked), "{checked:?}");
}

#[test]
fn no_cell_of_a_csv_file_is_a_formula() {
    let place = Place::new();
    let task = place.texts(1);
    let outputs = place.write_jsonl("outputs.jsonl", &[json!({"id": "t-0", "output": "A"})]);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "=HYPERLINK(\"http://evil\")", "--outputs"]);
    command.arg(&outputs).arg("--out").arg(place.runs()).assert().code(0);
    let mut results = eyechart();
    results.arg("results").arg(place.runs()).args(["--format", "csv"]);
    let csv = stdout(results.assert().code(0).get_output());
    assert!(csv.contains("texts,\"'=HYPERLINK("), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains("\"="), "{csv}");
}

#[test]
fn a_mistake_on_the_command_line_is_shown_with_its_control_characters_escaped() {
    for arguments in [
        vec!["run", "t.toml", "--model", "a/b", "--limit", NASTY],
        vec![NASTY],
        vec!["run", "--model", "a/b", "t.toml", &format!("--{NASTY}")],
        vec!["run", NASTY, "--model", "a/b"],
        vec!["results", NASTY],
    ] {
        let said = stderr(eyechart().args(&arguments).assert().code(2).get_output());
        assert!(is_harmless(&said) && said.contains("202e"), "{arguments:?}: {said:?}");
    }
}
