//! JSON Lines: one JSON object per line.
//!
//! Python's bare `NaN` and `Infinity` are read as null. Does not know what the keys mean.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::io_error;
use super::rows::{MAX_ROW_BYTES, numbered};
use super::{DatasetError, Files, Pick, Reader, Rows};
use crate::files::open_regular;
use crate::text::{json_mistake, with_long_integers_quoted};
use crate::types::{BadRow, Row, parse_json};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The lines of the files as rows, numbered over all files. Blank lines are not rows but count as lines. A line that
/// is not a JSON object is a bad row.
pub(super) struct Jsonl {
    paths: Vec<PathBuf>,
}

impl Jsonl {
    pub(super) fn new(files: &Files) -> Self {
        Self { paths: files.paths.clone() }
    }
}

impl Reader for Jsonl {
    /// Rows are parsed whole and have all cells, because each row has its own columns.
    fn rows(&self, pick: Pick, _columns: &[String]) -> Result<Rows, DatasetError> {
        let first = self.paths.first().map(|path| Lines::open(path, MAX_ROW_BYTES)).transpose()?;
        let others = self.paths.clone().into_iter().skip(1);
        let others = others.map(|path| Lines::open(&path, MAX_ROW_BYTES));
        let files = first.map(Ok).into_iter().chain(others);
        let lines = files.flat_map(|file| match file {
            Ok(lines) => Box::new(lines) as Box<dyn Iterator<Item = _> + Send>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(numbered(lines, pick, parse))
    }
}

/// A line that is not blank.
struct Line {
    file: PathBuf,
    /// The line number, from 1.
    number: u64,
    /// `None` if the line is too long to be kept.
    bytes: Option<Vec<u8>>,
}

/// The lines of a file that are not blank.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
    /// Lines with more bytes are not kept.
    limit: usize,
}

impl Lines {
    fn open(path: &Path, limit: usize) -> Result<Self, DatasetError> {
        let file = open_regular(path).map_err(io_error(path))?;
        Ok(Self { path: path.to_owned(), file: BufReader::with_capacity(1 << 17, file), number: 0, limit })
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let most = self.limit as u64 + 1;
            if self.file.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let too_long = bytes.len() > self.limit && bytes.last() != Some(&b'\n');
            if too_long {
                self.file.skip_until(b'\n')?;
            } else if self.number == 1 && bytes.starts_with(BOM) {
                bytes.drain(..BOM.len());
            }
            if too_long || !bytes.trim_ascii().is_empty() {
                let bytes = (!too_long).then_some(bytes);
                return Ok(Some(Line { file: self.path.clone(), number: self.number, bytes }));
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Line, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().map_err(io_error(&self.path)).transpose()
    }
}

fn parse(number: u64, line: Line) -> Result<Row, BadRow> {
    let cells = match &line.bytes {
        Some(bytes) => object(bytes),
        None => Err(format!("the line is longer than {} MiB", MAX_ROW_BYTES >> 20)),
    };
    match cells {
        Ok(cells) => Ok(Row { number, cells, ..Row::default() }),
        Err(reason) => {
            Err(BadRow { number, file: line.file.to_string_lossy().into_owned(), line: line.number, reason })
        }
    }
}

/// The keys and values of the line, without nulls.
fn object(line: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(line.trim_ascii_end())
        .map_err(|error| format!("not UTF-8 from byte {} on", error.valid_up_to() + 1))?;
    let text = &with_long_integers_quoted(text);
    let value = serde_json::from_str(text)
        .or_else(|error| parse_json(text).ok_or_else(|| format!("not JSON: {}", json_mistake(&error))))?;
    match value {
        Value::Object(mut cells) => {
            cells.retain(|_, value| !value.is_null());
            Ok(cells)
        }
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
        (folder, Jsonl { paths })
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
        assert!(!row.cells.contains_key("rationale"));
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
        assert_eq!(Value::Object(rows[0].clone().unwrap().cells), json!({"b": [null, "NaN"]}));
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
        let lines: Vec<_> = Lines::open(&reader.paths[0], 9).unwrap().map(Result::unwrap).collect();
        let held: Vec<_> = lines.iter().map(|line| (line.number, line.bytes.is_some())).collect();
        assert_eq!(held, [(1, false), (2, true), (3, false)]);
        let Err(bad) = parse(7, Line { file: PathBuf::new(), number: 1, bytes: None }) else {
            panic!("a bad row")
        };
        assert_eq!(bad.reason, "the line is longer than 64 MiB");
    }

    #[test]
    fn a_missing_shard_is_an_error() {
        let (_folder, mut reader) = jsonl(&[b"{}"]);
        reader.paths.push(PathBuf::from("no-such-file.jsonl"));
        let items: Vec<_> = reader.rows(Pick::Scan, &[]).unwrap().collect();
        assert!(items[0].is_ok());
        assert!(items[1].as_ref().unwrap_err().to_string().starts_with("cannot read no-such-file.jsonl"));
        assert_eq!(items.len(), 2);
        reader.paths.remove(0);
        assert!(reader.rows(Pick::Scan, &[]).is_err());
    }
}
