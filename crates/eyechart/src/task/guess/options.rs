//! Guesses where the options of a multiple-choice question are, and how the target gives the right one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Guess, GuessedColumn, GuessedLabel, GuessedOptions, by_name, column, is_id_name, is_options, is_scalar,
    normal,
};
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
            self.find_options_in_question(data);
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

    /// Finds options in the texts of the questions, if no column has options.
    fn find_options_in_question(&mut self, data: &FirstRows) {
        let Some(question) = &self.question else { return };
        let columns = ChoiceOptions::Column(ChoiceOptions::IN_TEXT.to_owned());
        let names_options = |column: &&str| resolves(data, &columns, (column, None, 0), &question.column);
        let named = self.target.as_ref().filter(|target| names_options(&target.column.as_str())).cloned();
        let found = named.or_else(|| self.label_columns(data).find(names_options).map(by_values));
        if let Some(target) = found {
            self.target = Some(target);
            let reason = "in the text of the question".to_owned();
            let label = Some(GuessedLabel::default());
            self.options =
                Some(GuessedOptions { columns, reason, have_letters: true, in_object: false, label });
        }
    }

    /// The columns without a role whose values could name the right option.
    fn label_columns<'a>(&'a self, data: &'a FirstRows) -> impl Iterator<Item = &'a str> {
        let is_label = |column: &&Column| {
            let is_full = column.cells.len() * MOST_ROWS.1 >= data.rows * MOST_ROWS.0;
            is_full && is_scalar(column) && !self.is_used(&column.name) && !is_id_name(&column.name)
        };
        data.columns.iter().filter(is_label).map(|column| column.name.as_str())
    }
}

fn by_values(column: &str) -> GuessedColumn {
    GuessedColumn { column: column.to_owned(), reason: "its values name the options".to_owned() }
}

/// Whether the labels of most rows name an option. `question` is the column with the options in its text, if they are there.
fn resolves(
    data: &FirstRows,
    options: &ChoiceOptions,
    (label, form, first): (&str, Option<LabelForm>, i64),
    question: &str,
) -> bool {
    let choices = Choices { options: options.clone(), label: label.to_owned(), form, first: Some(first) };
    let names_option = |row: &&Row| {
        let question = row.get(question).map(|text| text_of(&text)).unwrap_or_default();
        read_choices(row, &choices, &question).is_ok_and(|read| read.label.is_some())
    };
    let labelled = data.samples.iter().filter(|row| row.get(label).is_some());
    let count = labelled.clone().count();
    count > 0 && labelled.filter(names_option).count() * MOST_ROWS.1 >= count * MOST_ROWS.0
}

/// How the column `label` gives the right option; `None` if it gives none in most rows.
fn label_in(data: &FirstRows, options: &ChoiceOptions, label: &str) -> Option<GuessedLabel> {
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
        return Some(GuessedOptions { columns, reason, have_letters, in_object: false, label: None });
    }
    let in_list = by_name(data, guess, &OPTIONS, |column| text_key_in(column).is_some());
    if let Some(found) = in_list {
        let key = column(data, &found.column).and_then(text_key_in)?;
        return Some(GuessedOptions {
            columns: ChoiceOptions::Column(format!("{}[].{key}", found.column)),
            reason: found.reason,
            have_letters: false,
            in_object: true,
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
            label: None,
        });
    }
    let columns = option_columns(data)?;
    Some(GuessedOptions {
        columns: ChoiceOptions::Columns(columns),
        reason: "a column each".to_owned(),
        have_letters: false,
        in_object: false,
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

/// Columns that hold one option each: `A`, `B`, … or `Option A`, `option_b`, `choice1`, …, from the first letter or number
/// without a gap.
fn option_columns(data: &FirstRows) -> Option<Vec<String>> {
    /// The word before the letter or number, and its place in the order.
    fn place(name: &str) -> Option<(String, u32)> {
        let spaced = normal(name);
        let word = spaced.trim_end_matches(|c: char| c.is_ascii_digit());
        let (word, order) = match word.len() < spaced.len() {
            true => (word, spaced[word.len()..].parse().ok()?),
            false => {
                let (word, letter) = spaced.rsplit_once('_').unwrap_or(("", &spaced));
                let [letter @ b'a'..=b'h'] = letter.as_bytes() else { return None };
                (word, u32::from(letter - b'a'))
            }
        };
        let word = word.trim_end_matches('_');
        let is_letter =
            word.is_empty() && name.len() == 1 && name.starts_with(|c: char| c.is_ascii_uppercase());
        (is_letter || OPTION_WORDS.contains(&word)).then(|| (word.to_owned(), order))
    }
    let mut groups: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    for column in data.columns.iter().filter(|column| is_scalar(column)) {
        if let Some((word, order)) = place(&column.name) {
            groups.entry(word).or_default().push((order, column.name.clone()));
        }
    }
    let runs = groups.into_values().map(|mut group| {
        group.sort();
        let first = group.first().map_or(0, |(order, _)| *order);
        let run = (first..).zip(group).take_while(|(expected, (order, _))| expected == order && first <= 1);
        run.map(|(_, (_, name))| name).collect::<Vec<String>>()
    });
    runs.filter(|run| run.len() >= 2).max_by_key(Vec::len)
}
