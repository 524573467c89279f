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
    let encoded = "iVBORw0KGgo".repeat(30);
    assert_eq!(guess(&json!({"image": encoded, "question": "Q?"})).base64.as_deref(), Some("image"));
}

#[test]
fn options_are_found_as_a_list_or_in_a_column_each() {
    let options = |row| guess(&row).options.unwrap();
    let list = |row| match options(row) {
        GuessedOptions::List { is_real, has_letters, names_option, .. } => {
            (is_real, has_letters, names_option)
        }
        GuessedOptions::Letters(columns) => panic!("a list, not {columns:?}"),
    };
    let base = |options: Value, answer: Value| json!({"image": "#.png", "question": "?", "choices": options, "answer": answer});
    assert_eq!(list(base(json!(["A) x", "B) y"]), json!("B"))), (true, true, true));
    assert_eq!(list(base(json!(["x", "y"]), json!("y"))), (true, false, true));
    assert_eq!(list(base(json!("[\"x\", \"y\"]"), json!("A"))), (false, false, true));
    assert_eq!(list(base(json!(["x", "y"]), json!(1))), (true, false, false));
    let row = json!({"image": "#.png", "question": "?", "A": "x", "B": "y", "C": "", "answer": "B"});
    assert_eq!(options(row.clone()), GuessedOptions::Letters(vec!["A".to_owned(), "B".to_owned()]));
    assert!(guess(&row).target_is_letter);
}
