//! `eyechart compare`, through the binary: differences, intervals and verdicts that are known beforehand.

use std::fs;

use serde_json::{Value, json};

use crate::common::compared::{TASK, answers, calc, compare, compared, is_close, lay_out, run_of, two_runs};
use crate::common::{Place, RunFiles, eyechart, stderr, stdout};

#[test]
fn shares_have_tangos_interval_and_mcnemars_mid_p_and_the_later_run_gets_the_verdict() {
    let place = Place::new();
    let [old, new] = two_runs(&place);
    let found = &compared(&[&old, &new], &[])["pairs"][0];
    assert_eq!(found["figure"], "exact_match.accuracy");
    assert_eq!(found["baseline"], old.path().to_str().unwrap());
    assert_eq!(found["other"], new.path().to_str().unwrap());
    assert_eq!([&found["n"], &found["clusters"]], [20, 20]);
    assert_eq!([&found["won"], &found["lost"], &found["same"]], [8, 1, 11]);
    is_close(&found["difference"], 0.35);
    // (1 + 9) / 512 twice, less the probability of the table itself.
    is_close(&found["p"], 11.0 / 512.0);
    let tango = calc(json!({"fn": "tango", "args": {"a": 8, "b": 8, "c": 1, "d": 3}}));
    is_close(&found["low"], tango["low"].as_f64().unwrap());
    is_close(&found["high"], tango["high"].as_f64().unwrap());
    assert_eq!((&found["method"], &found["verdict"]), (&json!("tango"), &json!("better")));
    let turned = &compared(&[&new, &old], &[])["pairs"][0];
    is_close(&turned["difference"], -0.35);
    is_close(&turned["high"], -tango["low"].as_f64().unwrap());
    assert_eq!(turned["verdict"], "worse");
}

#[test]
fn equal_runs_cannot_be_told_apart_and_another_level_widens_the_interval() {
    let place = Place::new();
    lay_out(&place, 12, |i| i);
    let same = answers(&[(7, "yes"), (5, "no")]);
    let runs = [run_of(&place, "a", &same), run_of(&place, "b", &same)];
    let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
    assert_eq!([&found["p"], &found["p_adjusted"], &found["difference"]], [1.0, 1.0, 0.0]);
    assert_eq!(found["verdict"], "cant_tell");
    assert!(found.get("changed").is_none(), "{found}");
    let wide = &compared(&[&runs[0], &runs[1]], &["--level", "0.99"])["pairs"][0];
    assert!(wide["low"].as_f64().unwrap() < found["low"].as_f64().unwrap());
}

#[test]
fn clusters_are_compared_by_students_t_of_the_differences() {
    let place = Place::new();
    lay_out(&place, 24, |i| i / 3);
    let (old, new) = (answers(&[(6, "yes"), (18, "no")]), answers(&[(14, "yes"), (10, "no")]));
    let runs = [run_of(&place, "old", &old), run_of(&place, "new", &new)];
    let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
    let scores =
        |answers: &[&str]| answers.iter().map(|answer| u8::from(*answer == "yes")).collect::<Vec<_>>();
    let clusters: Vec<usize> = (0..24).map(|i| i / 3).collect();
    let expected = calc(
        json!({"fn": "compare_means", "args": {"a": scores(&new), "b": scores(&old), "clusters": clusters}}),
    );
    for key in ["difference", "low", "high", "p"] {
        is_close(&found[key], expected[key].as_f64().unwrap());
    }
    assert_eq!((&found["clusters"], &found["method"]), (&json!(8), &json!("paired_t")));
    assert_eq!(found["verdict"], "cant_tell", "{found}");
    let table = stdout(compare(&[&runs[0], &runs[1]], &[]).code(0).get_output());
    assert!(table.contains("24 scores in 8 clusters: those of one cluster are not independent."), "{table}");
}

#[test]
fn a_difference_that_is_the_same_everywhere_has_the_interval_of_a_figure_without_variance() {
    let place = Place::new();
    lay_out(&place, 12, |i| i / 2);
    let runs = [run_of(&place, "old", &["no"; 12]), run_of(&place, "new", &["yes"; 12])];
    let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
    // On the range [-1, 1], the difference 1 is at its upper end.
    is_close(&found["low"], 2.0 * 0.025_f64.powf(1.0 / 6.0) - 1.0);
    assert_eq!(found["high"], 1.0);
    is_close(&found["p"], 2.0 * 0.5_f64.powi(6));
    assert_eq!((&found["method"], &found["verdict"]), (&json!("equal_differences"), &json!("better")));
}

