//! Parquet: reads only the named columns, only the row groups with picked rows, and only the pages with these rows if
//! the file has an index of its pages.
//!
//! Does not know what the columns mean. `struct<bytes, path>` and binary columns are pictures.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection, RowSelectionPolicy,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use arrow_schema::ArrowError;

use super::cell::is_readable;
use super::rows::{picked_numbers, until_error};
use super::{DatasetError, Files, Pick, Reader, Rows};
use crate::files::guarded;
use crate::types::{BadRow, Row};

mod error;
mod labels;
mod page;
mod projection;
mod source;

use error::{damaged, malformed};
use labels::LabelNames;
use projection::Projection;
use source::{ParquetFile, needed};

/// Rows decoded at a time if they have pictures: memory holds this many pictures and their pages.
const BATCH_WITH_PICTURES: usize = 8;

/// Rows decoded at a time without pictures.
const BATCH: usize = 256;

/// Rows that any file may have.
const FREE_ROWS: u64 = 1 << 20;

/// Rows that a file may have for each of its bytes, beyond [`FREE_ROWS`]. A column that is empty everywhere takes one byte
/// for about 600 rows.
const ROWS_PER_BYTE: u64 = 1024;

/// The rows of the files, numbered over all files. A file is opened when its rows are reached.
pub(super) struct Parquet {
    files: Files,
}

impl Parquet {
    pub(super) fn new(files: &Files) -> Self {
        Self { files: files.clone() }
    }
}

impl Reader for Parquet {
    /// Rows have only the named columns. The path of a picture is its cell, and its bytes are its blob under the name
    /// of the column. Pictures in a list are `column.0`, `column.1`, …; pictures in a struct are `column.field`.
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError> {
        let numbers = picked_numbers(pick);
        let columns = columns.to_vec();
        let files = self.files.clone();
        if let Some(path) = files.paths.first() {
            Projection::new(&Shard::open(&files, path)?, &columns, numbers.is_some())?;
        }
        let mut start = 0;
        let rows = files.paths.clone().into_iter().flat_map(move |path| {
            if numbers.as_ref().is_some_and(|numbers| within(numbers, start..u64::MAX).is_empty()) {
                return none();
            }
            let shard = match Shard::open(&files, &path) {
                Ok(shard) => shard,
                Err(error) => return fatal(error),
            };
            let range = start..start + shard.len();
            start = range.end;
            let numbers = numbers.as_ref().map(|numbers| within(numbers, range.clone()));
            shard.rows(range.start, numbers, &columns).unwrap_or_else(fatal)
        });
        Ok(Box::new(until_error(rows)))
    }

    fn prefetch(&self, rows: &[u64], columns: &[String]) -> Result<(), DatasetError> {
        let mut start = 0;
        for path in &self.files.paths {
            let shard = Shard::open(&self.files, path)?;
            let range = start..start + shard.len();
            start = range.end;
            let numbers = within(rows, range.clone());
            if self.files.remote.contains_key(path) && !numbers.is_empty() {
                shard.prefetch(range.start, numbers, columns)?;
            }
        }
        Ok(())
    }

    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        let Some(path) = self.files.paths.first() else { return Ok(None) };
        let shard = Shard::open(&self.files, path)?;
        let readable = shard.footer.schema().fields().iter().filter(|field| is_readable(field.data_type()));
        Ok(Some(readable.map(|field| field.name().clone()).collect()))
    }

    fn known_len(&self) -> Result<Option<u64>, DatasetError> {
        let len = |path: &PathBuf| Shard::open(&self.files, path).map(|shard| shard.len());
        self.files.paths.iter().map(len).sum::<Result<u64, _>>().map(Some)
    }
}

fn none() -> Rows {
    Box::new(std::iter::empty())
}

fn fatal(error: DatasetError) -> Rows {
    Box::new(std::iter::once(Err(error)))
}

/// The numbers within the range; `numbers` is ascending.
fn within(numbers: &[u64], range: Range<u64>) -> &[u64] {
    let at = |bound| numbers.partition_point(|&number| number < bound);
    &numbers[at(range.start)..at(range.end)]
}

/// One file with its footer.
struct Shard {
    path: PathBuf,
    source: ParquetFile,
    footer: ArrowReaderMetadata,
    labels: LabelNames,
}

