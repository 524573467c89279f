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
            choices: self.choices.clone().filter(|choices| recorded.choices.as_ref() != Some(choices)),
        }
    }

    /// The cells of these columns in `row`. `prompt` is the rendered prompt of the row.
    ///
    /// # Errors
    /// The reason why a cell cannot be a reference or a list of options.
    pub(crate) fn read(&self, row: &Row, prompt: &str) -> Result<KeptCells, String> {
        let field = |column: &String| Some((column.clone(), text_of(&row.get(column)?)));
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
        let path = match &cell {
            Value::Object(_) => Some(("an object", format!("{column}.{}", text_key(&cell)))),
            Value::Array(items) => items
                .iter()
                .find(|item| item.is_object())
                .map(|object| ("a list of objects", format!("{column}[].{}", text_key(object)))),
            _ => None,
        };
        match path {
            None => Ok(texts_of(&cell)),
            Some((kind, path)) => Err(format!(
                "the target {column:?} of row {} is {kind}, which no answer can be compared with: name a path to the \
                 text in it, such as target = {path:?}",
                row.number
            )),
        }
    }
}

/// The targets of scorers that compare objects.
fn object_targets(task: &Task) -> BTreeSet<String> {
    let scorers = task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
    let scorers = scorers.filter(Scorer::compares_objects);
    scorers.filter_map(|scorer| scorer.entry().target.clone()).collect()
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