#[test]
fn failures_that_turn_a_verdict_make_it_depend_on_them() {
    let place = Place::new();
    lay_out(&place, 28, |i| i);
    // As in the first test, and 8 samples that only the old run answered, all of them right.
    let old = answers(&[(8, "yes"), (8, "no"), (1, "yes"), (3, "no"), (8, "yes")]);
    let new = answers(&[(16, "yes"), (4, "no"), (8, "")]);
    let runs = [run_of(&place, "old", &old), run_of(&place, "new", &new)];
    let comparison = compared(&[&runs[0], &runs[1]], &[]);
    let found = &comparison["pairs"][0];
    is_close(&found["p"], 11.0 / 512.0);
    assert_eq!([&found["n"], &found["only_baseline"], &found["only_other"]], [20, 8, 0]);
    assert_eq!(found["verdict"], "depends_on_failures");
    let failures = &found["with_failures"];
    assert_eq!([&failures["n"], &failures["failed_baseline"], &failures["failed_other"]], [28, 0, 8]);
    is_close(&failures["difference"], -1.0 / 28.0);
    assert_eq!((&failures["bottom"], &failures["verdict"]), (&json!(0.0), &json!("cant_tell")));
    let lacking = &comparison["lacking"][0]["only_baseline"];
    assert_eq!(lacking.as_array().unwrap().len(), 8);
    assert_eq!(lacking[0], json!({"id": "s-20", "epoch": 1, "reason": "failed"}));
    let table = compare(&[&runs[0], &runs[1]], &[]).code(0);
    let table = stdout(table.get_output());
    assert!(table.contains("depends on failures"), "{table}");
    assert!(table.contains("B lacks 8 scores that A has: s-20 (failed)"), "{table}");
}

#[test]
fn failures_that_leave_the_verdict_are_shown_and_change_nothing() {
    let place = Place::new();
    lay_out(&place, 22, |i| i);
    let old = answers(&[(8, "yes"), (8, "no"), (1, "yes"), (3, "no"), (2, "")]);
    let new = answers(&[(16, "yes"), (4, "no"), (1, ""), (1, "no")]);
    let runs = [run_of(&place, "old", &old), run_of(&place, "new", &new)];
    let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
    assert_eq!(found["verdict"], "better");
    let failures = &found["with_failures"];
    assert_eq!([&failures["n"], &failures["failed_baseline"], &failures["failed_other"]], [22, 2, 1]);
    is_close(&failures["difference"], 7.0 / 22.0);
    assert_eq!(failures["verdict"], "better");
}

