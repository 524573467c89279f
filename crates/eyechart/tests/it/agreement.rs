//! `eyechart agreement`: whether the scorers of a run agree with each other and with people.

use std::io::Write as _;

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::common::{Place, RunFiles, eyechart, stderr, stdout};
use crate::formats::{check, schema};

const TASK: &str = "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\ncluster = \"group\"\n\
     [prompt]\ntext = \"?\"\n[[score]]\nscorer = \"exact_match\"\ntarget = \"right\"\n\
     [[score]]\nscorer = \"token_f1\"\ntarget = \"right\"\n[[score]]\nscorer = \"anls\"\ntarget = \"right\"\n";

/// Words that share more or fewer tokens and letters with `red green blue`.
const ANSWERS: [&str; 8] = [
    "red green blue",
    "red green",
    "blue",
    "red green black",
    "rad grean blua",
    "no",
    "red green blue yellow",
    "green",
];

/// A run of these answers. Two samples in a row are a cluster; `human` is a column that the run does not record.
fn scored(place: &Place, task: &str, answers: &[&str]) -> RunFiles {
    let row = |i: usize| {
        json!({"id": format!("s{i}"), "right": "red green blue", "group": (i / 2).to_string(),
            "human": u8::from(i.is_multiple_of(3)), "blank": ""})
    };
    let output = |(i, answer): (usize, &&str)| json!({"id": format!("s{i}"), "output": answer});
    place.write_jsonl("rows.jsonl", &(0..answers.len()).map(row).collect::<Vec<_>>());
    place.write_jsonl("outputs.jsonl", &answers.iter().enumerate().map(output).collect::<Vec<_>>());
    let task = place.write("t.toml", task);
    let mut command = eyechart();
    command.arg("run").arg(task).arg("--outputs").arg(place.path("outputs.jsonl"));
    command.arg("--out").arg(place.runs()).assert().code(0);
    place.run()
}

fn agreement(run: &RunFiles) -> Command {
    let mut command = eyechart();
    command.arg("agreement").arg(run.path());
    command
}

/// The agreement as JSON, which is as its schema says.
fn as_json(command: &mut Command) -> Value {
    let assert = command.args(["--format", "json"]).assert().code(0);
    let agreement = serde_json::from_str(&stdout(assert.get_output())).unwrap();
    check(&schema("agreement.schema.json"), &agreement);
    agreement
}

/// What `eyechart calc` says.
fn calc(function: &str, args: Value) -> Value {
    let mut line = Vec::new();
    writeln!(line, "{}", json!({"fn": function, "args": args})).unwrap();
    let assert = eyechart().arg("calc").write_stdin(line).assert().code(0);
    serde_json::from_str(&stdout(assert.get_output())).unwrap()
}

/// The scores of an entry, in the order of the record.
fn values(run: &RunFiles, name: &str) -> Vec<f64> {
    let scores = run.lines("scores.jsonl").into_iter().filter(|score| score["name"] == name);
    scores.map(|score| score["value"].as_f64().unwrap()).collect()
}

#[track_caller]
fn is_close(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
}

#[test]
fn each_two_entries_are_compared_by_rank_with_intervals() {
    let place = Place::new();
    let run = scored(&place, &TASK.replace("cluster = \"group\"\n", ""), &ANSWERS);
    let found = as_json(&mut agreement(&run));
    assert_eq!(found["format"], "eyechart.agreement/1");
    let sides: Vec<_> =
        found["pairs"].as_array().unwrap().iter().map(|pair| (&pair["first"], &pair["second"])).collect();
    let names = [json!("exact_match"), json!("token_f1"), json!("anls")];
    assert_eq!(sides, [(&names[0], &names[1]), (&names[0], &names[2]), (&names[1], &names[2])]);
    let pair = &found["pairs"][2];
    assert_eq!((&pair["n"], &pair["clusters"], &pair["only_first"]), (&json!(8), &json!(8), &json!(0)));
    let args = json!({"x": values(&run, "token_f1"), "y": values(&run, "anls")});
    for (function, measure) in [("kendall", "tau_b"), ("spearman", "rho")] {
        let expected = calc(function, args.clone());
        is_close(&pair[measure]["value"], &expected[measure]);
        is_close(&pair[measure]["low"], &expected["low"]);
        is_close(&pair[measure]["high"], &expected["high"]);
    }
}

