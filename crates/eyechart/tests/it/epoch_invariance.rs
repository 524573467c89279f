//! Figures of runs with `--epochs` that must not depend on how often each sample was asked.

use serde_json::{Value, json};

use crate::common::compared::{calc, is_close};
use crate::common::{Place, RunFiles, eyechart, stdout};

/// A task over `rows.jsonl` with this `[[score]]`, and a cluster for each picture.
fn task(score: &str) -> String {
    format!(
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\ncluster = \"picture\"\n\
         [prompt]\ntext = \"?\"\n[[score]]\n{score}\n"
    )
}

/// The run of `rows`, whose ids are their positions, with these answers, one for each epoch.
fn run_of(place: &Place, score: &str, rows: &[Value], answers: &[Vec<&str>]) -> RunFiles {
    place.write_jsonl("rows.jsonl", rows);
    let of_row = |(id, epochs): (usize, &Vec<&str>)| {
        let line = |(epoch, answer): (usize, &&str)| json!({"id": id, "epoch": epoch + 1, "output": answer});
        epochs.iter().enumerate().map(line).collect::<Vec<_>>()
    };
    let outputs =
        place.write_jsonl("outputs.jsonl", &answers.iter().enumerate().flat_map(of_row).collect::<Vec<_>>());
    let task = place.write("t.toml", task(score));
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "m", "--outputs"]).arg(outputs);
    command.arg("--out").arg(place.runs()).assert().code(0);
    place.run()
}

fn figure(run: &RunFiles, id: &str) -> Option<Value> {
    let results = run.json("results.json");
    results["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id).cloned()
}

#[track_caller]
fn value(run: &RunFiles, id: &str) -> f64 {
    figure(run, id).unwrap_or_else(|| panic!("{id}"))["value"].as_f64().unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
}

/// Each answer as often as given.
fn repeated<'a>(answers: &[&'a str], epochs: usize) -> Vec<Vec<&'a str>> {
    answers.iter().map(|answer| vec![*answer; epochs]).collect()
}

#[test]
fn captions_have_the_same_figures_if_each_sample_gets_the_same_answer_three_times() {
    let row = |(id, references): (usize, [&str; 2])| json!({"id": id, "picture": id, "target": references});
    let references = [
        ["a cat on a mat", "the cat sits on the mat"],
        ["a red house by a lake", "a house near water"],
        ["two birds in a tree", "birds sit in a tree"],
        ["a dog runs on grass", "the dog plays outside"],
    ];
    let rows: Vec<Value> = references.into_iter().enumerate().map(row).collect();
    let answers =
        ["the cat sits on a mat", "a red house by water", "two birds on a mat", "the dog runs outside"];
    let score = "scorer = \"captions\"\ntarget = \"target\"";
    let (once, thrice) = (Place::new(), Place::new());
    let once = run_of(&once, score, &rows, &repeated(&answers, 1));
    let thrice = run_of(&thrice, score, &rows, &repeated(&answers, 3));
    assert!(value(&once, "captions.cider") > 1.0);
    for metric in ["cider", "bleu_1", "bleu_4", "rouge_l"] {
        let id = format!("captions.{metric}");
        near(value(&thrice, &id), value(&once, &id));
    }
    assert_eq!(figure(&thrice, "captions.cider").unwrap()["n"], 12);
}

#[test]
fn a_picture_of_mme_counts_once_in_each_epoch() {
    let row =
        |id: usize| json!({"id": id, "picture": format!("p{}", id / 2), "kind": "count", "label": "yes"});
    let rows: Vec<Value> = (0..12).map(row).collect();
    // Of six pictures, epochs 1, 2 and 3 have 2, 1 and 3 with a wrong answer: five different pictures.
    let wrong = [vec![0, 2], vec![4], vec![6, 8, 0]];
    let answer = |id: usize, epoch: usize| if wrong[epoch].contains(&id) { "no" } else { "yes" };
    let score = "scorer = \"mme\"\ntarget = \"label\"\ncategory = \"kind\"";
    let run = |epochs: &[usize]| {
        let answers: Vec<Vec<&str>> =
            (0..12).map(|id| epochs.iter().map(|epoch| answer(id, *epoch)).collect()).collect();
        let place = Place::new();
        let run = run_of(&place, score, &rows, &answers);
        ["mme.accuracy_plus", "mme.score"].map(|id| value(&run, id))
    };
    let alone = [run(&[0]), run(&[1]), run(&[2])];
    assert_eq!(alone.map(|[plus, _]| plus), [4.0 / 6.0, 5.0 / 6.0, 3.0 / 6.0]);
    let [plus, score] = run(&[0, 1, 2]);
    near(plus, 2.0 / 3.0);
    near(score, alone.iter().map(|[_, score]| score).sum::<f64>() / 3.0);
    let [same_plus, same_score] = run(&[2, 2]);
    near(same_plus, alone[2][0]);
    near(same_score, alone[2][1]);
}

