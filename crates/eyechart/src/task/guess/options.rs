//! Guesses where the options of a multiple-choice question are, and how the target gives the right one.

use super::{Guess, GuessedLabel, GuessedOptions, by_name, column, is_options, normal};
use crate::task::choices::read_choices;
use crate::task::first_rows::{Column, FirstRows};
use crate::types::{ChoiceOptions, Choices, LabelForm, Row, list_or_cell, text_of, texts_of};

const OPTIONS: [&str; 8] =
    ["options", "choices", "candidates", "answer_choices", "multiple_choices", "选项", "選択肢", "선택지"];

/// Words before the letter or number in the name of a column that holds one option.
const OPTION_WORDS: [&str; 8] =
    ["option", "options", "opt", "choice", "choices", "answer_option", "answer_choice", "选项"];

impl Guess {
    /// Finds options in the texts of the questions, if no column has options.
    fn find_options_in_question(&mut self, data: &FirstRows) {
        let (None, Some(target), Some(question)) = (&self.options, &self.target, &self.question) else {
            return;
        };
        let columns = ChoiceOptions::Column(ChoiceOptions::IN_TEXT.to_owned());
        let choices =
            Choices { options: columns.clone(), label: target.column.clone(), form: None, first: None };
        let is_resolved = |row: &&Row| {
            let question = row.get(&question.column).map(|text| text_of(&text)).unwrap_or_default();
            read_choices(row, &choices, &question).is_ok_and(|read| read.label.is_some())
        };
        if data.samples.iter().filter(is_resolved).count() * 5 >= data.samples.len() * 4 {
            let reason = "in the text of the question".to_owned();
            let label = Some(GuessedLabel { form: None, first: 0, is_first_unclear: false });
            self.options = Some(GuessedOptions { columns, reason, have_letters: true, label });
        }
    }

    /// Finds how the target gives the right option.
    pub(super) fn check_choices(&mut self, data: &FirstRows) {
        self.find_options_in_question(data);
        let (Some(options), Some(target)) = (&mut self.options, &self.target) else { return };
        if options.label.is_some() {
            return;
        }
        let resolves = |form, first| {
            let options = options.columns.clone();
            let choices = Choices { options, label: target.column.clone(), form, first: Some(first) };
            let read = |row| read_choices(row, &choices, "").is_ok_and(|read| read.label.is_some());
            let asked = data.samples.iter().filter(|row| row.get(&target.column).is_some());
            let asked_count = asked.clone().count();
            asked_count > 0 && asked.filter(|row| read(row)).count() * 5 >= asked_count * 4
        };
        let position = |first| resolves(Some(LabelForm::Position), first);
        let labels =
            || data.samples.iter().filter_map(|row| row.get(&target.column)).map(|label| text_of(&label));
        let has_zero = labels().any(|label| label.trim() == "0");
        options.label = match () {
            () if resolves(None, 0) => Some(GuessedLabel { form: None, first: 0, is_first_unclear: false }),
            () if has_zero && position(0) => {
                Some(GuessedLabel { form: Some(LabelForm::Position), first: 0, is_first_unclear: false })
            }
            () if position(1) => Some(GuessedLabel {
                form: Some(LabelForm::Position),
                first: 1,
                is_first_unclear: position(0),
            }),
            () if position(0) => {
                Some(GuessedLabel { form: Some(LabelForm::Position), first: 0, is_first_unclear: false })
            }
            () => None,
        };
    }
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
        return Some(GuessedOptions { columns, reason: found.reason, have_letters, label: None });
    }
    let columns = option_columns(data)?;
    Some(GuessedOptions {
        columns: ChoiceOptions::Columns(columns),
        reason: "a column each".to_owned(),
        have_letters: false,
        label: None,
    })
}

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
    let is_scalar = |column: &&Column| column.cells.iter().all(|cell| !cell.is_array() && !cell.is_object());
    let mut groups: std::collections::BTreeMap<String, Vec<(u32, String)>> =
        std::collections::BTreeMap::new();
    for column in data.columns.iter().filter(is_scalar) {
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
