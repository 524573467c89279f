//! Splits one JSON list into its elements while it is read. Does not parse them.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::super::text_file::Text;
use super::super::{DatasetError, io_error};
use super::Object;

/// The elements of the list in a text. Memory is bounded by `limit` bytes.
pub(super) struct Elements {
    path: PathBuf,
    text: Text,
    /// The number of the present line, from 1.
    line: u64,
    /// Elements with more bytes are not kept.
    limit: usize,
    place: Place,
}

/// The place in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    BeforeList,
    BeforeFirst,
    BeforeNext,
    AfterElement,
    AfterList,
}

impl Elements {
    pub(super) fn new(path: &Path, text: Text, limit: usize) -> Self {
        Self { path: path.to_owned(), text, line: 1, limit, place: Place::BeforeList }
    }

    /// The next element; nothing at the end of the list.
    pub(super) fn next_element(&mut self) -> Result<Option<Object>, DatasetError> {
        loop {
            let next = self.next_byte()?;
            self.place = match (self.place, next) {
                (Place::AfterList, None) => return Ok(None),
                (_, None) => {
                    return Err(self.malformed("its list has no end: the file is truncated".to_owned()));
                }
                (Place::BeforeList, Some(b'[')) => self.pass(Place::BeforeFirst),
                (Place::AfterElement, Some(b',')) => self.pass(Place::BeforeNext),
                (Place::BeforeFirst | Place::BeforeNext | Place::AfterElement, Some(b']')) => {
                    self.pass(Place::AfterList)
                }
                (Place::BeforeFirst | Place::BeforeNext, Some(_)) => {
                    self.place = Place::AfterElement;
                    return self.element().map(Some);
                }
                (Place::BeforeList | Place::AfterElement | Place::AfterList, Some(_)) => {
                    let reason = format!(
                        "text after the end of its list on line {}: expected one list of objects, or one object per line",
                        self.line
                    );
                    return Err(self.malformed(reason));
                }
            };
        }
    }

    /// The next byte that is not white space.
    fn next_byte(&mut self) -> Result<Option<u8>, DatasetError> {
        loop {
            let available = self.text.fill_buf().map_err(io_error(&self.path))?;
            if available.is_empty() {
                return Ok(None);
            }
            let space = available.len() - available.trim_ascii_start().len();
            self.line += lines_in(&available[..space]);
            let found = available.get(space).copied();
            self.text.consume(space);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn pass(&mut self, place: Place) -> Place {
        self.text.consume(1);
        place
    }

    /// The element that begins here, up to the comma or the bracket behind it.
    fn element(&mut self) -> Result<Object, DatasetError> {
        let (line, mut nesting, mut bytes) = (self.line, Nesting::default(), Some(Vec::new()));
        loop {
            let available = self.text.fill_buf().map_err(io_error(&self.path))?;
            if available.is_empty() {
                let reason = format!(
                    "what begins on line {line} of its list has no end: a bracket or a quote is missing"
                );
                return Err(self.malformed(reason));
            }
            let end = available.iter().position(|byte| nesting.ends_before(*byte));
            let part = &available[..end.unwrap_or(available.len())];
            self.line += lines_in(part);
            bytes = bytes.filter(|bytes: &Vec<u8>| bytes.len() + part.len() <= self.limit);
            bytes.iter_mut().for_each(|bytes| bytes.extend_from_slice(part));
            let used = part.len();
            self.text.consume(used);
            if end.is_some() {
                return Ok(Object { file: self.path.clone(), line, bytes });
            }
        }
    }

    fn malformed(&self, reason: String) -> DatasetError {
        DatasetError::Malformed { path: self.path.clone(), format: "json", reason }
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The brackets and quotes that are open within an element.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Nesting {
    /// Whether the element has ended before `byte`; otherwise takes the byte into account.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.in_string {
            let was_escaped = std::mem::take(&mut self.is_escaped);
            self.is_escaped = byte == b'\\' && !was_escaped;
            self.in_string = byte != b'"' || was_escaped;
            return false;
        }
        match byte {
            b',' | b']' if self.depth == 0 => return true,
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn elements(text: &'static str, limit: usize) -> Result<Vec<(u64, Option<String>)>, String> {
        // Three bytes at once, so that every state is met at the end of what is available.
        let text = Box::new(BufReader::with_capacity(3, text.as_bytes()));
        let mut elements = Elements::new(Path::new("d.json"), text, limit);
        let mut found = Vec::new();
        while let Some(object) = elements.next_element().map_err(|error| error.to_string())? {
            found.push((object.line, object.bytes.map(|bytes| String::from_utf8(bytes).unwrap())));
        }
        Ok(found)
    }

    fn texts(text: &'static str) -> Vec<String> {
        elements(text, 1 << 20)
            .unwrap()
            .into_iter()
            .map(|(_, text)| text.unwrap().trim().to_owned())
            .collect()
    }

    #[test]
    fn a_list_is_split_at_its_own_commas() {
        assert_eq!(
            texts(r#"[{"a": [1, 2], "b": "],{\"\\"}, {"c": {}} ]"#),
            [r#"{"a": [1, 2], "b": "],{\"\\"}"#, r#"{"c": {}}"#]
        );
        assert_eq!(texts(" [ ] \n"), [""; 0]);
        assert_eq!(texts("[{},]"), ["{}"]);
        assert_eq!(texts("[1, \"x\", ]"), ["1", "\"x\""]);
    }

    #[test]
    fn elements_have_the_line_they_begin_on_and_a_bounded_size() {
        let text = "\n[\n  {\n\"a\": 1},\n  {\"b\": 1234567890123}\n, {}]\n";
        let found = elements(text, 12).unwrap();
        let lines: Vec<_> = found.iter().map(|(line, text)| (*line, text.is_some())).collect();
        assert_eq!(lines, [(3, true), (5, false), (6, true)]);
    }

    #[test]
    fn a_list_without_an_end_and_text_after_it_are_refused() {
        let reason = |text| elements(text, 1 << 20).unwrap_err().replace("cannot read d.json as json: ", "");
        assert_eq!(reason("[{},"), "its list has no end: the file is truncated");
        assert!(reason("[{}").starts_with("what begins on line 1 of its list has no end"));
        assert!(reason("[{},\n{\"a\": [1}, {}]").starts_with("what begins on line 2 of its list has no end"));
        assert!(reason("[{}]\n{}").starts_with("text after the end of its list on line 2"));
        assert!(reason("[[1]]\n[2]").starts_with("text after the end of its list on line 2"));
    }
}
