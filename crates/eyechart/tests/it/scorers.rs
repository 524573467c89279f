//! The right measure for each kind of answer, as a user meets it: a task, models behind an endpoint, a table.

use crate::common::{self, Place, endpoint, eyechart, rule, stderr, stdout};
use eyechart::rehearse::Server;
use serde_json::{Value, json};

const COLOURS: [&str; 4] = ["red", "green", "blue", "yellow"];

/// `eyechart` without any encoder: what needs none must not look for one.
fn without_encoder() -> assert_cmd::Command {
    let mut command = eyechart();
    command.env("EYECHART_ENCODER", "/nowhere/there/is/no/encoder");
    command
}

/// 200 questions with four options each, whose right one is at every place.
fn two_hundred_questions(place: &Place) -> std::path::PathBuf {
    let row = |index: usize| {
        let options: Vec<&str> = (0..4).map(|at| COLOURS[(at + index / 4) % 4]).collect();
        json!({"id": format!("q{index}"), "question": format!("Which colour has shape number {index}?"),
            "options": options, "label": letter(index % 4)})
    };
    place.write_jsonl("colours.jsonl", &(0..200).map(row).collect::<Vec<_>>());
    let task = r#"name = "colours"
[dataset]
file = "colours.jsonl"
id = "id"
choices = { options = "options", label = "label" }
[prompt]
text = "{{ question }}"
"#;
    place.write("colours.toml", task)
}

/// Words an answer of which the letter and the option's text are known.
type Wording = fn(char, &str) -> String;

fn letter(index: usize) -> char {
    ['A', 'B', 'C', 'D'][index]
}

/// Answers in the words of `say` (letter, text), right for the first `right` questions.
fn scripted(model: &str, right: usize, say: Wording) -> Vec<Value> {
    let answer = |index: usize| {
        let at = if index < right { index % 4 } else { (index + 1) % 4 };
        say(letter(at), COLOURS[(at + index / 4) % 4])
    };
    let rule = |index: usize| json!({"model": model, "prompt": format!("shape number {index}?"), "answer": answer(index)});
    (0..200).map(rule).collect()
}

fn run(task: &std::path::Path, model: &str, server: &Server, place: &Place) -> Value {
    let out = place.path(&format!("runs-{model}"));
    let output = without_encoder()
        .arg("run")
        .arg(task)
        .args(["--model", &format!("custom/{model}"), "--base-url", &server.url(), "--format", "json"])
        .arg("--out")
        .arg(&out)
        .assert()
        .code(0)
        .get_output()
        .clone();
    serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0].clone()
}

fn value_of<'a>(results: &'a Value, id: &str) -> &'a Value {
    let figures = results["figures"].as_array().unwrap();
    let ids: Vec<&Value> = figures.iter().map(|figure| &figure["id"]).collect();
    &figures.iter().find(|figure| figure["id"] == id).unwrap_or_else(|| panic!("no {id} in {ids:?}"))["value"]
}

