//! What `init` makes of data whose columns have unusual names, shapes or gaps: a task that scores, or a message that says what
//! is missing.

use serde_json::{Value, json};

use crate::common::{Place, eyechart, jpeg, stderr};

/// What `init` writes for rows of JSONL, and what it says on stderr in one line.
fn init(place: &Place, rows: &[Value]) -> (String, String) {
    place.write_jsonl("d.jsonl", rows);
    let output = eyechart()
        .arg("init")
        .arg(place.path("d.jsonl"))
        .arg("--force")
        .assert()
        .code(0)
        .get_output()
        .clone();
    let said = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    (std::fs::read_to_string(place.path("d.toml")).unwrap(), said)
}

/// The labels that a run of the written task records, by id.
fn labels(place: &Place) -> Vec<Value> {
    let _ = std::fs::remove_dir_all(place.runs());
    let mut command = eyechart();
    command.arg("run").arg(place.path("d.toml")).args([
        "--model",
        "recorded/question",
        "--no-score",
        "--out",
    ]);
    command.arg(place.runs()).assert().code(0);
    place.run().samples().iter().map(|sample| sample["choices"]["label"].clone()).collect()
}

#[test]
fn options_in_an_object_become_options_with_the_letters_of_its_keys() {
    for as_text in [false, true] {
        let place = Place::new();
        let row = |id: &str, label: &str| {
            let options = json!({"B": "Blue", "A": "Red", "C": null});
            let options = if as_text { Value::from(options.to_string()) } else { options };
            json!({"id": id, "question": format!("Which {id}?"), "options": options, "answer": label})
        };
        let (written, _) = init(&place, &[row("a", "A"), row("b", "B")]);
        let line =
            "choices = { options = [\"options.A\", \"options.B\", \"options.C\"], label = \"answer\" }";
        assert!(written.contains(line), "{written}");
        assert_eq!(labels(&place), ["A", "B"]);
        let prompt = place.run().sample("a")["prompt"].clone();
        assert_eq!(prompt, "Which a?\n\nA. Red\nB. Blue\n\nAnswer with the letter of the right option.");
    }
}

#[test]
fn options_in_a_list_of_objects_become_options_by_their_texts() {
    let place = Place::new();
    let row = |id: &str, label: &str| {
        let options = json!([{"key": "A", "text": "Red"}, {"key": "B", "text": "Blue"}]);
        json!({"id": id, "question": format!("Which {id}?"), "options": options, "answer": label})
    };
    let (written, _) = init(&place, &[row("a", "A"), row("b", "Blue")]);
    assert!(written.contains("choices = { options = \"options[].text\", label = \"answer\" }"), "{written}");
    assert_eq!(labels(&place), ["A", "B"]);
    let (written, said) = init(&place, &[row("a", "?"), row("b", "none")]);
    assert!(said.contains("gives no option"), "{said}");
    assert!(
        written.contains("literal = [\"options\"]") && !written.contains("scorer = \"choice\""),
        "{written}"
    );
    labels(&place);
    let prompt = place.run().sample("a")["prompt"].clone();
    assert_eq!(prompt, "Which a?\n\nA. Red\nB. Blue\n\nAnswer with the right option.");
}

#[test]
fn a_label_is_found_by_its_values_whatever_the_name_of_its_column() {
    for name in ["Lösung", "答え", "xyz"] {
        let place = Place::new();
        let row = |number: i64, label: &str| {
            json!({"id": number, "question": format!("Which {number}?"), "level": number % 2, "options": ["Red", "Blue"],
                   "topic": "colours", name: label})
        };
        let (written, _) = init(&place, &[row(1, "A"), row(2, "B"), row(3, "Blue")]);
        assert!(written.contains(&format!("label = \"{name}\" }}")), "{name}: {written}");
        assert_eq!(labels(&place), ["A", "B", "B"]);
    }
}

