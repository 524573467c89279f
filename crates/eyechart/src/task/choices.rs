//! The options of a multiple-choice question and the right one, read from a row.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::dataset::{is_ambiguous_label, resolve_label, resolve_label_as};
use crate::scorer::choice::Options;
use crate::types::{
    ChoiceOptions, Choices, LabelForm, RecordedChoices, Row, items_of, list_or_cell, text_of,
};

/// The options of a row, without those that are empty, null or `nan`, and the letter of the right one. `prompt` is the
/// rendered prompt, which is read only if the options are in it.
///
/// # Errors
/// The reason why a cell is not a list of options.
pub(super) fn read_choices(row: &Row, choices: &Choices, prompt: &str) -> Result<RecordedChoices, String> {
    let all = match choices.are_in_text() {
        true => options_in(prompt),
        false => all_options(row, choices)?,
    };
    let label = row.get(&choices.label).unwrap_or_default();
    // A letter or a position counts the dropped options too.
    let right = right_option(&label, &all, choices).filter(|&right| all[right].is_some());
    let right = right.map(|right| all[..right].iter().flatten().count());
    let options: Vec<String> = all.into_iter().flatten().collect();
    let label = right.map(|right| Options::new(&options).letter(right));
    Ok(RecordedChoices { options, label, order: None })
}

/// The label of a row if it is the letter of one option and the text of another one, and the task does not say which of
/// them counts.
pub(super) fn ambiguous_label(row: &Row, choices: &Choices, prompt: &str) -> Option<String> {
    if choices.form.is_some() {
        return None;
    }
    let label = text_of(&row.get(&choices.label)?);
    let all = match choices.are_in_text() {
        true => options_in(prompt),
        false => all_options(row, choices).ok()?,
    };
    let all: Vec<String> = all.into_iter().map(Option::unwrap_or_default).collect();
    is_ambiguous_label(&label, &all).then_some(label)
}

/// The options of a row in the columns of `choices`, without those that are empty, null or `nan`.
///
/// # Errors
/// As [`read_choices`].
pub(super) fn kept_options(row: &Row, choices: &Choices) -> Result<Vec<String>, String> {
    Ok(all_options(row, choices)?.into_iter().flatten().collect())
}

/// The options with `None` for each that is dropped.
pub(super) fn all_options(row: &Row, choices: &Choices) -> Result<Vec<Option<String>>, String> {
    match &choices.options {
        ChoiceOptions::Column(column) => list_of_options(row, column),
        ChoiceOptions::Columns(columns) => {
            let option = |column: &String| match row.get(column) {
                Some(cell @ (Value::Array(_) | Value::Object(_))) => {
                    let kind = if cell.is_array() { "a list" } else { "an object" };
                    Err(format!(
                        "the column {column:?} of row {} holds {kind}: expected one option",
                        row.number
                    ))
                }
                cell => Ok(cell.map(|cell| text_of(&cell)).filter(|text| is_option(text))),
            };
            columns.iter().map(option).collect()
        }
    }
}

fn list_of_options(row: &Row, column: &str) -> Result<Vec<Option<String>>, String> {
    let cell = row.get(column).map(list_or_cell).unwrap_or_default();
    match &cell {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) if items.iter().any(Value::is_object) => Err(format!(
            "the column {column:?} of row {} holds a list of objects: name the text of each option, such as \
             \"{column}[].{}\"",
            row.number,
            items.iter().find(|item| item.is_object()).map_or("key", text_key)
        )),
        Value::Array(_) => {
            Ok(items_of(&cell).into_iter().map(|item| item.filter(|text| is_option(text))).collect())
        }
        Value::String(text) if !is_option(text) => Ok(Vec::new()),
        Value::Object(fields) => Err(format!(
            "the column {column:?} of row {} holds an object: name the path of each option, options = [{}]",
            row.number,
            fields
                .keys()
                .map(|key| format!("{:?}", format!("{column}.{key}")))
                .collect::<Vec<_>>()
                .join(", ")
        )),
        _ => Err(format!(
            "the column {column:?} of row {} holds no list of options: expected a list, or a text such as [\"red\", \"blue\"]; \
             for options in one column each, name them: options = [\"A\", \"B\"]",
            row.number
        )),
    }
}

/// The name of the key that most likely has the text of an object: the first one with a text or a list of texts.
pub(super) fn text_key(object: &Value) -> &str {
    let is_text = |value: &Value| match value {
        Value::String(_) => true,
        Value::Array(items) => items.first().is_some_and(Value::is_string),
        _ => false,
    };
    let fields = object.as_object();
    let key =
        fields.and_then(|fields| fields.iter().find(|(_, value)| is_text(value)).or(fields.iter().next()));
    key.map_or("key", |(key, _)| key)
}

/// Whether an item of a list of options is an option that is not dropped.
pub(super) fn is_kept(item: &Value) -> bool {
    !item.is_null() && is_option(&text_of(item))
}

fn is_option(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !text.eq_ignore_ascii_case("nan")
}