#[test]
fn three_models_that_word_their_answers_differently_get_the_accuracy_that_they_have() {
    let place = Place::new();
    let task = two_hundred_questions(&place);
    let models: [(&str, usize, Wording); 3] = [
        ("sentence", 156, |letter, text| format!("{letter}. {text}")),
        ("letter", 137, |letter, _| letter.to_string()),
        ("marked", 156, |letter, _| format!("ANSWER: {letter}")),
    ];
    let rules = models.iter().flat_map(|(model, right, say)| scripted(model, *right, *say));
    let server = endpoint(rules.map(rule).collect());
    for (model, right, _) in models {
        let results = run(&task, model, &server, &place);
        assert_eq!(value_of(&results, "choice.accuracy"), &json!(right as f64 / 200.0), "{model}");
        assert_eq!(value_of(&results, "choice.readable"), &json!(1.0), "{model}");
    }
    let runs = ["sentence", "letter", "marked"].map(|model| place.path(&format!("runs-{model}")));
    let table = stdout(without_encoder().arg("results").args(runs).assert().code(0).get_output());
    for row in [
        "custom/sentence  ",
        "custom/letter",
        "custom/marked",
        "accuracy",
        "readable",
        "78.0 [71.8, 83.2]",
        "68.5",
    ] {
        assert!(table.contains(row), "no {row:?} in\n{table}");
    }
    assert_eq!(table.matches("78.0").count(), 2, "{table}");
    assert!(table.contains("accuracy: share of answers that pick the right option."), "{table}");
    assert!(!table.contains("win rate") && !table.contains("top-1"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn an_answer_in_a_sentence_is_as_good_as_a_bare_one() {
    let place = Place::new();
    let row = |index: usize| json!({"id": index, "question": format!("Which year is on sign {index}?"), "year": format!("{}", 2000 + index)});
    place.write_jsonl("years.jsonl", &(0..20).map(row).collect::<Vec<_>>());
    let task = place.write(
        "years.toml",
        r#"name = "years"
[dataset]
file = "years.jsonl"
id = "id"
[prompt]
text = "{{ question }}"
[[score]]
scorer = "exact_match"
target = "year"
extract = "final_answer"
"#,
    );
    type Wording = fn(usize) -> String;
    let says: [(&str, Wording); 3] = [
        ("bare", |year| year.to_string()),
        ("marked", |year| format!("Answer: {year}")),
        ("sentence", |year| format!("The answer is **{year}**.")),
    ];
    let answer =
        |say: fn(usize) -> String, index: usize| say(2000 + if index < 15 { index } else { index + 1 });
    let rules = says.iter().flat_map(|(model, say)| {
        (0..20).map(move |index| {
            rule(json!({"model": model, "prompt": format!("sign {index}?"), "answer": answer(*say, index)}))
        })
    });
    let server = endpoint(rules.collect());
    for (model, _) in says {
        let results = run(&task, model, &server, &place);
        assert_eq!(value_of(&results, "exact_match.accuracy"), &json!(0.75), "{model}");
    }
}

#[test]
fn each_score_says_what_was_read_where_and_by_which_rule() {
    let place = Place::new();
    place.write_jsonl(
        "q.jsonl",
        &[
            json!({"id": "right", "q": "Which?", "o": ["red", "blue"], "l": "B"}),
            json!({"id": "wrong", "q": "Which?", "o": ["red", "blue"], "l": "A"}),
            json!({"id": "refusal", "q": "Which?", "o": ["red", "blue"], "l": "A"}),
            json!({"id": "two", "q": "Which?", "o": ["red", "red"], "l": "red"}),
            json!({"id": "gone", "q": "Which?", "o": ["red", "blue"], "l": "A"}),
        ],
    );
    let task = place.write(
        "q.toml",
        "name = \"q\"\n[dataset]\nfile = \"q.jsonl\"\nid = \"id\"\n\
         choices = { options = \"o\", label = \"l\" }\n[prompt]\ntext = \"{{ q }}\"\n",
    );
    let outputs = place.write_jsonl(
        "out.jsonl",
        &[
            json!({"id": "right", "output": "Größe zählt: Answer: B"}),
            json!({"id": "wrong", "output": "B"}),
            json!({"id": "refusal", "output": "I cannot see the picture."}),
            json!({"id": "two", "output": "A"}),
            json!({"id": "gone", "output": ""}),
        ],
    );
    without_encoder()
        .arg("run")
        .arg(&task)
        .args(["--model", "m", "--label", "first try", "--outputs"])
        .arg(outputs)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(1);
    let run = place.run();
    assert_eq!(run.sample("right")["choices"], json!({"options": ["red", "blue"], "label": "B"}));
    assert_eq!(run.sample("two")["choices"], json!({"options": ["red", "red"]}));
    assert_eq!(run.json("spec.json")["label"], "first try");
    let scores = run.lines("scores.jsonl");
    let score = |id: &str| scores.iter().find(|score| score["id"] == id).unwrap().clone();
    let right = score("right");
    assert_eq!(
        (&right["value"], &right["answer"], &right["name"]),
        (&json!(1.0), &json!("B"), &json!("choice"))
    );
    let [start, end] = serde_json::from_value::<[usize; 2]>(right["span"].clone()).unwrap();
    let read: String = "Größe zählt: Answer: B".chars().skip(start).take(end - start).collect();
    assert!(read.contains('B'), "{right}");
    assert_eq!(score("refusal")["answer"], "none");
    assert_eq!(score("refusal")["value"], 0.0);
    let reason = score("two")["unscored"].as_str().unwrap().to_owned();
    assert!(reason.contains("more than one"), "{reason}");
    assert_eq!(scores.len(), 4, "a failed sample has no score");

    let results = run.json("results.json");
    let accuracy = &results["figures"][0];
    assert_eq!((&accuracy["id"], &accuracy["primary"]), (&json!("choice.accuracy"), &json!(true)));
    assert_eq!((&accuracy["kind"], &accuracy["n"]), (&json!("share"), &json!(3)));
    assert_eq!(accuracy["worst"], 1.0 / 4.0, "the failed sample is wrong");
    assert_eq!(accuracy["best"], 3.0 / 4.0, "the failed one and the refusal are right");
    assert_eq!(results["figures"].as_array().unwrap().iter().filter(|f| f["primary"] == true).count(), 1);
    assert_eq!(results["unscored"][0]["n"], 1);

    let table = stdout(without_encoder().arg("results").arg(run.path()).assert().code(0).get_output());
    assert!(
        table.contains("m [first try]")
            && table.contains("  m [first try]   ")
            && table.contains("1 score missing: the label names"),
        "{table}"
    );

    let show = |options: &[&str]| {
        let shown =
            without_encoder().arg("show").arg(run.path()).args(options).assert().code(0).get_output().clone();
        stdout(&shown)
    };
    let wrong = show(&["--wrong"]);
    assert!(
        wrong.contains("sample wrong") && wrong.contains("sample refusal") && !wrong.contains("sample right")
    );
    assert!(
        wrong.contains("read: B") && wrong.contains("rule: ") && wrong.contains("span: characters 0 to 1: B")
    );
    let failed = show(&["--failed"]);
    assert!(failed.contains("sample gone") && failed.contains("error") && !failed.contains("sample wrong"));
    assert!(show(&["--sample", "right"]).contains("Größe zählt"));
    assert!(show(&["--worst", "1"]).contains("sample wrong"));
    let json: Value = serde_json::from_str(&show(&["--wrong", "--format", "json"])).unwrap();
    assert_eq!(json[0]["scores"][0]["value"], 0.0);
}

#[test]
fn a_run_is_scored_again_by_another_task_and_figures_have_the_ids_that_flags_take() {
    let place = Place::new();
    place.write_jsonl(
        "q.jsonl",
        &[
            json!({"id": "a", "q": "How much?", "total": "12.50", "shop": "Corner"}),
            json!({"id": "b", "q": "How much?", "total": "7", "shop": "Market"}),
        ],
    );
    let task =
        "name = \"receipts\"\n[dataset]\nfile = \"q.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"{{ q }}\"\n";
    let own = place
        .write("receipts.toml", format!("{task}[[score]]\nscorer = \"exact_match\"\ntarget = \"total\"\n"));
    let outputs = place.write_jsonl(
        "out.jsonl",
        &[
            json!({"id": "a", "output": "{\"total\": 12.5, \"shop\": \"corner\"}"}),
            json!({"id": "b", "output": "```json\n{\"total\": \"$7.00\", \"shop\": \"Kiosk\"}\n```"}),
        ],
    );
    without_encoder()
        .arg("run")
        .arg(&own)
        .args(["--model", "m", "--outputs"])
        .arg(outputs)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    let run = place.run();
    assert_eq!(run.json("results.json")["figures"][0]["value"], 0.0);
    // The column `shop` is not in the record: it is read from the run's data.
    let fields = "[[score]]\nscorer = \"json_fields\"\n[score.fields]\ntotal = \"number\"\nshop = \"exact\"\n\
                  [[score]]\nscorer = \"number\"\nname = \"amount\"\ntarget = \"total\"\n";
    let other = place.write("again.toml", format!("{task}{fields}"));
    let score = |code| {
        let mut command = without_encoder();
        command
            .arg("score")
            .arg(run.path())
            .arg("--task")
            .arg(&other)
            .assert()
            .code(code)
            .get_output()
            .clone()
    };
    score(0);
    let bytes = |name: &str| std::fs::read(run.path().join(name)).unwrap();
    let first = (bytes("scores.jsonl"), bytes("results.json"));
    score(0);
    assert!(first == (bytes("scores.jsonl"), bytes("results.json")), "scoring twice gives the same bytes");
    let results = run.json("results.json");
    assert_eq!(value_of(&results, "json_fields.records"), &json!(0.5));
    assert_eq!(value_of(&results, "json_fields.fields"), &json!(0.75));
    assert_eq!(value_of(&results, "amount.accuracy"), &json!(1.0), "{results}");
    assert_eq!(results["scored_by"]["sha256"].as_str().unwrap().len(), 64);
    let explanation = &run.lines("scores.jsonl")[2]["explanation"];
    assert_eq!(explanation, "wrong: shop");
    without_encoder().arg("check").arg(run.path()).assert().code(0);

    let show = |figure: &str, code| {
        let mut command = without_encoder();
        command.arg("show").arg(run.path()).args(["--worst", "1", "--figure", figure]);
        command.assert().code(code).get_output().clone()
    };
    assert!(stdout(&show("fields", 0)).contains("sample b"));
    let error = stderr(&show("accuracies", 2));
    assert!(error.contains("json_fields.records, json_fields.fields"), "{error}");

    // Data that has changed is not taken for what it was.
    place.write_jsonl("q.jsonl", &[json!({"id": "a", "q": "How much?", "total": "1", "shop": "Corner"})]);
    let error = stderr(&score(2));
    assert!(error.contains("shop") && error.contains("has changed"), "{error}");
}

#[test]
fn a_task_file_is_checked_without_running_it_and_every_mistake_is_shown() {
    let place = Place::new();
    let task = "name = \"t\"\n[dataset]\nfile = \"q.jsonl\"\n[prompt]\ntext = \"{{ q }}\"\n";
    let good = place.write("good.toml", format!("{task}[[score]]\nscorer = \"anls\"\ntarget = \"a\"\n"));
    let output = without_encoder().args(["tasks", "check"]).arg(&good).assert().code(0).get_output().clone();
    assert_eq!(stdout(&output), "t: anls.mean\n");
    let unread = place.write(
        "unread.toml",
        format!("{task}[[score]]\nscorer = \"anls\"\ntarget = \"a\"\nextract = \"final\"\n"),
    );
    let error = stderr(without_encoder().args(["tasks", "check"]).arg(&unread).assert().code(2).get_output());
    assert!(error.contains("line 9, column 11: expected \"final_answer\", { regex = "), "{error}");
    let entries = "[[score]]\nscorer = \"exact_mach\"\ntarget = \"a\"\n\
                   [[score]]\nscorer = \"similarity\"\ntarget = \"a\"\nthreshhold = 0.5\n\
                   [[score]]\nscorer = \"vqa_accuracy\"\ntarget = \"a\"\nreferences = \"best\"\n\
                   [[score]]\nscorer = \"choice\"\n\
                   [[score]]\nscorer = \"anls\"\n\
                   [[score]]\nscorer = \"number\"\ntarget = \"a\"\ntolerance = -1\n\
                   [[score]]\nscorer = \"anls\"\ntarget = \"a\"\nextract = { regex = \"(\" }\n\
                   [[score]]\nscorer = \"anls\"\ntarget = \"b\"\n[[score]]\nscorer = \"anls\"\ntarget = \"b\"\n";
    let bad = place.write("bad.toml", format!("{task}{entries}"));
    let error = stderr(without_encoder().args(["tasks", "check"]).arg(&bad).assert().code(2).get_output());
    for expected in [
        "line 7, column 10: unknown scorer \"exact_mach\" (did you mean \"exact_match\"?)",
        "line 12, column 14: unknown key `threshhold`",
        "(did you mean \"threshold\"?)",
        "vqa_accuracy reads all references at once",
        "choice needs the columns with options and label",
        "anls needs a `target`",
        "`tolerance` is -1: expected 0 or more",
        "`regex` cannot be read",
        "a second [[score]] named \"anls\"",
    ] {
        assert!(error.contains(expected), "no {expected:?} in\n{error}");
    }
}

#[test]
fn a_request_field_that_would_make_the_record_untrue_is_refused() {
    let place = Place::new();
    let task = place.texts(2);
    let server = endpoint(Vec::new());
    for param in ["model=\"other\"", "messages=[]", "n=2"] {
        let output = common::run_at(&server, &place, &task)
            .args(["--param", param])
            .assert()
            .code(2)
            .get_output()
            .clone();
        let key = param.split('=').next().unwrap();
        let error = stderr(&output);
        assert!(error.contains("--param") && error.contains(&format!("`{key}` cannot be set")), "{error}");
    }
    assert!(server.requests().is_empty());
    assert!(place.all_runs().is_empty());
}

#[test]
fn scoring_again_gives_the_same_bytes_whatever_the_number_of_threads() {
    let place = Place::new();
    let row = |index: usize| {
        let colour = COLOURS[index % 4];
        json!({"id": index, "said": format!("A {colour} bird sits on branch {index}."),
            "captions": [format!("a {colour} bird on a branch"), "an animal in a tree", "leaves"]})
    };
    place.write_jsonl("birds.jsonl", &(0..40).map(row).collect::<Vec<_>>());
    let task = place.write(
        "birds.toml",
        "name = \"birds\"\n[dataset]\nfile = \"birds.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"?\"\n\
         [[score]]\nscorer = \"captions\"\ntarget = \"captions\"\n\
         [[score]]\nscorer = \"similarity\"\ntarget = \"captions\"\nreferences = \"mean\"\n\
         [[score]]\nscorer = \"chrf\"\ntarget = \"captions\"\nreferences = \"each\"\n",
    );
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "recorded/said", "--out"]).arg(place.runs());
    command.assert().code(0);
    let run = place.run();
    let bytes = || ["scores.jsonl", "results.json"].map(|name| std::fs::read(run.path().join(name)).unwrap());
    let first = bytes();
    for threads in ["1", "3"] {
        eyechart().arg("score").arg(run.path()).args(["--embed-threads", threads]).assert().code(0);
        assert!(first == bytes(), "with {threads} threads");
    }
    let results = run.json("results.json");
    let ids: Vec<&str> =
        results["figures"].as_array().unwrap().iter().map(|figure| figure["id"].as_str().unwrap()).collect();
    let expected = [
        "captions.cider",
        "captions.bleu_1",
        "captions.bleu_2",
        "captions.bleu_3",
        "captions.bleu_4",
        "captions.rouge_l",
        "similarity.mean",
        "similarity.share_above",
        "chrf.mean",
    ];
    assert_eq!(ids, expected);
    let n = |id: &str| {
        results["figures"].as_array().unwrap().iter().find(|f| f["id"] == id).unwrap()["n"].clone()
    };
    assert_eq!(
        (n("captions.bleu_4"), n("similarity.mean"), n("chrf.mean")),
        (json!(40), json!(40), json!(120))
    );
}

#[test]
fn yes_or_no_questions_have_the_figures_of_pope_and_mme() {
    let place = Place::new();
    let rows = [
        ("1", "a.jpg", "count", "yes", "Yes, there are two."),
        ("2", "a.jpg", "count", "no", "No."),
        ("3", "b.jpg", "count", "yes", "yes"),
        ("4", "b.jpg", "count", "no", "Yes"),
        ("5", "c.jpg", "colour", "yes", "I cannot tell."),
        ("6", "c.jpg", "colour", "no", "no"),
    ];
    let row = |(id, image, kind, label, _): &(&str, &str, &str, &str, &str)| json!({"id": id, "image": image, "kind": kind, "label": label});
    place.write_jsonl("rows.jsonl", &rows.iter().map(row).collect::<Vec<_>>());
    let outputs: Vec<Value> =
        rows.iter().map(|(id, _, _, _, output)| json!({"id": id, "output": output})).collect();
    let outputs = place.write_jsonl("out.jsonl", &outputs);
    let task = place.write(
        "rows.toml",
        "name = \"rows\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"?\"\n\
         [images]\ncolumn = \"image\"\n\
         [[score]]\nscorer = \"yes_no\"\ntarget = \"label\"\n\
         [[score]]\nscorer = \"mme\"\ntarget = \"label\"\ncategory = \"kind\"\n",
    );
    let mut command = without_encoder();
    command
        .arg("run")
        .arg(task)
        .args(["--model", "m", "--outputs"])
        .arg(outputs)
        .arg("--out")
        .arg(place.runs());
    command.assert().code(0);
    let run = place.run();
    assert_eq!(run.sample("3")["cluster"], "b.jpg", "recorded answers have their picture's place too");
    let results = run.json("results.json");
    let figure = |id: &str| value_of(&results, id).as_f64().unwrap();
    assert_eq!(figure("yes_no.accuracy"), 4.0 / 6.0);
    assert_eq!(figure("yes_no.precision"), 2.0 / 3.0);
    assert_eq!(figure("yes_no.recall"), 2.0 / 3.0);
    assert_eq!(figure("yes_no.yes_share"), 3.0 / 6.0);
    assert_eq!(figure("yes_no.readable"), 5.0 / 6.0);
    assert_eq!(figure("mme.accuracy_plus"), 1.0 / 3.0);
    assert_eq!(figure("mme.score"), 75.0 + 50.0 + 50.0 + 0.0);
    let table = stdout(without_encoder().arg("results").arg(run.path()).assert().code(0).get_output());
    assert!(table.contains("accuracy+") && table.contains("175.0"), "{table}");
}