#[test]
fn an_answer_in_the_only_other_column_is_scored_and_of_several_columns_all_are_named() {
    let place = Place::new();
    let row = |number: i64, answer: &str| json!({"id": number, "Frage": format!("Rot? {number}"), "resultado": answer});
    let (written, _) =
        init(&place, &[row(1, "ja"), row(2, "nein"), row(3, "ja"), row(4, "ja"), row(5, "ja")]);
    assert!(written.contains("target = \"resultado\""), "{written}");
    let row = |number: i64, answer: i64| json!({"id": number, "question": format!("Red? {number}"), "zig": answer, "zag": 1});
    let (written, said) = init(&place, &[row(1, 1), row(2, 1), row(3, 1)]);
    assert!(
        said.contains("no column looks like an answer") && said.contains("to score by one of zig, zag"),
        "{said}"
    );
    assert!(written.contains("# target = \"zig\""), "{written}");
}

#[test]
fn the_form_of_labels_that_are_letters_and_texts_is_written_as_the_rows_show_it() {
    let row = |number: i64, options: [&str; 4], label: &str| json!({"id": number, "question": format!("{number}?"), "options": options, "answer": label});
    for (rows, form, is_unclear) in [
        (vec![row(1, ["B", "C", "D", "A"], "A"), row(2, ["C", "A", "B", "D"], "C")], "text", true),
        (vec![row(1, ["B", "C", "D", "A"], "A"), row(2, ["E", "F", "G", "H"], "C")], "letter", false),
        (vec![row(1, ["B", "C", "D", "A"], "A"), row(2, ["E", "F", "G", "H"], "G")], "text", false),
    ] {
        let place = Place::new();
        let (written, said) = init(&place, &rows);
        assert!(written.contains(&format!("label = \"answer\", form = \"{form}\" }}")), "{written}");
        assert_eq!(
            said.contains("the letter of one option and the text of another: check `form`"),
            is_unclear,
            "{said}"
        );
    }
}

#[test]
fn columns_of_a_series_that_are_empty_in_the_first_rows_are_sent_in_later_ones() {
    let place = Place::new();
    for number in 0..2 {
        place.write(&format!("{number}.jpg"), jpeg(number, 2_000));
    }
    let row = |id: usize, second: Option<&str>| json!({"id": id, "question": format!("{id}?"), "image_1": "0.jpg", "image_2": second, "image_3": null, "answer": "x"});
    let mut rows: Vec<Value> = (0..120).map(|id| row(id, None)).collect();
    rows.push(row(120, Some("1.jpg")));
    let (written, _) = init(&place, &rows);
    assert!(written.contains("columns = [\"image_1\", \"image_2\", \"image_3\"]"), "{written}");
}

/// The options of the rows `0`, `1` and `2`.
const OPTIONS: [[&str; 3]; 3] = [["red", "green", "blue"], ["cat", "dog", "cow"], ["up", "down", "left"]];

const LETTERS: [&str; 3] = ["A", "B", "C"];

/// Three rows of questions with the cells of `cells`, which gets the row number and its options.
fn questions(cells: impl Fn(usize, [&str; 3]) -> Value) -> Vec<Value> {
    let row = |at: usize| {
        let mut row = json!({"question": format!("Which is {at}?")});
        row.as_object_mut().unwrap().extend(cells(at, OPTIONS[at]).as_object().unwrap().clone());
        row
    };
    (0..3).map(row).collect()
}

#[test]
fn a_list_whose_items_another_column_names_is_options_whatever_its_name() {
    let by_text = |at: usize, options: [&str; 3]| json!({"variants": options, "correct": options[at]});
    let by_letter = |at: usize, options: [&str; 3]| json!({"opts": options, "truth": LETTERS[at]});
    let in_text = |at: usize, options: [&str; 3]| json!({"endings": format!("['{}']", options.join("', '")), "y": options[at]});
    let by_number = |at: usize, options: [&str; 3]| json!({"endings": options, "y": at});
    let named_as_references =
        |at: usize, options: [&str; 3]| json!({"answers": options, "right": options[at]});
    let cases = [
        (questions(by_text), "options = \"variants\", label = \"correct\" }"),
        (questions(by_letter), "options = \"opts\", label = \"truth\" }"),
        (questions(in_text), "options = \"endings\", label = \"y\" }"),
        (questions(by_number), "options = \"endings\", label = \"y\", form = \"position\", first = 0 }"),
        (questions(named_as_references), "options = \"answers\", label = \"right\" }"),
    ];
    for (rows, line) in cases {
        let place = Place::new();
        let (written, _) = init(&place, &rows);
        assert!(written.contains(line) && written.contains("scorer = \"choice\""), "{line}: {written}");
        assert_eq!(labels(&place), ["A", "B", "C"], "{line}");
    }
}

