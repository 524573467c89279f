//! Guesses the role of each column in unknown data: first by the names that public datasets use, then by the cells.
//!
//! Each guess comes with its reason. The user can change every one in the task file.

use super::first_rows::{Column, FirstRows, names_picture};
use crate::dataset::resolve_label;
use crate::text::is_address;
use crate::types::{SendAs, text_of, texts_of};

const IMAGES: [&str; 15] = [
    "image",
    "images",
    "image_path",
    "image_paths",
    "image_file",
    "img",
    "img_path",
    "picture",
    "pictures",
    "photo",
    "file_name",
    "filename",
    "image_url",
    "image_urls",
    "url",
];
const QUESTIONS: [&str; 6] = ["question", "query", "instruction", "problem", "prompt", "input"];
const OPTIONS: [&str; 5] = ["options", "choices", "candidates", "answer_choices", "multiple_choices"];
const TARGETS: [&str; 19] = [
    "answer",
    "answers",
    "label",
    "labels",
    "gt",
    "gt_answer",
    "ground_truth",
    "target",
    "targets",
    "reference",
    "references",
    "reference_output",
    "reference_answer",
    "response",
    "output",
    "solution",
    "caption",
    "captions",
    "description",
];
const IDS: [&str; 10] =
    ["id", "question_id", "sample_id", "item_id", "qid", "uid", "uuid", "pid", "idx", "index"];

/// A column of this name holds the question if there is an answer column, and otherwise the reference.
const TEXT: &str = "text";

/// Names of columns that hold one option each.
const LETTERS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// A column with the reason for choosing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuessedColumn {
    /// Name of the column, or a path into it.
    pub column: String,
    /// The reason in a few words, such as `by its name`.
    pub reason: String,
}

/// The column with pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuessedPictures {
    /// The column.
    pub found: GuessedColumn,
    /// How the pictures are sent.
    pub send: SendAs,
    /// What the user should check, such as missing files.
    pub warning: Option<String>,
}

/// The columns with the options of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuessedOptions {
    /// All options are in one column.
    List {
        /// The column.
        found: GuessedColumn,
        /// Whether the cells are lists that a template can iterate over. Otherwise they are JSON in a text.
        is_real: bool,
        /// Whether the options start with letters of their own, such as `B) Red`.
        has_letters: bool,
        /// Whether the target names one of the options in most rows.
        names_option: bool,
    },
    /// Each option has a column. These are the columns that every row has.
    Letters(Vec<String>),
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
    /// Whether the targets are letters of options.
    pub target_is_letter: bool,
    /// Columns that the prompt needs and that some rows lack.
    pub incomplete: Vec<String>,
    /// A column that seems to hold pictures as base64, which eyechart does not read.
    pub base64: Option<String>,
    /// Other columns that could hold references.
    pub alternatives: Vec<String>,
    /// Columns without a role, including the alternatives.
    pub others: Vec<String>,
}

impl Guess {
    /// Guesses the roles of the columns in `data`.
    #[must_use]
    pub fn of(data: &FirstRows) -> Self {
        let mut guess = Self { pictures: pictures(data), base64: base64(data), ..Self::default() };
        guess.id = id(data, &guess);
        guess.options = options(data, &guess);
        guess.find_question_and_target(data);
        guess.check_choices(data);
        let is_short = |column: &&Column| column.cells.len() < data.rows && guess.is_asked(&column.name);
        guess.incomplete = data.columns.iter().filter(is_short).map(|column| column.name.clone()).collect();
        let others = || data.columns.iter().filter(|column| !guess.is_used(&column.name));
        let others_named = others().map(|column| column.name.clone()).collect();
        guess.alternatives = others().filter(is_prose).map(|column| column.name.clone()).collect();
        guess.others = others_named;
        guess
    }

    fn find_question_and_target(&mut self, data: &FirstRows) {
        self.question = by_name(data, self, &QUESTIONS, is_question);
        self.target = by_name(data, self, &TARGETS, is_target).or_else(|| references(data, self));
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
        if self.target.is_none() {
            self.target = only_text_left(data, self);
        }
    }

