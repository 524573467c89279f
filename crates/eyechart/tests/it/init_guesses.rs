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