#[test]
fn references_and_tags_do_not_become_options() {
    let place = Place::new();
    // The best reference comes first; the answers of several people repeat.
    let (written, _) =
        init(&place, &questions(|_, texts| json!({"answers": texts, "main_answer": texts[0]})));
    assert!(!written.contains("\nchoices"), "{written}");
    let people =
        |_, texts: [&str; 3]| json!({"answers": [texts[0], texts[0], texts[1]], "main_answer": texts[0]});
    let (written, _) = init(&place, &questions(people));
    assert!(written.contains("target = \"answers\"") && !written.contains("\nchoices"), "{written}");
    let tags =
        |at: usize, tags: [&str; 3]| json!({"tags": tags, "level": at, "answer": format!("thing {at}")});
    let (written, _) = init(&place, &questions(tags));
    assert!(written.contains("target = \"answer\"") && !written.contains("\nchoices"), "{written}");
}

#[test]
fn a_list_of_several_texts_without_the_name_of_references_is_not_scored() {
    let place = Place::new();
    let (written, said) = init(&place, &questions(|_, texts| json!({"things": texts})));
    assert!(said.contains("the lists in things could be options or references"), "{said}");
    assert!(!written.contains("\n[[score]]") && written.contains("options = \"things\""), "{written}");
    let (written, _) = init(&place, &questions(|_, texts| json!({"references": texts})));
    assert!(written.contains("\ntarget = \"references\""), "{written}");
}

#[test]
fn options_in_a_column_each_are_found_whatever_the_word_before_their_letter_or_number() {
    let cases = [
        (["a", "b", "c"], LETTERS),
        (["(A)", "(B)", "(C)"], LETTERS),
        (["1", "2", "3"], ["1", "2", "3"]),
        (["选项A", "选项B", "选项C"], LETTERS),
        (["вариант 1", "вариант 2", "вариант 3"], ["1", "2", "3"]),
        (["Antwort A", "Antwort B", "Antwort C"], LETTERS),
    ];
    for (names, answers) in cases {
        let place = Place::new();
        let [first, second, third] = names;
        let cells = |at: usize, options: [&str; 3]| json!({first: options[0], second: options[1], third: options[2], "answer": answers[at]});
        let (written, _) = init(&place, &questions(cells));
        assert!(
            written.contains(&format!("choices = {{ options = {names:?}, label = \"answer\"")),
            "{written}"
        );
        assert_eq!(labels(&place), LETTERS, "{names:?}");
    }
    let place = Place::new();
    let graded = |at: usize, texts: [&str; 3]| json!({"x1": texts[0], "x2": texts[1], "grade": LETTERS[at % 2], "answer": format!("thing {at}")});
    let (written, _) = init(&place, &questions(graded));
    assert!(written.contains("target = \"answer\"") && !written.contains("\nchoices"), "{written}");
    let numbers = |at: usize, _: [&str; 3]| json!({"x1": at + 3, "x2": at + 5, "answer": at % 2 + 1});
    let (written, said) = init(&place, &questions(numbers));
    assert!(!written.contains("\nchoices"), "{written}");
    assert!(said.contains("no options were found; x1, x2 could have them"), "{said}");
}

#[test]
fn options_in_one_text_beside_the_question_are_shown_and_read() {
    let place = Place::new();
    let cells = |at: usize, [a, b, c]: [&str; 3]| json!({"options": format!("A. {a}\nB. {b}\nC. {c}"), "answer": LETTERS[at]});
    let (written, _) = init(&place, &questions(cells));
    assert!(written.contains("choices = { options = \"in_text\", label = \"answer\" }"), "{written}");
    assert_eq!(labels(&place), ["A", "B", "C"]);
    let prompt = place.run().sample("0")["prompt"].clone();
    let expected = "Which is 0?\nA. red\nB. green\nC. blue\n\nAnswer with the letter of the right option.";
    assert_eq!(prompt, expected);
}

