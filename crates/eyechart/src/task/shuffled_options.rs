//! Rows with their options in another order: the cells with the options are exchanged, and the label names the right option
//! at its new place. Everything that reads the row sees the new order.

use serde_json::{Map, Value};

use super::choices::{all_options, right_option};
use super::option_order::OptionOrder;
use crate::scorer::choice::{Options, relettered};
use crate::types::{ChoiceOptions, Choices, LabelForm, Row, column_of, list_or_cell, parse_json, text_of};

/// The new order of the options of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewOrder {
    /// For each option, its position before, from 0, without dropped options.
    pub(crate) order: Vec<usize>,
    /// Whether the label named an option before.
    pub(crate) has_label: bool,
    /// Whether the texts of the options read otherwise than before. Options with equal texts do not.
    pub(crate) is_visible: bool,
}

/// Puts the options of `row` in the order that `drawn` gives. Dropped options keep their places.
///
/// # Errors
/// The reason why the options or the label cannot be moved.
pub(crate) fn shuffle_options(
    row: &mut Row,
    choices: &Choices,
    drawn: OptionOrder<'_>,
) -> Result<NewOrder, String> {
    reorder_options(row, choices, |count| drawn.draw(count))
}

/// Puts the first option of `row` behind the others, which changes the texts of the options unless all are equal.
///
/// # Errors
/// As [`shuffle_options`].
pub(crate) fn rotate_options(row: &mut Row, choices: &Choices) -> Result<NewOrder, String> {
    reorder_options(row, choices, |count| (0..count).map(|place| (place + 1) % count).collect())
}

fn reorder_options(
    row: &mut Row,
    choices: &Choices,
    order_of: impl FnOnce(usize) -> Vec<usize>,
) -> Result<NewOrder, String> {
    let mut all = all_options(row, choices)?;
    let label = row.get(&choices.label).unwrap_or_default();
    let right = right_option(&label, &all, choices).filter(|&right| all[right].is_some());
    let places: Vec<usize> = (0..all.len()).filter(|&place| all[place].is_some()).collect();
    let before: Vec<String> = all.iter().flatten().cloned().collect();
    let order = order_of(before.len());
    let texts = relettered(&before, &order);
    let cannot = || format!("the options of row {} cannot be put in another order", row.number);
    let mut items =
        items_of_options(row, choices).filter(|items| items.len() == all.len()).ok_or_else(cannot)?;
    let old = items.clone();
    for (at, &place) in places.iter().enumerate() {
        items[place] = old[places[order[at]]].clone();
        if texts[at] != before[order[at]] {
            set_text(&mut items[place], choices, &texts[at]).ok_or_else(cannot)?;
        }
        all[place] = Some(texts[at].clone());
    }
    let has_moved = set_options(&mut row.cells, choices, items).is_some();
    if !has_moved {
        return Err(format!("the options of row {} cannot be put in another order", row.number));
    }
    if let Some(right) = right {
        let is_right = |at: &usize| places[order[*at]] == right;
        let now = (0..order.len()).find(is_right).unwrap_or_default();
        let moved =
            MovedLabel { label: &label, place: places[now], letter: Options::new(&texts).letter(now) };
        let names_it = |new: &Value| right_option(new, &all, choices) == Some(places[now]);
        let new = moved.candidates(choices).into_iter().find(names_it).ok_or_else(|| {
            let (label, row) = (text_of(&label), row.number);
            format!("the label {label:?} of row {row} cannot be moved with its option")
        })?;
        row.cells.insert(choices.label.clone(), new);
    }
    Ok(NewOrder { order, has_label: right.is_some(), is_visible: texts != before })
}

/// The path of the list in a path such as `options[].text`, and the keys of the text in an item.
fn list_and_keys(path: &str) -> (&str, &str) {
    path.split_once("[]").unwrap_or((path, ""))
}

