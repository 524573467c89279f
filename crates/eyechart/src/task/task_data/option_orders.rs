//! The options of rows in other orders, and whether what is sent shows the order.

use super::TaskData;
use crate::dataset::DatasetError;
use crate::task::option_order::OptionOrder;
use crate::task::prompt::Prompt;
use crate::task::shuffled_options::{NewOrder, rotate_options, shuffle_options};
use crate::types::{Choices, Epoch, PickedSample, Row};

/// Number of rows that are checked before the first request.
const CHECKED: usize = 20;

impl TaskData {
    /// From now on, gives samples their options in other orders, drawn by `seed`.
    pub(crate) fn draw_option_orders(&mut self, seed: u64) {
        self.option_seed = Some(seed);
    }

    /// Puts the options of a row in the order of `epoch`, if they are shuffled.
    ///
    /// # Errors
    /// The reason why the row cannot be asked with its options in another order.
    pub(super) fn shuffle_options(
        &self,
        row: &mut Row,
        id: &str,
        epoch: Epoch,
    ) -> Result<Option<NewOrder>, String> {
        let (Some(seed), Some(choices)) = (self.option_seed, &self.task.dataset.choices) else {
            return Ok(None);
        };
        if self.hides_order(row, choices) == Some(true) {
            return Err("the prompt does not change with the order of the options".to_owned());
        }
        shuffle_options(row, choices, OptionOrder { seed, id, epoch }).map(Some)
    }

    /// Whether the options are shuffled and none of the first of `picked` (rows ascending) shows their order.
    ///
    /// # Errors
    /// [`DatasetError`] if the rows cannot be read.
    pub(crate) fn hides_option_orders(&self, picked: &[PickedSample]) -> Result<bool, DatasetError> {
        let (Some(_), Some(choices)) = (self.option_seed, &self.task.dataset.choices) else {
            return Ok(false);
        };
        let templates = self.templates().flat_map(Prompt::columns).chain(&self.optional);
        let mut columns: Vec<String> = templates.chain(choices.columns()).cloned().collect();
        columns.sort_unstable();
        columns.dedup();
        let rows = self.rows(picked.iter().take(CHECKED).map(|picked| picked.row).collect(), &columns)?;
        let mut found = rows.iter().filter_map(|row| self.hides_order(row, choices)).peekable();
        Ok(found.peek().is_some() && found.all(|is_hidden| is_hidden))
    }

    /// Whether the texts that are sent stay the same when the options of the row change places. `None` if that cannot be
    /// known: the options have equal texts or are pictures, or the row gives no sample.
    fn hides_order(&self, row: &Row, choices: &Choices) -> Option<bool> {
        if choices.columns().any(|column| self.picture_columns().contains(column)) {
            return None;
        }
        let mut rotated = Row { number: row.number, cells: row.cells.clone(), ..Row::default() };
        let order = rotate_options(&mut rotated, choices).ok()?;
        let texts = |row: &Row| -> Option<Vec<String>> {
            self.templates().map(|template| self.rendered(template, row).ok()).collect()
        };
        (order.is_visible).then_some(texts(row)? == texts(&rotated)?)
    }

    fn templates(&self) -> impl Iterator<Item = &Prompt> {
        std::iter::once(&self.prompt).chain(&self.system)
    }
}