/// The position of the right option among all, the dropped ones included.
pub(super) fn right_option(label: &Value, all: &[Option<String>], choices: &Choices) -> Option<usize> {
    let texts: Vec<String> = all.iter().map(|option| option.clone().unwrap_or_default()).collect();
    let text = text_of(label);
    match choices.form {
        None => resolve_label(&text, &texts),
        Some(LabelForm::Position) => {
            let number = whole_number(&text)?.checked_sub(choices.first.unwrap_or(0))?;
            usize::try_from(number).ok().filter(|&at| at < all.len())
        }
        Some(form) => resolve_label_as(form, &text, &texts),
    }
}

/// A whole number, also if it is written as `2.0`.
fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|b| b == b'0'))?.0.parse().ok()
    })
}

/// The options that a text lists as `A. Red`, `(A) Red`, `A) Red` or `A: Red`, each with its letter and without a text if it
/// is empty: the longest list with the letters A, B, C, … in order, or with small letters if there is no such list. An option
/// ends at the next one, and the last one at the end of its line.
fn options_in(text: &str) -> Vec<Option<String>> {
    let markers = markers_in(text);
    let longest = [b'A', b'a'].map(|first| longest_list(&markers, first));
    let [capital, small] = &longest;
    let list = if capital.len() < 2 { small } else { capital };
    // Texts may be below their letters.
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |length| at + length);
    let is_below =
        |marker: &&&OptionMarker| text[marker.bytes.end..line_end(marker.bytes.end)].trim().is_empty();
    let are_below = list.iter().rev().skip(1).all(|marker| is_below(&marker));
    let option = |(at, marker): (usize, &&OptionMarker)| {
        let start = marker.bytes.end;
        let end = match list.get(at + 1) {
            Some(next) => next.bytes.start,
            None if are_below && is_below(&marker) => line_end((line_end(start) + 1).min(text.len())),
            None => line_end(start),
        };
        let option = text[start..end.max(start)].trim();
        (!option.is_empty()).then(|| format!("{}. {option}", ('A'..='Z').nth(at).unwrap_or('?')))
    };
    if list.len() < 2 { Vec::new() } else { list.iter().enumerate().map(option).collect() }
}

/// The letters in a text that could stand before options.
fn markers_in(text: &str) -> Vec<OptionMarker> {
    static MARKER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:^|\s)[(\[（]?([A-Za-z])[)\].:）．、]").ok());
    let Some(marker) = MARKER.as_ref() else { return Vec::new() };
    let found = marker.captures_iter(text).filter_map(|found| {
        Some(OptionMarker { bytes: found.get(0)?.range(), letter: found.get(1)?.as_str().bytes().next()? })
    });
    found.take(MAX_MARKERS).collect()
}

/// The longest list with the letters from `first` on in order; of several, the last one.
fn longest_list(markers: &[OptionMarker], first: u8) -> Vec<&OptionMarker> {
    let mut best: Vec<&OptionMarker> = Vec::new();
    for (at, _) in markers.iter().enumerate().filter(|(_, marker)| marker.letter == first) {
        let mut list: Vec<&OptionMarker> = Vec::new();
        for marker in &markers[at..] {
            if usize::from(marker.letter) == usize::from(first) + list.len() && list.len() < 26 {
                list.push(marker);
            }
        }
        if list.len() >= best.len() {
            best = list;
        }
    }
    best
}

/// Maximum number of markers that are looked at: the search takes the square of their number.
const MAX_MARKERS: usize = 1000;

/// The letter before an option in a text.
struct OptionMarker {
    /// The bytes with the signs around the letter.
    bytes: std::ops::Range<usize>,
    letter: u8,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The options and the letter for the keys of `choices` in TOML.
    fn read(keys: &str, cells: Value, prompt: &str) -> Result<(Vec<String>, Option<String>), String> {
        let choices: Choices = toml::from_str(keys).unwrap();
        let Value::Object(cells) = cells else { panic!("an object") };
        let read = read_choices(&Row { cells, ..Row::default() }, &choices, prompt)?;
        Ok((read.options, read.label))
    }

    fn letter(keys: &str, cells: Value) -> Option<String> {
        read(keys, cells, "").unwrap().1
    }