/// The cells or the items of a list with the options, dropped ones included.
fn items_of_options(row: &Row, choices: &Choices) -> Option<Vec<Value>> {
    match &choices.options {
        ChoiceOptions::Columns(paths) => {
            Some(paths.iter().map(|path| row.get(path).unwrap_or_default()).collect())
        }
        ChoiceOptions::Column(path) => match row.get(list_and_keys(path).0).map(list_or_cell) {
            Some(Value::Array(items)) => Some(items),
            // A row without options.
            _ => Some(Vec::new()),
        },
    }
}

fn set_options(cells: &mut Map<String, Value>, choices: &Choices, items: Vec<Value>) -> Option<()> {
    match &choices.options {
        _ if items.is_empty() => Some(()),
        ChoiceOptions::Column(path) => set(cells, list_and_keys(path).0, Value::Array(items)),
        ChoiceOptions::Columns(paths) => {
            paths.iter().zip(items).try_for_each(|(path, item)| set(cells, path, item))
        }
    }
}

/// Writes the text of an option that has a new letter.
fn set_text(item: &mut Value, choices: &Choices, text: &str) -> Option<()> {
    let keys = match &choices.options {
        ChoiceOptions::Column(path) => list_and_keys(path).1,
        ChoiceOptions::Columns(_) => "",
    };
    *value_at(item, keys)? = Value::String(text.to_owned());
    Some(())
}

/// Sets the cell at `path`, a column or a path into one.
fn set(cells: &mut Map<String, Value>, path: &str, value: Value) -> Option<()> {
    let column = column_of(path);
    if cells.contains_key(path) || column == path {
        cells.insert(path.to_owned(), value);
        return Some(());
    }
    *value_at(cells.get_mut(column)?, &path[column.len()..])? = value;
    Some(())
}

/// The value at `keys`, such as `.a.b`. A text on the way is read as JSON.
fn value_at<'a>(value: &'a mut Value, keys: &str) -> Option<&'a mut Value> {
    let keys = keys.split('.').filter(|key| !key.is_empty());
    keys.into_iter().try_fold(value, |value, key| {
        if let Value::String(text) = value {
            *value = parse_json(text)?;
        }
        value.as_object_mut()?.get_mut(key)
    })
}

/// A label whose option is at another place now.
struct MovedLabel<'a> {
    label: &'a Value,
    /// The place of the right option, dropped options included.
    place: usize,
    /// The letter of the right option.
    letter: String,
}

impl MovedLabel<'_> {
    /// What the label may be now: unchanged if it is a text, with another letter, or another position.
    fn candidates(&self, choices: &Choices) -> Vec<Value> {
        if choices.form == Some(LabelForm::Position) {
            let number = self.place as i64 + choices.first.unwrap_or(0);
            return vec![match self.label {
                Value::String(_) => Value::String(number.to_string()),
                _ => Value::from(number),
            }];
        }
        let of_place = ('A'..='Z').nth(self.place).map(String::from);
        let letters = || [Some(self.letter.clone()), of_place.clone()].into_iter().flatten();
        let label = text_of(self.label);
        let with_letter = letters().filter_map(|letter| with_letter(&label, &letter));
        let texts = with_letter.chain(letters()).map(Value::String);
        std::iter::once(self.label.clone()).chain(texts).collect()
    }
}