impl Shard {
    fn open(files: &Files, path: &Path) -> Result<Self, DatasetError> {
        let source = ParquetFile::new(files.open(path)?);
        let options = ArrowReaderOptions::new()
            // Parquet's own types are fewer than those that a writer may have noted for Arrow.
            .with_skip_arrow_metadata(true)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let loaded = guarded(|| ArrowReaderMetadata::load(&source, options));
        let footer = loaded.map_err(|panicked| damaged(path, panicked))?.map_err(malformed(path))?;
        check_counts(footer.metadata(), source.content.size()).map_err(|reason| damaged(path, reason))?;
        let mut labels = LabelNames::of_file(footer.metadata().file_metadata().key_value_metadata());
        labels.add_uuids(footer.metadata().file_metadata().schema_descr());
        Ok(Self { path: path.to_owned(), source, footer, labels })
    }

    fn len(&self) -> u64 {
        self.group_lengths().sum()
    }

    fn group_lengths(&self) -> impl Iterator<Item = u64> + use<> {
        let metadata = Arc::clone(self.footer.metadata());
        (0..metadata.num_row_groups()).map(move |group| metadata.row_group(group).num_rows().unsigned_abs())
    }

    /// The rows of this file. Its first row has the number `start`.
    fn rows(self, start: u64, numbers: Option<&[u64]>, columns: &[String]) -> Result<Rows, DatasetError> {
        let projection = Arc::new(Projection::new(&self, columns, numbers.is_some())?);
        let groups = self.groups(start, numbers);
        let rows = move |group| self.group_rows(group, &projection, start).unwrap_or_else(fatal);
        Ok(Box::new(groups.into_iter().flat_map(rows)))
    }

    /// The row groups with any of the rows, or all row groups. The first row of the file has the number `start`.
    fn groups(&self, start: u64, numbers: Option<&[u64]>) -> Vec<Group> {
        let mut next = start;
        let group = |(index, len)| {
            let range = next..next + len;
            next = range.end;
            let numbers = numbers.map(|numbers| within(numbers, range.clone()).to_vec());
            Group { index, range, numbers }
        };
        self.group_lengths().enumerate().map(group).filter(|group| !group.is_empty()).collect()
    }

    /// Fetches what the row groups of these rows need, all at once.
    fn prefetch(&self, start: u64, numbers: &[u64], columns: &[String]) -> Result<(), DatasetError> {
        let projection = Projection::new(self, columns, true)?;
        let metadata = self.footer.metadata();
        let of_group = |group: Group| {
            let selection = group.selection();
            needed(metadata, group.index, &projection.mask, selection.as_ref())
        };
        let groups = self.groups(start, Some(numbers)).into_iter();
        let ranges: Vec<_> = guarded(|| groups.flat_map(of_group).collect())
            .map_err(|panicked| damaged(&self.path, panicked))?;
        self.source.content.prepare(&ranges).map_err(|error| malformed(&self.path)(error.into()))
    }

    /// The wanted rows of a row group. `start` is the number of the first row of the file.
    fn group_rows(
        &self,
        group: Group,
        projection: &Arc<Projection>,
        start: u64,
    ) -> Result<Rows, DatasetError> {
        if projection.columns.is_empty() {
            return Ok(Box::new(group.into_numbers().map(|number| Ok(Ok(Row { number, ..Row::default() })))));
        }
        let place = FilePlace { path: self.path.clone(), start };
        let batches = match guarded(|| self.batches(&group, projection)) {
            Ok(batches) => batches.map_err(malformed(&self.path)),
            Err(panicked) => Err(damaged(&self.path, panicked)),
        };
        match batches {
            Ok(batches) => {
                let rows = GroupRows { batches, numbers: group.into_numbers(), place };
                Ok(rows.read(Arc::clone(projection)))
            }
            Err(DatasetError::Malformed { reason, .. }) => Ok(place.bad_rows(group.into_numbers(), reason)),
            Err(error) => Err(error),
        }
    }

    fn batches(
        &self,
        group: &Group,
        projection: &Projection,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let selection = group.selection();
        let metadata = self.footer.metadata();
        let source = self.source.for_group(metadata, group.index, &projection.mask);
        source.content.prepare(&needed(metadata, group.index, &projection.mask, selection.as_ref()))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(source, self.footer.clone())
            .with_row_groups(vec![group.index])
            .with_projection(projection.mask.clone())
            .with_batch_size(if projection.has_binary { BATCH_WITH_PICTURES } else { BATCH })
            // Skips what is not picked, where the automatic policy may decode and then drop it.
            .with_row_selection_policy(RowSelectionPolicy::Selectors);
        match selection {
            Some(selection) => reader.with_row_selection(selection).build(),
            None => reader.build(),
        }
    }
}

