//! Guesses the role of each column in unknown data: first by the names that public datasets use, then by the cells.
//!
//! Each guess comes with its reason. The user can change every one in the task file.

mod by_values;
mod names;
mod options;
mod pictures;

use super::choices::text_key;
use super::first_rows::{Column, FirstRows, names_picture};
use crate::scorer::choice::is_true_or_false;
use crate::text::is_address;
use crate::types::{ChoiceOptions, LabelForm, Marker, Row, SendAs, column_of, list_or_cell, texts_of};
pub use by_values::UnreadOptions;
use names::{IDS, QUESTIONS, TARGETS, TEXT, is_id_name, normal, rank};
use options::options;
use pictures::{pictures, unused_pictures};

/// Length of an answer, in words and in characters, up to which it is compared literally.
const SHORT: (usize, usize) = (4, 40);

/// A column with the reason for choosing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuessedColumn {
    /// Name of the column, or a path into it.
    pub column: String,
    /// The reason in a few words, such as `by its name`.
    pub reason: String,
}

/// The columns with pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuessedPictures {
    /// The column, or the first one of `series`.
    pub found: GuessedColumn,
    /// All columns of a numbered series, such as `image_1`, `image_2`; empty if one column has the pictures.
    pub series: Vec<String>,
    /// How the pictures are sent.
    pub send: SendAs,
    /// What the user should check, such as missing files.
    pub warning: Option<String>,
}

/// The columns with the options of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuessedOptions {
    /// The columns.
    pub columns: ChoiceOptions,
    /// The reason for choosing them.
    pub reason: String,
    /// Whether the options start with letters of their own, such as `B) Red`.
    pub have_letters: bool,
    /// Whether the columns are paths to the keys of objects.
    pub in_object: bool,
    /// The column with the options in its text, if that is not the question.
    pub text: Option<String>,
    /// How the target gives the right option; absent if it gives none in most rows.
    pub label: Option<GuessedLabel>,
}

/// How the target gives the right option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GuessedLabel {
    /// The form, if it must be named.
    pub form: Option<LabelForm>,
    /// The number of the first option, if the form is a position.
    pub first: i64,
    /// Whether the first option could have the number 0 or 1.
    pub is_first_unclear: bool,
    /// Whether the labels could be letters as well as texts.
    pub is_form_unclear: bool,
}

/// The guessed role of each column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guess {
    /// Ids of the samples.
    pub id: Option<GuessedColumn>,
    /// Pictures.
    pub pictures: Option<GuessedPictures>,
    /// Question.
    pub question: Option<GuessedColumn>,
    /// Options of a multiple-choice question.
    pub options: Option<GuessedOptions>,
    /// The references that answers are compared with.
    pub target: Option<GuessedColumn>,
    /// Whether the targets are short enough to be compared literally.
    pub target_is_short: bool,
    /// Whether all targets are numbers, of which some have a fraction: without its point, `2.5` would be `25`.
    pub target_is_number: bool,
    /// Whether all targets are true or false.
    pub target_is_true_or_false: bool,
    /// Targets that look like letters or numbers of options that were not found.
    pub unread_options: Option<UnreadOptions>,
    /// A column of lists that could be options as well as references.
    pub unclear_list: Option<String>,
    /// Columns whose texts are lists.
    pub literal: Vec<String>,
    /// Whether the question has markers such as `<image 1>`.
    pub has_markers: bool,
    /// Columns with pictures that are not sent.
    pub unused_pictures: Vec<String>,
    /// Columns that the prompt needs and that some rows lack.
    pub incomplete: Vec<String>,
    /// Number of rows that lack one of these columns.
    pub incomplete_rows: usize,
    /// Other columns that could hold references.
    pub alternatives: Vec<String>,
    /// Columns without a role, including the alternatives.
    pub others: Vec<String>,
}

impl Guess {
    /// Guesses the roles of the columns in `data`.
    #[must_use]
    pub fn of(data: &FirstRows) -> Self {
        let mut guess = Self { pictures: pictures(data), ..Self::default() };
        guess.id = id(data, &guess);
        guess.options = options(data, &guess);
        if guess.options.is_none() {
            guess.find_listed_options(data);
        }
        guess.find_question_and_target(data);
        guess.check_choices(data);
        guess.find_unread_options(data);
        guess.check_target(data);
        guess.unused_pictures = unused_pictures(data, &guess);
        let question = guess.question.as_ref().and_then(|found| column(data, &found.column));
        let marker = Marker::default();
        guess.has_markers =
            question.is_some_and(|found| found.texts().any(|text| !marker.find_in(&text).is_empty()));
        let is_short = |column: &&Column| column.cells.len() < data.rows && guess.is_asked(&column.name);
        guess.incomplete = data.columns.iter().filter(is_short).map(|column| column.name.clone()).collect();
        let has = |row: &Row, name: &String| {
            row.get(name)
                .is_some_and(|cell| texts_of(&list_or_cell(cell)).iter().any(|text| !text.trim().is_empty()))
        };
        let lacks_one = |row: &&Row| !guess.incomplete.iter().all(|name| has(row, name));
        guess.incomplete_rows = data.samples.iter().filter(lacks_one).count();
        let others = || data.columns.iter().filter(|column| !guess.is_used(&column.name));
        let others_named = others().map(|column| column.name.clone()).collect();
        guess.alternatives = others().filter(is_prose).map(|column| column.name.clone()).collect();
        guess.others = others_named;
        guess
    }