    #[test]
    fn a_position_is_counted_from_the_first_number() {
        let cells = |label: Value| json!({"o": ["krill", "whale", "plankton"], "l": label});
        let keys = "options = \"o\"\nlabel = \"l\"\nform = \"position\"\n";
        for (label, expected) in [
            (json!(2), Some("C")),
            (json!("1"), Some("B")),
            (json!(0.0), Some("A")),
            (json!(" 2.0 "), Some("C")),
            (json!(3), None),
            (json!(-1), None),
            (json!("B"), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(letter(keys, cells(label.clone())).as_deref(), expected, "{label}");
        }
        assert_eq!(letter(&format!("{keys}first = 1"), cells(json!(1))).as_deref(), Some("A"));
        assert_eq!(letter(&format!("{keys}first = 1"), cells(json!(0))), None);
    }

    #[test]
    fn options_in_columns_are_dropped_if_empty_null_or_nan() {
        let keys = "options = [\"A\", \"Option B\", \"c\", \"D\"]\nlabel = \"l\"";
        let cells = json!({"A": "red", "Option B": 2, "c": "nan", "D": "", "l": "b"});
        assert_eq!(
            read(keys, cells, "").unwrap(),
            (vec!["red".to_owned(), "2".to_owned()], Some("B".to_owned()))
        );
        // The letters of later options move up with them.
        let gap = |label: &str| json!({"A": "red", "c": "blue", "D": null, "l": label});
        assert_eq!(letter(keys, gap("C")).as_deref(), Some("B"));
        assert_eq!(letter(keys, gap("blue")).as_deref(), Some("B"));
        assert_eq!([letter(keys, gap("B")), letter(keys, gap("D"))], [None, None]);
        let error = read(keys, json!({"A": ["x"], "l": "A"}), "").unwrap_err();
        assert!(error.contains("\"A\"") && error.contains("expected one option"), "{error}");
    }

    #[test]
    fn lists_of_options_may_be_texts_and_have_nulls() {
        let keys = "options = \"o\"\nlabel = \"l\"";
        for list in
            [json!(["cat", null, "dog"]), json!("['cat', None, 'dog']"), json!("[\"cat\", NaN, \"dog\"]")]
        {
            assert_eq!(letter(keys, json!({"o": list, "l": "C"})).as_deref(), Some("B"), "{list}");
        }
        for empty in [json!([]), json!(null), json!(""), json!("nan"), json!("[]")] {
            assert_eq!(read(keys, json!({"o": empty, "l": "A"}), "").unwrap(), (Vec::new(), None));
        }
        let error = read(keys, json!({"o": "cat; dog", "l": "A"}), "").unwrap_err();
        assert!(error.contains("expected a list"), "{error}");
        let objects = json!([{"label": "A", "n": 1}, {"label": "B"}]);
        let error = read(keys, json!({"o": objects, "l": "A"}), "").unwrap_err();
        assert!(error.contains("\"o[].label\""), "{error}");
        let error = read(keys, json!({"o": {"A": "x", "B": "y"}, "l": "A"}), "").unwrap_err();
        assert!(error.contains("options = [\"o.A\", \"o.B\"]"), "{error}");
        let keyed = "options = [\"o.A\", \"o.B\"]\nlabel = \"l\"";
        assert_eq!(letter(keyed, json!({"o": {"A": "x", "B": "y"}, "l": "B"})).as_deref(), Some("B"));
        let path = "options = \"o[].text\"\nlabel = \"l\"";
        assert_eq!(
            letter(path, json!({"o": [{"text": "x"}, {"text": "y"}], "l": "y"})).as_deref(),
            Some("B")
        );
    }

    #[test]
    fn the_form_of_a_label_settles_what_a_letter_means() {
        let cells = json!({"o": ["B", "A"], "l": "A"});
        let with =
            |form: &str| letter(&format!("options = \"o\"\nlabel = \"l\"\nform = \"{form}\""), cells.clone());
        assert_eq!([with("letter"), with("text")], [Some("A".to_owned()), Some("B".to_owned())]);
    }

    #[test]
    fn options_in_the_prompt_are_read_with_their_letters() {
        let keys = "options = \"in_text\"\nlabel = \"l\"";
        for prompt in [
            "Which colour has A. Smith?\nA. red\nB. dark blue\nC. green\nAnswer with a letter.",
            "Which? (A) red (B) dark blue (C) green",
            "Which?\n A) red\n\n B) dark blue\n\n C) green",
            "Which? A: red B: dark blue C: green\nAnswer:",
            "Which?\na) red\nb) dark blue\nc) green",
            "Which is it, e.g. by a. look: (a) red (b) dark blue (c) green",
            "Which?\nA.\nred\nB.\ndark blue\nC.\ngreen\nAnswer:",
        ] {
            let (options, letter) = read(keys, json!({"l": "B"}), prompt).unwrap();
            assert_eq!(options, ["A. red", "B. dark blue", "C. green"], "{prompt}");
            assert_eq!(letter.as_deref(), Some("B"), "{prompt}");
        }
        assert_eq!(read(keys, json!({"l": "B"}), "Who is A. Smith?").unwrap(), (Vec::new(), None));
        for prompt in
            ["Which?\nA. red\nB.\nC. green", "Which? A) red B) C) green", "(a) red\n(b) \n(c) green"]
        {
            let (options, letter) = read(keys, json!({"l": "C"}), prompt).unwrap();
            assert_eq!(
                (options, letter.as_deref()),
                (vec!["A. red".to_owned(), "C. green".to_owned()], Some("C")),
                "{prompt}"
            );
            assert_eq!(read(keys, json!({"l": "B"}), prompt).unwrap().1, None, "{prompt}");
        }
        let (options, _) = read(keys, json!({"l": "A"}), "Which?\nA. red\nB. blue\nC.\nAnswer:").unwrap();
        assert_eq!(options, ["A. red", "B. blue"]);
    }
}
