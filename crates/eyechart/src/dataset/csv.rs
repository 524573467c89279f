//! CSV as in RFC 4180: commas, quoted cells that may contain line breaks, and a header row with the column names.
//!
//! Rows are split here, so that each has its true line number and a bounded size. The `csv` crate splits the cells.
//! Does not know what the columns mean.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::csv::{ByteRecord, ReaderBuilder, Terminator};

use super::io_error;
use super::rows::{MAX_ROW_BYTES, find_columns, numbered};
use super::{DatasetError, Files, Pick, Reader, Rows};
use crate::files::open_regular;
use crate::types::{BadRow, Row};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The rows of the files, numbered over all files. Each file has its own header row. Every cell is a string, even if
/// it is empty. Blank lines are skipped; a row with too few or too many cells is a bad row.
pub(super) struct Csv {
    paths: Vec<PathBuf>,
}

impl Csv {
    pub(super) fn new(files: &Files) -> Self {
        Self { paths: files.paths.clone() }
    }
}

impl Reader for Csv {
    /// Rows have all cells, whatever columns are named.
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError> {
        let columns = columns.to_vec();
        let first = self.paths.first().map(|path| Table::open(path, &columns)).transpose()?;
        let others = self.paths.clone().into_iter().skip(1);
        let others = others.map(move |path| Table::open(&path, &columns));
        let tables = first.map(Ok).into_iter().chain(others);
        let records = tables.flat_map(|table| match table {
            Ok(table) => Box::new(table) as Box<dyn Iterator<Item = _> + Send>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        let mut cells = CellSplitter::new();
        Ok(numbered(records, pick, move |number, found| parse(number, found, &mut cells)))
    }

    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        let Some(path) = self.paths.first() else { return Ok(None) };
        Ok(Some(Table::open(path, &[])?.header.names.clone()))
    }
}

/// The path and the column names of a file, shared by its rows.
struct Header {
    path: PathBuf,
    names: Vec<String>,
}

/// The rows of a file after its header, split but not parsed.
struct Table {
    records: Records,
    header: Arc<Header>,
}

impl Table {
    fn open(path: &Path, columns: &[String]) -> Result<Self, DatasetError> {
        let mut records = Records::open(path, MAX_ROW_BYTES)?;
        let first = records.next_record().map_err(io_error(path))?;
        let names = first.ok_or_else(|| "it has no header row".to_owned()).and_then(column_names);
        let malformed = |reason| DatasetError::Malformed { path: path.to_owned(), format: "csv", reason };
        let names = names.map_err(malformed)?;
        find_columns(path, columns, &names)?;
        Ok(Self { records, header: Arc::new(Header { path: path.to_owned(), names }) })
    }
}

impl Iterator for Table {
    type Item = Result<(Arc<Header>, Record), DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next_record().map_err(io_error(&self.header.path)).transpose()?;
        Some(record.map(|record| (Arc::clone(&self.header), record)))
    }
}

fn column_names(header: Record) -> Result<Vec<String>, String> {
    let cells = CellSplitter::new().split(header).map_err(|reason| format!("its header row: {reason}"))?;
    let names = cells.iter().map(|name| std::str::from_utf8(name).map(str::to_owned));
    let names = names.collect::<Result<Vec<_>, _>>().map_err(|_| "its header row is not UTF-8".to_owned())?;
    for (at, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(format!("column {} of its header row has no name; give it one", at + 1));
        }
        if names[..at].contains(name) {
            return Err(format!("its header row has {name:?} twice; rename one"));
        }
    }
    Ok(names)
}

fn parse(
    number: u64,
    (header, record): (Arc<Header>, Record),
    splitter: &mut CellSplitter,
) -> Result<Row, BadRow> {
    let line = record.line;
    let bad = |reason| BadRow { number, file: header.path.to_string_lossy().into_owned(), line, reason };
    let cells = splitter.split(record).map_err(bad)?;
    if cells.len() != header.names.len() {
        return Err(bad(format!("expected {} cells, found {}", header.names.len(), cells.len())));
    }
    let mut row = Row { number, ..Row::default() };
    for (name, cell) in header.names.iter().zip(&cells) {
        let text = std::str::from_utf8(cell).map_err(|_| bad(format!("the cell {name:?} is not UTF-8")))?;
        row.cells.insert(name.clone(), text.into());
    }
    Ok(row)
}

/// A record as in the file, without its line end.
struct Record {
    /// The line on which it starts, from 1.
    line: u64,
    bytes: Vec<u8>,
    /// The reason why its cells cannot be split.
    fault: Option<String>,
}

/// Splits records into cells. One splitter serves all rows, because the parser of the `csv` crate is slow to create.
struct CellSplitter(::csv::Reader<Cursor<Vec<u8>>>);

impl CellSplitter {
    fn new() -> Self {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        Self(builder.from_reader(Cursor::default()))
    }

