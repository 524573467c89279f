//! Guesses where the options of a multiple-choice question are, and how the target gives the right one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::{is_id_name, normal};
use super::{Guess, GuessedColumn, GuessedLabel, GuessedOptions, by_name, column, is_options, is_scalar};
use crate::task::choices::{ambiguous_label, read_choices};
use crate::task::first_rows::{Column, FirstRows};
use crate::types::{ChoiceOptions, Choices, LabelForm, Row, column_of, list_or_cell, text_of, texts_of};

const OPTIONS: [&str; 8] =
    ["options", "choices", "candidates", "answer_choices", "multiple_choices", "选项", "選択肢", "선택지"];

/// Words before the letter or number in the name of a column that holds one option.
const OPTION_WORDS: [&str; 8] =
    ["option", "options", "opt", "choice", "choices", "answer_option", "answer_choice", "选项"];

/// Share of the rows whose label must name an option, as a fraction.
const MOST_ROWS: (usize, usize) = (4, 5);

impl Guess {
    /// Finds how the target gives the right option. If the target gives none, the values of another column may, whatever
    /// its name.
    pub(super) fn check_choices(&mut self, data: &FirstRows) {
        if self.options.is_none() {
            self.find_options_in_text(data);
        }
        if self.options.is_none() {
            self.find_series_of_options(data);
        }
        let Some(options) = &self.options else { return };
        if options.label.is_some() {
            return;
        }
        let named = self.target.as_ref().and_then(|target| label_in(data, &options.columns, &target.column));
        let by_values = || {
            let column = self
                .label_columns(data)
                .find(|column| resolves(data, &options.columns, (column, None, 0), ""))?;
            Some((by_values(column), label_in(data, &options.columns, column)))
        };
        let (target, label) = match named {
            Some(named) => (None, Some(named)),
            None => by_values().map_or((None, None), |(target, label)| (Some(target), label)),
        };
        self.target = target.or(self.target.take());
        if let Some(options) = &mut self.options {
            options.label = label;
        }
    }

    /// Finds options in the texts of the questions or of another column, if no column has a list of options.
    fn find_options_in_text(&mut self, data: &FirstRows) {
        let Some(question) = &self.question else { return };
        let is_text = |column: &&Column| column.is_text() && !self.is_used(&column.name);
        let others = data.columns.iter().filter(is_text).map(|column| column.name.as_str());
        let columns = ChoiceOptions::Column(ChoiceOptions::IN_TEXT.to_owned());
        let found = std::iter::once(question.column.as_str()).chain(others).find_map(|text| {
            let names_options =
                |column: &&str| *column != text && resolves(data, &columns, (column, None, 0), text);
            let named = self.target.as_ref().filter(|target| names_options(&target.column.as_str())).cloned();
            Some((text, named.or_else(|| self.label_columns(data).find(names_options).map(by_values))?))
        });
        let Some((text, target)) = found else { return };
        let text = (text != question.column).then(|| text.to_owned());
        self.target = Some(target);
        let reason = match &text {
            Some(column) => format!("in the text of {column}"),
            None => "in the text of the question".to_owned(),
        };
        let label = Some(GuessedLabel::default());
        self.options =
            Some(GuessedOptions { columns, reason, have_letters: true, in_object: false, text, label });
    }

    /// The columns without a role whose values could name the right option.
    pub(super) fn label_columns<'a>(&'a self, data: &'a FirstRows) -> impl Iterator<Item = &'a str> {
        let is_label = |column: &&Column| {
            let is_full = column.cells.len() * MOST_ROWS.1 >= data.rows * MOST_ROWS.0;
            is_full && is_scalar(column) && !self.is_used(&column.name) && !is_id_name(&column.name)
        };
        data.columns.iter().filter(is_label).map(|column| column.name.as_str())
    }
}

pub(super) fn by_values(column: &str) -> GuessedColumn {
    GuessedColumn { column: column.to_owned(), reason: "its values name the options".to_owned() }
}

/// Whether the labels of most rows name an option. `text` is the column with the options in its text, if they are there. Rows
/// without a list of options are not counted: `require` leaves them out.
pub(super) fn resolves(
    data: &FirstRows,
    options: &ChoiceOptions,
    (label, form, first): (&str, Option<LabelForm>, i64),
    text: &str,
) -> bool {
    let choices = Choices { options: options.clone(), label: label.to_owned(), form, first: Some(first) };
    let is_list = matches!(options, ChoiceOptions::Column(_)) && !choices.are_in_text();
    let (mut all, mut named) = (0, 0);
    for row in data.samples.iter().filter(|row| row.get(label).is_some()) {
        let text = row.get(text).map(|text| text_of(&text)).unwrap_or_default();
        let read = read_choices(row, &choices, &text);
        if is_list && read.as_ref().is_ok_and(|read| read.options.is_empty()) {
            continue;
        }
        all += 1;
        named += usize::from(read.is_ok_and(|read| read.label.is_some()));
    }
    all > 0 && named * MOST_ROWS.1 >= all * MOST_ROWS.0
}

