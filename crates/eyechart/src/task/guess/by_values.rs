//! Finds options in columns without a known name, by the values of another column that name one of them.

use std::collections::BTreeSet;

use super::names::{TARGETS, rank};
use super::options::{by_values, label_in, resolves, series};
use super::{Guess, GuessedLabel, GuessedOptions, is_scalar, is_target};
use crate::task::first_rows::{Column, FirstRows};
use crate::types::{ChoiceOptions, LabelForm, Row, column_of, list_or_cell, text_of, texts_of};

/// Targets that look like the letters or numbers of options, in data without known options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadOptions {
    /// The columns that could have the options.
    pub columns: Vec<String>,
}

/// Marks between options that are written in one text.
const SEPARATORS: [char; 3] = ['|', ';', '\n'];

/// Greatest number that counts as the number of an option. Options have letters.
const MAX_NUMBER: u32 = 26;

impl Guess {
    /// Finds a list of options, and the column whose values name one of them in most rows.
    pub(super) fn find_listed_options(&mut self, data: &FirstRows) {
        let is_candidate = |column: &&Column| {
            column.is_list()
                && is_target(column)
                && !self.is_used(&column.name)
                && has_several_items(column)
                && column.cells.len() * 2 >= data.rows
        };
        let found = data.columns.iter().filter(is_candidate).find_map(|list| {
            let columns = ChoiceOptions::Column(list.name.clone());
            let is_reference = rank(&list.name, &TARGETS).is_some();
            let (target, label) = self.label_of_list(data, &columns, list, is_reference)?;
            Some((columns, target, label))
        });
        let Some((columns, target, label)) = found else { return };
        self.target = Some(by_values(&target));
        self.options = Some(named_by(&target, columns, label));
    }

    /// The column that names an item of `list` in most rows. A letter or a position counts only in a column with the name
    /// of an answer, if there is one. Lists with the name of references are options only if the right one is not always
    /// the first.
    fn label_of_list(
        &self,
        data: &FirstRows,
        columns: &ChoiceOptions,
        list: &Column,
        is_reference: bool,
    ) -> Option<(String, GuessedLabel)> {
        let names: Vec<&str> = self.label_columns(data).collect();
        let is_named = |name: &&str| rank(name, &TARGETS).is_some();
        let has_named = names.iter().any(is_named);
        let (named, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| is_named(name));
        let fits = |name: &str, label: &GuessedLabel| {
            let is_text = resolves(data, columns, (name, Some(LabelForm::Text), 0), "");
            let is_position = label.form == Some(LabelForm::Position);
            let is_preferred = is_named(&name) || !has_named;
            match () {
                () if is_text => !is_reference || !is_always_first(data, columns, name),
                () if is_position => {
                    is_preferred && !is_reference && have_one_length(list) && varies(data, name)
                }
                () => is_preferred,
            }
        };
        named.into_iter().chain(others).find_map(|name| {
            let label = label_in(data, columns, name).filter(|label| fits(name, label))?;
            Some((name.to_owned(), label))
        })
    }

    /// Finds options in columns that differ only in a letter or a number at the end of their names. The target names the
    /// right one, or any column if there is no target.
    pub(super) fn find_series_of_options(&mut self, data: &FirstRows) {
        let target = self.target.as_ref().map(|target| target.column.as_str());
        let labels: Vec<&str> = match target {
            Some(target) => vec![target],
            None => self.label_columns(data).collect(),
        };
        let is_free = |names: &Vec<String>| !names.iter().any(|name| self.is_used(name));
        let found = series(data, |_, _| true).into_iter().filter(is_free).find_map(|names| {
            let has_numbers = has_only_numbers(data, &names);
            let columns = ChoiceOptions::Columns(names.clone());
            let fits = |name: &str, label: &GuessedLabel| {
                let is_text = resolves(data, &columns, (name, Some(LabelForm::Text), 0), "");
                let is_position = label.form == Some(LabelForm::Position);
                !(is_text && is_always_first(data, &columns, name))
                    && !(is_position && (has_numbers || target.is_none()))
            };
            let (name, label) =
                labels.iter().filter(|name| !names.iter().any(|option| option == *name)).find_map(
                    |name| Some((*name, label_in(data, &columns, name).filter(|label| fits(name, label))?)),
                )?;
            Some((columns.clone(), name.to_owned(), label))
        });
        let Some((columns, name, label)) = found else { return };
        self.target.get_or_insert_with(|| by_values(&name));
        self.options = Some(named_by(&name, columns, label));
    }