    fn find_question_and_target(&mut self, data: &FirstRows) {
        self.question = by_name(data, self, &QUESTIONS, is_question);
        let named =
            |guess: &Self| by_name(data, guess, &TARGETS, is_target).or_else(|| references(data, guess));
        self.target = self.target.take().or_else(|| named(self));
        let is_text = |found: &GuessedColumn| normal(&found.column) == TEXT;
        if let Some(text) = by_name(data, self, &[TEXT], is_question).filter(is_text) {
            match (&self.question, &self.target) {
                (None, Some(_)) => self.question = Some(text),
                (_, None) => self.target = Some(text),
                _ => {}
            }
        }
        if self.question.is_none() {
            self.question = ends_in_question_mark(data, self);
        }
        self.take_back_list(data);
        if self.target.is_none() {
            self.target = only_text_left(data, self).or_else(|| only_column_left(data, self));
        }
    }

    /// Looks at the texts of the target, and at the lists of it.
    fn check_target(&mut self, data: &FirstRows) {
        let Some(target) = &mut self.target else { return };
        let Some(found) = column(data, &target.column) else { return };
        let objects = found.cells.iter().map(|cell| list_or_cell(cell.clone()));
        let object =
            objects.filter_map(|cell| cell.as_array()?.iter().find(|item| item.is_object()).cloned()).next();
        if let Some(object) = object {
            target.column = format!("{}[].{}", found.name, text_key(&object));
        } else if found.has_list_in_text() {
            self.literal.push(found.name.clone());
        }
        let path = target.column.clone();
        let texts: Vec<String> = data
            .samples
            .iter()
            .filter_map(|row| row.get(&path))
            .flat_map(|cell| texts_of(&list_or_cell(cell)))
            .filter(|text| !text.trim().is_empty())
            .collect();
        let is_short =
            |text: &&String| text.split_whitespace().count() <= SHORT.0 && text.chars().count() <= SHORT.1;
        self.target_is_short =
            !texts.is_empty() && texts.iter().filter(is_short).count() * 10 >= texts.len() * 9;
        self.target_is_true_or_false = !texts.is_empty() && texts.iter().all(|text| is_true_or_false(text));
        let is_number = |text: &String| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        self.target_is_number = texts.iter().all(is_number) && texts.iter().any(|text| text.contains('.'));
    }

    /// Whether the task is a multiple-choice question whose right option is known.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.label.is_some())
    }

    fn is_asked(&self, column: &str) -> bool {
        let is_list = |options: &GuessedOptions| {
            let is = |list: &String| list == column || options.in_object && column_of(list) == column;
            matches!(&options.columns, ChoiceOptions::Column(list) if is(list))
        };
        self.question.as_ref().is_some_and(|found| found.column == column)
            || self
                .options
                .as_ref()
                .is_some_and(|options| is_list(options) || options.text.as_deref() == Some(column))
    }

    fn is_used(&self, column: &str) -> bool {
        let is = |found: &Option<GuessedColumn>| {
            found.as_ref().is_some_and(|found| column_of(&found.column) == column)
        };
        let is_picture = |pictures: &GuessedPictures| {
            column_of(&pictures.found.column) == column || pictures.series.iter().any(|name| name == column)
        };
        let is_option = |options: &GuessedOptions| {
            let is = |name: &String| name == column || options.in_object && column_of(name) == column;
            matches!(&options.columns, ChoiceOptions::Columns(columns) if columns.iter().any(is))
        };
        self.pictures.as_ref().is_some_and(is_picture)
            || self.options.as_ref().is_some_and(is_option)
            || is(&self.id)
            || is(&self.target)
            || self.is_asked(column)
    }
}

/// Whether a column can have a role, by its cells.
type Shape = fn(&Column) -> bool;

fn is_question(column: &Column) -> bool {
    column.is_text() && !column.items().any(|text| is_address(&text))
}

fn is_options(column: &Column) -> bool {
    column.is_list()
}

/// Whether no cell is a list or an object.
fn is_scalar(column: &Column) -> bool {
    column.cells.iter().all(|cell| !cell.is_object() && !cell.is_array())
}