    /// Checks whether the target is one of the options, and whether it is given as a letter.
    fn check_choices(&mut self, data: &FirstRows) {
        let Some(target) = self.target.as_ref().and_then(|target| column(data, &target.column)) else {
            return;
        };
        let is_letter = |text: String| {
            let bare = text.trim().trim_matches(['(', ')', '[', ']', '.', ':']);
            bare.len() == 1 && bare.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        self.target_is_letter = self.options.is_some() && target.texts().all(is_letter);
        if let Some(GuessedOptions::List { found, names_option, .. }) = &mut self.options
            && let Some(options) = column(data, &found.column)
            // If no row lacks either cell, the cells at one position are of the same row.
            && options.cells.len() == target.cells.len()
        {
            let pairs = options.cells.iter().zip(&target.cells);
            let named =
                pairs.filter(|(options, label)| resolve_label(&text_of(label), &texts_of(options)).is_some());
            *names_option = named.count() * 5 >= target.cells.len() * 4;
        }
    }

    fn is_asked(&self, column: &str) -> bool {
        self.question.as_ref().is_some_and(|found| found.column == column)
            || matches!(&self.options, Some(GuessedOptions::List { found, .. }) if found.column == column)
    }

    fn is_used(&self, column: &str) -> bool {
        let is =
            |found: &Option<GuessedColumn>| found.as_ref().is_some_and(|found| root(&found.column) == column);
        let pictures = self.pictures.as_ref().is_some_and(|pictures| root(&pictures.found.column) == column);
        let has_letters = matches!(&self.options, Some(GuessedOptions::Letters(columns)) if columns.iter().any(|name| name == column));
        pictures || has_letters || is(&self.id) || is(&self.target) || self.is_asked(column)
    }
}

/// Whether a column can have a role, by its cells.
type Shape = fn(&Column) -> bool;

fn is_question(column: &Column) -> bool {
    column.is_text() && is_identifier(&column.name) && !column.items().any(|text| is_address(&text))
}

fn is_options(column: &Column) -> bool {
    column.is_list() && is_identifier(&column.name)
}

fn is_target(column: &Column) -> bool {
    let is_scalar = column.cells.iter().all(|cell| !cell.is_object() && !cell.is_array());
    (is_scalar || column.is_list()) && !column.items().any(|text| is_address(&text) || names_picture(&text))
}

/// The column without a role that has the best name and a fitting shape. A name is better the earlier it is in
/// `known`; a name whose last word is in `known` (`human_caption`) comes after these. A name that ends in `id` is
/// never chosen.
fn by_name(data: &FirstRows, guess: &Guess, known: &[&str], shape: Shape) -> Option<GuessedColumn> {
    let rank = |column: &&Column| {
        let name = normal(&column.name);
        let exact = known.iter().position(|known| *known == name);
        let last = name.rsplit('_').next().unwrap_or_default();
        exact.or_else(|| known.iter().position(|known| *known == last).map(|at| at + known.len()))
    };
    let free = data.columns.iter().filter(|column| !guess.is_used(&column.name) && !is_id_name(&column.name));
    let fitting = free.filter(|column| shape(column));
    let best = fitting.filter(|column| rank(column).is_some()).min_by_key(rank)?;
    Some(GuessedColumn { column: best.name.clone(), reason: "by its name".to_owned() })
}

fn pictures(data: &FirstRows) -> Option<GuessedPictures> {
    let rank = |column: &Column| {
        IMAGES.iter().position(|known| *known == normal(&column.name)).unwrap_or(IMAGES.len())
    };
    let mut found: Vec<_> =
        data.columns.iter().filter_map(|column| Some((rank(column), pictures_in(data, column)?))).collect();
    // The sort is stable, so that the first of several columns with unknown names wins. Columns whose pictures are
    // missing come last.
    found.sort_by_key(|(rank, pictures)| (pictures.warning.is_some(), *rank));
    found.into_iter().next().map(|(_, pictures)| pictures)
}

/// Pictures that are stored in the data file, or named by paths or by addresses.
fn pictures_in(data: &FirstRows, column: &Column) -> Option<GuessedPictures> {
    let found = |reason: &str| GuessedColumn { column: column.name.clone(), reason: reason.to_owned() };
    if column.blobs > 0 {
        let first = format!("{}.0", column.name);
        let name = column.blob.clone().filter(|blob| *blob != first).unwrap_or_else(|| column.name.clone());
        let warning = (name != column.name).then(|| "only the first picture of each row is sent".to_owned());
        let found = GuessedColumn { column: name, reason: "it holds pictures".to_owned() };
        return Some(GuessedPictures { found, send: SendAs::Bytes, warning });
    }
    let items: Vec<String> = column.items().filter(|item| !item.trim().is_empty()).collect();
    let is_named = IMAGES.contains(&normal(&column.name).as_str());
    let all = |holds: fn(&str) -> bool| !items.is_empty() && items.iter().all(|item| holds(item));
    if all(is_address) && (is_named || all(names_picture)) {
        return Some(GuessedPictures {
            found: found("addresses of pictures"),
            send: SendAs::Url,
            warning: None,
        });
    }
    if !all(names_picture) || items.iter().any(|item| is_address(item)) {
        return None;
    }
    let absent = items.iter().filter(|item| !data.picture_folder.join(item).is_file());
    let warning = match absent.clone().count() {
        0 => None,
        count => absent.clone().next().map(|first| {
            format!(
                "{count} of {} pictures are not there, {} for one",
                items.len(),
                data.picture_folder.join(first).display()
            )
        }),
    };
    Some(GuessedPictures { found: found("paths of pictures"), send: SendAs::Bytes, warning })
}

/// Finds a column of long texts with only base64 characters, with or without a data URL around them.
fn base64(data: &FirstRows) -> Option<String> {
    let is_base64 = |text: String| {
        let encoded = text.split_once(";base64,").map_or(text.as_str(), |(_, encoded)| encoded);
        encoded.len() > 200 && encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(&b))
    };
    let holds = |column: &&Column| column.is_text() && column.texts().all(is_base64);
    data.columns.iter().find(holds).map(|column| column.name.clone())
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

fn options(data: &FirstRows, guess: &Guess) -> Option<GuessedOptions> {
    if let Some(found) = by_name(data, guess, &OPTIONS, is_options) {
        let cells = &column(data, &found.column)?.cells;
        let is_lettered = |text: &String| {
            let text = text.trim_start_matches(['(', '[']);
            text.starts_with(|c: char| c.is_ascii_alphabetic()) && text[1..].starts_with([')', ']', '.', ':'])
        };
        let has_letters = cells.iter().all(|cell| texts_of(cell).iter().all(is_lettered));
        let is_real = cells.iter().all(serde_json::Value::is_array);
        return Some(GuessedOptions::List { found, is_real, has_letters, names_option: false });
    }
    let has = |letter: &&&str| column(data, letter).is_some_and(|column| column.cells.len() == data.rows);
    let letters: Vec<String> = LETTERS.iter().take_while(has).map(|&letter| letter.to_owned()).collect();
    (letters.len() >= 2).then_some(GuessedOptions::Letters(letters))
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
    data.columns.iter().find(|column| column.name == name)
}

/// The column in a path such as `image.bytes`.
fn root(path: &str) -> &str {
    path.split_once('.').map_or(path, |(column, _)| column)
}

/// The name in lower case with `_` between its words.
fn normal(name: &str) -> String {
    let spaced = name.trim().replace(|c: char| !c.is_alphanumeric(), "_");
    let mut normal = String::with_capacity(spaced.len());
    let mut after_lower = false;
    for letter in spaced.chars() {
        if after_lower && letter.is_uppercase() {
            normal.push('_');
        }
        after_lower = letter.is_lowercase();
        normal.extend(letter.to_lowercase());
    }
    normal
}

fn is_id_name(name: &str) -> bool {
    let name = normal(name);
    let last = name.rsplit('_').next().unwrap_or_default();
    ["id", "ids", "idx", "index", "uuid", "key"].contains(&last)
}

/// Whether a template can use the name.
fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
