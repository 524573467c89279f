//! The cells of a row that its record keeps for scorers and exports, in addition to prompt and pictures.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::dataset::resolve_label;
use crate::files::sha256_hex;
use crate::scorer::Scorer;
use crate::scorer::choice::Options;
use crate::text::shown_address;
use crate::types::{Choices, RecordedChoices, Row, SampleRecord, Task, text_of, texts_of};

/// The columns that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptColumns {
    /// Columns with references.
    pub(crate) targets: BTreeSet<String>,
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
            fields: columns.cloned().collect(),
            choices: choices.cloned(),
        }
    }

    /// The names of all columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let choices = self.choices.iter().flat_map(|choices| [&choices.options, &choices.label]);
        self.targets.iter().chain(&self.fields).chain(choices)
    }

    /// The columns that a record with the columns `recorded` lacks.
    #[must_use]
    pub(crate) fn without(&self, recorded: &Self) -> Self {
        Self {
            targets: self.targets.difference(&recorded.targets).cloned().collect(),
            fields: self.fields.difference(&recorded.fields).cloned().collect(),
            choices: self.choices.clone().filter(|choices| recorded.choices.as_ref() != Some(choices)),
        }
    }

    /// The cells of these columns in `row`.
    #[must_use]
    pub(crate) fn read(&self, row: &Row) -> KeptCells {
        let texts = |column: &String| row.get(column).map(|cell| texts_of(&cell)).unwrap_or_default();
        let field = |column: &String| Some((column.clone(), text_of(&row.get(column)?)));
        KeptCells {
            targets: self.targets.iter().map(|column| (column.clone(), texts(column))).collect(),
            fields: self.fields.iter().filter_map(field).collect(),
            choices: self.choices.as_ref().map(|choices| read_choices(row, choices)),
        }
    }
}

impl KeptCells {
    /// Adds the cells to a record that lacks them.
    pub(crate) fn add_to(self, record: &mut SampleRecord) {
        record.targets.extend(self.targets);
        record.fields.extend(self.fields);
        record.choices = self.choices.or(record.choices.take());
    }
}

/// The options of a row, and the letter of the right option.
pub(super) fn read_choices(row: &Row, choices: &Choices) -> RecordedChoices {
    let options = row.get(&choices.options).map(|options| texts_of(&options)).unwrap_or_default();
    let label = row.get(&choices.label).map(|label| text_of(&label)).unwrap_or_default();
    let right = resolve_label(&label, &options);
    let label = right.map(|right| Options::new(&options).letter(right));
    RecordedChoices { options, label }
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
    let held: Option<&Bytes> = row.blobs.get(column).or_else(|| row.blobs.get(&format!("{column}.0")));
    match held {
        Some(picture) => Some(sha256_hex(picture)),
        None => {
            let place = texts_of(&row.get(column)?).into_iter().find(|place| !place.trim().is_empty());
            place.map(|place| shown_address(&place))
        }
    }
}
