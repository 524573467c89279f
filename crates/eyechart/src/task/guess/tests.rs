//! Guesses over data of the field's shapes.

use std::fs;

use serde_json::{Value, json};

use super::*;

/// The guess for two rows of JSONL that differ in each `#`, with the pictures that they may name.
fn guess(row: &Value) -> Guess {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png", "images/a.jpg", "images/b.jpg"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let path = folder.path().join("rows.jsonl");
    let rows = ["a", "b"].map(|letter| format!("{row}\n").replace('#', letter));
    fs::write(&path, rows.concat()).unwrap();
    Guess::of(&FirstRows::read(&path).unwrap())
}

/// The columns of pictures, question, target and id; `-` for none.
fn roles(row: &Value) -> String {
    let guess = guess(row);
    let pictures = guess.pictures.map(|pictures| pictures.found);
    let column = |found: Option<GuessedColumn>| found.map_or("-".to_owned(), |found| found.column);
    [pictures, guess.question, guess.target, guess.id].map(column).join(" ")
}

#[test]
fn the_fields_datasets_are_understood_by_the_names_of_their_columns() {
    let cases = [
        // ArxivQA, VisIT-Bench, Flickr30K, and the usual shapes beside them.
        (
            json!({"id": "p-#", "image": "images/#.jpg", "question": "Q#?", "options": ["A) 1", "B) 2"],
                "label": "B", "rationale": "Since #."}),
            "image question label id",
        ),
        (
            json!({"instruction_category": "art", "images": "[\"https://h/#.png\"]", "instruction": "Do #",
                "gpt4_prediction": "G#", "images_dense_captions": "C#", "reference_output": "R#"}),
            "images instruction reference_output -",
        ),
        (
            json!({"image": "images/#.jpg", "filename": "#.jpg", "original_alt_text": ["one #", "two #"],
                "alt_text": "long #"}),
            "image - original_alt_text filename",
        ),
        (
            json!({"image_id": "x#", "image": "#.png", "question_id": 1, "question": "Q#?", "answers": ["y", "#"]}),
            "image question answers image_id",
        ),
        (json!({"file_name": "#.png", "text": "A caption #"}), "file_name - text file_name"),
        (json!({"img": "#.png", "text": "Is it #?", "gt": "#"}), "img text gt img"),
        (
            json!({"Image Path": "#.png", "Query": "Q#", "humanCaption": "C#"}),
            "Image Path Query humanCaption Image Path",
        ),
        (json!({"image_url": "https://h/photo/#", "caption": "C#"}), "image_url - caption -"),
    ];
    for (row, expected) in cases {
        assert_eq!(roles(&row), expected, "{row}");
    }
}

#[test]
fn other_names_are_understood_by_their_values() {
    let cases = [
        (
            json!({"bild": "images/#.jpg", "frage": "Was ist # ?", "antwort": "Ein #."}),
            "bild frage antwort bild",
        ),
        (json!({"bild": "images/#.jpg", "texte": ["Ein #", "Eine #"]}), "bild - texte bild"),
        // A category is no answer, and of two texts none is chosen.
        (
            json!({"bild": "images/#.jpg", "frage": "Was ist # ?", "art": "x", "y": "#", "z": "#"}),
            "bild frage - bild",
        ),
        (json!({"quelle": "https://h/#", "frage": "Was ist # ?"}), "- frage - -"),
    ];
    for (row, expected) in cases {
        assert_eq!(roles(&row), expected, "{row}");
    }
}

#[test]
fn addresses_are_sent_as_such_and_files_that_are_missing_are_told() {
    let pictures = |row| guess(&row).pictures.unwrap();
    assert_eq!(pictures(json!({"url": "https://h/#.png?w=1"})).send, SendAs::Url);
    assert_eq!(pictures(json!({"image": "#.png"})).warning, None);
    let warning = pictures(json!({"image": "photos/#.png"})).warning.unwrap();
    assert!(warning.starts_with("2 of 2 pictures are not there") && warning.contains("a.png"), "{warning}");
    // What can be sent comes before a better name.
    assert_eq!(pictures(json!({"image": "photos/#.png", "local": "#.png"})).found.column, "local");
    let encoded = format!("iVBORw0KGgoAAAAN{}", "A".repeat(80));
    assert_eq!(pictures(json!({"image": encoded, "question": "Q?"})).found.column, "image");
    assert_eq!(pictures(json!({"photo": {"bytes": null, "path": "a.png"}})).found.column, "photo");
}

