//! Runs with recorded answers to compare, and `eyechart compare`.

use std::fs;

use serde_json::{Value, json};

use super::{Place, RunFiles, eyechart};

/// A task whose answers are right if they are `yes`.
pub const TASK: &str = "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\ncluster = \"group\"\n\
     [prompt]\ntext = \"?\"\n[[score]]\nscorer = \"exact_match\"\ntarget = \"right\"\n";

/// Rows `s-0`, `s-1`, … with the right answer `yes`, each in the cluster that `group` gives.
pub fn lay_out(place: &Place, count: usize, group: impl Fn(usize) -> usize) {
    let row = |i: usize| json!({"id": format!("s-{i}"), "right": "yes", "group": group(i).to_string()});
    place.write_jsonl("rows.jsonl", &(0..count).map(row).collect::<Vec<_>>());
    place.write("t.toml", TASK);
}

/// The run `name` of the task `t.toml` with these answers, of which an empty one fails.
pub fn run_of(place: &Place, name: &str, answers: &[&str]) -> RunFiles {
    let output = |(i, answer): (usize, &&str)| json!({"id": format!("s-{i}"), "output": answer});
    let outputs = answers.iter().enumerate().filter(|(_, answer)| !answer.is_empty());
    let file = place.write_jsonl(&format!("{name}.jsonl"), &outputs.map(output).collect::<Vec<_>>());
    let out = place.path(&format!("runs-{name}"));
    let mut command = eyechart();
    command
        .arg("run")
        .arg(place.path("t.toml"))
        .args(["--allow-command", "--model", name, "--outputs"])
        .arg(file);
    let failed = answers.iter().any(|answer| answer.is_empty());
    command.arg("--out").arg(&out).assert().code(i32::from(failed));
    let folder = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    RunFiles(folder.into_iter().find(|path| path.join("spec.json").is_file()).unwrap())
}

/// Answers from `counts` of them, such as `[(8, "yes"), (2, "no")]`.
pub fn answers<'a>(counts: &[(usize, &'a str)]) -> Vec<&'a str> {
    counts.iter().flat_map(|(count, answer)| std::iter::repeat_n(*answer, *count)).collect()
}

pub fn compare(runs: &[&RunFiles], arguments: &[&str]) -> assert_cmd::assert::Assert {
    eyechart().arg("compare").args(runs.iter().map(|run| run.path())).args(arguments).assert()
}

pub fn compared(runs: &[&RunFiles], arguments: &[&str]) -> Value {
    let done = compare(runs, &[&["--format", "json"], arguments].concat()).code(0);
    let comparison: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    crate::formats::check_comparison(&comparison);
    comparison
}

pub fn calc(request: Value) -> Value {
    let done = eyechart().arg("calc").write_stdin(request.to_string()).assert().code(0);
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

#[track_caller]
pub fn is_close(found: &Value, expected: f64) {
    assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "{found}, expected {expected}");
}

/// Two runs of 20 samples: 8 right in both, 8 only in the second, 1 only in the first, 3 in neither.
pub fn two_runs(place: &Place) -> [RunFiles; 2] {
    lay_out(place, 20, |i| i);
    let old = run_of(place, "old", &answers(&[(8, "yes"), (8, "no"), (1, "yes"), (3, "no")]));
    let new = run_of(place, "new", &answers(&[(16, "yes"), (4, "no")]));
    [old, new]
}
