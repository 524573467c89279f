//! Lets Parquet's decoder read a file by ranges, and finds the ranges that it will read.

use std::collections::HashSet;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::RowSelection;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

use super::page::check_header;
use crate::dataset::ReadAt;

/// Bytes read at a time for the header of a page. Few, because the read should not go far beyond the column.
const HEADER_BYTES: usize = 256;

/// A larger column chunk without an index of its pages is read page by page.
const LARGEST_WHOLE: u64 = 16 << 20;

/// A file on this machine or elsewhere. The header of each page is checked when it is read.
#[derive(Clone)]
pub(super) struct ParquetFile {
    pub(super) content: Arc<dyn ReadAt>,
    /// Offsets of the pages that are read whole, together with their headers.
    pages: Arc<HashSet<u64>>,
}

impl ParquetFile {
    pub(super) fn new(content: Arc<dyn ReadAt>) -> Self {
        Self { content, pages: Arc::default() }
    }

    /// The same file for reading a row group: its index of pages, if it has one, says which pages are read whole.
    pub(super) fn for_group(&self, metadata: &ParquetMetaData, group: usize, mask: &ProjectionMask) -> Self {
        let index = metadata.page_index_for_row_group(group);
        let mut pages = HashSet::new();
        for (leaf, chunk) in metadata.row_group(group).columns().iter().enumerate() {
            if mask.leaf_included(leaf)
                && let Some(locations) = index.page_locations(leaf)
            {
                pages.insert(chunk.byte_range().0);
                pages.extend(locations.iter().map(|page| page.offset.unsigned_abs()));
            }
        }
        Self { content: Arc::clone(&self.content), pages: Arc::new(pages) }
    }
}

impl Length for ParquetFile {
    fn len(&self) -> u64 {
        self.content.size()
    }
}

impl ChunkReader for ParquetFile {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let cursor = Cursor { file: Arc::clone(&self.content), at: start, is_header: true };
        Ok(BufReader::with_capacity(HEADER_BYTES, cursor))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.content.read_at(start..start.saturating_add(length as u64))?;
        if self.pages.contains(&start) {
            check_header(&bytes).map_err(ParquetError::General)?;
        }
        Ok(bytes)
    }
}

/// Reads forward from one position, at which the header of a page begins.
pub(super) struct Cursor {
    file: Arc<dyn ReadAt>,
    at: u64,
    is_header: bool,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.file.size().min(self.at.saturating_add(buffer.len() as u64));
        let bytes = self.file.read_at(self.at.min(end)..end)?;
        if std::mem::take(&mut self.is_header) {
            let refused = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
            check_header(&bytes).map_err(refused)?;
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

/// The ranges of a row group's columns that hold the selected rows, or all rows: pages, if the file says which page
/// has a row, and otherwise whole column chunks.
pub(super) fn needed(
    metadata: &ParquetMetaData,
    group: usize,
    mask: &ProjectionMask,
    selection: Option<&RowSelection>,
) -> Vec<Range<u64>> {
    let pages = metadata.page_index_for_row_group(group);
    let mut ranges = Vec::new();
    for (leaf, chunk) in metadata.row_group(group).columns().iter().enumerate() {
        if !mask.leaf_included(leaf) {
            continue;
        }
        let (start, length) = chunk.byte_range();
        match (pages.page_locations(leaf), selection) {
            (Some(locations), Some(selection)) => {
                // The dictionary is before the first page.
                let first = locations.first().map_or(start, |page| page.offset.unsigned_abs());
                ranges.push(start..first.max(start));
                ranges.extend(selection.scan_ranges(locations));
            }
            _ if length <= LARGEST_WHOLE => ranges.push(start..start + length),
            _ => {}
        }
    }
    ranges
}
