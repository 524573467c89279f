//! Tables of text as spreadsheets and scripts write them: a header row with the column names, and cells between commas,
//! semicolons or tabs. Cells in quotes may contain line breaks.
//!
//! Rows are split here, so that each has its true line number and a bounded size. The `csv` crate splits the cells.
//! Does not know what the columns mean.

mod dialect;
mod records;

use std::io::{BufRead, Cursor};
use std::path::PathBuf;
use std::sync::Arc;

use ::csv::{ByteRecord, ReaderBuilder, Terminator};

use self::dialect::{Dialect, Named};
pub(super) use self::dialect::{is_delimiter, named_columns};
use self::records::{Record, Records};
use super::rows::{MAX_ROW_BYTES, find_columns, numbered};
use super::text_file::TextFile;
use super::{DatasetError, Files, Pick, Reader, Rows, TextOptions, io_error};
use crate::types::{BadRow, Row};

/// The rows of the files, numbered over all files. Each file has its own header row. Every cell is a string, even if
/// it is empty. Blank lines are skipped; a row with too few or too many cells is a bad row.
pub(super) struct Csv {
    files: Vec<Arc<TextFile>>,
    /// The byte between cells; found in each file, if absent.
    delimiter: Option<u8>,
}

impl Csv {
    pub(super) fn new(files: &Files, options: &TextOptions) -> Self {
        let file = |path: &PathBuf| Arc::new(TextFile::of_spreadsheet(path, options.encoding));
        Self { files: files.paths.iter().map(file).collect(), delimiter: options.delimiter }
    }

    /// The same with tabs between the cells, unless `options` name another delimiter.
    pub(super) fn with_tabs(files: &Files, options: &TextOptions) -> Self {
        Self { delimiter: options.delimiter.or(Some(b'\t')), ..Self::new(files, options) }
    }
}

impl Reader for Csv {
    /// Rows have all cells, whatever columns are named.
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError> {
        let (columns, delimiter) = (columns.to_vec(), self.delimiter);
        let open = move |file: &TextFile| Table::open(file, delimiter, &columns);
        let first = self.files.first().map(|file| open(file)).transpose()?;
        let others = self.files.clone().into_iter().skip(1).map(move |file| open(&file));
        let tables = first.map(Ok).into_iter().chain(others);
        let records = tables.flat_map(|table| match table {
            Ok(table) => Box::new(table) as Box<dyn Iterator<Item = _> + Send>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        let mut cells = CellSplitter::default();
        Ok(numbered(records, pick, move |number, found| parse(number, found, &mut cells)))
    }

    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        let Some(file) = self.files.first() else { return Ok(None) };
        Ok(Some(Table::open(file, self.delimiter, &[])?.header.names.clone()))
    }

    fn notices(&self) -> Result<Vec<String>, DatasetError> {
        let Some(file) = self.files.first() else { return Ok(Vec::new()) };
        let encoding = file.notice()?;
        let mut text = file.open()?;
        let start = text.fill_buf().map_err(io_error(&file.path))?;
        let escaped = has_escaped_quotes(start).then(|| ESCAPED_QUOTES.to_owned());
        let table = Table::open(file, self.delimiter, &[])?;
        Ok(table.notices.into_iter().chain(encoding).chain(escaped).collect())
    }
}

/// What the user should know of quotes behind backslashes.
const ESCAPED_QUOTES: &str = "it has quotes behind backslashes (\\\"), which do not belong to the text of a cell in CSV, so \
                              that cells may be cut or joined: write each quote within a cell twice (\"\")";

/// Whether a quote behind a backslash is followed by more of its cell.
fn has_escaped_quotes(start: &[u8]) -> bool {
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\\' | b'.');
    start.windows(3).any(|bytes| bytes.starts_with(b"\\\"") && goes_on(bytes[2]))
}

/// The path and the column names of a file, shared by its rows.
struct Header {
    path: PathBuf,
    names: Vec<String>,
    delimiter: u8,
}

/// The rows of a file after its header, split but not parsed.
struct Table {
    records: Records,
    header: Arc<Header>,
    /// What the user should know of the columns.
    notices: Vec<String>,
}

impl Table {
    fn open(file: &TextFile, delimiter: Option<u8>, columns: &[String]) -> Result<Self, DatasetError> {
        let path = &file.path;
        let malformed = |reason| DatasetError::Malformed { path: path.clone(), format: "csv", reason };
        let mut text = file.open()?;
        let start = text.fill_buf().map_err(io_error(path))?;
        if start.contains(&b'\r') && !start.contains(&b'\n') {
            return Err(malformed(
                "its lines end in bare carriage returns: save it again as CSV (UTF-8)".to_owned(),
            ));
        }
        let dialect = Dialect::of(start, delimiter);
        let mut records = Records::new(path, text, dialect.delimiter, MAX_ROW_BYTES);
        if dialect.has_separator_line {
            records.next_record()?;
        }
        let first = records.next_record()?.ok_or_else(|| malformed("it has no header row".to_owned()))?;
        let cells = CellSplitter::default().split(first, dialect.delimiter);
        let cells = cells.map_err(|reason| malformed(format!("its header row: {reason}")))?;
        let Named { names, mut notices } = named_columns(&cells).map_err(malformed)?;
        notices.extend(dialect.notice());
        find_columns(path, columns, &names)?;
        let header = Header { path: path.clone(), names, delimiter: dialect.delimiter };
        Ok(Self { records, header: Arc::new(header), notices })
    }
}

impl Iterator for Table {
    type Item = Result<(Arc<Header>, Record), DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next_record().transpose()?;
        Some(record.map(|record| (Arc::clone(&self.header), record)))
    }
}