/// How the column `label` gives the right option; `None` if it gives none in most rows.
pub(super) fn label_in(data: &FirstRows, options: &ChoiceOptions, label: &str) -> Option<GuessedLabel> {
    let resolves = |form, first| resolves(data, options, (label, form, first), "");
    let position = |first| resolves(Some(LabelForm::Position), first);
    let at_position = |first, is_first_unclear| {
        Some(GuessedLabel {
            form: Some(LabelForm::Position),
            first,
            is_first_unclear,
            ..GuessedLabel::default()
        })
    };
    let mut labels = data.samples.iter().filter_map(|row| row.get(label)).map(|label| text_of(&label));
    if resolves(None, 0) {
        return Some(letter_or_text(data, options, label));
    }
    match () {
        () if labels.any(|label| label.trim() == "0") && position(0) => at_position(0, false),
        () if position(1) => at_position(1, position(0)),
        () if position(0) => at_position(0, false),
        () => None,
    }
}

/// The form of labels that are letters or texts. It is named only if a label could be both, and is the one that more rows
/// have.
fn letter_or_text(data: &FirstRows, options: &ChoiceOptions, label: &str) -> GuessedLabel {
    let of_form = |form| Choices { options: options.clone(), label: label.to_owned(), form, first: None };
    let either = of_form(None);
    if !data.samples.iter().any(|row| ambiguous_label(row, &either, "").is_some()) {
        return GuessedLabel::default();
    }
    let count = |form| {
        let choices = of_form(Some(form));
        let names_option =
            |row: &&Row| read_choices(row, &choices, "").is_ok_and(|read| read.label.is_some());
        data.samples.iter().filter(names_option).count()
    };
    let [letters, texts] = [LabelForm::Letter, LabelForm::Text].map(count);
    let form = if letters > texts { LabelForm::Letter } else { LabelForm::Text };
    GuessedLabel { form: Some(form), is_form_unclear: letters == texts, ..GuessedLabel::default() }
}

pub(super) fn options(data: &FirstRows, guess: &Guess) -> Option<GuessedOptions> {
    if let Some(found) = by_name(data, guess, &OPTIONS, is_options) {
        let cells = &column(data, &found.column)?.cells;
        let is_lettered = |text: &String| {
            let text = text.trim_start_matches(['(', '[']);
            text.starts_with(|c: char| c.is_ascii_alphabetic()) && text[1..].starts_with([')', ']', '.', ':'])
        };
        let have_letters =
            cells.iter().all(|cell| texts_of(&list_or_cell(cell.clone())).iter().all(is_lettered));
        let columns = ChoiceOptions::Column(found.column);
        let reason = found.reason;
        return Some(GuessedOptions {
            columns,
            reason,
            have_letters,
            in_object: false,
            text: None,
            label: None,
        });
    }
    let in_list = by_name(data, guess, &OPTIONS, |column| text_key_in(column).is_some());
    if let Some(found) = in_list {
        let key = column(data, &found.column).and_then(text_key_in)?;
        return Some(GuessedOptions {
            columns: ChoiceOptions::Column(format!("{}[].{key}", found.column)),
            reason: found.reason,
            have_letters: false,
            in_object: true,
            text: None,
            label: None,
        });
    }
    let lists_in_object = by_name(data, guess, &OPTIONS, |column| list_key(column).is_some());
    if let Some(found) = lists_in_object {
        let key = column(data, &found.column).and_then(list_key)?;
        return Some(GuessedOptions {
            columns: ChoiceOptions::Column(format!("{}.{key}", found.column)),
            reason: found.reason,
            have_letters: false,
            in_object: true,
            text: None,
            label: None,
        });
    }
    let in_object = by_name(data, guess, &OPTIONS, |column| option_keys(column).is_some());
    if let Some(found) = in_object {
        let keys = column(data, &found.column).and_then(option_keys)?;
        let columns = keys.iter().map(|key| format!("{}.{key}", found.column)).collect();
        return Some(GuessedOptions {
            columns: ChoiceOptions::Columns(columns),
            reason: format!("{}; one key each", found.reason),
            have_letters: false,
            in_object: true,
            text: None,
            label: None,
        });
    }
    let columns = option_columns(data)?;
    Some(GuessedOptions {
        columns: ChoiceOptions::Columns(columns),
        reason: "a column each".to_owned(),
        have_letters: false,
        in_object: false,
        text: None,
        label: None,
    })
}

