//! Figures over the epochs of a sample in `compare`, `show` and gates, through the binary.

use serde_json::{Value, json};

use crate::common::compared::{compare, compared, is_close};
use crate::common::{Place, RunFiles, endpoint, eyechart, rule, run_at, stderr, stdout};
use crate::epochs::run_of_outputs;

/// The answers of each sample, one for each epoch. `A` is right; an empty text is a missing answer.
type Answers<'a> = [(&'a str, &'a [&'a str])];

fn run_of(place: &Place, answers: &Answers<'_>) -> RunFiles {
    run_of_outputs(place, answers, &["--model", "m"]).assert().success();
    place.run()
}

fn run_with_failures(place: &Place, answers: &Answers<'_>, epochs: &str) -> RunFiles {
    run_of_outputs(place, answers, &["--model", "m", "--epochs", epochs]).assert().code(1);
    place.run()
}

fn figure<'a>(found: &'a Value, id: &str) -> &'a Value {
    let mut pairs = found["pairs"].as_array().unwrap().iter();
    pairs.find(|pair| pair["figure"] == id).unwrap_or_else(|| panic!("{id} in {found}"))
}

#[test]
fn figures_over_epochs_are_paired_by_sample_and_compared_as_means() {
    let (old, new) = (Place::new(), Place::new());
    let answers: [(&str, &[&str]); 4] =
        [("q-0", &["A", "B"]), ("q-1", &["B", "C"]), ("q-2", &["B", "B"]), ("q-3", &["A", "A"])];
    let old = run_of(&old, &answers);
    let answers: [(&str, &[&str]); 4] =
        [("q-0", &["A", "A"]), ("q-1", &["B", "A"]), ("q-2", &["A", "A"]), ("q-3", &["A", "A"])];
    let new = run_of(&new, &answers);
    let found = compared(&[&old, &new], &["--primary", "consistency"]);
    let pass = figure(&found, "choice.pass_at_2");
    assert_eq!([&pass["n"], &pass["clusters"], &pass["won"], &pass["same"]], [4, 4, 2, 2]);
    // Old: 1, 0, 0, 1. New: 1 everywhere.
    is_close(&pass["baseline_value"], 0.5);
    is_close(&pass["difference"], 0.5);
    assert_eq!((&pass["method"], &pass["range"]), (&json!("paired_t"), &json!([0.0, 1.0])));
    let consistency = figure(&found, "choice.consistency");
    // Old: 0, 0, 1, 1. New: 1, 0, 1, 1.
    is_close(&consistency["difference"], 0.25);
    assert_eq!(consistency["p"], consistency["p_adjusted"], "the primary figure is tested alone");
    assert_eq!(consistency["changed"][0]["id"], "q-0");
    let gates = ["--fail-if", "pass_at_2 worse", "--fail-unless", "consistency not worse by 1pp"];
    let message = stderr(compare(&[&new, &old], &gates).code(1).get_output());
    assert!(message.contains("choice.consistency differs by"), "{message}");
    assert!(message.contains("1 of 2 gates failed"), "{message}");
}

#[test]
fn a_failed_epoch_is_wrong_and_unlike_any_other_in_the_second_comparison() {
    let (old, new) = (Place::new(), Place::new());
    let old = run_of(&old, &[("q-0", &["A", "A"]), ("q-1", &["A", "A"]), ("q-2", &["B", "B"])]);
    let answers: [(&str, &[&str]); 3] = [("q-0", &["A", ""]), ("q-1", &["A", "A"]), ("q-2", &["B", "B"])];
    let new = run_with_failures(&new, &answers, "2");
    let found = compared(&[&old, &new], &[]);
    let pass = figure(&found, "choice.pass_at_2");
    assert_eq!([&pass["n"], &pass["only_baseline"], &pass["only_other"]], [2, 1, 0]);
    is_close(&pass["difference"], 0.0);
    // One of the two answers of q-0 is right.
    let counted = &pass["with_failures"];
    assert_eq!([&counted["n"], &counted["failed_baseline"], &counted["failed_other"]], [3, 0, 1]);
    is_close(&counted["difference"], 0.0);
    let first = &figure(&found, "choice.pass_at_1")["with_failures"];
    is_close(&first["difference"], -1.0 / 6.0);
    let consistency = &figure(&found, "choice.consistency")["with_failures"];
    is_close(&consistency["difference"], -1.0 / 3.0);
}

#[test]
fn a_comparison_names_samples_and_epochs_and_lists_other_figures_in_one_line() {
    let (old, new) = (Place::new(), Place::new());
    let old = run_of(&old, &[("q-0", &["A", "B"]), ("q-1", &["A", "B"])]);
    let answers: [(&str, &[&str]); 2] = [("q-0", &["A", "A", "A", ""]), ("q-1", &["A", "B", "A", "B"])];
    let new = run_with_failures(&new, &answers, "4");
    let shown = stdout(compare(&[&old, &new], &["--format", "markdown"]).code(0).get_output());
    for part in [
        "A: m, 2 samples, 2 epochs, ",
        "B: m, 2 samples, 4 epochs, 1 answer failed, ",
        "differs: epochs: A 2 ",
        "choice.pass_at_3, choice.pass_at_4: not compared: only B has it.",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(shown.matches("not compared").count(), 1, "{shown}");
}

#[test]
fn a_gate_on_a_figure_that_no_sample_has_fails_with_the_reason() {
    let place = Place::new();
    let run = run_with_failures(&place, &[("q-0", &["A", ""]), ("q-1", &["", "B"])], "2");
    let ids = run.json("results.json")["figures"].clone();
    let pass = ids.as_array().unwrap().iter().find(|figure| figure["id"] == "choice.pass_at_2").unwrap();
    assert_eq!((pass.get("value"), &pass["n"]), (None, &json!(0)));
    let gate = |run: &RunFiles, condition: &str, code: i32| {
        let mut command = eyechart();
        command.arg("results").arg(run.path()).args(["--fail-if", condition]);
        stderr(command.assert().code(code).get_output())
    };
    for figure in ["pass_at_2", "consistency"] {
        let said = gate(&run, &format!("{figure} < 1%"), 1);
        assert!(said.contains(&format!("choice.{figure} is absent: the figure is not defined")), "{said}");
    }
    assert!(gate(&run, "pass_at_3 < 1%", 2).contains("no figure \"pass_at_3\""));

    let failed = Place::new();
    let server = endpoint(vec![rule(json!({"status": 400}))]);
    run_of_outputs(&failed, &[("q-0", &["A"])], &["--dry-run"]).assert().success();
    run_at(&server, &failed, &failed.path("q.toml")).args(["--epochs", "2"]).assert().code(1);
    eyechart().arg("score").arg(failed.run().path()).assert().code(0);
    for figure in ["pass_at_2", "consistency", "accuracy"] {
        let said = gate(&failed.run(), &format!("{figure} < 1%"), 1);
        let expected = format!("choice.{figure} is absent: the run has no answer to score");
        assert!(said.contains(&expected), "{said}");
    }
    gate(&failed.run(), "pass_at_3 < 1%", 2);
}

#[test]
fn the_worst_answers_of_a_figure_over_epochs_are_refused() {
    let place = Place::new();
    let run = run_of(&place, &[("q-0", &["A", "B"]), ("q-1", &["A", "A"])]);
    let mut command = eyechart();
    command.arg("show").arg(run.path()).args(["--worst", "1", "--figure", "pass_at_2"]);
    let said = stderr(command.assert().code(2).get_output());
    assert!(said.contains("choice.pass_at_2 is a figure of all epochs of a sample"), "{said}");
}
