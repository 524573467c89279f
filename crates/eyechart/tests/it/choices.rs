//! What a cell means: lists in texts, objects, options in columns, labels as positions.

use crate::common::{Place, RunFiles, bodies, endpoint, eyechart, rule, run_at, stderr};
use serde_json::{Value, json};

/// A task over `rows` with more lines for `[dataset]` and `[[score]]`.
fn task(place: &Place, rows: &[Value], dataset: &str, prompt: &str, score: &str) -> std::path::PathBuf {
    place.write_jsonl("t.jsonl", rows);
    place.write(
        "t.toml",
        format!(
            "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\nid = \"id\"\n{dataset}\n[prompt]\ntext = '''{prompt}'''\n{score}\n"
        ),
    )
}

/// Runs the task; the prompts that were sent in the order of their texts.
fn prompts(place: &Place, task: &std::path::Path, code: i32) -> Vec<String> {
    let server = endpoint(vec![rule(json!({"answer": "B"}))]);
    run_at(&server, place, task).assert().code(code);
    let text = |body: &Value| {
        body["messages"][0]["content"].as_str().map_or_else(
            || body["messages"][0]["content"][0]["text"].as_str().unwrap().to_owned(),
            str::to_owned,
        )
    };
    let mut prompts: Vec<String> = bodies(&server).iter().map(text).collect();
    prompts.sort();
    prompts
}

fn error(run: &RunFiles, id: &str) -> String {
    run.sample(id)["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_text_that_a_template_uses_as_a_list_is_refused_before_it_is_sent() {
    let place = Place::new();
    let rows = [json!({"id": "a", "q": "?", "o": "[\"cat\", \"dog\"]"})];
    for prompt in ["{{ o | join(\", \") }}", "{% for x in o %}{{ x }}{% endfor %}"] {
        let task = task(&place, &rows, "", prompt, "");
        assert_eq!(prompts(&place, &task, 1), [] as [&str; 0]);
        let said = error(&place.run(), "a");
        assert!(said.contains("letter by letter") && said.contains("literal = [\"o\"]"), "{said}");
        std::fs::remove_dir_all(place.runs()).unwrap();
    }
    for literal in ["[\"cat\", \"dog\"]", "['cat', 'dog']"] {
        let rows = [json!({"id": "a", "q": "?", "o": literal})];
        let task = task(&place, &rows, "literal = [\"o\"]", "{{ q }} {{ o | join(\", \") }}", "");
        assert_eq!(prompts(&place, &task, 0), ["? cat, dog"]);
        std::fs::remove_dir_all(place.runs()).unwrap();
    }
}

#[test]
fn a_column_of_literal_that_the_data_lacks_is_named() {
    let place = Place::new();
    let own = task(&place, &[json!({"id": "a", "tags": "[]"})], "literal = [\"tgas\"]", "x", "");
    let output = run_at(&endpoint(Vec::new()), &place, &own).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("no column \"tgas\" (did you mean \"tags\"?)"), "{}", stderr(&output));
}

#[test]
fn options_written_as_python_are_a_list_in_the_prompt_and_for_the_label() {
    let place = Place::new();
    let rows = [json!({"id": "a", "q": "Which?", "options": "['A cat', \"B's dog\"]", "answer": "B"})];
    let choices = "choices = { options = \"options\", label = \"answer\" }";
    let task =
        task(&place, &rows, choices, "{{ q }}{% for option in options %}|{{ option }}{% endfor %}", "");
    assert_eq!(prompts(&place, &task, 0), ["Which?|A cat|B's dog"]);
    let run = place.run();
    assert_eq!(run.json("spec.json")["data"]["unresolved_labels"], 0);
    assert_eq!(run.sample("a")["choices"], json!({"options": ["A cat", "B's dog"], "label": "B"}));
}

#[test]
fn dropped_options_of_a_list_are_in_no_prompt() {
    let place = Place::new();
    let rows = [json!({"id": "a", "o": ["cat", null, "nan", "dog", ""], "l": "D"})];
    let choices = "choices = { options = \"o\", label = \"l\" }";
    let task = task(&place, &rows, choices, "{{ o | join(\"|\") }} {{ choices | join(\"|\") }}", "");
    assert_eq!(prompts(&place, &task, 0), ["cat|dog cat|dog"]);
    assert_eq!(place.run().sample("a")["choices"], json!({"options": ["cat", "dog"], "label": "B"}));
}

#[test]
fn labels_may_be_positions_and_options_may_be_in_columns() {
    let place = Place::new();
    let row = |id: &str, label: Value, d: Value| json!({"id": id, "q": "?", "A": "krill", "Option 2": "whale", "c": d, "l": label});
    let rows = [
        row("a", json!(1), json!("crab")),
        row("b", json!("0"), json!("nan")),
        row("c", json!(2), Value::Null),
    ];
    let choices =
        "choices = { options = [\"A\", \"Option 2\", \"c\"], label = \"l\", form = \"position\", first = 0 }";
    let task = task(&place, &rows, choices, "{{ choices | join(\", \") }}", "");
    assert_eq!(prompts(&place, &task, 0), ["krill, whale", "krill, whale", "krill, whale, crab"]);
    let run = place.run();
    assert_eq!(run.json("spec.json")["data"]["unresolved_labels"], 1);
    let labels = ["a", "b", "c"].map(|id| run.sample(id)["choices"]["label"].clone());
    assert_eq!(labels, [json!("B"), json!("A"), Value::Null]);
    eyechart().arg("score").arg(run.path()).assert().code(0);
    assert_eq!(run.json("results.json")["figures"][0]["value"], 0.5);
}