#[test]
fn options_are_found_as_a_list_or_in_a_column_each() {
    let options = |row: Value| guess(&row).options.unwrap();
    let base = |options: Value, answer: Value| json!({"image": "#.png", "question": "?", "choices": options, "answer": answer});
    let list = |choices: Value, answer: Value| {
        let found = options(base(choices, answer));
        (found.have_letters, found.label.map(|label| (label.form, label.first)))
    };
    let position = Some(LabelForm::Position);
    assert_eq!(list(json!(["A) x", "B) y"]), json!("B")), (true, Some((None, 0))));
    assert_eq!(list(json!(["x", "y"]), json!("y")), (false, Some((None, 0))));
    assert_eq!(list(json!("[\"x\", \"y\"]"), json!("A")), (false, Some((None, 0))));
    assert_eq!(list(json!("['x', 'y']"), json!("A")), (false, Some((None, 0))));
    assert_eq!(list(json!(["x", "y"]), json!(0)), (false, Some((position, 0))));
    assert_eq!(list(json!(["x", "y"]), json!("2")), (false, Some((position, 1))));
    assert_eq!(list(json!(["1", "2"]), json!("2")), (false, Some((None, 0))));
    assert_eq!(list(json!(["x", "y"]), json!("neither")), (false, None));
    assert!(options(base(json!(["x", "y"]), json!(1))).label.unwrap().is_first_unclear);

    let columns = |names: [&str; 3]| {
        let [first, second, third] = names;
        let found = guess(
            &json!({"image": "#.png", "question": "?", first: "x", second: "y", third: "", "answer": "B"}),
        );
        found.options.map(|options| (options.columns, options.label.is_some()))
    };
    let two = |names: [&str; 2]| Some((ChoiceOptions::Columns(names.map(str::to_owned).to_vec()), true));
    assert_eq!(columns(["A", "B", "C"]), two(["A", "B"]));
    assert_eq!(columns(["Option A", "Option B", "x"]), two(["Option A", "Option B"]));
    assert_eq!(columns(["choice1", "choice2", "x"]), two(["choice1", "choice2"]));
    assert_eq!(columns(["optionA", "optionB", "x"]), two(["optionA", "optionB"]));
    assert_eq!(columns(["option_0", "option_1", "x"]), two(["option_0", "option_1"]));
    assert_eq!(columns(["A", "C", "x"]), None);
    let in_text = guess(&json!({"image": "#.png", "question": "Which #?\nA. red\nB. blue", "answer": "B"}));
    let in_text = in_text.options.unwrap();
    assert_eq!(in_text.columns, ChoiceOptions::Column("in_text".to_owned()));
    assert!(in_text.label.is_some());
    assert_eq!(columns(["a", "b", "x"]), two(["a", "b"]));
}

#[test]
fn names_with_spaces_and_of_other_scripts_are_understood() {
    let cases = [
        (
            json!({"Image File": "#.png", "Question Text": "What is #?", "Answer Text": "#"}),
            "Image File Question Text Answer Text Image File",
        ),
        (json!({"图片": "#.png", "问题": "什么 #", "答案": "#"}), "图片 问题 答案 图片"),
        (
            json!({"image": "#.png", "query": "Q#?", "answers": [{"answer": "#", "n": 1}]}),
            "image query answers[].answer image",
        ),
    ];
    for (row, expected) in cases {
        assert_eq!(roles(&row), expected, "{row}");
    }
}

#[test]
fn several_columns_of_pictures_are_a_series_or_are_told() {
    let found = guess(
        &json!({"image_2": "a.png", "image_10": "b.png", "image_1": "#.png", "thumbnail": "a.png", "question": "Q#?"}),
    );
    let pictures = found.pictures.unwrap();
    assert_eq!(pictures.series, ["image_1", "image_2", "image_10"]);
    assert_eq!((found.unused_pictures, found.has_markers), (vec!["thumbnail".to_owned()], false));
    assert!(guess(&json!({"image_1": "#.png", "question": "Is <image 1> #?"})).has_markers);
    let one = guess(&json!({"image": "#.png", "image2": "a.png", "question": "Q#?"}));
    assert_eq!((one.pictures.unwrap().series.len(), one.unused_pictures), (0, vec!["image2".to_owned()]));
}

#[test]
fn short_answers_and_lists_in_texts_are_noticed() {
    let with = |answer: Value| guess(&json!({"image": "#.png", "question": "Q#?", "answer": answer}));
    assert!(with(json!("dark #")).target_is_short && with(json!(12)).target_is_short);
    assert!(!with(json!("A long sentence about the picture #.")).target_is_short);
    assert!(with(json!(2.5)).target_is_number && !with(json!(12)).target_is_number);
    let list = with(json!("['#', 'x']"));
    assert_eq!((list.literal, list.target_is_short), (vec!["answer".to_owned()], true));
}