    /// Takes back a target that was chosen only because its cells are lists, if there is a question and the items differ: the
    /// items could be options.
    pub(super) fn take_back_list(&mut self, data: &FirstRows) {
        let Some(target) = self.target.as_ref().filter(|_| self.question.is_some()) else { return };
        let list = data.columns.iter().find(|column| column.name == target.column && column.is_list());
        if rank(&target.column, &TARGETS).is_none() && list.is_some_and(has_several_items) {
            self.unclear_list = self.target.take().map(|target| target.column);
        }
    }

    /// Looks for targets that are letters or numbers of options, if no options were found. Numbers are also counts: they
    /// need a column that looks like options.
    pub(super) fn find_unread_options(&mut self, data: &FirstRows) {
        let Some(target) = self.target.as_ref().filter(|_| self.options.is_none()) else { return };
        let labels: Vec<String> = data
            .samples
            .iter()
            .filter_map(|row| row.get(&target.column))
            .flat_map(|cell| texts_of(&list_or_cell(cell)))
            .map(|text| text.trim().trim_matches(['(', ')', '[', ']', '.', ':']).to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        let is_letter =
            |text: &String| text.len() == 1 && text.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_number = |text: &String| text.parse::<u32>().is_ok_and(|number| number <= MAX_NUMBER);
        let columns = self.columns_like_options(data);
        let are_letters = labels.iter().all(is_letter);
        let are_numbers = labels.iter().all(is_number) && !columns.is_empty();
        if !labels.is_empty() && (are_letters || are_numbers) {
            self.unread_options = Some(UnreadOptions { columns });
        }
    }

    fn columns_like_options(&self, data: &FirstRows) -> Vec<String> {
        let series = series(data, |_, _| true).concat();
        let is_like_options = |column: &&Column| {
            let is_separated = |text: &String| text.trim().split(SEPARATORS).count() >= 2;
            let is_several = column.is_text() && column.texts().all(|text| is_separated(&text));
            !self.is_used(&column.name)
                && (is_several || is_list_of_several(column) || series.contains(&column.name))
        };
        data.columns.iter().filter(is_like_options).map(|column| column.name.clone()).collect()
    }
}

fn named_by(target: &str, columns: ChoiceOptions, label: GuessedLabel) -> GuessedOptions {
    GuessedOptions {
        columns,
        reason: format!("the values of {target} name one of them"),
        have_letters: false,
        in_object: false,
        text: None,
        label: Some(label),
    }
}

/// Whether each cell is a list of at least two items, which all differ.
fn has_several_items(column: &Column) -> bool {
    column.cells.iter().all(|cell| {
        let items = texts_of(&list_or_cell(cell.clone()));
        items.len() >= 2 && items.iter().collect::<BTreeSet<_>>().len() == items.len()
    })
}

fn has_only_numbers(data: &FirstRows, names: &[String]) -> bool {
    let is_number = |text: String| text.trim().parse::<f64>().is_ok();
    let mut columns = data.columns.iter().filter(|column| names.contains(&column.name));
    columns.all(|column| column.texts().all(is_number))
}

fn is_list_of_several(column: &Column) -> bool {
    !is_scalar(column) && column.cells.iter().all(|cell| texts_of(cell).len() >= 2)
}

fn have_one_length(column: &Column) -> bool {
    let lengths = column.cells.iter().map(|cell| texts_of(&list_or_cell(cell.clone())).len());
    lengths.collect::<BTreeSet<_>>().len() == 1
}

/// Whether the values of a column differ.
fn varies(data: &FirstRows, name: &str) -> bool {
    let texts = data.samples.iter().filter_map(|row| row.get(name)).map(|cell| text_of(&cell));
    texts.collect::<BTreeSet<_>>().len() >= 2
}

/// Whether the label is the text of the first option in every row, as the best of several references is.
fn is_always_first(data: &FirstRows, columns: &ChoiceOptions, label: &str) -> bool {
    let first = |row: &Row| match columns {
        ChoiceOptions::Column(list) => {
            row.get(list).and_then(|cell| texts_of(&list_or_cell(cell)).into_iter().next())
        }
        ChoiceOptions::Columns(names) => {
            names.first().and_then(|name| row.get(column_of(name))).map(|cell| text_of(&cell))
        }
    };
    let is_first = |row: &Row| row.get(label).map(|label| text_of(&label)) == first(row);
    data.samples.iter().all(is_first)
}
