//! A small run whose answers were recorded, to be scored in several ways.

use std::fs;

use serde_json::{Value, json};

use super::{Place, RunFiles, eyechart};

/// A run of so many recorded answers, not scored yet: two texts each that differ from all others.
pub fn recorded(place: &Place, count: usize) -> RunFiles {
    let row = |id: usize| {
        json!({"id": id.to_string(), "said": format!("A dog runs over {id} hills."),
            "answer": format!("Dogs running over {} hills", id + 1)})
    };
    recorded_rows(place, &(0..count).map(row).collect::<Vec<_>>())
}

/// The same of rows with `id`, `said` and `answer`.
pub fn recorded_rows(place: &Place, rows: &[Value]) -> RunFiles {
    place.write_jsonl("rows.jsonl", rows);
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"?\"\n\
         [[compare]]\ntarget = \"answer\"\n",
    );
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "recorded/said", "--no-score", "--out"]).arg(place.runs());
    command.assert().code(0);
    place.run()
}

/// `eyechart score` of the run.
pub fn score(run: &RunFiles, arguments: &[&str]) -> assert_cmd::assert::Assert {
    eyechart().arg("score").arg(run.path()).args(arguments).assert()
}

/// Its scores, byte by byte.
pub fn scores(run: &RunFiles) -> Vec<u8> {
    fs::read(run.path().join("scores.jsonl")).unwrap()
}

/// A scored run with a label, whose sample `i` of `n` is right or wrong and belongs to a cluster. Its only figures are those
/// of `exact_match`.
pub fn right_or_wrong(
    place: &Place,
    label: &str,
    n: usize,
    is_right: impl Fn(usize) -> bool,
    cluster: impl Fn(usize) -> usize,
) -> RunFiles {
    let row = |i: usize| json!({"id": format!("s{i}"), "right": "yes", "group": format!("g{}", cluster(i))});
    place.write_jsonl("rows.jsonl", &(0..n).map(row).collect::<Vec<_>>());
    let output = |i: usize| json!({"id": format!("s{i}"), "output": if is_right(i) { "yes" } else { "no" }});
    let outputs = place.write_jsonl(&format!("{label}.jsonl"), &(0..n).map(output).collect::<Vec<_>>());
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\ncluster = \"group\"\n[prompt]\ntext = \"?\"\n\
         [[score]]\nscorer = \"exact_match\"\ntarget = \"right\"\n",
    );
    let mut command = eyechart();
    command.args(["run", "--model", "m", "--label", label, "--outputs"]).arg(outputs);
    command.arg(task).arg("--out").arg(place.path(label)).assert().code(0);
    let folder = fs::read_dir(place.path(label)).unwrap().next().unwrap().unwrap().path();
    RunFiles(folder)
}
