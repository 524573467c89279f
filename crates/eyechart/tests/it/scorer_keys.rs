//! The keys that scorers share, in combination: what is read, what is unreadable, and what several references make of it.

use crate::common::{Place, RunFiles, eyechart, stderr, stdout};
use serde_json::{Value, json};

const HEAD: &str = "[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"?\"\n";

/// A run over recorded answers, scored by `entries`.
fn scored(place: &Place, rows: &[Value], entries: &str) -> RunFiles {
    place.write_jsonl("rows.jsonl", rows);
    let task = place.write("rows.toml", format!("name = \"rows\"\n{HEAD}{entries}"));
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "recorded/said", "--out"]).arg(place.runs());
    command.assert().code(0);
    place.run()
}

fn figure(run: &RunFiles, id: &str) -> Value {
    let results = run.json("results.json");
    let figures = results["figures"].as_array().unwrap().clone();
    figures.into_iter().find(|figure| figure["id"] == id).unwrap_or_else(|| panic!("no {id} in {results}"))
}

#[test]
fn an_unreadable_answer_weighs_as_much_as_a_readable_one_whatever_references_says() {
    let rows = [
        json!({"id": "a", "said": "Answer: red", "colours": ["red", "blue", "green", "pink"]}),
        json!({"id": "b", "said": "I do not know", "colours": ["red", "blue", "green", "pink"]}),
    ];
    for (references, n, value) in [("each", 8, 0.125), ("best", 2, 0.5), ("mean", 2, 0.125)] {
        let place = Place::new();
        let entry = format!(
            "[[score]]\nscorer = \"exact_match\"\ntarget = \"colours\"\nreferences = \"{references}\"\n\
             extract = {{ after = \"Answer:\" }}\n"
        );
        let run = scored(&place, &rows, &entry);
        let accuracy = figure(&run, "exact_match.accuracy");
        assert_eq!((&accuracy["n"], &accuracy["value"]), (&json!(n), &json!(value)), "{references}");
        assert_eq!(figure(&run, "exact_match.readable")["value"], 0.5, "{references}");
        eyechart().arg("check").arg(run.path()).assert().code(0);
    }
}