    fn split(&mut self, record: Record) -> Result<ByteRecord, String> {
        if let Some(fault) = record.fault {
            return Err(fault);
        }
        // The line end is what keeps the parser from looking for more, and so from ending for good.
        let mut bytes = record.bytes;
        bytes.push(b'\n');
        *self.0.get_mut() = Cursor::new(bytes);
        let mut cells = ByteRecord::new();
        self.0.read_byte_record(&mut cells).map_err(|error| error.to_string())?;
        Ok(cells)
    }
}

/// The state of the splitter within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    CellStart,
    Unquoted,
    Quoted,
    /// After a quote inside quotes: the end of the quotes, or the first of two quotes that stand for one.
    QuoteInQuotes,
}

impl QuoteState {
    /// The state after `byte`. As in the `csv` crate, a quote is special only at the start of a cell.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuotes,
            (Self::Quoted, _) | (Self::CellStart | Self::QuoteInQuotes, b'"') => Self::Quoted,
            (_, b',') => Self::CellStart,
            _ => Self::Unquoted,
        }
    }
}

/// Splits a file into records. Memory is bounded by `limit` bytes.
struct Records {
    file: BufReader<File>,
    /// The number of the next line, from 1.
    line: u64,
    /// Records with more bytes are not kept.
    limit: usize,
}

impl Records {
    fn open(path: &Path, limit: usize) -> Result<Self, DatasetError> {
        let open = || -> io::Result<BufReader<File>> {
            let mut file = BufReader::with_capacity(1 << 17, open_regular(path)?);
            if file.fill_buf()?.starts_with(BOM) {
                file.consume(BOM.len());
            }
            Ok(file)
        };
        Ok(Self { file: open().map_err(io_error(path))?, line: 1, limit })
    }

    /// The next record that is not a blank line.
    fn next_record(&mut self) -> io::Result<Option<Record>> {
        loop {
            match self.any_record()? {
                Some(record) if record.bytes.is_empty() && record.fault.is_none() => {}
                other => return Ok(other),
            }
        }
    }

    fn any_record(&mut self) -> io::Result<Option<Record>> {
        let mut record = Record { line: self.line, bytes: Vec::new(), fault: None };
        let (mut state, mut length) = (QuoteState::CellStart, 0);
        loop {
            let available = self.file.fill_buf()?;
            if available.is_empty() {
                if state == QuoteState::Quoted {
                    record.fault = Some("a quote is opened and never closed".to_owned());
                }
                return Ok((length > 0).then_some(record));
            }
            let (used, ended) = split(available, &mut state, &mut self.line);
            length += used;
            if length <= self.limit {
                record.bytes.extend_from_slice(&available[..used]);
            } else if record.fault.is_none() {
                record.bytes = Vec::new();
                record.fault = Some(format!("the row is longer than {} MiB", self.limit >> 20));
            }
            self.file.consume(used);
            if ended {
                cut_line_end(&mut record.bytes);
                return Ok(Some(record));
            }
        }
    }
}

/// The number of bytes that belong to the record, and whether the record ends with them.
fn split(available: &[u8], state: &mut QuoteState, line: &mut u64) -> (usize, bool) {
    for (at, &byte) in available.iter().enumerate() {
        *line += u64::from(byte == b'\n');
        if byte == b'\n' && *state != QuoteState::Quoted {
            return (at + 1, true);
        }
        *state = state.after(byte);
    }
    (available.len(), false)
}