fn parse(
    number: u64,
    (header, record): (Arc<Header>, Record),
    splitter: &mut CellSplitter,
) -> Result<Row, BadRow> {
    let line = record.line;
    let file = || header.path.to_string_lossy().into_owned();
    let bad = |reason| BadRow { number, file: file(), line, reason, is_damage: false };
    let cells = splitter.split(record, header.delimiter).map_err(bad)?;
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

/// Splits records into cells. One splitter serves all rows, because the parser of the `csv` crate is slow to create.
#[derive(Default)]
struct CellSplitter {
    /// The parser and its delimiter.
    parser: Option<(::csv::Reader<Cursor<Vec<u8>>>, u8)>,
}

impl CellSplitter {
    fn split(&mut self, record: Record, delimiter: u8) -> Result<ByteRecord, String> {
        if let Some(fault) = record.fault {
            return Err(fault);
        }
        let parser = match self.parser.take().filter(|(_, of)| *of == delimiter) {
            Some(parser) => parser,
            None => (parser_of(delimiter), delimiter),
        };
        let (parser, _) = self.parser.insert(parser);
        // The line end is what keeps the parser from looking for more, and so from ending for good.
        let mut bytes = record.bytes;
        bytes.push(b'\n');
        *parser.get_mut() = Cursor::new(bytes);
        let mut cells = ByteRecord::new();
        parser.read_byte_record(&mut cells).map_err(|error| error.to_string())?;
        Ok(cells)
    }
}

fn parser_of(delimiter: u8) -> ::csv::Reader<Cursor<Vec<u8>>> {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter).terminator(Terminator::Any(b'\n'));
    builder.from_reader(Cursor::default())
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
        let files = Files::local(folder.path().to_owned(), paths);
        (folder, Csv::new(&files, &TextOptions::default()))
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
    fn a_file_without_a_header_of_text_is_refused() {
        assert_eq!(refused(b"", &[]), "as csv: it has no header row");
        assert_eq!(refused(b"\n\n", &[]), "as csv: it has no header row");
        assert!(refused(b"a,b\r1,2\r", &[]).starts_with("as csv: its lines end in bare carriage returns"));
        assert_eq!(refused(b"a,\xFF\n", &[]), "as csv: its header row is not UTF-8");
    }

    #[test]
    fn a_column_that_is_not_there_is_refused_with_those_that_are() {
        assert_eq!(refused(b"a,b\n", &["b", "c"]), "has no column \"c\"; it has a, b");
        assert_eq!(refused(b"a,b\n", &["a.x", "c.x"]), "has no column \"c.x\"; it has a, b");
    }

    #[test]
    fn a_quote_never_closed_is_refused_with_its_line() {
        for content in
            [&b"a,b\n1,2\n3,\"4\n5,6\n"[..], b"a,b\r\n1,2\r\n\"3\",\"4", b"a,b\n\"1\n\",\"4\"\"\n5"]
        {
            let (_folder, reader) = csv(&[content]);
            let rows: Vec<_> = reader.rows(Pick::Scan, &[]).unwrap().collect();
            let error = rows.last().unwrap().as_ref().unwrap_err().to_string();
            assert!(error.contains("as csv: the quote that opens on line 3 is not closed"), "{error}");
        }
    }

    #[test]
    fn a_quote_that_a_later_row_seems_to_close_is_refused_too() {
        for content in [&b"a,b\n1,2\n3,\"4\n5,6\n3,\"4\"\n5,6\n"[..], b"a,b\n1,2\n3,\"4\n5,\"\",\n\"6\",7\n"]
        {
            let (_folder, reader) = csv(&[content]);
            let rows: Vec<_> = reader.rows(Pick::Scan, &[]).unwrap().collect();
            let error = rows.last().unwrap().as_ref().unwrap_err().to_string();
            assert!(error.contains("as csv: the quote that opens on line 3 is not closed"), "{error}");
        }
        let (_folder, reader) = csv(&[b"a,b\n1,\"a \"good\" one\"\n2,x\n"]);
        assert_eq!(read(&reader, Pick::Scan).len(), 2, "a single line swallows nothing");
    }

    #[test]
    fn a_row_too_long_is_a_bad_row_and_the_next_one_goes_on() {
        let (_folder, reader) = csv(&[b"1,2\n3,\"4444\n4444\"\n5,6\n"]);
        let file = &reader.files[0];
        let mut records = Records::new(&file.path, file.open().unwrap(), b',', 9);
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
            let file = &reader.files[0];
            let mut records = Records::new(&file.path, file.open().unwrap(), b',', MAX_ROW_BYTES);
            let mut splitter = CellSplitter::default();
            let theirs = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let mut theirs = theirs.into_byte_records().map(Result::unwrap);
            loop {
                match records.next_record() {
                    Ok(Some(record)) => {
                        prop_assert_eq!(Some(splitter.split(record, b',').unwrap()), theirs.next());
                    }
                    Ok(None) => break prop_assert_eq!(theirs.next(), None),
                    // The crate takes the rest for records.
                    Err(_) => break prop_assert!(theirs.next().is_some()),
                }
            }
        }
    }
}
