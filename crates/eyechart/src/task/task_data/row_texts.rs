//! The texts of a row: which of them are lists, and the templates rendered for it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::TaskData;
use crate::dataset::{DatasetError, Pick, Reader, Rows};
use crate::task::choices::{is_kept, kept_options};
use crate::task::prompt::{Prompt, PromptValues};
use crate::text::{counted, shown_value};
use crate::types::{Choices, PickedSample, Row, Task, parse_list};

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
        let text = |column: &String| row.get(column)?.as_str().map(str::to_owned);
        let spec = &self.task.dataset;
        let options = spec.choices.iter().filter_map(Choices::list_column);
        let unlisted: Vec<String> = spec.literal.iter().chain(options).filter_map(text).collect();
        template.render(PromptValues {
            cells: &self.with_kept_options(row),
            choices: choices.as_deref(),
            unlisted: &unlisted,
        })
    }

    /// Refuses a row with a text that begins as a list does, in a column that the task names in `literal`.
    pub(super) fn check_lists(&self, row: &Row) -> Result<(), String> {
        for column in &self.task.dataset.literal {
            let cell = row.get(column);
            if let Some(text) =
                cell.as_ref().and_then(Value::as_str).filter(|text| text.trim_start().starts_with('['))
            {
                return Err(format!(
                    "the column {column:?} of row {}, which `literal` names, begins as a list and is not one in the notation \
                     of JSON or Python: {}",
                    row.number,
                    shown_value(text)
                ));
            }
        }
        Ok(())
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

    /// A note if targets among the first of `picked` are written as lists, and are compared as texts.
    ///
    /// # Errors
    /// [`DatasetError`] if the rows cannot be read.
    pub(crate) fn target_note(&self, picked: &[PickedSample]) -> Result<Option<String>, DatasetError> {
        let is_text = |column: &&String| !self.kept.object_targets.contains(*column);
        let targets: Vec<String> = self.kept.targets.iter().filter(is_text).cloned().collect();
        if targets.is_empty() || picked.is_empty() || !self.has_files() {
            return Ok(None);
        }
        let first = picked.first().map_or(0, |first| first.row);
        let is_near = |row: &u64| row.saturating_sub(first) < MOST_READ;
        let looked_at: Vec<u64> =
            picked.iter().take(MOST_LOOKED_AT).map(|picked| picked.row).take_while(is_near).collect();
        let (total, mut counts) = (looked_at.len(), vec![0_usize; targets.len()]);
        for row in self.rows_of(Pick::Rows(looked_at), &targets)? {
            // A bad row is a failure of its sample.
            let Ok(row) = row? else { continue };
            for (column, count) in targets.iter().zip(&mut counts) {
                *count += usize::from(row.get(column).is_some_and(|cell| has_text_list(&cell)));
            }
        }
        let found = targets.iter().zip(counts).find(|(_, count)| *count > 0);
        Ok(found.map(|(column, count)| {
            format!(
                "the column {column:?} holds texts that are written as lists ({count} of the {} looked at), and each is \
                 compared as one text: to compare with its items, write literal = [{column:?}] in [dataset]",
                counted(total, "row")
            )
        }))
    }
}

/// Number of rows that are looked at for targets that are written as lists.
const MOST_LOOKED_AT: usize = 1_000;

/// Rows of the data behind the first one that are read for this: large data are not read once more.
const MOST_READ: u64 = 10_000;

/// Whether the cell, or an item of it, is a text that is written as a list of texts or objects.
fn has_text_list(cell: &Value) -> bool {
    let is_list = |text: &str| {
        let items = parse_list(text).unwrap_or_default();
        !items.is_empty() && items.iter().all(|item| item.is_string() || item.is_object())
    };
    match cell {
        Value::Array(items) => items.iter().filter_map(Value::as_str).any(is_list),
        other => other.as_str().is_some_and(is_list),
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

/// The columns of `task` whose texts are read as lists, and the paths in `literal`.
pub(super) fn literal_columns(task: &Task) -> BTreeSet<String> {
    let options = task.dataset.choices.iter().filter_map(Choices::list_column);
    let pictures = task.images.iter().flat_map(|images| images.columns());
    // The texts in the items of a list are options and pictures themselves.
    let lists = options.chain(pictures).filter(|column| !column.contains("[]"));
    task.dataset.literal.iter().chain(lists).cloned().collect()
}

/// The row with lists in place of the texts at the columns and paths `literal` that are written as lists.
fn with_lists(mut row: Row, literal: &BTreeSet<String>) -> Row {
    for column in literal {
        row.read_lists(column);
    }
    row
}