fn cut_line_end(bytes: &mut Vec<u8>) {
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn csv(contents: &[&[u8]]) -> (tempfile::TempDir, Csv) {
        let folder = tempfile::tempdir().unwrap();
        let write = |(number, content): (usize, &&[u8])| {
            let path = folder.path().join(format!("{number}.csv"));
            fs::write(&path, content).unwrap();
            path
        };
        let paths = contents.iter().enumerate().map(write).collect();
        (folder, Csv { paths })
    }

    fn read(reader: &Csv, pick: Pick) -> Vec<Result<Row, BadRow>> {
        reader.rows(pick, &[]).unwrap().map(Result::unwrap).collect()
    }

    fn refused(content: &[u8], columns: &[&str]) -> String {
        let (_folder, reader) = csv(&[content]);
        let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
        let Err(error) = reader.rows(Pick::Scan, &columns) else { panic!("expected an error") };
        error.to_string().split(".csv ").last().unwrap().to_owned()
    }

    #[test]
    fn rows_of_visits_shape_are_read_with_json_in_a_cell_and_cells_over_several_lines() {
        let content = "file_name,instruction,public_images_metadata\r\n\
            a.png,\"Say, \"\"why\"\"\r\nor how\",\"{\"\"OriginalURL\"\": \"\"https://a.b/c.jpg\"\", \"\"x\"\": NaN}\"\r\n\
            b.png,,\r\n";
        let (_folder, reader) = csv(&[content.as_bytes()]);
        let rows = read(&reader, Pick::Scan);
        let first = rows[0].as_ref().unwrap();
        assert_eq!(first.cells["instruction"], "Say, \"why\"\r\nor how");
        assert_eq!(first.get("public_images_metadata.OriginalURL"), Some(json!("https://a.b/c.jpg")));
        assert_eq!(rows[1].as_ref().unwrap().cells["instruction"], "");
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn bad_rows_have_their_number_and_the_line_they_start_on() {
        for end in ["\n", "\r\n"] {
            let mut content =
                ["", "a,b", "1,2", "", "\"x", "y\",z,3", "4", "5,?", "6,7"].join(end).into_bytes();
            let invalid = content.iter().position(|byte| *byte == b'?').unwrap();
            content[invalid] = 0xFF;
            let (_folder, reader) = csv(&[&content]);
            let rows = read(&reader, Pick::Scan);
            let bad = rows.iter().filter_map(|row| row.as_ref().err());
            let said: Vec<_> = bad.map(|bad| (bad.number, bad.line, bad.reason.as_str())).collect();
            let expected = [
                (1, 5, "expected 2 cells, found 3"),
                (2, 7, "expected 2 cells, found 1"),
                (3, 8, "the cell \"b\" is not UTF-8"),
            ];
            assert_eq!(said, expected);
            assert_eq!(rows[4].as_ref().unwrap().cells["b"], "7");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let (_folder, reader) = csv(&[b"\xEF\xBB\xBF\"a\",b\n1,2\n"]);
        assert_eq!(read(&reader, Pick::Scan)[0].as_ref().unwrap().cells["a"], "1");
    }

    #[test]
    fn every_shard_has_its_header_and_numbers_run_over_all() {
        let (_folder, reader) = csv(&[b"a,b\n1,2\n3,4", b"b,a\n6,5\n8,7\n"]);
        let rows = read(&reader, Pick::Rows(vec![1, 3]));
        let cells: Vec<_> = rows.iter().map(|row| row.as_ref().unwrap().cells["a"].clone()).collect();
        assert_eq!(cells, ["3", "7"]);
    }

    #[test]
    fn a_header_that_does_not_name_each_column_once_is_refused() {
        assert_eq!(refused(b"", &[]), "as csv: it has no header row");
        assert_eq!(refused(b"\n\n", &[]), "as csv: it has no header row");
        assert_eq!(refused(b"a,,b\n", &[]), "as csv: column 2 of its header row has no name; give it one");
        assert_eq!(refused(b"a,b,a\n", &[]), "as csv: its header row has \"a\" twice; rename one");
        assert_eq!(refused(b"a,\xFF\n", &[]), "as csv: its header row is not UTF-8");
    }

    #[test]
    fn a_column_that_is_not_there_is_refused_with_those_that_are() {
        assert_eq!(refused(b"a,b\n", &["b", "c"]), "has no column \"c\"; it has a, b");
        assert_eq!(refused(b"a,b\n", &["a.x", "c.x"]), "has no column \"c.x\"; it has a, b");
    }

    #[test]
    fn a_quote_never_closed_is_one_bad_row() {
        let (_folder, reader) = csv(&[b"a,b\n1,2\n3,\"4\n5,6\n"]);
        let rows = read(&reader, Pick::Scan);
        let bad = rows[1].as_ref().unwrap_err();
        assert_eq!((bad.line, bad.reason.as_str()), (3, "a quote is opened and never closed"));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_row_too_long_is_a_bad_row_and_the_next_one_goes_on() {
        let (_folder, reader) = csv(&[b"1,2\n3,\"4444\n4444\"\n5,6\n"]);
        let mut records = Records::open(&reader.paths[0], 9).unwrap();
        let record = |records: &mut Records| records.next_record().unwrap().unwrap();
        assert_eq!(record(&mut records).bytes, b"1,2");
        let long = record(&mut records);
        assert_eq!(
            (long.line, long.bytes.len(), long.fault.as_deref()),
            (2, 0, Some("the row is longer than 0 MiB"))
        );
        let last = record(&mut records);
        assert_eq!((last.line, last.bytes.as_slice()), (4, &b"5,6"[..]));
    }

    proptest! {
        #[test]
        fn records_are_split_where_the_csv_crate_splits_them(text in "[a\",\n]{0,40}") {
            let (_folder, reader) = csv(&[text.as_bytes()]);
            let mut records = Records::open(&reader.paths[0], MAX_ROW_BYTES).unwrap();
            let mut splitter = CellSplitter::new();
            let theirs = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let mut theirs = theirs.into_byte_records().map(Result::unwrap);
            while let Some(record) = records.next_record().unwrap() {
                let theirs = theirs.next();
                if record.fault.is_none() {
                    prop_assert_eq!(Some(splitter.split(record).unwrap()), theirs);
                }
            }
            prop_assert_eq!(theirs.next(), None);
        }
    }
}