#[test]
fn the_samples_whose_ranks_differ_most_come_first() {
    let place = Place::new();
    let run = scored(&place, TASK, &ANSWERS);
    let found = as_json(agreement(&run).args(["--samples", "2"]));
    let differing = found["pairs"][2]["differing"].as_array().unwrap();
    assert_eq!(differing.len(), 2);
    // No token is right, and nearly all letters are.
    assert_eq!(differing[0]["id"], "s4");
    assert_eq!((&differing[0]["first"], &differing[0]["epoch"]), (&json!(0.0), &json!(1)));
    let rank = |one: &Value, side: &str| one[side].as_f64().unwrap();
    let distance = |one: &Value| (rank(one, "first_rank") - rank(one, "second_rank")).abs();
    assert!(distance(&differing[0]) >= distance(&differing[1]), "{differing:#?}");
    let table = stdout(agreement(&run).assert().code(0).get_output());
    assert!(table.contains("Samples that differ most"), "{table}");
}

#[test]
fn a_cluster_is_left_out_whole() {
    let place = Place::new();
    // Each answer comes twice, in one cluster: there are as many independent answers as clusters.
    let twice: Vec<&str> = ANSWERS.iter().flat_map(|answer| [*answer, *answer]).collect();
    let pair = as_json(&mut agreement(&scored(&place, TASK, &twice)))["pairs"][2].clone();
    let place = Place::new();
    let once = as_json(&mut agreement(&scored(&place, &TASK.replace("cluster = \"group\"\n", ""), &ANSWERS)));
    assert_eq!((&pair["n"], &pair["clusters"]), (&json!(16), &json!(8)));
    let width = |pair: &Value| pair["rho"]["high"].as_f64().unwrap() - pair["rho"]["low"].as_f64().unwrap();
    assert!(width(&pair) > 0.9 * width(&once["pairs"][2]), "{} and {}", pair["rho"], once["pairs"][2]["rho"]);
}

#[test]
fn a_constant_side_has_no_figure_and_the_table_says_why() {
    let place = Place::new();
    let run = scored(&place, TASK, &["red", "green", "no", "red blue"]);
    let found = as_json(&mut agreement(&run));
    let pair = &found["pairs"][0];
    assert_eq!(pair["tau_b"], json!({"absent": "first_constant"}));
    assert_eq!(pair["rho"], json!({"absent": "first_constant"}));
    let table = stdout(agreement(&run).assert().code(0).get_output());
    assert!(table.contains("all values of exact_match are equal"), "{table}");
    let csv = stdout(agreement(&run).args(["--format", "csv"]).assert().code(0).get_output());
    assert!(csv.contains("exact_match,token_f1,tau_b,,,,0.95,4,2,first_constant\n"), "{csv}");
}

/// Ten answers, right but for three.
fn ten(place: &Place) -> RunFiles {
    let one = TASK.split("[[score]]").take(2).collect::<Vec<_>>().join("[[score]]");
    let answers: Vec<&str> = (0..10).map(|i| if i < 7 { "red green blue" } else { "no" }).collect();
    scored(place, &one.replace("cluster = \"group\"\n", ""), &answers)
}