#[test]
fn the_mean_of_the_highest_scores_is_that_of_an_epoch() {
    let rows: Vec<Value> = (0..3).map(|id| json!({"id": id, "picture": id, "label": "yes"})).collect();
    let score = "scorer = \"similarity\"\ntarget = \"label\"\nk = [2]";
    let answers = ["yes", "a red car", "no"];
    let (once, twice) = (Place::new(), Place::new());
    let once = run_of(&once, score, &rows, &repeated(&answers, 1));
    let twice = run_of(&twice, score, &rows, &repeated(&answers, 2));
    let (one, two) = (value(&once, "similarity.top_2"), value(&twice, "similarity.top_2"));
    assert!((one - two).abs() < 1e-6 && one < 0.999, "{one} and {two}");
}

#[test]
fn scores_of_single_references_are_averaged_by_answer_and_have_no_pass_at_k() {
    let rows: Vec<Value> = (0..4).map(|id| json!({"id": id, "picture": id, "label": ["3", "4"]})).collect();
    let answers = vec![vec!["3", "4"], vec!["3", "5"], vec!["5", "5"], vec!["4", "4"]];
    let score = "scorer = \"number\"\ntarget = \"label\"\nreferences = \"each\"";
    let place = Place::new();
    let run = run_of(&place, score, &rows, &answers);
    assert_eq!(figure(&run, "number.accuracy").unwrap()["n"], 16);
    assert_eq!(figure(&run, "number.pass_at_1"), None);
    let consistency = figure(&run, "number.consistency").unwrap();
    assert_eq!((&consistency["n"], &consistency["value"]), (&json!(4), &json!(0.5)));
    let split = run.json("results.json")["variance"][0].clone();
    // Means of 0.5 and 0 in the second sample, and no difference in the others.
    assert_eq!(split["samples"], 4);
    near(split["within"].as_f64().unwrap(), 0.125 / 4.0);
}

#[test]
fn pass_at_k_that_is_0_or_1_for_each_sample_has_the_interval_of_a_share() {
    let rows: Vec<Value> = (0..10).map(|id| json!({"id": id, "picture": id, "label": "yes"})).collect();
    let answers: Vec<&str> = (0..10).map(|id| if id < 7 { "yes" } else { "no" }).collect();
    let place = Place::new();
    let score = "scorer = \"exact_match\"\ntarget = \"label\"";
    let mut all = repeated(&answers, 2);
    let run = run_of(&place, score, &rows, &all);
    let wilson = calc(json!({"fn": "wilson", "args": {"x": 7, "n": 10}}));
    for id in ["exact_match.pass_at_1", "exact_match.pass_at_2"] {
        let found = figure(&run, id).unwrap();
        assert_eq!((&found["kind"], &found["n"]), (&json!("per_sample"), &json!(10)));
        is_close(&found["low"], wilson["low"].as_f64().unwrap());
        is_close(&found["high"], wilson["high"].as_f64().unwrap());
    }
    // Whether one of all answers is right is 0 or 1 for each sample, and the chance of one answer is not.
    all[7] = vec!["no", "yes"];
    let place = Place::new();
    let run = run_of(&place, score, &rows, &all);
    let wilson = calc(json!({"fn": "wilson", "args": {"x": 8, "n": 10}}));
    is_close(&figure(&run, "exact_match.pass_at_2").unwrap()["low"], wilson["low"].as_f64().unwrap());
    assert_ne!(figure(&run, "exact_match.pass_at_1").unwrap()["low"], wilson["low"]);
    let shown = stdout(eyechart().arg("results").arg(run.path()).assert().code(0).get_output());
    assert!(shown.contains("pass@2"), "{shown}");
}
