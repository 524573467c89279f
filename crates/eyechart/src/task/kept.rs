//! The cells of a row that its record keeps for scorers and exports, in addition to prompt and pictures.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::choices::{read_choices, text_key};
use super::picture_value::{PictureValue, pictures_in};
use crate::files::sha256_hex;
use crate::scorer::Scorer;
use crate::text::shown_address;
use crate::types::{Choices, RecordedChoices, Row, SampleRecord, Task, text_of, texts_of};

/// The columns that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptColumns {
    /// Columns with references.
    pub(crate) targets: BTreeSet<String>,
    /// The columns among `targets` that may hold objects: their scorers compare objects.
    pub(crate) object_targets: BTreeSet<String>,
    /// Other columns, each kept as one text.
    pub(crate) fields: BTreeSet<String>,
    /// The columns among `fields` whose texts are compared as answers.
    pub(crate) answers: BTreeSet<String>,
    /// Whether a scorer compares objects, so that an object may be an answer.
    pub(crate) compares_objects: bool,
    /// The columns of a multiple-choice question.
    pub(crate) choices: Option<Choices>,
}

/// The cells of one row that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptCells {
    /// References by column; empty if the row has none.
    pub(crate) targets: BTreeMap<String, Vec<String>>,
    /// Other cells by column, without those that the row lacks.
    pub(crate) fields: BTreeMap<String, String>,
    /// Options and label.
    pub(crate) choices: Option<RecordedChoices>,
}

impl KeptColumns {
    /// The columns that the scorers of `task` read, and those that it keeps for exports.
    #[must_use]
    pub(crate) fn of(task: &Task) -> Self {
        let scorers = task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
        let named = scorers.flat_map(|scorer| scorer.columns().to_vec());
        Self {
            targets: task.score.iter().filter_map(|entry| entry.target.clone()).collect(),
            object_targets: object_targets(task),
            fields: task.recorded_columns().cloned().chain(named).collect(),
            answers: answer_columns(task),
            compares_objects: compares_objects(task),
            choices: task.dataset.choices.clone(),
        }
    }

    /// The columns that `scorers` read.
    #[must_use]
    pub(crate) fn read_by(task: &Task, scorers: &[Scorer]) -> Self {
        let columns = scorers.iter().flat_map(|scorer| scorer.columns().iter().chain(&scorer.entry().column));
        let choices = task.dataset.choices.as_ref().filter(|_| scorers.iter().any(Scorer::needs_choices));
        Self {
            targets: task.score.iter().filter_map(|entry| entry.target.clone()).collect(),
            object_targets: object_targets(task),
            fields: columns.cloned().collect(),
            answers: answer_columns(task),
            compares_objects: compares_objects(task),
            choices: choices.cloned(),
        }
    }

    /// The names of all columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let choices = self.choices.iter().flat_map(Choices::columns);
        self.targets.iter().chain(&self.fields).chain(choices)
    }

    /// The columns that a record with the columns `recorded` lacks.
    #[must_use]
    pub(crate) fn without(&self, recorded: &Self) -> Self {
        Self {
            targets: self.targets.difference(&recorded.targets).cloned().collect(),
            object_targets: self.object_targets.clone(),
            fields: self.fields.difference(&recorded.fields).cloned().collect(),
            answers: self.answers.clone(),
            compares_objects: self.compares_objects,
            choices: self.choices.clone().filter(|choices| recorded.choices.as_ref() != Some(choices)),
        }
    }

    /// The cells of these columns in `row`. `prompt` is the rendered prompt of the row.
    ///
    /// # Errors
    /// The reason why a cell cannot be a reference or a list of options.
    pub(crate) fn read(&self, row: &Row, prompt: &str) -> Result<KeptCells, String> {
        let field = |column: &String| Some((column.clone(), text_of(&row.get(column)?)));
        for column in self.answers.intersection(&self.fields) {
            refuse_object(row, column, "column", "column = ")?;
        }
        let mut targets = BTreeMap::new();
        for column in &self.targets {
            targets.insert(column.clone(), self.references(row, column)?);
        }
        let choices = self.choices.as_ref().map(|choices| read_choices(row, choices, prompt));
        Ok(KeptCells {
            targets,
            fields: self.fields.iter().filter_map(field).collect(),
            choices: choices.transpose()?,
        })
    }

    fn references(&self, row: &Row, column: &str) -> Result<Vec<String>, String> {
        let Some(cell) = row.get(column) else { return Ok(Vec::new()) };
        if self.object_targets.contains(column) {
            return Ok(texts_of(&cell));
        }
        refuse_object(row, column, "target", "target = ").map(|()| texts_of(&cell))
    }
}