/// The key with the longest texts, if every cell is a list of objects such as `{"key": "A", "text": "Red"}`.
fn text_key_in(column: &Column) -> Option<String> {
    let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
    for cell in &column.cells {
        let Value::Array(items) = list_or_cell(cell.clone()) else { return None };
        for item in items {
            for (key, value) in item.as_object()? {
                *lengths.entry(key.clone()).or_default() += value.as_str().map_or(0, str::len);
            }
        }
    }
    let (key, length) = lengths.into_iter().max_by_key(|(_, length)| *length)?;
    (length > 0 && column_of(&key) == key).then_some(key)
}

/// The key with the longest texts, if every cell is an object of lists such as `{"label": ["A", "B"], "text": ["Red", "Blue"]}`.
fn list_key(column: &Column) -> Option<String> {
    let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
    for object in column.objects()? {
        for (key, list) in object {
            if !list.is_array() {
                return None;
            }
            *lengths.entry(key).or_default() += texts_of(&list).iter().map(String::len).sum::<usize>();
        }
    }
    let (key, length) = lengths.into_iter().max_by_key(|(_, length)| *length)?;
    (length > 0 && column_of(&key) == key).then_some(key)
}

/// The keys of the objects in the cells, if each object has options such as `{"A": "Red", "B": "Blue"}`. Keys of one
/// character are in their order, other keys as the objects have them.
fn option_keys(column: &Column) -> Option<Vec<String>> {
    let mut keys: Vec<String> = Vec::new();
    for object in column.objects()? {
        if object.len() < 2 || object.values().any(|value| value.is_array() || value.is_object()) {
            return None;
        }
        let new: Vec<_> = object.keys().filter(|key| !keys.contains(key)).cloned().collect();
        keys.extend(new);
    }
    if keys.iter().all(|key| key.chars().count() == 1) {
        keys.sort();
    }
    let is_path = |key: &String| column_of(key) != key || key.is_empty();
    (!keys.is_empty() && keys.len() <= MAX_KEYS && !keys.iter().any(is_path)).then_some(keys)
}

/// Options have letters; objects with more keys are something else.
const MAX_KEYS: usize = 26;

/// Columns that hold one option each: `A`, `B`, … or `Option A`, `option_b`, `choice1`, ….
fn option_columns(data: &FirstRows) -> Option<Vec<String>> {
    let is_letter = |name: &str| name.len() == 1 && name.starts_with(|c: char| c.is_ascii_uppercase());
    let is_option =
        |name: &str, word: &str| OPTION_WORDS.contains(&word) || word.is_empty() && is_letter(name);
    series(data, is_option).into_iter().max_by_key(Vec::len)
}

/// Columns whose names differ only in a letter or a number at the end, from the first one without a gap. `fits` accepts the
/// name of a column and the word before its letter or number.
pub(super) fn series(data: &FirstRows, fits: impl Fn(&str, &str) -> bool) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<(String, bool), Vec<(u32, String)>> = BTreeMap::new();
    for column in data.columns.iter().filter(|column| is_scalar(column)) {
        if let Some(place) = place_in_series(&column.name).filter(|place| fits(&column.name, &place.word)) {
            let group = groups.entry((place.word, place.is_number)).or_default();
            group.push((place.number, column.name.clone()));
        }
    }
    let runs = groups.into_values().map(|mut group| {
        group.sort();
        let first = group.first().map_or(0, |(number, _)| *number);
        let run = (first..).zip(group).take_while(|(expected, (number, _))| expected == number && first <= 1);
        run.map(|(_, (_, name))| name).collect::<Vec<String>>()
    });
    runs.filter(|run| run.len() >= 2).collect()
}

/// The place of a column in a series.
struct PlaceInSeries {
    /// The word before the letter or number.
    word: String,
    is_number: bool,
    /// The number, or 1 for the letter A.
    number: u32,
}

fn place_in_series(name: &str) -> Option<PlaceInSeries> {
    let normal = normal(name);
    let name = normal.trim_matches('_');
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_number = word.len() < name.len();
    let (word, number) = match is_number {
        true => (word, name[word.len()..].parse().ok()?),
        false => {
            let letter = name.chars().next_back().filter(|letter| matches!(letter, 'a'..='h'))?;
            let word = &name[..name.len() - 1];
            // A letter at the end of a word is a part of the word.
            if word.ends_with(|c: char| c.is_ascii_alphanumeric()) {
                return None;
            }
            (word, u32::from(letter) - u32::from('a') + 1)
        }
    };
    Some(PlaceInSeries { word: word.trim_end_matches('_').to_owned(), is_number, number })
}
