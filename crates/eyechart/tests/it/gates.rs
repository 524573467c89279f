//! Gates on `eyechart results`, through the binary, for runs whose figures are known.

use serde_json::json;

use crate::common::recorded::right_or_wrong;
use crate::common::{Place, RunFiles, endpoint, eyechart, rule, run_at, stderr, stdout};

/// A run with the label of which `right` of 20 recorded answers are right.
fn add_run(place: &Place, label: &str, right: usize) -> RunFiles {
    right_or_wrong(place, label, 20, |i| i < right, |i| i)
}

/// What `eyechart results` prints and its exit code, with these gates.
struct Gated {
    code: i32,
    stdout: String,
    stderr: String,
}

fn results(runs: &[&RunFiles], gates: &[&str]) -> Gated {
    let mut command = eyechart();
    command.arg("results").args(runs.iter().map(|run| run.path())).args(gates);
    let output = command.output().unwrap();
    Gated { code: output.status.code().unwrap(), stdout: stdout(&output), stderr: stderr(&output) }
}

#[test]
fn a_gate_that_fails_ends_with_1_after_the_figures_and_names_the_value_that_decided() {
    let place = Place::new();
    let run = add_run(&place, "old", 17);
    let gated = results(&[&run], &["--fail-if", "accuracy < 80%", "--fail-unless", "accuracy.low >= 0.6"]);
    assert_eq!((gated.code, gated.stderr.as_str()), (0, "2 gates passed\n"));
    let gated = results(
        &[&run],
        &["--fail-if", "accuracy < 90%", "--fail-if", "accuracy.low < 70%", "--fail-if", "failed > 0"],
    );
    assert_eq!(gated.code, 1);
    assert!(gated.stdout.contains("85.0 [64.0, 94.8]"), "{}", gated.stdout);
    assert!(gated.stderr.contains("error: --fail-if 'accuracy < 90%': m [old] ("), "{}", gated.stderr);
    assert!(gated.stderr.contains("): exact_match.accuracy.low is 63.9581%\n"), "{}", gated.stderr);
    assert!(gated.stderr.ends_with("2 of 3 gates failed\n"), "{}", gated.stderr);
    let json = results(&[&run], &["--fail-if", "accuracy < 90%", "--format", "json"]);
    assert_eq!(json.code, 1);
    assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_ok(), "{}", json.stdout);
}

#[test]
fn each_of_several_runs_is_checked_and_named() {
    let place = Place::new();
    let (good, bad) = (add_run(&place, "good", 18), add_run(&place, "bad", 9));
    let gated = results(&[&good, &bad], &["--fail-if", "exact_match.accuracy < 50%"]);
    assert_eq!(gated.code, 1);
    assert!(
        gated.stderr.contains("': m [bad] (") && gated.stderr.contains("accuracy is 45%\n"),
        "{}",
        gated.stderr
    );
    assert!(!gated.stderr.contains("[good]"), "{}", gated.stderr);
}

#[test]
fn an_absent_figure_fails_its_gate_with_the_reason() {
    let place = Place::new();
    let run = add_run(&place, "old", 20);
    for (condition, reason) in [
        ("latency_p50 > 1h", "latency_p50 is absent: the run measured no latency"),
        ("cost > 100", "cost is unknown: the run has no price or no token counts"),
    ] {
        let gated = results(&[&run], &["--fail-if", condition]);
        assert_eq!(gated.code, 1, "{condition}");
        assert!(gated.stderr.contains(reason), "{}", gated.stderr);
    }
}

#[test]
fn samples_that_failed_are_counted_and_a_run_without_answers_fails_gates_on_figures() {
    let place = Place::new();
    let task = place.texts(4);
    let broken = endpoint(vec![rule(json!({"status": 400}))]);
    run_at(&broken, &place, &task).args(["--stop-after-same-error", "none"]).assert().code(1);
    let run = place.run();
    eyechart().arg("score").arg(run.path()).assert().code(0);
    let gated = results(&[&run], &["--fail-if", "failed > 99%", "--fail-if", "mean < 1%"]);
    assert_eq!(gated.code, 1);
    assert!(gated.stderr.contains("failed is 4 of 4 (100%)"), "{}", gated.stderr);
    assert!(gated.stderr.contains("is absent: the run has no answer to score"), "{}", gated.stderr);
}

#[test]
fn mistakes_in_gates_end_with_2_before_any_figure() {
    let place = Place::new();
    let run = add_run(&place, "old", 17);
    for (condition, message) in [
        (
            "accurcy < 75%",
            "no figure \"accurcy\" (did you mean \"accuracy\"?): expected one of exact_match.accuracy",
        ),
        ("accuracy < 75", "7500% is out of range: exact_match.accuracy is from 0% to 100%"),
        ("accuracy worse", "this condition is about two runs: `eyechart compare` checks it"),
        (
            "accuracy = 75%",
            "invalid value 'accuracy = 75%' for '--fail-if <CONDITION>': expected a condition such as",
        ),
        ("latency_p95 > 20", "expected a duration such as 20s or 300ms"),
    ] {
        let gated = results(&[&run], &["--fail-if", condition]);
        assert_eq!((gated.code, gated.stdout.as_str()), (2, ""), "{condition}: {}", gated.stderr);
        assert!(gated.stderr.contains(message), "{condition}: {}", gated.stderr);
    }
    // Found before the run is read.
    let nowhere = RunFiles(place.path("nowhere"));
    let gated = results(&[&nowhere], &["--fail-if", "accuracy < so"]);
    assert!(gated.stderr.contains("\"so\" is not a value of accuracy"), "{}", gated.stderr);
}
