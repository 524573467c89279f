//! Parquet: reads only the named columns, only the row groups with picked rows, and only the pages with these rows if
//! the file has an index of its pages.
//!
//! Does not know what the columns mean. `struct<bytes, path>` and binary columns are pictures.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection, RowSelectionPolicy,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::PageIndexPolicy;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType};

use super::cell::{CellPath, is_readable, leaves, read_cell};
use super::io_error;
use super::rows::{find_columns, picked_numbers, until_error};
use super::{DatasetError, Files, Pick, Reader, Rows};
use crate::types::{BadRow, Row};

mod source;

use source::{ParquetFile, needed};

/// Rows decoded at a time if they have pictures: memory holds this many pictures and their pages.
const BATCH_WITH_PICTURES: usize = 8;

/// Rows decoded at a time without pictures.
const BATCH: usize = 256;

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
}

impl Shard {
    fn open(files: &Files, path: &Path) -> Result<Self, DatasetError> {
        let source = ParquetFile(files.open(path)?);
        let options = ArrowReaderOptions::new()
            // Parquet's own types are fewer than those that a writer may have noted for Arrow.
            .with_skip_arrow_metadata(true)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load(&source, options).map_err(malformed(path))?;
        Ok(Self { path: path.to_owned(), source, footer })
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
        let projection = Projection::new(&self, columns, numbers.is_some())?;
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
        let ranges: Vec<_> = self.groups(start, Some(numbers)).into_iter().flat_map(of_group).collect();
        self.source.0.prepare(&ranges).map_err(|error| malformed(&self.path)(error.into()))
    }

    /// The wanted rows of a row group. `start` is the number of the first row of the file.
    fn group_rows(&self, group: Group, projection: &Projection, start: u64) -> Result<Rows, DatasetError> {
        if projection.columns.is_empty() {
            return Ok(Box::new(group.into_numbers().map(|number| Ok(Ok(Row { number, ..Row::default() })))));
        }
        let batches = self.batches(&group, projection).map_err(malformed(&self.path))?;
        let mut numbers = group.into_numbers();
        let (columns, malformed) = (Arc::clone(&projection.columns), malformed(&self.path));
        let path = self.path.clone();
        let rows = batches.flat_map(move |batch| -> Rows {
            let error = match batch {
                Ok(batch) => {
                    let rows = batch_rows(&batch, &columns, &mut numbers).into_iter();
                    let path = path.clone();
                    return Box::new(rows.map(move |row| Ok(Ok(Row { file: Some(path.clone()), ..row }))));
                }
                Err(ArrowError::ParquetError(reason)) => malformed(ParquetError::General(reason)),
                Err(error) => malformed(error.into()),
            };
            match error {
                // A damaged page costs the rows of its group; those of the others can be read.
                DatasetError::Malformed { reason, .. } => bad_rows(&path, &mut numbers, start, &reason),
                error => fatal(error),
            }
        });
        Ok(Box::new(rows))
    }

    fn batches(
        &self,
        group: &Group,
        projection: &Projection,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let selection = group.selection();
        let metadata = self.footer.metadata();
        self.source.0.prepare(&needed(metadata, group.index, &projection.mask, selection.as_ref()))?;
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.source.clone(), self.footer.clone())
                .with_row_groups(vec![group.index])
                .with_projection(projection.mask.clone())
                .with_batch_size(if projection.has_pictures { BATCH_WITH_PICTURES } else { BATCH })
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

/// The columns of a file that are read.
struct Projection {
    mask: ProjectionMask,
    /// Name and type of each column that is read, as in the file.
    columns: Arc<Vec<(String, DataType)>>,
    has_pictures: bool,
}

impl Projection {
    /// The named columns, with or without their pictures.
    fn new(shard: &Shard, columns: &[String], pictures: bool) -> Result<Self, DatasetError> {
        let fields = shard.footer.schema().fields();
        let names: Vec<_> = fields.iter().map(|field| field.name().clone()).collect();
        let named = find_columns(&shard.path, columns, &names)?;
        let (mut first_leaf, mut chosen, mut read) = (0, Vec::new(), Vec::new());
        let mut has_pictures = false;
        for (at, field) in fields.iter().enumerate() {
            let leaves = leaves(field);
            let is_read = |binary: bool| named.contains(&at) && (pictures || !binary);
            let wanted = leaves.iter().enumerate().filter(|(_, binary)| is_read(**binary));
            let before = chosen.len();
            chosen.extend(wanted.map(|(leaf, _)| first_leaf + leaf));
            if chosen.len() > before {
                check_type(&shard.path, field.name(), field.data_type())?;
                read.push((field.name().clone(), field.data_type().clone()));
                has_pictures |= pictures && leaves.contains(&true);
            }
            first_leaf += leaves.len();
        }
        let mask = ProjectionMask::leaves(shard.footer.parquet_schema(), chosen);
        Ok(Self { mask, columns: Arc::new(read), has_pictures })
    }
}

fn check_type(path: &Path, column: &str, data_type: &DataType) -> Result<(), DatasetError> {
    if is_readable(data_type) {
        return Ok(());
    }
    let reason = format!("its column {column:?} is of the type {data_type}, which has no reader");
    Err(DatasetError::Malformed { path: path.to_owned(), format: "parquet", reason })
}

/// The rest of `numbers` as bad rows. The first row of the file has the number `start`.
fn bad_rows(path: &Path, numbers: &mut impl Iterator<Item = u64>, start: u64, reason: &str) -> Rows {
    let file = path.to_string_lossy().into_owned();
    let bad =
        |number| BadRow { number, file: file.clone(), line: number - start + 1, reason: reason.to_owned() };
    let rows: Vec<_> = numbers.map(|number| Ok(Err(bad(number)))).collect();
    Box::new(rows.into_iter())
}

fn batch_rows(
    batch: &RecordBatch,
    columns: &[(String, DataType)],
    numbers: &mut impl Iterator<Item = u64>,
) -> Vec<Row> {
    let row = |(index, number): (usize, u64)| {
        let mut row = Row { number, ..Row::default() };
        for (name, full) in columns {
            let Some(array) = batch.column_by_name(name) else { continue };
            if let Some(value) =
                read_cell(array.as_ref(), full, index, &CellPath::Column(name), &mut row.blobs)
            {
                row.cells.insert(name.clone(), value);
            }
        }
        row
    };
    (0..batch.num_rows()).zip(numbers).map(row).collect()
}

fn malformed(path: &Path) -> impl Fn(ParquetError) -> DatasetError + use<> {
    let path = path.to_owned();
    move |error| match io_cause(error) {
        Ok(source) if source.kind() == io::ErrorKind::Unsupported => {
            DatasetError::WholeOnly { path: path.clone(), reason: source.to_string() }
        }
        Ok(source) => io_error(&path)(source),
        Err(error) => {
            DatasetError::Malformed { path: path.clone(), format: "parquet", reason: error.to_string() }
        }
    }
}

/// The I/O error behind an error of the decoder, or the error itself if it is about the content.
fn io_cause(error: ParquetError) -> Result<io::Error, ParquetError> {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            // A file that ends earlier than its own structure says.
            Ok(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Err(ParquetError::EOF(source.to_string()))
            }
            Ok(source) => Ok(*source),
            Err(cause) => Err(ParquetError::External(cause)),
        },
        other => Err(other),
    }
}

#[cfg(test)]
mod tests;