fn is_target(column: &Column) -> bool {
    let is_list_of_objects = || {
        let has_object = |cell| matches!(list_or_cell(cell), serde_json::Value::Array(items) if items.iter().all(|item| item.is_object()));
        column.cells.iter().all(|cell| has_object(cell.clone()))
    };
    (is_scalar(column) || column.is_list() || is_list_of_objects())
        && !column.items().any(|text| is_address(&text) || names_picture(&text))
}

/// The column without a role that has the best name and a fitting shape. A name is better the earlier it is in
/// `known`; a name whose last word is in `known` (`human_caption`) comes after these. A name that ends in `id` is
/// never chosen.
fn by_name(data: &FirstRows, guess: &Guess, known: &[&str], shape: Shape) -> Option<GuessedColumn> {
    let free = data.columns.iter().filter(|column| !guess.is_used(&column.name) && !is_id_name(&column.name));
    let fitting = free.filter(|column| shape(column));
    let ranked = fitting.filter_map(|column| Some((rank(&column.name, known)?, column)));
    let (_, best) = ranked.min_by_key(|(rank, _)| *rank)?;
    Some(GuessedColumn { column: best.name.clone(), reason: "by its name".to_owned() })
}

fn id(data: &FirstRows, guess: &Guess) -> Option<GuessedColumn> {
    let is_id = |column: &&Column| {
        let scalar = column.cells.iter().all(|cell| cell.is_string() || cell.is_number());
        column.blobs == 0 && scalar && column.cells.len() == data.rows && column.is_unique()
    };
    let found = |column: &Column, reason: &str| GuessedColumn {
        column: column.name.clone(),
        reason: reason.to_owned(),
    };
    let known = |name: &str| data.columns.iter().filter(is_id).find(|column| normal(&column.name) == name);
    if let Some(column) = IDS.iter().find_map(|name| known(name)) {
        return Some(found(column, "by its name; no value comes twice"));
    }
    if let Some(column) = data.columns.iter().filter(is_id).find(|column| is_id_name(&column.name)) {
        return Some(found(column, "by its name; no value comes twice"));
    }
    let file_names = ["file_name", "filename"];
    let by_file =
        data.columns.iter().filter(is_id).find(|column| file_names.contains(&normal(&column.name).as_str()));
    let by_picture = || {
        let pictures = guess.pictures.as_ref().filter(|pictures| pictures.send == SendAs::Bytes)?;
        column(data, &pictures.found.column).filter(is_id)
    };
    by_file.or_else(by_picture).map(|column| found(column, "file names, of which none comes twice"))
}

fn references(data: &FirstRows, guess: &Guess) -> Option<GuessedColumn> {
    let mut free = data.columns.iter().filter(|column| !guess.is_used(&column.name));
    let list = free.find(|column| column.is_list() && is_target(column))?;
    Some(GuessedColumn { column: list.name.clone(), reason: "lists of texts".to_owned() })
}

fn ends_in_question_mark(data: &FirstRows, guess: &Guess) -> Option<GuessedColumn> {
    let asks = |column: &&Column| {
        let asking = column.texts().filter(|text| text.trim_end().ends_with(['?', '？'])).count();
        !guess.is_used(&column.name) && is_question(column) && asking * 2 >= column.cells.len()
    };
    let column = data.columns.iter().find(asks)?;
    Some(GuessedColumn { column: column.name.clone(), reason: "its values end in question marks".to_owned() })
}

/// The column of texts without a role, if there is exactly one.
fn only_text_left(data: &FirstRows, guess: &Guess) -> Option<GuessedColumn> {
    let mut free = data
        .columns
        .iter()
        .filter(|column| !data.has_only_pictures && !guess.is_used(&column.name))
        .filter(is_prose);
    let column = free.next()?;
    free.next()
        .is_none()
        .then(|| GuessedColumn { column: column.name.clone(), reason: "the only other text".to_owned() })
}

/// The column of single values without a role, if there is exactly one and the data has a question.
fn only_column_left(data: &FirstRows, guess: &Guess) -> Option<GuessedColumn> {
    let is_left = |column: &&Column| !guess.is_used(&column.name) && !is_id_name(&column.name);
    let mut left = data.columns.iter().filter(|_| guess.question.is_some()).filter(is_left);
    let (column, other) = (left.next()?, left.next());
    let is_answer = other.is_none() && is_scalar(column) && is_target(column);
    is_answer
        .then(|| GuessedColumn { column: column.name.clone(), reason: "the only other column".to_owned() })
}

/// Whether the texts could be answers, and are neither ids nor categories.
fn is_prose(column: &&Column) -> bool {
    let mut distinct: Vec<_> = column.texts().collect();
    distinct.sort_unstable();
    distinct.dedup();
    column.is_text()
        && is_target(column)
        && !is_id_name(&column.name)
        && distinct.len() * 2 >= column.cells.len()
}

fn column<'a>(data: &'a FirstRows, name: &str) -> Option<&'a Column> {
    data.columns.iter().find(|column| column.name == name || column.name == column_of(name))
}

#[cfg(test)]
mod tests;
