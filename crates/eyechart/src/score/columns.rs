//! Reads columns that scorers need and a record lacks from the data of the run.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::ScoreError;
use crate::dataset::DatasetError;
use crate::scorer::Scorer;
use crate::task::{DataAccess, KeptColumns, LoadedTask, OptionOrder, TaskData, cluster_of, shuffle_options};
use crate::types::{Choices, Control, DataFile, EvalSpec, Row, SampleRecord, Silent, Task};

/// The completion of the records of a run before they are scored.
pub(super) struct Completion<'a> {
    pub(super) spec: &'a EvalSpec,
    /// The task of the run.
    pub(super) own: &'a LoadedTask,
    /// The task of the run with the scorers to apply.
    pub(super) task: &'a Task,
    pub(super) scorers: &'a [Scorer],
}

impl Completion<'_> {
    /// Adds the columns that scorers read and the run did not record. The data is read only if a column is missing.
    ///
    /// # Errors
    /// [`ScoreError::Columns`] if the data is missing or has changed.
    pub(super) fn complete(&self, records: &mut [SampleRecord]) -> Result<(), ScoreError> {
        let missing = KeptColumns::read_by(self.task, self.scorers).without(&self.recorded(records));
        let cluster = self.cluster_columns(records);
        let shuffled = shuffled_options(self.spec, self.own);
        let options = shuffled.iter().flat_map(|choices| choices.columns());
        let mut names: Vec<String> = missing.names().chain(cluster).cloned().collect();
        if names.is_empty() || records.is_empty() {
            return Ok(());
        }
        names.extend(options.cloned());
        let rows = self.rows(records, &names);
        let rows = rows.map_err(|reason| ScoreError::Columns { columns: names.join(", "), reason })?;
        for record in records {
            let Some(row) = rows.get(&record.row) else { continue };
            let mut row = Cow::Borrowed(row);
            let unreadable = |reason| ScoreError::Columns { columns: names.join(", "), reason };
            let mut order = None;
            if let Some(choices) = shuffled {
                let drawn = OptionOrder { seed: self.spec.seed, id: &record.id, epoch: record.epoch };
                let moved = shuffle_options(row.to_mut(), choices, drawn);
                order = Some(moved.map_err(unreadable)?.order);
            }
            missing.read(&row, &record.prompt).map_err(unreadable)?.add_to(record);
            if let Some(choices) = &mut record.choices {
                choices.order = order.or(choices.order.take());
            }
            if !cluster.is_empty() {
                record.cluster = cluster_of(&row, self.task);
            }
        }
        Ok(())
    }

    /// Returns the columns that the records have. Records of earlier versions have no options.
    fn recorded(&self, records: &[SampleRecord]) -> KeptColumns {
        let lacks_choices = |record: &SampleRecord| record.answer().is_some() && record.choices.is_none();
        let columns = KeptColumns::of(&self.own.task);
        match records.iter().any(lacks_choices) {
            true => KeptColumns { choices: None, ..columns },
            false => columns,
        }
    }

    /// Returns the column of the cluster, or the columns of the pictures, if a scorer needs the cluster and the records
    /// have none or that of another column.
    fn cluster_columns(&self, records: &[SampleRecord]) -> &[String] {
        let dataset = &self.task.dataset;
        let columns = match (&dataset.cluster, &self.task.images) {
            (Some(column), _) => std::slice::from_ref(column),
            (None, Some(images)) => images.columns(),
            (None, None) => &[],
        };
        let is_missing = records.iter().any(|record| record.answer().is_some() && record.cluster.is_none());
        let is_another = dataset.cluster != self.own.task.dataset.cluster;
        let is_needed = self.scorers.iter().any(Scorer::needs_cluster) && (is_missing || is_another);
        if is_needed { columns } else { &[] }
    }

    fn rows(&self, records: &[SampleRecord], columns: &[String]) -> Result<BTreeMap<u64, Row>, String> {
        data_rows(self.own, self.spec, records.iter().map(|record| record.row).collect(), columns)
    }
}

/// Returns the options that the run put in other orders, if it did.
pub(super) fn shuffled_options<'a>(spec: &EvalSpec, own: &'a LoadedTask) -> Option<&'a Choices> {
    let is_shuffled = spec.control == Some(Control::ShuffleOptions);
    own.task.dataset.choices.as_ref().filter(|_| is_shuffled)
}

/// Reads columns of these rows from the data of a run.
///
/// # Errors
/// Why the data cannot be read, that it has changed, or that no row has one of the columns.
pub(super) fn data_rows(
    own: &LoadedTask,
    spec: &EvalSpec,
    mut numbers: Vec<u64>,
    columns: &[String],
) -> Result<BTreeMap<u64, Row>, String> {
    let text = |error: DatasetError| error.to_string();
    let found = TaskData::find(own, &DataAccess::of_run(spec), &Silent);
    let mut dataset = found.map_err(|error| error.to_string())?.recorded(None);
    if hashes(&dataset.fingerprint().map_err(text)?) != hashes(&spec.data.files) {
        let folder = dataset.folder().display();
        return Err(format!("the data in {folder} has changed since the run was made"));
    }
    numbers.sort_unstable();
    numbers.dedup();
    let rows = dataset.rows(numbers, columns).map_err(text)?;
    dataset.watch().clone().check().map_err(text)?;
    let is_held = |row: &Row, column: &str| {
        row.get(column).is_some() || row.blobs.keys().any(|place| place.starts_with(column))
    };
    match columns.iter().find(|column| !rows.iter().any(|row| is_held(row, column))) {
        Some(column) => Err(format!("no row of the data has a column {column:?}")),
        None => Ok(rows.into_iter().map(|row| (row.number, row)).collect()),
    }
}

fn hashes(files: &[DataFile]) -> Vec<&str> {
    files.iter().map(|file| file.sha256.as_str()).collect()
}
