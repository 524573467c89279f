//! The texts of a row: which of them are lists, and the templates rendered for it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::TaskData;
use crate::dataset::{DatasetError, Pick, Reader, Rows};
use crate::task::choices::{is_kept, kept_options};
use crate::task::prompt::{Prompt, PromptValues};
use crate::types::{Choices, PickedSample, Row, Task, list_or_cell, parse_list};

impl TaskData {
    /// The rows of `pick`, in which a text is a list where the task says so.
    pub(super) fn rows_of(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError> {
        let rows = self.reader.rows(pick, columns)?;
        if self.literal.is_empty() {
            return Ok(rows);
        }
        let literal = Arc::clone(&self.literal);
        Ok(Box::new(rows.map(move |row| row.map(|row| row.map(|row| with_lists(row, &literal))))))
    }

    /// The rendered prompt of a row.
    pub(super) fn prompt_of(&self, row: &Row) -> Result<String, String> {
        self.rendered(&self.prompt, row)
    }

    /// A template rendered for a row.
    pub(super) fn rendered(&self, template: &Prompt, row: &Row) -> Result<String, String> {
        let choices = self.task.dataset.choices.as_ref().filter(|_| template.reads_choices());
        let choices = choices.map(|choices| kept_options(row, choices)).transpose()?;
        template.render(PromptValues { cells: &self.with_kept_options(row), choices: choices.as_deref() })
    }

    /// The cells of a row, in which the list of options has no dropped options.
    fn with_kept_options<'a>(&self, row: &'a Row) -> Cow<'a, Map<String, Value>> {
        let column = self.task.dataset.choices.as_ref().and_then(Choices::list_column);
        let items = column.and_then(|column| Some((column, row.cells.get(column)?.as_array()?)));
        match items {
            Some((column, items)) if !items.iter().all(is_kept) => {
                let mut cells = row.cells.clone();
                let kept = items.iter().filter(|item| is_kept(item)).cloned().collect();
                cells.insert(column.clone(), Value::Array(kept));
                Cow::Owned(cells)
            }
            _ => Cow::Borrowed(&row.cells),
        }
    }

    /// A note if the targets of the first of `picked` are written as lists, and are compared as texts.
    ///
    /// # Errors
    /// [`DatasetError`] if the row cannot be read.
    pub(crate) fn target_note(&self, picked: &[PickedSample]) -> Result<Option<String>, DatasetError> {
        let is_text = |column: &&String| !self.kept.object_targets.contains(*column);
        let targets: Vec<String> = self.kept.targets.iter().filter(is_text).cloned().collect();
        let Some(first) = picked.first().filter(|_| !targets.is_empty() && self.has_files()) else {
            return Ok(None);
        };
        let rows = self.rows(vec![first.row], &targets)?;
        let is_list = |column: &&String| {
            let cell = rows.first().and_then(|row| row.get(column));
            let items = cell.as_ref().and_then(Value::as_str).and_then(parse_list).unwrap_or_default();
            !items.is_empty() && items.iter().all(|item| item.is_string() || item.is_object())
        };
        let note = |column: &String| {
            format!(
                "the column {column:?} holds texts that are written as lists, and each is compared as one text: to compare \
                 with its items, write literal = [{column:?}] in [dataset]"
            )
        };
        Ok(targets.iter().find(is_list).map(note))
    }
}

/// The columns of the data that `templates` read if they are there. Formats without a common list of columns give all of
/// a row anyway.
pub(super) fn more_columns<'a>(
    templates: impl Iterator<Item = &'a Prompt>,
    reader: &dyn Reader,
) -> Result<Vec<String>, DatasetError> {
    let mut templates = templates.filter(|template| template.reads_more()).peekable();
    let all = if templates.peek().is_some() { reader.columns()? } else { None };
    let all = all.unwrap_or_default();
    Ok(templates.flat_map(|template| template.more_columns(&all)).cloned().collect())
}

/// The columns of `task` whose texts are read as lists.
pub(super) fn literal_columns(task: &Task) -> BTreeSet<String> {
    let options = task.dataset.choices.iter().filter_map(Choices::list_column);
    let pictures = task.images.iter().flat_map(|images| images.columns());
    task.dataset.literal.iter().chain(options).chain(pictures).cloned().collect()
}

/// The row with lists in place of the texts in the columns `literal` that are written as lists.
fn with_lists(mut row: Row, literal: &BTreeSet<String>) -> Row {
    for column in literal {
        if let Some(cell) = row.cells.get_mut(column) {
            *cell = list_or_cell(cell.take());
        }
    }
    row
}
