//! Intervals of figures, through the binary, for answers whose intervals are known.

use serde_json::{Value, json};

use crate::common::{Place, RunFiles, eyechart, stdout};

const TASK: &str = "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\ncluster = \"group\"\n\
     [prompt]\ntext = \"?\"\n[[score]]\nscorer = \"exact_match\"\ntarget = \"right\"\n";

/// Scores `right` of `n` recorded answers as right. `group` gives the cluster of each.
fn scored(place: &Place, n: usize, right: usize, group: impl Fn(usize) -> Option<usize>) -> RunFiles {
    // Without a group, the sample is one of its own.
    let group = |i| group(i).map_or_else(|| format!("own {i}"), |group| group.to_string());
    let row = |i: usize| {
        let said = if i < right { "yes" } else { "no" };
        json!({"id": format!("s{i}"), "right": "yes", "said": said, "group": group(i)}).to_string()
    };
    let rows: Vec<String> = (0..n).map(row).collect();
    place.write("rows.jsonl", rows.join("\n"));
    place.write("t.toml", TASK);
    eyechart()
        .args(["run", "--model", "recorded/said"])
        .arg(place.path("t.toml"))
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    place.run()
}

fn figure(run: &RunFiles) -> Value {
    run.json("results.json")["figures"][0].clone()
}

#[track_caller]
fn is_close(found: &Value, expected: f64) {
    assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "{found}, expected {expected}");
}

#[test]
fn a_share_has_wilsons_interval_in_the_table_and_the_files() {
    let place = Place::new();
    let run = scored(&place, 20, 17, |_| None);
    let figure = figure(&run);
    is_close(&figure["low"], 0.639_581_135_259_243_1);
    is_close(&figure["high"], 0.947_631_254_103_783_5);
    assert_eq!((&figure["clusters"], &figure["asked"]), (&json!(20), &json!(20)));
    assert_eq!(figure["few_distinct"], true, "only three differ from the commonest");
    let table = eyechart().arg("results").arg(place.runs()).assert().code(0);
    let table = stdout(table.get_output());
    assert!(table.contains("85.0 [64.0, 94.8]~"), "{table}");
    assert!(table.contains("[low, high]: 95% confidence interval"), "{table}");
    assert!(table.contains("~: fewer than 10 samples differ from the commonest score"), "{table}");
    let csv = eyechart().arg("results").arg(place.runs()).args(["--format", "csv"]).assert().code(0);
    assert!(stdout(csv.get_output()).contains(",0.95,20\n"), "{}", stdout(csv.get_output()));
}

#[test]
fn samples_of_one_cluster_widen_the_interval_and_one_cluster_has_none() {
    let place = Place::new();
    // Every cluster is all right or all wrong: 60 samples are worth 12.
    let figure = figure(&scored(&place, 60, 30, |i| Some(i / 5)));
    assert_eq!(figure["clusters"], 12);
    is_close(&figure["low"], 0.245_621_852_860_730_35);
    is_close(&figure["high"], 0.754_378_147_139_269_7);
    let place = Place::new();
    let figure = self::figure(&scored(&place, 10, 5, |_| Some(0)));
    assert_eq!(figure["no_interval"], "too_few_clusters");
    assert!(figure.get("low").is_none() && figure.get("level").is_none(), "{figure}");
}

#[test]
fn another_level_gives_another_interval_and_a_level_of_1_is_refused() {
    let place = Place::new();
    let run = scored(&place, 20, 17, |_| None);
    let score = |level: &str| {
        let mut command = eyechart();
        command.args(["score", "--level", level]).arg(run.path());
        command
    };
    let table = score("0.9").assert().code(0);
    assert!(stdout(table.get_output()).contains("[low, high]: 90% confidence interval"));
    let figure = figure(&run);
    assert_eq!(figure["level"], 0.9);
    assert!(figure["low"].as_f64().unwrap() > 0.66, "{figure}");
    score("1").assert().code(2);
}
