//! The columns of a Parquet file that are read, and the rows made of them.

use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::basic::Compression;
use arrow_array::RecordBatch;
use arrow_schema::DataType;

use super::Shard;
use super::error::damaged;
use super::labels::LabelNames;
use crate::dataset::DatasetError;
use crate::dataset::cell::{CellPath, CellReader, Leaf, is_readable, leaves};
use crate::dataset::rows::find_columns;
use crate::types::Row;

/// The columns of a file that are read.
pub(super) struct Projection {
    pub(super) mask: ProjectionMask,
    pub(super) columns: Vec<Column>,
    /// Whether a column holds bytes, which may be pictures.
    pub(super) has_binary: bool,
    with_pictures: bool,
}

/// A column that is read.
pub(super) struct Column {
    name: String,
    /// The type in the file. The arrays that are read may hold only a part of it.
    data_type: DataType,
    labels: Option<LabelNames>,
}

impl Projection {
    /// The named columns, with or without their pictures.
    pub(super) fn new(shard: &Shard, columns: &[String], with_pictures: bool) -> Result<Self, DatasetError> {
        let fields = shard.footer.schema().fields();
        let names: Vec<_> = fields.iter().map(|field| field.name().clone()).collect();
        let named = find_columns(&shard.path, columns, &names)?;
        let (mut first_leaf, mut chosen, mut read) = (0, Vec::new(), Vec::new());
        let mut has_binary = false;
        for (at, field) in fields.iter().enumerate() {
            let leaves = leaves(field);
            let is_read = |leaf: Leaf| named.contains(&at) && (with_pictures || leaf != Leaf::Picture);
            let wanted: Vec<_> = (0..leaves.len()).filter(|leaf| is_read(leaves[*leaf])).collect();
            if !wanted.is_empty() {
                check_type(&shard.path, field.name(), field.data_type())?;
                has_binary |= wanted.iter().any(|leaf| leaves[*leaf] != Leaf::Value);
                read.push(Column {
                    name: field.name().clone(),
                    data_type: field.data_type().clone(),
                    labels: shard.labels.column(field.name()).cloned(),
                });
            }
            chosen.extend(wanted.into_iter().map(|leaf| first_leaf + leaf));
            first_leaf += leaves.len();
        }
        check_codecs(shard, &chosen)?;
        let mask = ProjectionMask::leaves(shard.footer.parquet_schema(), chosen);
        Ok(Self { mask, columns: read, has_binary, with_pictures })
    }

    /// The row at `index` of a batch.
    ///
    /// # Errors
    /// The row is too large.
    pub(super) fn row(&self, batch: &RecordBatch, index: usize, number: u64) -> Result<Row, String> {
        let mut row = Row { number, ..Row::default() };
        let mut reader = CellReader::default();
        for column in &self.columns {
            let Some(array) = batch.column_by_name(&column.name) else { continue };
            let path = CellPath::Column(&column.name);
            let Some(value) = reader.cell(array.as_ref(), &column.data_type, index, &path)? else { continue };
            let value = match &column.labels {
                Some(labels) => labels.apply(value),
                None => Some(value),
            };
            row.cells.extend(value.map(|value| (column.name.clone(), value)));
        }
        if self.with_pictures {
            row.blobs = reader.into_blobs();
        }
        Ok(row)
    }
}

fn check_type(path: &Path, column: &str, data_type: &DataType) -> Result<(), DatasetError> {
    if is_readable(data_type) {
        return Ok(());
    }
    Err(damaged(path, format!("its column {column:?} is of the type {data_type}, which has no reader")))
}

/// Refuses columns that are compressed in a way that cannot be read.
fn check_codecs(shard: &Shard, leaves: &[usize]) -> Result<(), DatasetError> {
    for group in shard.footer.metadata().row_groups() {
        for column in leaves.iter().filter_map(|leaf| group.columns().get(*leaf)) {
            if column.compression() == Compression::LZO {
                let name = column.column_path();
                let reason = format!(
                    "its column {name} is compressed by LZO, which has no reader: write the file again, for example \
                     with zstd"
                );
                return Err(damaged(&shard.path, reason));
            }
        }
    }
    Ok(())
}