#[test]
fn options_in_the_text_of_the_question_are_read_from_the_prompt() {
    let place = Place::new();
    let rows = [
        json!({"id": "a", "q": "Which?\nA. red\nB. blue", "l": "B"}),
        json!({"id": "b", "q": "Which?", "l": "B"}),
    ];
    let choices = "choices = { options = \"in_text\", label = \"l\" }";
    let task = task(&place, &rows, choices, "{{ q }}", "");
    prompts(&place, &task, 0);
    let run = place.run();
    assert_eq!(run.json("spec.json")["data"]["unresolved_labels"], 1);
    assert_eq!(run.sample("a")["choices"], json!({"options": ["A. red", "B. blue"], "label": "B"}));
}

#[test]
fn an_object_is_no_reference_and_a_path_to_its_text_is() {
    let place = Place::new();
    let answers = json!([{"answer": "yes", "id": 1}, {"answer": "no", "id": 2}]);
    let rows = [json!({"id": "a", "q": "?", "answers": answers, "one": {"text": ["x"], "start": [1]}})];
    let score = |target: &str| format!("[[score]]\nscorer = \"exact_match\"\ntarget = \"{target}\"");
    for (target, path) in [("answers", "answers[].answer"), ("one", "one.text")] {
        let task = task(&place, &rows, "", "{{ q }}", &score(target));
        assert_eq!(prompts(&place, &task, 1), [] as [&str; 0]);
        let said = error(&place.run(), "a");
        assert!(said.contains(&format!("target = \"{path}\"")), "{said}");
        std::fs::remove_dir_all(place.runs()).unwrap();
    }
    let task = task(&place, &rows, "", "{{ q }}", &score("answers[].answer"));
    prompts(&place, &task, 0);
    assert_eq!(place.run().sample("a")["targets"]["answers[].answer"], json!(["yes", "no"]));
}

#[test]
fn a_target_written_as_a_list_is_one_text_and_a_note_says_so() {
    let place = Place::new();
    let rows = [json!({"id": "a", "q": "?", "t": "[\"red\", \"blue\"]"})];
    let score = "[[score]]\nscorer = \"exact_match\"\ntarget = \"t\"";
    let server = endpoint(vec![rule(json!({"answer": "red"}))]);
    let own = task(&place, &rows, "", "{{ q }}", score);
    let output = run_at(&server, &place, &own).assert().code(0).get_output().clone();
    assert!(stderr(&output).contains("write literal = [\"t\"]"), "{}", stderr(&output));
    assert_eq!(place.run().sample("a")["targets"]["t"], json!(["[\"red\", \"blue\"]"]));
    std::fs::remove_dir_all(place.runs()).unwrap();
    let own = task(&place, &rows, "literal = [\"t\"]", "{{ q }}", score);
    let output = run_at(&server, &place, &own).assert().code(0).get_output().clone();
    assert!(!stderr(&output).contains("literal"), "{}", stderr(&output));
    assert_eq!(place.run().sample("a")["targets"]["t"], json!(["red", "blue"]));
}

#[test]
fn a_column_that_some_rows_lack_is_optional_in_a_template_that_tests_it() {
    let place = Place::new();
    let rows = [
        json!({"id": "a", "q": "1"}),
        json!({"id": "b", "q": "2", "hint": "H"}),
        json!({"id": "c", "q": "3", "hint": null}),
    ];
    let own = task(&place, &rows, "", "{{ q }}{% if hint %} {{ hint }}{% endif %}", "");
    assert_eq!(prompts(&place, &own, 0), ["1", "2 H", "3"]);
    std::fs::remove_dir_all(place.runs()).unwrap();
    let own = task(&place, &rows, "", "{{ q }} {{ hint }}", "");
    assert_eq!(prompts(&place, &own, 1), ["2 H"]);
    for id in ["a", "c"] {
        assert!(error(&place.run(), id).contains("needs the column \"hint\""), "{}", error(&place.run(), id));
    }
}

#[test]
fn a_mistake_in_choices_is_shown_with_what_was_expected() {
    let place = Place::new();
    for (choices, expected) in [
        ("options = 3, label = \"l\"", "expected a string or a list of strings"),
        ("options = [], label = \"l\"", "`options` is empty"),
        ("options = [\"A\", \" \"], label = \"l\"", "`options` is empty"),
        ("options = \"o\", label = \"\"", "`label` is empty"),
        ("options = \"o\", label = \"l\", form = \"positon\"", "did you mean `position`?"),
        ("options = \"o\", label = \"l\", first = 1", "`first` needs form = \"position\""),
    ] {
        let own = task(&place, &[], &format!("choices = {{ {choices} }}"), "x", "");
        let output = eyechart().args(["tasks", "check"]).arg(own).assert().code(2).get_output().clone();
        assert!(stderr(&output).contains(expected), "{choices}: {}", stderr(&output));
    }
}

#[test]
fn a_template_that_grows_without_bound_fails_its_samples_and_not_the_process() {
    let place = Place::new();
    let doubling = format!("{{% set x = q %}}{}{{{{ x | length }}}}", "{% set x = x ~ x %}".repeat(40));
    let rows = [json!({"id": "a", "q": "some text"})];
    let own = task(&place, &rows, "", &doubling, "");
    assert_eq!(prompts(&place, &own, 1), [] as [&str; 0]);
    assert!(error(&place.run(), "a").contains("takes too long or becomes too large"));
    let own = task(&place, &rows, "", &format!("{{{{ {}1 }}}}", "not ".repeat(200_000)), "");
    let output = eyechart().args(["tasks", "check"]).arg(own).assert().code(2).get_output().clone();
    assert!(
        stderr(&output).contains("more than 500 names, numbers and signs"),
        "{}",
        &stderr(&output)[..300]
    );
}
