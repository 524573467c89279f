//! JSON: one object per line (JSON Lines), or one list of objects.
//!
//! Python's bare `NaN` and `Infinity` are read as null. Does not know what the keys mean.

mod list;

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use self::list::Elements;
use super::folder::unpacked_extension;
use super::rows::{MAX_ROW_BYTES, numbered};
use super::text_file::{Text, TextFile};
use super::{DatasetError, Files, Pick, Reader, Rows, TextOptions, io_error};
use crate::text::{json_mistake, repaired_json, with_long_integers_quoted};
use crate::types::{BadRow, Row, parse_json};

/// The objects of the files as rows, numbered over all files. A file that begins with `[` is one list of objects; of any
/// other file, each line is an object. Blank lines are not rows but count as lines. What is not a JSON object is a bad
/// row.
pub(super) struct Jsonl {
    files: Vec<Arc<TextFile>>,
}

impl Jsonl {
    pub(super) fn new(files: &Files, options: &TextOptions) -> Self {
        Self {
            files: files.paths.iter().map(|path| Arc::new(TextFile::new(path, options.encoding))).collect(),
        }
    }
}

impl Reader for Jsonl {
    /// Rows are parsed whole and have all cells, because each row has its own columns.
    fn rows(&self, pick: Pick, _columns: &[String]) -> Result<Rows, DatasetError> {
        let first = self.files.first().map(|file| Objects::open(file, MAX_ROW_BYTES)).transpose()?;
        let others = self.files.clone().into_iter().skip(1);
        let others = others.map(|file| Objects::open(&file, MAX_ROW_BYTES));
        let files = first.map(Ok).into_iter().chain(others);
        let objects = files.flat_map(|file| match file {
            Ok(objects) => Box::new(objects) as Box<dyn Iterator<Item = _> + Send>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(numbered(objects, pick, parse))
    }
}

/// An object of a file that is no dataset.
pub(crate) struct JsonObject {
    /// The number of the line that it begins on, from 1.
    pub(crate) line: u64,
    pub(crate) fields: Map<String, Value>,
}

/// The objects in a file of JSON that is no dataset, packed or not: one on each line, or in one list. An item is an object or
/// the reason why it cannot be read.
///
/// # Errors
/// [`DatasetError`], from this call or as an item, if the file cannot be read further.
pub(crate) fn json_objects(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Result<JsonObject, BadRow>, DatasetError>>, DatasetError> {
    let objects = Objects::open(&TextFile::new(path, None), MAX_ROW_BYTES)?;
    Ok(objects.zip(0..).map(|(object, number)| {
        let object = object?;
        let line = object.line;
        let fields = parse_object(number, &object).map(|row| row.cells);
        // As in the reply of an endpoint, an odd value beside the answer does not cost the answer.
        let repaired = || cells_of(repaired_json(object.bytes.as_deref()?)?.as_bytes()).ok();
        Ok(fields.or_else(|bad| repaired().ok_or(bad)).map(|fields| JsonObject { line, fields }))
    }))
}

/// The text of an object.
struct Object {
    file: PathBuf,
    /// The number of the line that it begins on, from 1.
    line: u64,
    /// `None` if it is too long to be kept.
    bytes: Option<Vec<u8>>,
}

/// The objects of a file.
enum Objects {
    Lines(Lines),
    List(Elements),
}

impl Objects {
    /// Opens a file. Objects of more than `limit` bytes are not kept.
    fn open(file: &TextFile, limit: usize) -> Result<Self, DatasetError> {
        let mut text = file.open()?;
        let start = text.fill_buf().map_err(io_error(&file.path))?;
        if is_one_object(start) {
            let reason =
                "it is one object on several lines: expected one list of objects, or one object on each line";
            return Err(malformed(&file.path, reason));
        }
        Ok(match start.trim_ascii_start().first() {
            Some(b'[') => Self::List(Elements::new(&file.path, text, limit)),
            _ => Self::Lines(Lines { path: file.path.clone(), text, line: 0, limit }),
        })
    }
}

impl Iterator for Objects {
    type Item = Result<Object, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Lines(lines) => match lines.next_line().map_err(io_error(&lines.path)).transpose()? {
                Ok(object) if lines.is_table_by_column(&object) => {
                    Some(Err(malformed(&lines.path, BY_COLUMN)))
                }
                next => Some(next),
            },
            Self::List(elements) => elements.next_element().transpose(),
        }
    }
}

/// Why a table that is written column by column, as pandas writes it by default, is not read.
const BY_COLUMN: &str = "it is one object with all rows of each column: expected one list of objects, as pandas writes it \
                         by df.to_json(PATH, orient=\"records\")";

fn malformed(path: &Path, reason: &str) -> DatasetError {
    DatasetError::Malformed { path: path.to_owned(), format: "json", reason: reason.to_owned() }
}

/// Whether a text begins with an object that goes on in the next line.
fn is_one_object(start: &[u8]) -> bool {
    let mut lines =
        start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.next() == Some(b"{") && lines.next().is_some_and(|line| line.starts_with(b"\""))
}

/// The lines of a file that are not blank.
struct Lines {
    path: PathBuf,
    text: Text,
    line: u64,
    /// Lines with more bytes are not kept.
    limit: usize,
}

impl Lines {
    /// Whether the object is all of a `.json` file and holds the rows of each column, by their numbers or in a list.
    fn is_table_by_column(&mut self, object: &Object) -> bool {
        let is_json = unpacked_extension(&self.path.to_string_lossy()) == "json";
        if object.line != 1 || !is_json {
            return false;
        }
        // A mistake of the file is one of the next line too.
        if !self.text.fill_buf().is_ok_and(|rest| rest.trim_ascii().is_empty()) {
            return false;
        }
        let columns = object.bytes.as_deref().and_then(|bytes| cells_of(bytes).ok()).unwrap_or_default();
        let numbers = |cell: &Value| Some(cell.as_object()?.keys().cloned().collect::<Vec<_>>());
        let count = |cell: &Value| Some(cell.as_array()?.len());
        all_same(columns.values().map(numbers)) || columns.len() > 1 && all_same(columns.values().map(count))
    }

