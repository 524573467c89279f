//! The scorer `command`: what its program is given, what its lines mean, and what becomes of a program that fails.

use std::io::Read as _;

use crate::common::command::{ONES, reasons, rows, run, score, scored, shell, task, values};
use crate::common::{Place, stderr, stdout};
use serde_json::{Value, json};

#[test]
fn the_program_of_the_docs_scores_each_answer() {
    let docs = include_str!("../../../../docs/scorers-command.md");
    let example = docs.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let place = Place::new();
    place.write("score.py", example);
    rows(&place, &["a", "B", " A "]);
    let python = std::env::var("EYECHART_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = scored(&place, &format!("command = {}", json!([python, "score.py"])));
    assert_eq!(values(&run), [json!(1.0), json!(0.0), json!(1.0)]);
    let results = run.json("results.json");
    let figure = &results["figures"][0];
    assert_eq!(
        (&figure["id"], &figure["kind"], &figure["n"]),
        (&json!("command.mean"), &json!("mean"), &json!(3))
    );
    assert!((figure["value"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn the_program_is_given_everything_that_belongs_to_a_sample() {
    let place = Place::new();
    rows(&place, &["x"]);
    place.write_jsonl(
        "rows.jsonl",
        &[json!({"id": "s-0", "question": "Which?", "answer": ["A", "", "Б"], "unit": "cm", "group": "g",
            "options": ["red", "blue"], "label": "B", "image": "missing.jpg"})],
    );
    place.write_jsonl("outputs.jsonl", &[json!({"id": "s-0", "output": "first line\nАнswer: \u{1f600}\n"})]);
    let keys = format!(
        "take = \"other_lines\"\nextract = {{ after = \"swer:\" }}\ncolumns = [\"unit\"]\n{}",
        shell("tee given.jsonl | while read -r line; do echo '{\"value\": 0.5}'; done")
    );
    let text = std::fs::read_to_string(task(&place, &keys)).unwrap();
    let dataset = "id = \"id\"\ncluster = \"group\"\nchoices = { options = \"options\", label = \"label\" }";
    let file = place.write("t.toml", text.replace("id = \"id\"", dataset));
    run(&place, &file).arg("--allow-command").assert().code(0);
    let given = std::fs::read_to_string(place.path("given.jsonl")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&given).unwrap(),
        json!({"id": "s-0", "epoch": 1, "prompt": "Which?", "answer": "\u{1f600}",
            "output": "first line\nАнswer: \u{1f600}\n", "references": ["A", "Б"],
            "targets": {"answer": ["A", "", "Б"]}, "fields": {"unit": "cm"}, "images": [],
            "choices": {"options": ["red", "blue"], "label": "B"}, "cluster": "g"})
    );
    let score = &place.run().lines("scores.jsonl")[0];
    assert_eq!((&score["value"], &score["answer"]), (&json!(0.5), &json!("\u{1f600}")));
    assert!(score.get("reference").is_none(), "{score}");
}

#[test]
fn answer_explanation_and_counts_of_a_line_are_kept() {
    let place = Place::new();
    rows(&place, &["x", "y"]);
    let lines = [
        json!({"id": "s-0", "epoch": 1, "value": 1, "answer": "é", "explanation": "same", "counts": {"hits": 2}}),
        json!({"unscored": "no reference", "value": null, "answer": null, "anything": [1]}),
    ];
    let run = scored(&place, &shell(&format!("cat >/dev/null; echo '{}'; echo '{}'", lines[0], lines[1])));
    let scores = run.lines("scores.jsonl");
    assert_eq!(
        scores[0],
        json!({"id": "s-0", "epoch": 1, "name": "command", "scorer": "command", "part": "answer", "target": "answer",
            "value": 1.0, "answer": "é", "explanation": "same", "counts": {"hits": 2.0}})
    );
    assert_eq!(
        scores[1],
        json!({"id": "s-1", "epoch": 1, "name": "command", "scorer": "command", "part": "answer", "target": "answer",
            "unscored": "no reference"})
    );
}

#[test]
fn a_bad_line_leaves_its_own_sample_unscored() {
    let bad = [
        ("Loading the model", "not JSON"),
        ("", "not JSON"),
        ("{\"value\": NaN}", "not finite"),
        ("{\"value\": -Infinity}", "not finite"),
        ("{\"value\": 1e999}", "not JSON"),
        ("{\"value\": 1.5}", "outside the range 0 to 1"),
        ("{\"value\": -0.1}", "outside the range 0 to 1"),
        ("{\"value\": \"high\"}", "`value` is not a number"),
        ("{\"value\": true}", "`value` is not a number"),
        ("{\"value\": null}", "neither `value` nor `unscored`"),
        ("{\"score\": 1}", "neither `value` nor `unscored`"),
        ("{\"value\": 1, \"unscored\": \"?\"}", "both `value` and `unscored`"),
        ("{\"unscored\": \"\"}", "`unscored` is empty"),
        ("[1]", "not a JSON object"),
        ("1", "not a JSON object"),
        ("{\"id\": \"s-0\", \"value\": 1}", "of another sample"),
        ("{\"value\": 1, \"answer\": 7}", "`answer` is not a text"),
        ("{\"value\": 1, \"counts\": {\"a\": \"b\"}}", "`counts` has a value that is not a number"),
        ("{\"value\": 1, \"counts\": {\"scores\": 1}}", "`scores`, which eyechart uses itself"),
    ];
    let place = Place::new();
    rows(&place, &vec!["x"; bad.len() + 2]);
    let good = "{\"value\": 1}";
    let lines: Vec<&str> =
        [good].into_iter().chain(bad.iter().map(|(line, _)| *line)).chain([good]).collect();
    place.write("lines.txt", lines.join("\n") + "\n");
    let run = scored(&place, &shell("cat lines.txt"));
    let scores = run.lines("scores.jsonl");
    assert_eq!((&scores[0]["value"], &scores[scores.len() - 1]["value"]), (&json!(1.0), &json!(1.0)));
    for ((line, expected), score) in bad.iter().zip(&scores[1..]) {
        assert!(score["unscored"].as_str().unwrap().contains(expected), "{line}: {score}");
        let explanation = score["explanation"].as_str().unwrap();
        assert!(line.chars().all(|c| explanation.contains(c)), "{line}: {score}");
    }
    assert_eq!(run.json("results.json")["figures"][0]["n"], 2);
}

#[test]
fn a_line_may_name_its_sample_and_null_names_none() {
    let place = Place::new();
    let lines = [
        ("{\"id\": null, \"epoch\": null, \"value\": 1}", json!(1.0)),
        ("{\"id\": \"s-1\", \"epoch\": 1.0, \"value\": 1}", json!(1.0)),
        ("{\"epoch\": 1.5, \"value\": 1}", json!(null)),
        ("{\"epoch\": 2, \"value\": 1}", json!(null)),
        ("{\"epoch\": \"1\", \"value\": 1}", json!(null)),
        ("{\"id\": 5, \"value\": 1}", json!(null)),
    ];
    rows(&place, &lines.each_ref().map(|_| "x"));
    place.write("lines.txt", lines.each_ref().map(|(line, _)| *line).join("\n"));
    let run = scored(&place, &shell("cat lines.txt"));
    assert_eq!(values(&run), lines.map(|(_, value)| value));
    assert_eq!(reasons(&run), ["the command's line is of another sample"; 4]);
}

#[test]
fn an_answer_in_which_extract_finds_nothing_is_not_given_to_the_program() {
    for unparsed in ["", "unparsed = \"wrong\"\n", "unparsed = \"unscored\"\n"] {
        let place = Place::new();
        rows(&place, &["Answer: a", "no marker", "Answer: b"]);
        let script = "tee given.jsonl | while read -r line; do echo '{\"value\": 5}'; done";
        let keys =
            format!("range = [1, 5]\nextract = {{ after = \"Answer:\" }}\n{unparsed}{}", shell(script));
        let run = scored(&place, &keys);
        let given = std::fs::read_to_string(place.path("given.jsonl")).unwrap();
        assert!(given.lines().count() == 2 && !given.contains("no marker"), "{given}");
        assert_eq!(values(&run), [json!(5.0), json!(null), json!(5.0)]);
        let score = &run.lines("scores.jsonl")[1];
        assert_eq!(score["unscored"], "no answer could be read");
        assert_eq!(score["explanation"], "`extract` found no answer");
        let results = run.json("results.json");
        assert_eq!(results["scorers"][0]["parameters"]["unparsed"], "unscored");
        let readable = &results["figures"][1];
        assert_eq!(readable["id"], "command.readable");
        assert!((readable["value"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12, "{readable}");
    }
}

#[test]
fn samples_with_an_empty_target_or_column_are_not_given_to_the_program() {
    for (keys, reason) in
        [("", "the target is empty"), ("column = \"unit\"\n", "the recorded column is empty")]
    {
        let place = Place::new();
        rows(&place, &["x", "y"]);
        let target = if keys.is_empty() { "" } else { "A" };
        let first = json!({"id": "s-0", "question": "?", "answer": target, "unit": ""});
        let second = json!({"id": "s-1", "question": "?", "answer": "A", "unit": "cm"});
        place.write_jsonl("rows.jsonl", &[first, second]);
        let script = "tee given.jsonl | while read -r line; do echo '{\"value\": 1}'; done";
        let run = scored(&place, &format!("{keys}{}", shell(script)));
        assert_eq!(values(&run), [json!(null), json!(1.0)]);
        assert_eq!(reasons(&run), [reason]);
        assert_eq!(std::fs::read_to_string(place.path("given.jsonl")).unwrap().lines().count(), 1);
    }
}

#[test]
fn a_program_that_crashes_leaves_the_remaining_samples_unscored() {
    let place = Place::new();
    rows(&place, &["a", "b", "c", "d"]);
    let script = "read -r line; echo '{\"value\": 1}'; echo first >&2; echo 'ValueError: bad' >&2; exit 3";
    let file = task(&place, &shell(script));
    let output = run(&place, &file).arg("--allow-command").assert().code(0).get_output().clone();
    let run = place.run();
    assert_eq!(values(&run), [json!(1.0), json!(null), json!(null), json!(null)]);
    let reason = "the command ended after 1 of 4 lines (exit status: 3): ValueError: bad";
    assert_eq!(reasons(&run), [reason; 3]);
    assert!(stderr(&output).contains("  first\n  ValueError: bad"), "{}", stderr(&output));
    let table = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(table.contains(&format!("3 scores missing: {reason}")), "{table}");
}

#[test]
fn a_program_that_is_killed_or_cannot_be_started_does_not_stop_the_run() {
    for (keys, expected) in [
        (shell("kill -9 $$"), "the command ended after 0 of 2 lines (signal: 9 (SIGKILL))"),
        (shell("exec >&-; exec sleep 1000"), "the command ended after 0 of 2 lines (still running)"),
        (
            "command = [\"no-such-program-5d1\"]".to_owned(),
            "the program \"no-such-program-5d1\" is not in PATH",
        ),
        ("command = [\"/no/such/program\"]".to_owned(), "the program /no/such/program does not exist"),
        (
            "command = [\"/etc/passwd\"]".to_owned(),
            "cannot start /etc/passwd: Permission denied (os error 13)",
        ),
    ] {
        let place = Place::new();
        rows(&place, &["a", "b"]);
        let run = scored(&place, &format!("timeout = 2\n{keys}"));
        assert_eq!(reasons(&run), [expected; 2]);
    }
}

#[test]
fn a_program_that_never_answers_is_stopped_with_all_that_it_started() {
    let place = Place::new();
    rows(&place, &["a", "b", "c"]);
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Reads until no process has the pipe open for writing.
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            std::fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    });
    let script = "(echo started; sleep 100; echo alive) >pipe & read -r line; echo '{\"value\": 1}'; wait";
    let run = scored(&place, &format!("timeout = 0.2\n{}", shell(script)));
    // On a slow machine the program may be stopped before it opens the pipe; the reader must not wait for it then.
    drop(std::fs::File::options().read(true).write(true).open(&pipe).unwrap());
    assert!(!reader.join().unwrap().contains("alive"), "the child of the child was not stopped");
    let reasons = reasons(&run);
    assert_eq!(reasons.last().unwrap(), "the command neither read nor wrote a line for 0.2 s");
    assert!(reasons.len() >= 2, "{reasons:?}");
}

#[test]
fn a_program_may_read_everything_before_it_answers() {
    let place = Place::new();
    rows(&place, &vec!["x".repeat(200); 2_000]);
    let run = scored(&place, &shell("sed 's/.*/{\"value\": 0.25}/' >all; cat all"));
    assert_eq!(values(&run), vec![json!(0.25); 2_000]);
}

#[test]
fn a_program_that_writes_more_lines_than_samples_scores_nothing() {
    for script in ["echo Loading; while read -r line; do echo '{\"value\": 1}'; done", "yes '{\"value\": 1}'"]
    {
        let place = Place::new();
        rows(&place, &["a", "b", "c"]);
        let run = scored(&place, &shell(script));
        assert_eq!(reasons(&run), ["the command wrote more than 3 lines for 3 samples"; 3], "{script}");
    }
}

#[test]
fn a_program_that_goes_on_after_its_last_line_is_stopped_and_its_scores_count() {
    let place = Place::new();
    rows(&place, &["a", "b"]);
    let run = scored(&place, &format!("timeout = 3\n{}", shell(&format!("{ONES}; echo; exec sleep 1000"))));
    assert_eq!(values(&run), [json!(1.0), json!(1.0)]);
}

#[test]
fn five_thousand_samples_and_answers_of_a_megabyte_pass_without_a_deadlock() {
    let place = Place::new();
    rows(&place, &vec!["Δ 漢字 \u{1f600} \u{2028} \"quoted\" \\ \t"; 5_000]);
    // Long lines on both pipes and on stderr at once.
    let noisy = "while read -r line; do echo \"$line\" >&2; echo '{\"value\": 1}'; done";
    let run = scored(&place, &shell(noisy));
    assert_eq!(values(&run), vec![json!(1.0); 5_000]);

    let place = Place::new();
    let long = "漢".repeat(350_000);
    rows(&place, &vec![long; 4]);
    let echo = "sed 's/^{/{\"value\": 1, /'";
    let run = scored(&place, &shell(echo));
    let scores = run.lines("scores.jsonl");
    assert_eq!(values(&run), vec![json!(1.0); 4]);
    let answer = scores[0]["answer"].as_str().unwrap();
    assert!(answer.chars().count() == 10_000 && answer.ends_with('…'), "long texts are cut with a mark");
}

#[test]
fn a_line_without_end_is_not_held_in_memory() {
    let place = Place::new();
    rows(&place, &["a", "b"]);
    let script = "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo '{\"value\": 1}'";
    let run = scored(&place, &shell(script));
    assert_eq!(values(&run), [json!(null), json!(1.0)]);
    assert_eq!(reasons(&run), ["the command's line is longer than 4 MiB"]);
}

#[test]
fn range_and_direction_are_those_of_the_task() {
    let place = Place::new();
    rows(&place, &["a"]);
    let keys = format!(
        "range = [-5, 10]\nhigher_is_better = false\n{}",
        shell("read -r l; echo '{\"value\": 7.5}'")
    );
    let results = scored(&place, &keys).json("results.json");
    let (scorer, figure) = (&results["scorers"][0], &results["figures"][0]);
    for of in [scorer, figure] {
        assert_eq!((&of["range"], &of["direction"]), (&json!([-5.0, 10.0]), &json!("lower")));
    }
    assert_eq!(figure["value"], 7.5);
    assert_eq!(scorer["parameters"]["timeout"], 60.0);
}

#[test]
fn scoring_again_starts_the_program_again() {
    let place = Place::new();
    rows(&place, &["a"]);
    let counter = place.path("count");
    let script = format!("echo x >>{}; {ONES}", counter.display());
    let run = scored(&place, &shell(&script));
    score(&run, &["--allow-command"]);
    assert_eq!(std::fs::read_to_string(counter).unwrap(), "x\nx\n");
    assert_eq!(values(&run), [json!(1.0)]);
}
