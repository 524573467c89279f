//! Gates on `eyechart compare`, through the binary, for runs whose differences are known.

use serde_json::{Value, json};

use crate::common::recorded::right_or_wrong;
use crate::common::{Place, RunFiles, eyechart, stderr, stdout};

/// What `eyechart compare` prints and its exit code, with these gates.
struct Gated {
    code: i32,
    stdout: String,
    stderr: String,
}

fn compare(runs: &[&RunFiles], gates: &[&str]) -> Gated {
    let mut command = eyechart();
    command.arg("compare").args(runs.iter().map(|run| run.path())).args(gates);
    let output = command.output().unwrap();
    Gated { code: output.status.code().unwrap(), stdout: stdout(&output), stderr: stderr(&output) }
}

/// Of 100 samples the baseline has 90 right. The other run has 70 of these right, so the difference is −20 points.
fn worse(place: &Place) -> [RunFiles; 2] {
    let old = right_or_wrong(place, "old", 100, |i| i < 90, |i| i);
    [old, right_or_wrong(place, "new", 100, |i| i < 70, |i| i)]
}

/// Both have 80 of 100 right, each of them 2 that the other has wrong.
fn cannot_tell(place: &Place) -> [RunFiles; 2] {
    let old = right_or_wrong(place, "old", 100, |i| i < 80, |i| i);
    [old, right_or_wrong(place, "new", 100, |i| (2..82).contains(&i), |i| i)]
}

fn tango(both: usize, only_new: usize, only_old: usize, neither: usize) -> [f64; 2] {
    let args = json!({"a": both, "b": only_new, "c": only_old, "d": neither});
    let output =
        eyechart().arg("calc").write_stdin(json!({"fn": "tango", "args": args}).to_string()).assert();
    let found: Value = serde_json::from_slice(&output.code(0).get_output().stdout).unwrap();
    ["low", "high"].map(|end| found[end].as_f64().unwrap() * 100.0)
}

#[test]
fn a_run_that_is_shown_to_be_worse_fails_and_the_interval_is_named() {
    let place = Place::new();
    let [old, new] = worse(&place);
    let [low, high] = tango(70, 0, 20, 10);
    assert!(high < -10.0 && high > -20.0, "{high}");
    let gated =
        compare(&[&old, &new], &["--fail-if", "accuracy worse", "--fail-if", "accuracy worse by 10pp"]);
    assert_eq!(gated.code, 1, "{}", gated.stderr);
    assert!(gated.stdout.contains("worse"), "{}", gated.stdout);
    let line = format!("): exact_match.accuracy differs by -20pp [{low:.4}pp, {high:.4}pp]\n");
    assert!(gated.stderr.contains(&line), "{line}: {}", gated.stderr);
    assert!(
        gated.stderr.contains("'accuracy worse': m [new] (") && gated.stderr.contains(") against m [old] ("),
        "{}",
        gated.stderr
    );
    assert!(gated.stderr.ends_with("2 of 2 gates failed\n"), "{}", gated.stderr);
    assert_eq!(compare(&[&old, &new], &["--fail-if", "accuracy worse by 0.2"]).code, 0);
    // The other way round, the same difference is a gain.
    let gates = ["--fail-if", "accuracy worse", "--fail-unless", "accuracy not worse by 0pp"];
    assert_eq!(compare(&[&new, &old], &gates).code, 0);
}

#[test]
fn a_difference_that_cannot_be_told_is_not_worse_but_fails_non_inferiority_within_a_small_margin() {
    let place = Place::new();
    let [old, new] = cannot_tell(&place);
    let [low, high] = tango(78, 2, 2, 18);
    assert!((-10.0..-2.0).contains(&low) && high > 0.0, "{low} {high}");
    let code = |gate: [&str; 2]| compare(&[&old, &new], &gate).code;
    assert_eq!(code(["--fail-if", "accuracy worse"]), 0);
    assert_eq!(code(["--fail-unless", "accuracy not worse by 2pp"]), 1);
    assert_eq!(code(["--fail-unless", "accuracy not worse by 10pp"]), 0);
}

#[test]
fn pairs_are_counted_and_values_are_checked_in_all_runs_but_the_baseline() {
    let place = Place::new();
    let [old, new] = worse(&place);
    let code = |runs: &[&RunFiles], gate: [&str; 2]| compare(runs, &gate).code;
    assert_eq!(code(&[&old, &new], ["--fail-if", "lost > 20"]), 0);
    assert_eq!(code(&[&old, &new], ["--fail-if", "lost >= 20%"]), 1);
    assert_eq!(code(&[&old, &new], ["--fail-unless", "won = 0"]), 2);
    assert_eq!(code(&[&old, &new], ["--fail-if", "same < 80"]), 0);
    assert_eq!(code(&[&new, &old], ["--fail-if", "accuracy < 75%"]), 0, "only the baseline is below");
    let gated = compare(&[&old, &new], &["--fail-if", "accuracy < 75%", "--fail-if", "cost > 1"]);
    assert_eq!(gated.code, 1);
    assert!(gated.stderr.contains("): exact_match.accuracy is 70%\n"), "{}", gated.stderr);
    assert_eq!(gated.stderr.matches("cost is unknown").count(), 1, "{}", gated.stderr);
}

#[test]
fn every_pair_of_three_runs_is_checked() {
    let place = Place::new();
    let [old, new] = worse(&place);
    let third = right_or_wrong(&place, "third", 100, |i| i < 71, |i| i);
    let gated = compare(&[&old, &new, &third], &["--fail-if", "accuracy worse"]);
    assert_eq!(gated.code, 1);
    let failed: Vec<&str> = gated.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(failed.len(), 2, "{}", gated.stderr);
    assert!(failed[0].contains("': m [new] (") && failed[1].contains("': m [third] ("), "{}", gated.stderr);
}

#[test]
fn mistakes_in_gates_of_a_comparison_end_with_2_before_any_figure() {
    let place = Place::new();
    let [old, new] = cannot_tell(&place);
    for (condition, message) in [
        ("accurcy worse", "did you mean \"accuracy\"?"),
        (
            "accuracy worse by 2",
            "200pp is out of range: a difference of exact_match.accuracy is from 0pp to 100pp",
        ),
        ("accuracy is worse than before", "expected a condition such as"),
        ("accuracy not worse", "expected a margin: 'accuracy not worse by 2pp'"),
    ] {
        let gated = compare(&[&old, &new], &["--fail-if", condition]);
        assert_eq!((gated.code, gated.stdout.as_str()), (2, ""), "{condition}: {}", gated.stderr);
        assert!(gated.stderr.contains(message), "{condition}: {}", gated.stderr);
    }
}