/// The label with `letter` in place of its first letter that stands alone, in the same case.
fn with_letter(label: &str, letter: &str) -> Option<String> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (at, old) = label.char_indices().find(|(at, c)| {
        c.is_ascii_alphabetic()
            && !is_word(label[..*at].chars().next_back())
            && !is_word(label[at + 1..].chars().next())
    })?;
    let letter = if old.is_ascii_lowercase() { letter.to_ascii_lowercase() } else { letter.to_owned() };
    Some(format!("{}{letter}{}", &label[..at], &label[at + 1..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::choices::read_choices;

    /// The options and the label cell of `cells` in the order of the first epoch that has `order`.
    fn shuffled(keys: &str, cells: Value, order: &[usize]) -> (Row, Vec<String>, Option<String>) {
        let choices: Choices = toml::from_str(keys).unwrap();
        let Value::Object(cells) = cells else { panic!("an object") };
        for epoch in 1..=100 {
            let mut row = Row { cells: cells.clone(), ..Row::default() };
            let drawn = OptionOrder { seed: 0, id: "a", epoch };
            if shuffle_options(&mut row, &choices, drawn).unwrap().order == order {
                let read = read_choices(&row, &choices, "").unwrap();
                return (row, read.options, read.label);
            }
        }
        panic!("no epoch has this order")
    }

    #[test]
    fn the_label_moves_with_its_option_in_any_form() {
        let form = |form: &str| format!("options = \"o\"\nlabel = \"l\"\n{form}");
        for (keys, label, expected) in [
            (form(""), json!("A"), json!("C")),
            (form(""), json!("(a)"), json!("(c)")),
            (form(""), json!("Option A"), json!("Option C")),
            (form(""), json!("A. red"), json!("C. red")),
            (form(""), json!("red"), json!("red")),
            (form("form = \"text\""), json!("red"), json!("red")),
            (form("form = \"letter\""), json!("A"), json!("C")),
            (form("form = \"position\""), json!(0), json!(2)),
            (form("form = \"position\"\nfirst = 1"), json!("1"), json!("3")),
        ] {
            let cells = json!({"o": ["red", "blue", "green"], "l": label});
            let (row, options, letter) = shuffled(&keys, cells, &[1, 2, 0]);
            assert_eq!(
                (&row.cells["l"], &row.cells["o"]),
                (&expected, &json!(["blue", "green", "red"])),
                "{keys}"
            );
            assert_eq!((options.len(), letter.as_deref()), (3, Some("C")), "{label} {keys}");
        }
    }

    #[test]
    fn letters_in_the_options_are_given_anew() {
        let keys = "options = \"o\"\nlabel = \"l\"";
        let cells = json!({"o": ["A) red", "B) blue", "C) green"], "l": "B) blue"});
        let (row, options, letter) = shuffled(keys, cells, &[1, 2, 0]);
        assert_eq!(options, ["A) blue", "B) green", "C) red"]);
        assert_eq!((&row.cells["l"], letter.as_deref()), (&json!("A) blue"), Some("A")));
    }

    #[test]
    fn options_in_columns_paths_and_objects_are_exchanged_where_they_are() {
        let keys = "options = [\"A\", \"B\", \"C\", \"D\"]\nlabel = \"l\"";
        let cells = json!({"A": "red", "B": null, "C": "blue", "D": "green", "l": "C"});
        let (row, options, letter) = shuffled(keys, cells, &[1, 2, 0]);
        assert_eq!(row.cells["A"], "blue");
        assert_eq!((options.join(" "), letter.as_deref()), ("blue green red".to_owned(), Some("A")));

        let keys = "options = \"m.o\"\nlabel = \"m.l\"";
        let cells = json!({"m": "{\"o\": [\"red\", \"blue\", \"green\"], \"l\": \"A\"}"});
        let (row, _, letter) = shuffled(keys, cells, &[1, 2, 0]);
        assert_eq!((&row.cells["m"]["o"], letter.as_deref()), (&json!(["blue", "green", "red"]), Some("C")));

        let keys = "options = \"o[].t\"\nlabel = \"l\"";
        let cells =
            json!({"o": [{"t": "red", "n": 1}, {"t": "blue", "n": 2}, {"t": "green", "n": 3}], "l": "red"});
        let (row, _, letter) = shuffled(keys, cells, &[1, 2, 0]);
        assert_eq!((&row.cells["o"][2], letter.as_deref()), (&json!({"t": "red", "n": 1}), Some("C")));
    }
}