/// Refuses a cell that no text can be compared with: an object, or a list of objects or lists. `what` says what
/// the cell is for, and `setting` is what the user writes before its path.
///
/// # Errors
/// The reason, with a path to a text in the cell.
pub(crate) fn refuse_object(row: &Row, column: &str, what: &str, setting: &str) -> Result<(), String> {
    let kind = match row.get(column) {
        Some(Value::Object(_)) => "an object",
        Some(Value::Array(items)) if items.iter().any(Value::is_object) => "a list of objects",
        Some(Value::Array(items)) if items.iter().any(Value::is_array) => "a list of lists",
        _ => return Ok(()),
    };
    Err(format!(
        "the {what} {column:?} of row {} is {kind}, which cannot be compared as a text: name a path to the text in it, such \
         as {setting}{:?}",
        row.number,
        path_to_text(row, column)
    ))
}

/// The path to the first text in a cell with objects or lists, as far as the path goes on to one.
fn path_to_text(row: &Row, column: &str) -> String {
    let mut path = column.to_owned();
    for _ in 0..DEEPEST_PATH {
        path = match row.get(&path) {
            Some(object @ Value::Object(_)) => format!("{path}.{}", text_key(&object)),
            Some(Value::Array(items)) => {
                let is_of_items = path.contains("[]");
                match items.iter().find(|item| item.is_object() || item.is_array()) {
                    Some(_) if !is_of_items => format!("{path}[]"),
                    Some(object @ Value::Object(_)) => format!("{path}.{}", text_key(object)),
                    Some(_) => format!("{path}[]"),
                    None => return path,
                }
            }
            _ => return path,
        };
    }
    path
}

/// Maximum number of keys and lists in a path that a message names.
const DEEPEST_PATH: usize = 8;

fn compares_objects(task: &Task) -> bool {
    task.score.iter().filter_map(|entry| Scorer::new(entry).ok()).any(|scorer| scorer.compares_objects())
}

/// The targets of scorers that compare objects.
fn object_targets(task: &Task) -> BTreeSet<String> {
    let scorers = task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
    let scorers = scorers.filter(Scorer::compares_objects);
    scorers.filter_map(|scorer| scorer.entry().target.clone()).collect()
}

/// The columns that scorers compare as answers, without those of scorers that compare objects.
fn answer_columns(task: &Task) -> BTreeSet<String> {
    let scorers = task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
    let scorers = scorers.filter(|scorer| !scorer.compares_objects());
    scorers.filter_map(|scorer| scorer.entry().column.clone()).collect()
}

impl KeptCells {
    /// Adds the cells to a record that lacks them.
    pub(crate) fn add_to(self, record: &mut SampleRecord) {
        record.targets.extend(self.targets);
        record.fields.extend(self.fields);
        record.choices = self.choices.or(record.choices.take());
    }
}

/// The cluster of related samples that the row belongs to; absent if the task names none.
pub(crate) fn cluster_of(row: &Row, task: &Task) -> Option<String> {
    let text = |column: &String| row.get(column).map(|cell| text_of(&cell));
    if let Some(column) = &task.dataset.cluster {
        return text(column).filter(|text| !text.trim().is_empty());
    }
    task.images.as_ref()?.columns().iter().find_map(|column| first_picture(row, column))
}

/// Identifies the first picture in the column; absent if the column has none.
fn first_picture(row: &Row, column: &str) -> Option<String> {
    match pictures_in(row, column).ok()?.into_iter().next()?.picture {
        PictureValue::Bytes { bytes, .. } => Some(sha256_hex(bytes)),
        PictureValue::Address(address) => Some(shown_address(&address)),
        PictureValue::Path(path) => Some(path),
    }
}