    fn next_line(&mut self) -> io::Result<Option<Object>> {
        loop {
            let mut bytes = Vec::new();
            let most = self.limit as u64 + 1;
            if self.text.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let too_long = bytes.len() > self.limit && bytes.last() != Some(&b'\n');
            if too_long {
                self.text.skip_until(b'\n')?;
            }
            if too_long || !bytes.trim_ascii().is_empty() {
                let bytes = (!too_long).then_some(bytes);
                return Ok(Some(Object { file: self.path.clone(), line: self.line, bytes }));
            }
        }
    }
}

/// Whether the values are all there and the same.
fn all_same<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>) -> bool {
    let Some(Some(first)) = values.next() else { return false };
    values.all(|value| value.as_ref() == Some(&first))
}

fn parse(number: u64, object: Object) -> Result<Row, BadRow> {
    parse_object(number, &object)
}

fn parse_object(number: u64, object: &Object) -> Result<Row, BadRow> {
    let cells = match &object.bytes {
        Some(bytes) => cells_of(bytes),
        None => Err(format!("the line is longer than {} MiB", MAX_ROW_BYTES >> 20)),
    };
    match cells {
        Ok(cells) => Ok(Row { number, cells, ..Row::default() }),
        Err(reason) => Err(BadRow {
            number,
            file: object.file.to_string_lossy().into_owned(),
            line: object.line,
            reason,
            is_damage: false,
        }),
    }
}