#[test]
fn labels_of_a_file_give_accuracy_kappa_and_alpha() {
    let place = Place::new();
    let run = ten(&place);
    // Scores 1111111000, labels 1111100110.
    let label = |i: usize| u8::from(i < 5 || i == 7 || i == 8);
    let line = |i: usize| format!("s{i},{}\n", label(i));
    let file = place.write("labels.csv", format!("id,rating\n{}", (0..10).map(line).collect::<String>()));
    let found = as_json(agreement(&run).arg("--labels").arg(&file));
    let labels = &found["labels"];
    assert_eq!((&labels["compared"], &labels["column"]), (&json!("scores"), &json!("rating")));
    assert_eq!((&labels["labelled"], &labels["unlabelled"]["count"]), (&json!(10), &json!(0)));
    let entry = &labels["entries"][0];
    // By hand: 6 of 10 agree (5 times 1, once 0); 0.7 · 0.7 + 0.3 · 0.3 by chance.
    is_close(&entry["accuracy"]["value"], &json!(0.6));
    is_close(&entry["kappa"]["value"], &json!((0.6 - 0.58) / 0.42));
    let (scores, labels): (Vec<u8>, Vec<u8>) = (0..10).map(|i| (u8::from(i < 7), label(i))).unzip();
    let expected = calc("kappa", json!({"a": scores, "b": labels, "categories": [0, 1]}));
    for measure in ["kappa", "kappa_linear", "kappa_quadratic"] {
        is_close(&entry[measure]["low"], &expected["low"]);
        is_close(&entry[measure]["high"], &expected["high"]);
    }
    let expected = calc("krippendorff", json!({"ratings": [scores, labels], "metric": "interval"}));
    is_close(&entry["alpha"]["value"], &expected["alpha"]);
    is_close(&entry["alpha"]["low"], &expected["low"]);
    is_close(&entry["accuracy"]["low"], &calc("wilson", json!({"x": 6, "n": 10}))["low"]);
    let expected = calc("kendall", json!({"x": scores, "y": labels}));
    is_close(&entry["tau_b"]["value"], &expected["tau_b"]);
    let differing: Vec<_> = entry["differing"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(differing, ["s5", "s6", "s7"]);
}

#[test]
fn labels_of_a_column_are_read_from_the_data_of_the_run() {
    let place = Place::new();
    let run = ten(&place);
    let labels = as_json(agreement(&run).args(["--labels", "human"]))["labels"].clone();
    assert_eq!((&labels["source"], &labels["labelled"]), (&json!("data"), &json!(10)));
    // Scores 1111111000, labels 1001001001.
    is_close(&labels["entries"][0]["accuracy"]["value"], &json!(0.5));
    let refused = agreement(&run).args(["--labels", "humann"]).assert().code(2);
    let message = stderr(refused.get_output());
    assert!(message.contains("\"humann\" is neither a file nor a column of the run"), "{message}");
    let refused = agreement(&run).args(["--labels", "blank"]).assert().code(2);
    let message = stderr(refused.get_output());
    assert!(message.contains("no sample has a label in the column \"blank\""), "{message}");
}

#[test]
fn texts_are_compared_with_what_the_scorer_read() {
    let place = Place::new();
    let rows: Vec<Value> = ["A", "B", "A", "B", "A", "A"]
        .iter()
        .enumerate()
        .map(|(i, human)| json!({"id": i, "options": ["one", "two"], "label": "A", "human": human}))
        .collect();
    place.write_jsonl("rows.jsonl", &rows);
    let outputs: Vec<Value> = ["A", "(B)", "b", "The answer is B.", "A", "maybe"]
        .iter()
        .enumerate()
        .map(|(i, answer)| json!({"id": i, "output": answer}))
        .collect();
    let outputs = place.write_jsonl("outputs.jsonl", &outputs);
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n\
         choices = { options = \"options\", label = \"label\" }\n[prompt]\ntext = \"?\"\n",
    );
    eyechart()
        .arg("run")
        .arg(task)
        .arg("--outputs")
        .arg(outputs)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    let run = place.run();
    let labels = as_json(agreement(&run).args(["--labels", "human"]))["labels"].clone();
    let entry = &labels["entries"][0];
    // `choice` reads "none" from an answer that names no option.
    assert_eq!((&labels["compared"], &entry["n"]), (&json!("answers"), &json!(6)), "{labels:#}");
    is_close(&entry["accuracy"]["value"], &json!(4.0 / 6.0));
    let expected = calc(
        "kappa",
        json!({"a": ["A", "B", "B", "B", "A", "none"], "b": ["A", "B", "A", "B", "A", "A"],
        "categories": ["A", "B", "none"]}),
    );
    is_close(&entry["kappa"]["value"], &expected["kappa"]);
    assert_eq!(entry["kappa_linear"], json!({"absent": "texts"}));
}

#[test]
fn what_cannot_be_matched_is_counted_and_named() {
    let place = Place::new();
    let run = ten(&place);
    let lines = [
        json!({"id": "s0", "label": 1, "note": "x"}),
        json!({"id": "s1", "label": 0}),
        json!({"id": "s1", "label": true}),
        json!({"id": "s8", "label": false}),
        json!({"id": "stranger", "label": 1}),
        json!({"id": "s9", "label": null}),
        json!({"label": 1}),
    ];
    let file = place.write_jsonl("labels.jsonl", &lines);
    let command = || {
        let mut command = agreement(&run);
        command.arg("--labels").arg(&file);
        command
    };
    let labels = as_json(&mut command())["labels"].clone();
    assert_eq!(labels["unknown"], json!({"count": 1, "ids": ["stranger"]}));
    assert_eq!((&labels["labelled"], &labels["unlabelled"]["count"]), (&json!(3), &json!(7)));
    assert_eq!((&labels["repeated"], &labels["bad_lines"]), (&json!(1), &json!(1)));
    // The last label of s1 counts, and `true` is 1.
    is_close(&labels["entries"][0]["accuracy"]["value"], &json!(1.0));
    let table = stdout(command().assert().code(0).get_output());
    assert!(table.contains("1 label of samples that the run does not have: stranger."), "{table}");
    assert!(table.contains("7 samples without a label: s2, s3"), "{table}");
}

#[test]
fn scores_that_are_no_labels_have_rank_correlations_only() {
    let place = Place::new();
    let run = scored(&place, TASK, &ANSWERS);
    let found = as_json(agreement(&run).args(["--labels", "human"]));
    let entries = &found["labels"]["entries"];
    let f1 = &entries[1];
    assert_eq!(f1["accuracy"], json!({"absent": "no_categories"}));
    let labels: Vec<u8> = (0..8_usize).map(|i| u8::from(i.is_multiple_of(3))).collect();
    let expected = calc("spearman", json!({"x": values(&run, "token_f1"), "y": labels}));
    is_close(&f1["rho"]["value"], &expected["rho"]);
}

#[test]
fn accuracy_remains_if_all_labels_are_equal_and_most_scores_are_not() {
    let place = Place::new();
    let run = ten(&place);
    for (label, accuracy) in [("0", 0.3), ("1", 0.7), ("5", 0.0)] {
        let line = |i: usize| format!("s{i},{label}\n");
        let file = place.write("labels.csv", format!("id,label\n{}", (0..10).map(line).collect::<String>()));
        let entry = as_json(agreement(&run).arg("--labels").arg(&file))["labels"]["entries"][0].clone();
        is_close(&entry["accuracy"]["value"], &json!(accuracy));
        assert_eq!(entry["kappa"], json!({"absent": "second_constant"}));
    }
}

/// Two epochs of each of two samples.
fn two_epochs(place: &Place) -> RunFiles {
    place.write_jsonl("rows.jsonl", &["a", "b"].map(|id| json!({"id": id, "right": "yes"})));
    let lines = [("a", 1, "yes"), ("a", 2, "no"), ("b", 1, "no"), ("b", 2, "no")];
    let lines = lines.map(|(id, epoch, output)| json!({"id": id, "epoch": epoch, "output": output}));
    let outputs = place.write_jsonl("outputs.jsonl", &lines);
    let one = TASK.split("[[score]]").take(2).collect::<Vec<_>>().join("[[score]]");
    let task = place.write("t.toml", one.replace("cluster = \"group\"\n", ""));
    let mut command = eyechart();
    command.arg("run").arg(task).arg("--outputs").arg(outputs);
    command.arg("--out").arg(place.runs()).assert().code(0);
    place.run()
}

#[test]
fn answers_without_a_label_and_labels_of_other_epochs_are_named_with_their_epoch() {
    let place = Place::new();
    let run = two_epochs(&place);
    let file = place.write("labels.csv", "id,epoch,label\na,1,1\na,3,1\nb,2,0\nb,first,0\nstranger,1,0\n");
    let command = || {
        let mut command = agreement(&run);
        command.arg("--labels").arg(&file);
        command
    };
    let labels = as_json(&mut command())["labels"].clone();
    assert_eq!(labels["unlabelled"], json!({"count": 2, "ids": ["a", "b"], "epochs": [2, 1]}));
    assert_eq!(labels["unknown_epochs"], json!({"count": 1, "ids": ["a"], "epochs": [3]}));
    assert_eq!(labels["unknown"], json!({"count": 1, "ids": ["stranger"]}));
    let table = stdout(command().assert().code(0).get_output());
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    for note in [
        "2 answers without a label: a (epoch 2), b (epoch 1).",
        "1 label of epochs that the run does not have: a (epoch 3).",
        "1 label of samples that the run does not have: stranger.",
        "1 line left out, such as row 4: expected a whole number as epoch, found \"first\".",
    ] {
        assert!(table.contains(note), "{note}: {table}");
    }
}

#[test]
fn labels_of_which_none_belongs_to_the_run_are_refused_with_an_id_of_each_side() {
    let place = Place::new();
    let run = two_epochs(&place);
    let refused = |labels: &str| {
        let file = place.write("labels.csv", labels);
        let assert = agreement(&run).arg("--labels").arg(file).assert().code(2);
        assert_eq!(stdout(assert.get_output()), "");
        stderr(assert.get_output())
    };
    let said = refused("id,label\nimage-7,1\nimage-8,0\n");
    assert!(said.contains("ids such as \"image-7\", and the run has ids such as \"a\""), "{said}");
    let said = refused("id,epoch,label\na,3,1\n");
    assert!(said.contains("\"a\" (epoch 3), and the run has ids such as \"a\" (epoch 1)"), "{said}");
    let said = refused("id,label\na,\n");
    assert!(said.contains("no row has both an id and a label in \"label\""), "{said}");
}

#[test]
fn lines_of_the_record_that_cannot_be_read_are_named() {
    let place = Place::new();
    let run = scored(&place, TASK, &ANSWERS);
    let log = run.path().join("samples.jsonl");
    std::fs::write(&log, std::fs::read_to_string(&log).unwrap() + "not JSON\n").unwrap();
    let said = stderr(agreement(&run).assert().code(0).get_output());
    assert!(said.contains("samples.jsonl:9: not a sample's record"), "{said}");
}

#[test]
fn nothing_to_compare_and_labels_that_cannot_be_used_are_refused() {
    let place = Place::new();
    let run = ten(&place);
    let refused = |arguments: &[&str]| {
        let assert = agreement(&run).args(arguments).current_dir(place.path("")).assert().code(2);
        stderr(assert.get_output())
    };
    assert!(refused(&[]).contains("has scores of one entry only (exact_match): --labels"));
    place.write("no_id.csv", "name,label\na,1\n");
    assert!(refused(&["--labels", "no_id.csv"]).contains("no column \"id\""));
    place.write("two.csv", "id,a,b\ns1,1,1\n");
    assert!(refused(&["--labels", "two.csv"]).contains("several columns can be the labels (a, b)"));
    assert!(
        refused(&["--labels", "two.csv", "--label-column", "c"]).contains("no column \"c\"; it has a, b, id")
    );
    agreement(&run)
        .args(["--labels", "two.csv", "--label-column", "a"])
        .current_dir(place.path(""))
        .assert()
        .code(0);
}

#[test]
fn the_table_fits_a_narrow_terminal() {
    let place = Place::new();
    let run = scored(&place, TASK, &ANSWERS);
    for columns in ["80", "40"] {
        let assert = agreement(&run).args(["--labels", "human"]).env("COLUMNS", columns).assert().code(0);
        let table = stdout(assert.get_output());
        let most: usize = columns.parse().unwrap();
        let is_wide = |line: &&str| line.chars().count() > most;
        assert_eq!(table.lines().find(is_wide), None, "{table}");
    }
}