#[test]
fn answers_that_look_like_letters_of_options_that_were_not_found_are_warned_about() {
    let place = Place::new();
    let cells = |at: usize, options: [&str; 3]| json!({"options": options.join("|"), "answer": LETTERS[at]});
    let (written, said) = init(&place, &questions(cells));
    assert!(
        said.contains("each answer in answer looks like the letter or number of an option, and no options were found; options could have them"),
        "{said}"
    );
    assert!(written.contains("# Attention: each answer in \"answer\" looks like"), "{written}");
    // A count is no letter.
    let (_, said) = init(&place, &questions(|at, _| json!({"answer": at})));
    assert!(!said.contains("each answer in"), "{said}");
}

#[test]
fn answer_keys_and_positions_beside_options_are_labels_and_never_ids() {
    let key = |at: usize, options: [&str; 3]| json!({"options": options, "answerKey": LETTERS[at]});
    let position = |at: usize, options: [&str; 3]| json!({"options": options, "correct_idx": at});
    let arc = |at: usize, options: [&str; 3]| json!({"choices": {"text": options, "label": ["A", "B", "C"]}, "answerKey": LETTERS[at]});
    let cases = [
        (questions(key), "options = \"options\", label = \"answerKey\" }"),
        (
            questions(position),
            "options = \"options\", label = \"correct_idx\", form = \"position\", first = 0 }",
        ),
        (questions(arc), "options = \"choices.text\", label = \"answerKey\" }"),
    ];
    for (rows, line) in cases {
        let place = Place::new();
        let (written, _) = init(&place, &rows);
        assert!(written.contains(line) && !written.contains("\nid ="), "{line}: {written}");
        assert_eq!(labels(&place), ["A", "B", "C"], "{line}");
    }
    let place = Place::new();
    let unlabelled = |_, options: [&str; 3]| json!({"choices": {"text": options, "label": ["A", "B", "C"]}, "answer": "?"});
    init(&place, &questions(unlabelled));
    labels(&place);
    let prompt = place.run().sample("0")["prompt"].clone();
    assert_eq!(prompt, "Which is 0?\n\nA. red\nB. green\nC. blue\n\nAnswer with the right option.");
}

#[test]
fn the_rows_without_options_that_a_task_leaves_out_are_counted() {
    let place = Place::new();
    let mut rows = questions(|at, options| json!({"options": options, "answer": LETTERS[at]}));
    rows.extend(questions(|at, _| json!({"options": [], "answer": format!("open {at}")})));
    let (written, said) = init(&place, &rows);
    assert!(said.contains("3 of the first 6 rows lack options and are left out"), "{said}");
    assert!(
        written.contains("# Rows in which one of these is missing or empty are left out: 3 of the first 6\n"),
        "{written}"
    );
    assert!(written.contains("scorer = \"choice\""), "{written}");
    assert_eq!(labels(&place), ["A", "B", "C"]);
}

#[test]
fn answers_that_are_true_or_false_are_scored_as_yes_or_no() {
    let place = Place::new();
    for answers in [[json!(true), json!(false), json!(true)], [json!("True"), json!("False"), json!("true")]]
    {
        let (written, _) = init(&place, &questions(|at, _| json!({"answer": answers[at]})));
        assert!(written.contains("scorer = \"yes_no\"\ntarget = \"answer\""), "{written}");
        let outputs = ["Yes, it is.", "False", "no"].iter().enumerate();
        let outputs: Vec<Value> =
            outputs.map(|(at, text)| json!({"id": at.to_string(), "output": text})).collect();
        place.write_jsonl("outputs.jsonl", &outputs);
        let _ = std::fs::remove_dir_all(place.runs());
        let mut command = eyechart();
        command.arg("run").arg(place.path("d.toml")).arg("--outputs").arg(place.path("outputs.jsonl"));
        command.arg("--out").arg(place.runs()).assert().code(0);
        let values: Vec<Value> =
            place.run().lines("scores.jsonl").iter().map(|score| score["value"].clone()).collect();
        assert_eq!(values, [1.0, 1.0, 0.0]);
    }
}