/// The keys and values of the object.
fn cells_of(object: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(object.trim_ascii_end())
        .map_err(|error| format!("not UTF-8 from byte {} on", error.valid_up_to() + 1))?;
    let text = &with_long_integers_quoted(text);
    let value = serde_json::from_str(text)
        .or_else(|error| parse_json(text).ok_or_else(|| format!("not JSON: {}", json_mistake(&error))))?;
    match value {
        Value::Object(cells) => Ok(cells),
        Value::Array(_) => Err("expected a JSON object, found a list".to_owned()),
        _ => Err("expected a JSON object, found a single value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn jsonl(contents: &[&[u8]]) -> (tempfile::TempDir, Jsonl) {
        let folder = tempfile::tempdir().unwrap();
        let write = |(number, content): (usize, &&[u8])| {
            let path = folder.path().join(format!("{number}.jsonl"));
            fs::write(&path, content).unwrap();
            path
        };
        let paths = contents.iter().enumerate().map(write).collect();
        let files = Files::local(folder.path().to_owned(), paths);
        (folder, Jsonl::new(&files, &TextOptions::default()))
    }

    fn read(reader: &Jsonl, pick: Pick) -> Vec<Result<Row, BadRow>> {
        reader.rows(pick, &[]).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn rows_of_arxivqas_shape_are_read_with_their_lists() {
        let line = r#"{"id": "physics-1", "image": "images/1501.0001_0.jpg", "options": ["A) 1", "B) 2"], "label": "B", "rationale": null}"#;
        let (_folder, reader) = jsonl(&[line.as_bytes()]);
        let row = read(&reader, Pick::Scan).remove(0).unwrap();
        assert_eq!(row.number, 0);
        assert_eq!(row.cells["options"], json!(["A) 1", "B) 2"]));
        assert_eq!(row.cells["image"], "images/1501.0001_0.jpg");
        assert_eq!((row.get("rationale"), row.cells.contains_key("rationale")), (None, true));
    }

    #[test]
    fn a_bad_line_is_named_and_the_next_one_goes_on() {
        let content = b"{\"n\": 1}\n\n{\"n\": \n[1]\n\xFF{}\n3\n{\"n\": 2}";
        let (_folder, reader) = jsonl(&[content]);
        let rows = read(&reader, Pick::Scan);
        let bad: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
        let said: Vec<_> = bad.iter().map(|bad| (bad.number, bad.line, bad.reason.as_str())).collect();
        let expected = [
            (1, 3, "not JSON: EOF while parsing a value (column 5)"),
            (2, 4, "expected a JSON object, found a list"),
            (3, 5, "not UTF-8 from byte 1 on"),
            (4, 6, "expected a JSON object, found a single value"),
        ];
        assert_eq!(said, expected);
        assert!(bad[0].file.ends_with("0.jsonl"));
        let last = rows[5].as_ref().unwrap();
        assert_eq!((last.number, &last.cells["n"]), (5, &json!(2)));
    }

    #[test]
    fn a_byte_order_mark_crlf_and_pythons_nan_are_read() {
        let content = b"\xEF\xBB\xBF{\"a\": NaN, \"b\": [-Infinity, \"NaN\"]}\r\n \r\n{\"a\": 1}\r\n";
        let (_folder, reader) = jsonl(&[content]);
        let rows = read(&reader, Pick::Scan);
        assert_eq!(rows.len(), 2);
        assert_eq!(Value::Object(rows[0].clone().unwrap().cells), json!({"a": null, "b": [null, "NaN"]}));
        assert_eq!(rows[1].clone().unwrap().cells["a"], 1);
    }

    #[test]
    fn numbers_run_over_all_shards_and_rows_that_are_not_picked_are_not_parsed() {
        let (_folder, reader) = jsonl(&[b"{\"n\": 0}\nbroken\n", b"", b"{\"n\": 2}\n{\"n\": 3}\n"]);
        let rows = read(&reader, Pick::Rows(vec![0, 2]));
        let numbers: Vec<_> = rows.iter().map(|row| row.as_ref().unwrap().cells["n"].clone()).collect();
        assert_eq!(numbers, [0, 2]);
        let bad = read(&reader, Pick::Rows(vec![1])).remove(0).unwrap_err();
        assert_eq!((bad.number, bad.line), (1, 2));
    }

    #[test]
    fn a_line_too_long_is_a_bad_row_and_the_next_one_goes_on() {
        let (_folder, reader) = jsonl(&[b"{\"n\": \"1234567890\"}\n{\"n\": 22}\n{\"n\": \"12345678901\"}"]);
        let lines: Vec<_> = Objects::open(&reader.files[0], 9).unwrap().map(Result::unwrap).collect();
        let held: Vec<_> = lines.iter().map(|line| (line.line, line.bytes.is_some())).collect();
        assert_eq!(held, [(1, false), (2, true), (3, false)]);
        let bad = parse(7, Object { file: PathBuf::new(), line: 1, bytes: None }).unwrap_err();
        assert_eq!(bad.reason, "the line is longer than 64 MiB");
    }

    #[test]
    fn a_missing_shard_is_an_error() {
        let (_folder, mut reader) = jsonl(&[b"{}"]);
        reader.files.push(Arc::new(TextFile::new("no-such-file.jsonl".as_ref(), None)));
        let items: Vec<_> = reader.rows(Pick::Scan, &[]).unwrap().collect();
        assert!(items[0].is_ok());
        assert!(items[1].as_ref().unwrap_err().to_string().starts_with("cannot read no-such-file.jsonl"));
        assert_eq!(items.len(), 2);
        reader.files.remove(0);
        assert!(reader.rows(Pick::Scan, &[]).is_err());
    }
}