#[test]
fn unreadable_answers_without_a_score_are_counted_by_every_scorer_that_reads() {
    let rows = [
        json!({"id": "a", "said": "It shows 12.", "n": "12", "yes": "yes", "o": ["12", "13"], "l": "A"}),
        json!({"id": "b", "said": "I cannot tell.", "n": "12", "yes": "yes", "o": ["12", "13"], "l": "A"}),
    ];
    let place = Place::new();
    let entries = "[[score]]\nscorer = \"number\"\ntarget = \"n\"\nunparsed = \"unscored\"\nextract = \"final_answer\"\n\
                   [[score]]\nscorer = \"yes_no\"\ntarget = \"yes\"\nunparsed = \"unscored\"\n\
                   [[score]]\nscorer = \"json_fields\"\nfields = { n = \"number\" }\nunparsed = \"unscored\"\n\
                   [[score]]\nscorer = \"number\"\nname = \"mean\"\ntarget = \"n\"\nreferences = \"mean\"\n\
                   extract = \"final_answer\"\n";
    let run = scored(&place, &rows, entries);
    let number = figure(&run, "number.accuracy");
    assert_eq!((&number["value"], &number["n"]), (&json!(1.0), &json!(1)));
    assert_eq!((&number["worst"], &number["best"]), (&json!(0.5), &json!(1.0)));
    assert_eq!(figure(&run, "number.readable")["value"], 0.5);
    assert_eq!(figure(&run, "yes_no.readable")["value"], 0.0);
    let precision = figure(&run, "yes_no.precision");
    assert_eq!(
        (precision.get("value"), &precision["n"]),
        (None, &json!(0)),
        "a ratio over nothing is absent"
    );
    assert_eq!(figure(&run, "json_fields.readable")["value"], 0.0);
    let mean = figure(&run, "mean.accuracy");
    assert_eq!((&mean["value"], &mean["kind"]), (&json!(0.5), &json!("mean")));
    assert_eq!(figure(&run, "mean.readable")["value"], 0.5, "the scorer itself says what it could read");
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn references_that_disagree_leave_a_label_unscored() {
    let rows = [
        json!({"id": "a", "said": "yes", "l": ["no", "yes"]}),
        json!({"id": "b", "said": "yes", "l": ["yes", "Yes."]}),
    ];
    let place = Place::new();
    let run = scored(&place, &rows, "[[score]]\nscorer = \"yes_no\"\ntarget = \"l\"\n");
    let accuracy = figure(&run, "yes_no.accuracy");
    assert_eq!((&accuracy["value"], &accuracy["n"]), (&json!(1.0), &json!(1)));
    assert!(
        run.json("results.json")["unscored"][0]["reason"].as_str().unwrap().contains("several references")
    );
}

#[test]
fn entries_of_one_name_have_ids_of_their_own_and_runs_of_other_scorers_columns_of_their_own() {
    let place = Place::new();
    let rows = [json!({"id": "a", "said": "{\"x\": \"1\"}", "x": "1", "o": "{\"x\": \"2\"}"})];
    let entries = "[[score]]\nscorer = \"json_fields\"\nfields = { x = \"exact\" }\n\
                   [[score]]\nscorer = \"json_fields\"\ntarget = \"o\"\n";
    let run = scored(&place, &rows, entries);
    assert_eq!(figure(&run, "json_fields.records")["value"], 1.0);
    assert_eq!(figure(&run, "json_fields.o.records")["value"], 0.0);

    let rows = [json!({"id": "a", "said": "It is red.", "c": "red"})];
    let place = Place::new();
    for scorer in ["exact_match", "contains"] {
        place.write_jsonl("rows.jsonl", &rows);
        let entry = format!("[[score]]\nscorer = \"{scorer}\"\nname = \"main\"\ntarget = \"c\"\n");
        let task = place.write(&format!("{scorer}.toml"), format!("name = \"rows\"\n{HEAD}{entry}"));
        let mut command = eyechart();
        command.arg("run").arg(task).args(["--model", "recorded/said", "--label", scorer, "--out"]);
        command.arg(place.runs()).assert().code(0);
    }
    let table = stdout(eyechart().arg("results").arg(place.runs()).assert().code(0).get_output());
    let heads = ["accuracy (exact_match)", "accuracy (contains)"];
    assert!(heads.iter().all(|head| table.lines().next().unwrap().contains(head)), "{table}");
}

#[test]
fn of_a_folder_of_runs_only_those_of_the_files_task_are_scored_by_it() {
    let place = Place::new();
    let rows = [json!({"id": "a", "said": "It is red.", "c": "red"})];
    place.write_jsonl("rows.jsonl", &rows);
    let entry = "[[score]]\nscorer = \"exact_match\"\ntarget = \"c\"\n";
    for name in ["one", "two"] {
        let task = place.write(&format!("{name}.toml"), format!("name = \"{name}\"\n{HEAD}{entry}"));
        let mut command = eyechart();
        command.arg("run").arg(task).args(["--model", "recorded/said", "--out"]).arg(place.runs());
        command.assert().code(0);
    }
    let other = place.write(
        "again.toml",
        format!("name = \"two\"\n{HEAD}[[score]]\nscorer = \"contains\"\ntarget = \"c\"\n"),
    );
    let mut command = eyechart();
    let output =
        command.arg("score").arg(place.runs()).arg("--task").arg(other).assert().code(0).get_output().clone();
    assert!(stderr(&output).contains(" is of the task \"one\""), "{}", stderr(&output));
    let scorers: Vec<Value> =
        place.all_runs().iter().map(|run| run.json("results.json")["scorers"][0]["scorer"].clone()).collect();
    assert!(scorers.contains(&json!("exact_match")) && scorers.contains(&json!("contains")), "{scorers:?}");
}

#[test]
fn published_figures_that_no_table_would_show_are_mistakes() {
    let place = Place::new();
    let check = |published: &str| {
        let task = place.write(
            "t.toml",
            format!("name = \"t\"\n{HEAD}[[score]]\nscorer = \"anls\"\ntarget = \"a\"\n[[published]]\nsource = \"s\"\nmodel = \"m\"\n{published}"),
        );
        let output = eyechart().args(["tasks", "check"]).arg(task).output().unwrap();
        stderr(&output)
    };
    assert_eq!(check("target = \"a\"\nfigures = { mean = 0.5 }\n"), "");
    assert!(
        check("target = \"b\"\nfigures = { mean = 0.5 }\n").contains("no [[score]] has the part, the target")
    );
    assert!(
        check("target = \"a\"\nfigures = { men = 0.5 }\n")
            .contains("unknown metric `men`: expected one of mean")
    );
    assert!(
        check("target = \"a\"\nfigures = { mean = 55 }\n")
            .contains("expected a number from 0 to 1, not percent")
    );
}

#[test]
fn a_column_that_no_row_has_is_named_when_a_run_is_scored_again() {
    let place = Place::new();
    let rows = [json!({"id": "a", "said": "It is red.", "c": "red"})];
    let run = scored(&place, &rows, "[[score]]\nscorer = \"contains\"\ntarget = \"c\"\n");
    for entry in [
        "scorer = \"contains\"\ntarget = \"nowhere\"",
        "scorer = \"anls\"\ntarget = \"c\"\ncolumn = \"nowhere\"",
    ] {
        let task = place.write("again.toml", format!("name = \"rows\"\n{HEAD}[[score]]\n{entry}\n"));
        let mut command = eyechart();
        command.arg("score").arg(run.path()).arg("--task").arg(task);
        let error = stderr(command.assert().code(2).get_output());
        assert!(error.contains("no row of the data has a column \"nowhere\""), "{error}");
    }
}

#[test]
fn failed_samples_that_no_scorer_could_have_scored_are_in_no_bound() {
    let place = Place::new();
    let row =
        |id: &str, said: &str, label: &str| json!({"id": id, "said": said, "o": ["red", "blue"], "l": label});
    let rows = [row("a", "A", "A"), row("b", "B", "A"), row("c", "", "A"), row("d", "", "neither")];
    place.write_jsonl("rows.jsonl", &rows);
    let head = HEAD.replace("id = \"id\"\n", "id = \"id\"\nchoices = { options = \"o\", label = \"l\" }\n");
    let task = place.write("rows.toml", format!("name = \"rows\"\n{head}"));
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "recorded/said", "--out"]).arg(place.runs());
    command.assert().code(1);
    let accuracy = figure(&place.run(), "choice.accuracy");
    assert_eq!((&accuracy["value"], &accuracy["n"]), (&json!(0.5), &json!(2)));
    assert_eq!((&accuracy["worst"], &accuracy["best"]), (&json!(1.0 / 3.0), &json!(2.0 / 3.0)));
}