#[test]
fn p_values_of_two_figures_and_three_runs_are_adjusted_by_holm_and_a_primary_figure_alone() {
    let place = Place::new();
    lay_out(&place, 20, |i| i);
    place.write("t.toml", format!("{TASK}[[score]]\nscorer = \"contains\"\ntarget = \"right\"\n"));
    let old = run_of(&place, "old", &answers(&[(8, "yes"), (8, "no"), (1, "yes"), (3, "no")]));
    let new = run_of(&place, "new", &answers(&[(16, "yes"), (4, "no")]));
    let long = run_of(&place, "long", &answers(&[(14, "yes"), (6, "well, yes")]));
    let runs = [&old, &new, &long];
    let of = |comparison: &Value, key: &str| -> Vec<f64> {
        let pairs = comparison["pairs"].as_array().unwrap();
        pairs.iter().map(|pair| pair[key].as_f64().unwrap()).collect()
    };
    let comparison = compared(&runs, &[]);
    let p = of(&comparison, "p");
    assert_eq!(p.len(), 6, "three pairs with two figures each");
    let holm = calc(json!({"fn": "holm", "args": {"p": p}}));
    let expected: Vec<f64> =
        holm["adjusted"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
    assert_eq!(of(&comparison, "p_adjusted"), expected);
    let verdicts: Vec<&Value> =
        comparison["pairs"].as_array().unwrap().iter().map(|pair| &pair["verdict"]).collect();
    assert_eq!(verdicts, ["cant_tell", "cant_tell", "cant_tell", "better", "cant_tell", "cant_tell"]);
    let folder = |run: &RunFiles| run.path().to_str().unwrap().to_owned();
    assert_eq!(comparison["unbeaten"][1]["figure"], "contains.accuracy");
    assert_eq!(comparison["unbeaten"][1]["runs"], json!([folder(&new), folder(&long)]));

    let comparison = compared(&[&old, &new], &["--primary", "exact_match.accuracy"]);
    let found = &comparison["pairs"][0];
    assert_eq!(found["p"], found["p_adjusted"], "one test of the primary figure");
    assert_eq!(found["verdict"], "better");
    assert!(comparison.get("unbeaten").is_none(), "two runs");
    let unknown = compare(&[&old, &new], &["--primary", "f1"]).code(2);
    assert!(stderr(unknown.get_output()).contains("exact_match.accuracy, contains.accuracy"));
}

#[test]
fn samples_that_only_one_run_asked_are_counted_and_the_others_compared() {
    let place = Place::new();
    let [old, _] = two_runs(&place);
    let rows = fs::read_to_string(place.path("rows.jsonl")).unwrap();
    let some = rows.lines().skip(2).collect::<Vec<_>>().join("\n");
    place.write("rows.jsonl", some + "\n{\"id\": \"s-20\", \"right\": \"yes\", \"group\": \"20\"}\n");
    let mut answers = vec!["unused"; 2];
    answers.extend(self::answers(&[(19, "yes")]));
    let new = run_of(&place, "some", &answers);
    let comparison = compared(&[&old, &new], &[]);
    let found = &comparison["pairs"][0];
    assert_eq!([&found["n"], &found["only_baseline"], &found["only_other"]], [18, 2, 1]);
    assert!(found.get("with_failures").is_none(), "a sample that was not asked has not failed");
    let lacking = &comparison["lacking"][0];
    assert_eq!(lacking["only_baseline"][1], json!({"id": "s-1", "epoch": 1, "reason": "not_asked"}));
    assert_eq!(lacking["only_other"][0]["id"], "s-20");
    let settings: Vec<&Value> =
        comparison["differing"].as_array().unwrap().iter().map(|setting| &setting["name"]).collect();
    assert!(
        settings.contains(&&json!("samples picked")) && settings.contains(&&json!("model")),
        "{settings:?}"
    );
}

/// F1 over 12 yes/no questions, compared by leaving out one sample at a time.
#[test]
fn functions_of_counts_are_compared_by_leaving_out_one_cluster_at_a_time() {
    let place = Place::new();
    let labels: Vec<&str> = (0..12).map(|i| if i < 7 { "yes" } else { "no" }).collect();
    let row = |(i, label): (usize, &&str)| json!({"id": format!("s-{i}"), "right": label, "group": format!("g{i}")});
    place.write_jsonl("rows.jsonl", &labels.iter().enumerate().map(row).collect::<Vec<_>>());
    place.write("t.toml", TASK.replace("exact_match", "yes_no"));
    let old = ["yes", "yes", "no", "no", "yes", "no", "yes", "yes", "no", "yes", "no", "no"];
    let new = ["yes", "yes", "yes", "no", "yes", "yes", "yes", "no", "no", "yes", "no", "no"];
    let runs = [run_of(&place, "old", &old), run_of(&place, "new", &new)];
    let comparison = compared(&[&runs[0], &runs[1]], &[]);
    let pairs = comparison["pairs"].as_array().unwrap();
    let found = pairs.iter().find(|pair| pair["figure"] == "yes_no.f1").unwrap();
    let f1 = |answers: &[&str], without: usize| {
        let kept = || (0..12).filter(|i| *i != without);
        let count = |of: &dyn Fn(usize) -> bool| kept().filter(|i| of(*i)).count() as f64;
        let hits = count(&|i| labels[i] == "yes" && answers[i] == "yes");
        2.0 * hits / (count(&|i| labels[i] == "yes") + count(&|i| answers[i] == "yes"))
    };
    let difference = f1(&new, 99) - f1(&old, 99);
    is_close(&found["difference"], difference);
    is_close(&found["baseline_value"], f1(&old, 99));
    // The pseudo-values have the variance of the jackknife.
    let pseudo: Vec<f64> = (0..12).map(|i| 12.0 * difference - 11.0 * (f1(&new, i) - f1(&old, i))).collect();
    let t = calc(json!({"fn": "t_interval", "args": {"values": pseudo}}));
    let half = (t["high"].as_f64().unwrap() - t["low"].as_f64().unwrap()) / 2.0;
    is_close(&found["low"], difference - half);
    is_close(&found["high"], difference + half);
    assert_eq!((&found["method"], &found["kind"]), (&json!("jackknife"), &json!("ratio")));
    assert_eq!([&found["won"], &found["lost"], &found["same"]], [3, 0, 9]);
}

/// A failed sample lowers F1 as it lowers a mean: the figure and the bottom, weighted by their numbers.
#[test]
fn a_failed_sample_weighs_a_function_of_counts_down() {
    let place = Place::new();
    lay_out(&place, 12, |i| i);
    place.write("t.toml", TASK.replace("exact_match", "yes_no"));
    let runs = [run_of(&place, "old", &["yes"; 12]), run_of(&place, "new", &answers(&[(9, "yes"), (3, "")]))];
    let comparison = compared(&[&runs[0], &runs[1]], &[]);
    let pairs = comparison["pairs"].as_array().unwrap();
    let found = pairs.iter().find(|pair| pair["figure"] == "yes_no.f1").unwrap();
    assert_eq!([&found["difference"], &found["n"]], [&json!(0.0), &json!(9)]);
    is_close(&found["with_failures"]["other_value"], 0.75);
    is_close(&found["with_failures"]["difference"], -0.25);
    assert_eq!(found["with_failures"]["n"], 12);
}

#[cfg(unix)]
#[test]
fn where_lower_is_better_a_lower_score_wins_and_a_failed_sample_has_the_highest() {
    let place = Place::new();
    lay_out(&place, 12, |i| i);
    // The score is the number in the answer.
    let script = r#"sed -u 's/.*"answer":"\([0-9]*\)".*/{"value": \1}/'"#;
    let keys = format!(
        "command = {}\nrange = [0, 10]\nhigher_is_better = false\n",
        json!(["/bin/sh", "-c", script])
    );
    let task = TASK.replace("scorer = \"exact_match\"", &format!("scorer = \"command\"\n{keys}"));
    place.write("t.toml", task);
    let old = run_of(&place, "old", &answers(&[(6, "7"), (6, "8")]));
    let new = run_of(&place, "new", &answers(&[(6, "4"), (5, "3"), (1, "")]));
    let comparison = compared(&[&old, &new], &[]);
    let found = &comparison["pairs"][0];
    assert_eq!((&found["direction"], &found["verdict"]), (&json!("lower"), &json!("better")));
    is_close(&found["difference"], -43.0 / 11.0);
    assert_eq!([&found["won"], &found["lost"], &found["only_baseline"]], [11, 0, 1]);
    assert_eq!(found["with_failures"]["bottom"], 10.0);
    is_close(&found["with_failures"]["difference"], -41.0 / 12.0);
    assert_eq!(found["changed"][0], json!({"id": "s-6", "epoch": 1, "baseline": 8.0, "other": 3.0}));
}

#[test]
fn means_of_highest_scores_are_not_compared_and_say_so() {
    let place = Place::new();
    lay_out(&place, 3, |i| i);
    place.write("t.toml", TASK.replace("\"exact_match\"", "\"similarity\"\nk = [1]"));
    let runs = [run_of(&place, "a", &["yes", "no", "maybe"]), run_of(&place, "b", &["yes", "yes", "a car"])];
    let comparison = compared(&[&runs[0], &runs[1]], &[]);
    let figures: Vec<&Value> =
        comparison["pairs"].as_array().unwrap().iter().map(|pair| &pair["figure"]).collect();
    assert_eq!(figures, ["similarity.mean", "similarity.share_above"]);
    assert_eq!(comparison["pairs"][1]["method"], "tango");
    let reasons = comparison["not_compared"].as_array().unwrap();
    assert!(reasons.iter().any(|left| left["figure"] == "similarity.top_1" && left["reason"] == "top_k"));
    let table = stdout(compare(&[&runs[0], &runs[1]], &[]).code(0).get_output());
    assert!(table.contains("similarity.top_1: not compared: means of the highest scores"), "{table}");
}

#[test]
fn each_reference_is_a_pair_and_a_failed_sample_has_as_many_as_an_answer() {
    let place = Place::new();
    let row = |i: usize| json!({"id": format!("s-{i}"), "right": ["yes", "no"], "group": i.to_string()});
    place.write_jsonl("rows.jsonl", &(0..6).map(row).collect::<Vec<_>>());
    place.write("t.toml", format!("{TASK}references = \"each\"\n"));
    let runs = [
        run_of(&place, "old", &answers(&[(5, "yes"), (1, "")])),
        run_of(&place, "new", &answers(&[(1, "yes"), (3, "no"), (2, "")])),
    ];
    let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
    assert_eq!([&found["n"], &found["clusters"], &found["only_baseline"]], [8, 4, 2]);
    assert_eq!([&found["won"], &found["lost"], &found["same"]], [3, 3, 2]);
    assert_eq!(
        found["changed"][0],
        json!({"id": "s-1", "epoch": 1, "reference": 0, "baseline": 1.0, "other": 0.0})
    );
    let failures = &found["with_failures"];
    assert_eq!([&failures["n"], &failures["failed_baseline"], &failures["failed_other"]], [12, 2, 4]);
}

/// Epochs are not asked yet, so the second one is written into the files.
#[test]
fn epochs_are_paired_by_their_number_and_are_in_the_cluster_of_their_sample() {
    let place = Place::new();
    lay_out(&place, 6, |i| i);
    let runs = [
        run_of(&place, "old", &answers(&[(2, "yes"), (4, "no")])),
        run_of(&place, "new", &answers(&[(5, "yes"), (1, "no")])),
    ];
    for (run, epochs) in runs.iter().zip([2, 3]) {
        for file in ["samples.jsonl", "scores.jsonl"] {
            let text = fs::read_to_string(run.path().join(file)).unwrap();
            let epoch = |epoch: usize| text.replace("\"epoch\":1", &format!("\"epoch\":{epoch}"));
            fs::write(run.path().join(file), (1..=epochs).map(epoch).collect::<String>()).unwrap();
        }
    }
    let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
    assert_eq!([&found["n"], &found["clusters"]], [12, 6]);
    assert_eq!([&found["only_baseline"], &found["only_other"]], [0, 6]);
    assert_eq!((&found["method"], &found["won"]), (&json!("paired_t"), &json!(6)));
    is_close(&found["difference"], 0.5);
}

#[test]
fn other_prompts_clusters_and_unreadable_lines_are_named() {
    let place = Place::new();
    let [old, _] = two_runs(&place);
    lay_out(&place, 20, |i| i / 2);
    place.write("t.toml", TASK.replace("text = \"?\"", "text = \"Which one?\""));
    let new = run_of(&place, "new-prompt", &["yes"; 20]);
    let log = new.path().join("samples.jsonl");
    fs::write(&log, fs::read_to_string(&log).unwrap() + "not JSON\n{\"id\"").unwrap();
    let done = compare(&[&old, &new], &["--format", "json"]).code(0);
    let comparison: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let notes: Vec<&str> =
        comparison["notes"].as_array().unwrap().iter().map(|note| note["note"].as_str().unwrap()).collect();
    assert_eq!(
        notes,
        [
            "20 of 20 samples have another prompt",
            "10 samples are in other clusters; the clusters of the baseline count"
        ]
    );
    assert_eq!(comparison["pairs"][0]["clusters"], 20);
    let setting =
        &comparison["differing"].as_array().unwrap().iter().find(|one| one["name"] == "prompt.text");
    assert_eq!(setting.unwrap()["values"], json!(["?", "Which one?"]));
    let notices = stderr(done.get_output());
    assert!(notices.contains("samples.jsonl:21: not a sample's record"), "{notices}");
    assert!(notices.contains("samples.jsonl:22: not a sample's record: the line is incomplete"), "{notices}");
}

#[test]
fn the_largest_changes_are_listed_first_and_as_many_as_asked_for() {
    let place = Place::new();
    let [old, new] = two_runs(&place);
    let found = &compared(&[&old, &new], &["--changed", "3"])["pairs"][0]["changed"];
    let ids: Vec<&Value> = found.as_array().unwrap().iter().map(|sample| &sample["id"]).collect();
    assert_eq!(ids, ["s-16", "s-8", "s-9"], "of equal changes, a loss comes first");
    let table = stdout(compare(&[&old, &new], &["--changed", "3"]).code(0).get_output());
    assert!(table.contains("s-16 1 → 0, s-8 0 → 1, s-9 0 → 1 and 6 more."), "{table}");
    assert!(compared(&[&old, &new], &["--changed", "0"])["pairs"][0].get("changed").is_none());
}

#[test]
fn differences_that_are_the_same_in_each_cluster_have_the_interval_of_a_figure_without_variance() {
    for size in [2, 3] {
        let place = Place::new();
        let clusters = 5;
        lay_out(&place, clusters * size, |i| i / size);
        // One answer of each cluster is right in both runs, so the scores vary and the sums of the clusters do not.
        let old: Vec<&str> = (0..clusters * size).map(|i| if i % size == 0 { "yes" } else { "no" }).collect();
        let runs = [run_of(&place, "old", &old), run_of(&place, "new", &vec!["yes"; clusters * size])];
        let found = &compared(&[&runs[0], &runs[1]], &[])["pairs"][0];
        let difference = 1.0 - 1.0 / size as f64;
        is_close(&found["difference"], difference);
        let arguments =
            json!({"estimate": difference, "variance": 0, "df": 1, "range": [-1, 1], "clusters": clusters});
        let expected = calc(json!({"fn": "score_interval", "args": arguments}));
        is_close(&found["low"], expected["low"].as_f64().unwrap());
        is_close(&found["high"], expected["high"].as_f64().unwrap());
        assert_eq!(found["method"], "equal_differences");
    }
}

#[test]
fn a_recall_of_two_samples_says_little_however_many_others_there_are() {
    let place = Place::new();
    let row =
        |i: usize| json!({"id": format!("s-{i}"), "right": if i < 2 { "yes" } else { "no" }, "group": i});
    place.write_jsonl("rows.jsonl", &(0..100).map(row).collect::<Vec<_>>());
    place.write("t.toml", TASK.replace("exact_match", "yes_no"));
    let runs = [
        run_of(&place, "old", &answers(&[(100, "no")])),
        run_of(&place, "new", &answers(&[(2, "yes"), (98, "no")])),
    ];
    let results = runs[1].json("results.json");
    let figures = results["figures"].as_array().unwrap();
    let recall = figures.iter().find(|figure| figure["metric"] == "recall").unwrap();
    // 2 of 2 samples: the bound is 0.025^(1/2).
    is_close(&recall["low"], 0.025_f64.sqrt());
    assert_eq!(recall["few_distinct"], true);
    let comparison = compared(&[&runs[0], &runs[1]], &[]);
    let pairs = comparison["pairs"].as_array().unwrap();
    let recall = pairs.iter().find(|pair| pair["figure"] == "yes_no.recall").unwrap();
    assert_eq!((&recall["difference"], &recall["verdict"]), (&json!(1.0), &json!("cant_tell")));
    is_close(&recall["p"], 0.5);
}

#[test]
fn runs_that_no_other_run_beats_are_those_of_one_task() {
    let place = Place::new();
    lay_out(&place, 20, |i| i);
    let named = |name: &str| place.write("t.toml", TASK.replace("name = \"t\"", &format!("name = {name:?}")));
    let mut runs = Vec::new();
    for task in ["one", "two"] {
        named(task);
        for (model, right) in [("a", 5), ("b", 18), ("c", 17)] {
            runs.push(run_of(
                &place,
                &format!("{task}-{model}"),
                &answers(&[(right, "yes"), (20 - right, "no")]),
            ));
        }
    }
    let together = place.path("together");
    fs::create_dir(&together).unwrap();
    for run in &runs {
        fs::rename(run.path(), together.join(run.path().file_name().unwrap())).unwrap();
    }
    let done = eyechart().args(["compare", "--format", "json"]).arg(&together).assert().code(0);
    let comparison: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let unbeaten = comparison["unbeaten"].as_array().unwrap();
    assert_eq!(unbeaten.len(), 2, "{unbeaten:?}");
    for (of_task, task) in unbeaten.iter().zip(["one", "two"]) {
        let of_task = of_task["runs"].as_array().unwrap();
        assert_eq!(of_task.len(), 2, "{of_task:?}");
        assert!(
            of_task.iter().all(|run| run.as_str().unwrap().contains(&format!("-{task}-"))),
            "{of_task:?}"
        );
    }
}
