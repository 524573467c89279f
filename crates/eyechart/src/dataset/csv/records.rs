//! Splits a table of text into records, each with its true line number and a bounded size. Does not split cells.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::super::text_file::Text;
use super::super::{DatasetError, io_error};

/// A record as in the file, without its line end.
pub(super) struct Record {
    /// The line on which it starts, from 1.
    pub(super) line: u64,
    pub(super) bytes: Vec<u8>,
    /// The reason why its cells cannot be split.
    pub(super) fault: Option<String>,
}

/// The state of the splitter within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteState {
    CellStart,
    Unquoted,
    Quoted,
    /// After a quote inside quotes: the end of the quotes, or the first of two quotes that stand for one.
    QuoteInQuotes,
}

impl QuoteState {
    /// The state after `byte`. As in the `csv` crate, a quote is special only at the start of a cell.
    pub(super) fn after(self, byte: u8, is_delimiter: impl Fn(u8) -> bool) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuotes,
            (Self::Quoted, _) | (Self::CellStart | Self::QuoteInQuotes, b'"') => Self::Quoted,
            (_, byte) if is_delimiter(byte) => Self::CellStart,
            _ => Self::Unquoted,
        }
    }
}

/// Splits a text into records. Memory is bounded by `limit` bytes.
pub(super) struct Records {
    path: PathBuf,
    text: Text,
    delimiter: u8,
    /// The number of the next line, from 1.
    line: u64,
    /// The line of the quote that was opened last.
    opened: u64,
    /// Records with more bytes are not kept.
    limit: usize,
}

impl Records {
    pub(super) fn new(path: &Path, text: Text, delimiter: u8, limit: usize) -> Self {
        Self { path: path.to_owned(), text, delimiter, line: 1, opened: 0, limit }
    }

    /// The next record that is not a blank line.
    pub(super) fn next_record(&mut self) -> Result<Option<Record>, DatasetError> {
        loop {
            match self.any_record()? {
                Some(record) if record.bytes.is_empty() && record.fault.is_none() => {}
                other => return Ok(other),
            }
        }
    }

    fn any_record(&mut self) -> Result<Option<Record>, DatasetError> {
        let mut record = Record { line: self.line, bytes: Vec::new(), fault: None };
        let (mut state, mut length) = (QuoteState::CellStart, 0);
        loop {
            let used = self.take_part(&mut state, &mut record, length)?;
            if used.bytes == 0 {
                return match state {
                    QuoteState::Quoted => Err(self.open_quote()),
                    _ => Ok((length > 0).then_some(record)),
                };
            }
            length += used.bytes;
            if used.is_end {
                cut_line_end(&mut record.bytes);
                return Ok(Some(record));
            }
        }
    }

    /// Moves what is available of the record from the text to `record`, of which `length` bytes came before.
    fn take_part(
        &mut self,
        state: &mut QuoteState,
        record: &mut Record,
        length: usize,
    ) -> Result<Used, DatasetError> {
        let error = io_error(&self.path);
        let delimiter = self.delimiter;
        // Whether a byte behind a closing quote is neither the end of the cell nor another quote.
        let is_text = |byte| byte != delimiter && !matches!(byte, b'"' | b'\n' | b'\r');
        let available = self.text.fill_buf().map_err(error)?;
        let mut used = Used { bytes: available.len(), is_end: false };
        for (at, &byte) in available.iter().enumerate() {
            self.line += u64::from(byte == b'\n');
            if byte == b'\n' && *state != QuoteState::Quoted {
                used = Used { bytes: at + 1, is_end: true };
                break;
            }
            let before = *state;
            if before == QuoteState::QuoteInQuotes && is_text(byte) && self.line > self.opened {
                return Err(self.open_quote());
            }
            *state = before.after(byte, |byte| byte == delimiter);
            if before == QuoteState::CellStart && *state == QuoteState::Quoted {
                self.opened = self.line;
            }
        }
        if length + used.bytes <= self.limit {
            record.bytes.extend_from_slice(&available[..used.bytes]);
        } else if record.fault.is_none() {
            record.bytes = Vec::new();
            record.fault = Some(format!("the row is longer than {} MiB", self.limit >> 20));
        }
        self.text.consume(used.bytes);
        Ok(used)
    }

    /// The rows behind such a quote would be one cell, and lost.
    fn open_quote(&self) -> DatasetError {
        let reason = format!(
            "the quote that opens on line {} is not closed where its cell ends: close it, or write each quote that belongs to \
             the text twice and the cell in quotes",
            self.opened
        );
        DatasetError::Malformed { path: self.path.clone(), format: "csv", reason }
    }
}

/// The part of the available bytes that belongs to a record.
struct Used {
    bytes: usize,
    /// Whether the record ends with them.
    is_end: bool,
}

fn cut_line_end(bytes: &mut Vec<u8>) {
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
}
