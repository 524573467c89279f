//! `eyechart power`, and the difference that a run says it can find.

use serde_json::{Value, json};

use crate::common::recorded::right_or_wrong;
use crate::common::{Place, endpoint, eyechart, run_at, stderr, stdout};

fn power(arguments: &[&str]) -> Value {
    let output = eyechart().arg("power").args(arguments).args(["--format", "json"]).assert().code(0);
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

/// The numbers of samples, one for each difference.
fn needed(report: &Value) -> Vec<Option<u64>> {
    report["needed"].as_array().unwrap().iter().map(|line| line["samples"].as_u64()).collect()
}

#[track_caller]
fn is_close(found: &Value, expected: f64) {
    assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "{found}, expected {expected}");
}

fn calc(function: &str, args: Value) -> Value {
    let line = json!({"fn": function, "args": args}).to_string();
    let output = eyechart().arg("calc").write_stdin(line).assert().code(0);
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

#[test]
fn a_task_is_planned_by_assumptions_that_are_stated() {
    let place = Place::new();
    let run = right_or_wrong(&place, "old", 4, |_| true, |i| i);
    let task = place.path("t.toml");
    let task = task.to_str().unwrap();
    let report = power(&[task, "--detect", "3pp", "--limit", "1000"]);
    assert_eq!(report["basis"], "assumptions");
    is_close(&report["discordant"], 0.25);
    // By hand: ((1.96 · 0.5 + 0.8416 · √(0.25 − δ²)) / δ)².
    assert_eq!(needed(&report), [19_620, 4_904, 2_178, 783, 194].map(Some));
    assert_eq!(report["needed"][2], json!({"difference": 0.03, "samples": 2_178, "is_asked": true}));
    let by_calc = calc("samples_needed", json!({"discordant": 0.25, "detect": 0.03}));
    assert_eq!(by_calc["n"], 2_178);
    is_close(
        &report["detectable"],
        calc("detectable", json!({"discordant": 0.25, "n": 1000}))["detect"].as_f64().unwrap(),
    );
    let table = eyechart().args(["power", task, "--detect", "2pp", "--limit", "1000"]).assert().code(0);
    let table = stdout(table.get_output());
    assert!(table.contains("         2pp       4,904  <- --detect\n"), "{table}");
    assert!(table.contains("1000 samples: a difference of 4.4pp or more is found."), "{table}");
    assert!(table.contains("both models are right on 50% of the samples (--p)"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let other = power(&[
        task,
        "--detect",
        "2pp",
        "--p",
        "0.8",
        "--correlation",
        "0",
        "--power",
        "0.9",
        "--alpha",
        "0.01",
    ]);
    let args = json!({"discordant": 0.32, "detect": 0.02, "alpha": 0.01, "power": 0.9});
    assert_eq!(needed(&other)[1], calc("samples_needed", args)["n"].as_u64());
    drop(run);
}

#[test]
fn one_run_gives_the_accuracy_and_the_design_effect() {
    let place = Place::new();
    let run = right_or_wrong(&place, "old", 20, |i| i < 17, |i| i);
    let report = power(&[run.path().to_str().unwrap(), "--detect", "2pp"]);
    assert_eq!(
        (&report["basis"], &report["p"], &report["limit"]),
        (&json!("one_run"), &json!(0.85), &json!(20))
    );
    assert_eq!(needed(&report), [10_005, 2_500, 398, 98].map(Some));
    is_close(&report["design_effect"], 1.0);
    let report = power(&[run.path().to_str().unwrap(), "--detect", "2pp", "--correlation", "0.7"]);
    assert_eq!(needed(&report), [Some(6_003), Some(1_499), Some(238), None]);
    // Each cluster of five is all right or all wrong: CR2 gives Σ(n_g d)²/(1 − 1/12)/60² over 0.25/59.
    let clustered = right_or_wrong(&place, "clustered", 60, |i| i < 30, |i| i / 5);
    let report = power(&[clustered.path().to_str().unwrap()]);
    let effect = (12.0 * 2.5 * 2.5 / (1.0 - 1.0 / 12.0) / 3600.0) / (0.25 / 59.0);
    is_close(&report["design_effect"], effect);
    let independent = 19_619.841_297_277_75;
    assert_eq!(needed(&report)[0], Some((independent * effect).ceil() as u64));
    assert_eq!(report["clusters"], 12);
}

#[test]
fn two_runs_give_the_share_of_samples_on_which_they_differ() {
    let place = Place::new();
    let old = right_or_wrong(&place, "old", 40, |i| i < 30, |i| i);
    let new = right_or_wrong(&place, "new", 40, |i| (3..33).contains(&i), |i| i);
    let runs = [old.path().to_str().unwrap(), new.path().to_str().unwrap()];
    let report = power(&[runs[0], runs[1], "--detect", "20pp"]);
    assert_eq!((&report["basis"], &report["samples"]), (&json!("two_runs"), &json!(40)));
    is_close(&report["discordant"], 6.0 / 40.0);
    assert_eq!(needed(&report), [Some(11_771), Some(2_941), Some(469), Some(116), None]);
    assert!(report.get("p").is_none() && report.get("correlation").is_none(), "{report}");
    let table = eyechart().arg("power").args(runs).args(["--detect", "20pp"]).assert().code(0);
    let table = stdout(table.get_output());
    assert!(table.contains("        20pp           –  <- --detect\n"), "{table}");
    assert!(
        table.contains("–: not possible, because only one of the models is right on 15% of the samples."),
        "{table}"
    );
    let said = eyechart().arg("power").args(runs).args(["--p", "0.5"]).assert().code(2);
    assert!(stderr(said.get_output()).contains("two runs show how their scores differ"));
}

#[test]
fn means_are_planned_by_the_variance_of_their_differences() {
    let place = Place::new();
    right_or_wrong(&place, "old", 4, |_| true, |i| i);
    let task = std::fs::read_to_string(place.path("t.toml")).unwrap().replace("exact_match", "anls");
    let task = place.write("anls.toml", task);
    let report = power(&[task.to_str().unwrap(), "--detect", "2pp"]);
    is_close(&report["variance"], 0.25);
    assert_eq!(needed(&report), [19_623, 4_906, 785, 197].map(Some));
}

#[test]
fn what_cannot_be_planned_is_refused_with_what_can() {
    let place = Place::new();
    let run = right_or_wrong(&place, "old", 4, |_| true, |i| i);
    let (task, run) = (place.path("t.toml"), run.path().to_owned());
    let (task, run) = (task.to_str().unwrap(), run.to_str().unwrap());
    for (arguments, message) in [
        (&[task, "--figure", "acuracy"][..], "(did you mean \"accuracy\"?)"),
        (&[task, "--detect", "2%"], "expected percentage points such as 2pp"),
        (
            &[task, "--detect", "2"],
            "200pp is out of range: a difference of exact_match.accuracy is from 0pp to 100pp",
        ),
        (&[task, "--detect", "0pp"], "expected a difference above 0"),
        (&[task, "--p", "1"], "expected a number between 0 and 1"),
        (&[task, "--correlation", "1"], "expected a number from 0 to below 1"),
        (&[task, run], "there is no folder"),
        (&["chart"], "no task \"chart\""),
        (&["vlm-benchmarks"], "is a suite; name one of its tasks"),
    ] {
        let said = stderr(eyechart().arg("power").args(arguments).assert().code(2).get_output());
        assert!(said.contains(message), "{arguments:?}: {said}");
    }
    // All answers are right, so two models like this one never differ.
    let table = stdout(eyechart().args(["power", run]).assert().code(0).get_output());
    assert!(table.contains("only one of the models is right on 0% of the samples"), "{table}");
    assert!(table.contains("4 samples: no possible difference is found"), "{table}");
}

#[test]
fn a_built_in_task_needs_no_data() {
    let report = power(&["arxivqa", "--detect", "2pp"]);
    assert_eq!(report["figure"], "choice.accuracy");
}

#[test]
fn a_run_says_before_it_asks_which_difference_it_can_find() {
    let place = Place::new();
    let task = place.texts(100);
    let scored = std::fs::read_to_string(&task).unwrap();
    let scored = scored.split("[[compare]]").next().unwrap().to_owned()
        + "[[score]]\nscorer = \"exact_match\"\ntarget = \"answer\"\n";
    place.write("texts.toml", scored);
    let server = endpoint(Vec::new());
    let said = stderr(run_at(&server, &place, &task).assert().code(0).get_output());
    let line = said.lines().find(|line| line.contains("difference ")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("13.8pp  or more can be found between two models"), "{line}");
    let dry = run_at(&server, &place, &task).args(["--dry-run", "--format", "json"]).assert().code(0);
    let dry: Value = serde_json::from_slice(&dry.get_output().stdout).unwrap();
    let detectable = calc("detectable", json!({"discordant": 0.25, "n": 100}));
    is_close(&dry[0]["forecast"]["detectable"]["value"], detectable["detect"].as_f64().unwrap());
}