/// A row group: the numbers of its rows, and the numbers of the wanted rows; all rows if absent.
struct Group {
    index: usize,
    range: Range<u64>,
    numbers: Option<Vec<u64>>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.numbers.as_ref().is_some_and(Vec::is_empty)
    }

    fn into_numbers(self) -> Box<dyn Iterator<Item = u64> + Send> {
        match self.numbers {
            Some(numbers) => Box::new(numbers.into_iter()),
            None => Box::new(self.range),
        }
    }

    fn selection(&self) -> Option<RowSelection> {
        let local = |number: u64| usize::try_from(number - self.range.start).unwrap_or(usize::MAX);
        let picked = self.numbers.as_ref()?.iter().map(|&number| local(number)..local(number) + 1);
        Some(RowSelection::from_consecutive_ranges(picked, local(self.range.end)))
    }
}

/// Refuses counts of rows that the file cannot hold, before anything is sized by them.
fn check_counts(metadata: &ParquetMetaData, bytes: u64) -> Result<(), String> {
    let most = FREE_ROWS.saturating_add(bytes.saturating_mul(ROWS_PER_BYTE));
    let mut total = 0_u64;
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let rows = group.num_rows();
        total = total.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
        if total > most {
            return Err(format!(
                "it announces {rows} rows in row group {index}, expected at most {most} in the file"
            ));
        }
        // Each row has a value or a null in each column, or at least the mark of an empty list.
        if let Some(column) = group.columns().iter().find(|column| column.num_values() < rows) {
            let (values, name) = (column.num_values(), column.column_path());
            return Err(format!(
                "it announces {rows} rows in row group {index}, but {values} values in {name}"
            ));
        }
    }
    Ok(())
}

/// The rows of a row group that are being decoded.
struct GroupRows {
    batches: ParquetRecordBatchReader,
    /// The numbers of the rows that were not decoded yet.
    numbers: Box<dyn Iterator<Item = u64> + Send>,
    place: FilePlace,
}

impl GroupRows {
    /// Damage costs the rows of the group that were not decoded yet; those of other groups can be read.
    fn read(mut self, projection: Arc<Projection>) -> Rows {
        let mut has_ended = false;
        let batches = std::iter::from_fn(move || {
            if has_ended {
                return None;
            }
            let rows = guarded(|| self.next_batch(&projection));
            let reason = match rows {
                Ok(Some(Ok(rows))) => return Some(Box::new(rows.into_iter().map(Ok)) as Rows),
                Ok(Some(Err(DatasetError::Malformed { reason, .. }))) => reason,
                Ok(Some(Err(error))) => {
                    has_ended = true;
                    return Some(fatal(error));
                }
                Ok(None) => "its row group ends before this row".to_owned(),
                Err(panicked) => panicked.to_string(),
            };
            has_ended = true;
            Some(
                self.place
                    .bad_rows(std::mem::replace(&mut self.numbers, Box::new(std::iter::empty())), reason),
            )
        });
        Box::new(batches.flatten())
    }

    fn next_batch(
        &mut self,
        projection: &Projection,
    ) -> Option<Result<Vec<Result<Row, BadRow>>, DatasetError>> {
        let batch = match self.batches.next()? {
            Ok(batch) => batch,
            Err(ArrowError::ParquetError(reason)) => {
                return Some(Err(malformed(&self.place.path)(ParquetError::General(reason))));
            }
            Err(error) => return Some(Err(malformed(&self.place.path)(error.into()))),
        };
        let place = &self.place;
        let row = |(index, number)| match guarded(|| projection.row(&batch, index, number)) {
            Ok(Ok(row)) => Ok(Row { file: Some(place.path.clone()), ..row }),
            Ok(Err(reason)) => Err(place.bad_row(number, reason)),
            Err(panicked) => Err(place.bad_row(number, panicked.to_string())),
        };
        Some(Ok((0..batch.num_rows()).zip(&mut self.numbers).map(row).collect()))
    }
}

/// A file, and the number of its first row.
#[derive(Clone)]
struct FilePlace {
    path: PathBuf,
    start: u64,
}

impl FilePlace {
    fn bad_row(&self, number: u64, reason: String) -> BadRow {
        let file = self.path.to_string_lossy().into_owned();
        BadRow { number, file, line: number - self.start + 1, reason, is_damage: false }
    }

    fn bad_rows(&self, numbers: impl Iterator<Item = u64> + Send + 'static, reason: String) -> Rows {
        let place = self.clone();
        let bad = move |number| BadRow { is_damage: true, ..place.bad_row(number, reason.clone()) };
        Box::new(numbers.map(move |number| Ok(Err(bad(number)))))
    }
}

#[cfg(test)]
mod tests;
