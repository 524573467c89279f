//! Finds answers in machine-readable form: `\boxed{…}`, the answer field of a JSON object, `<answer>…</answer>`.

use std::ops::Range;

/// A machine-readable answer.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The bytes of the answer in the field.
    pub(super) content: Range<usize>,
    /// The bytes that are not read as prose: the field, or the whole JSON object.
    pub(super) whole: Range<usize>,
    pub(super) explanation: &'static str,
}

/// The opening and the closing mark of an answer, in lower case.
const TAGS: [(&str, &str); 11] = [
    ("<answer>", "</answer>"),
    ("<final_answer>", "</final_answer>"),
    ("<finalanswer>", "</finalanswer>"),
    ("<final answer>", "</final answer>"),
    ("<ans>", "</ans>"),
    ("<choice>", "</choice>"),
    ("<option>", "</option>"),
    ("<conclusion>", "</conclusion>"),
    ("<response>", "</response>"),
    ("<|begin_of_box|>", "<|end_of_box|>"),
    ("[answer]", "[/answer]"),
];

/// Names of JSON fields that hold an answer, in lower case, without spaces, hyphens and underscores.
const KEYS: [&str; 26] = [
    "answer",
    "finalanswer",
    "correctanswer",
    "answerchoice",
    "answerletter",
    "answeroption",
    "theanswer",
    "myanswer",
    "choice",
    "finalchoice",
    "selectedchoice",
    "correctchoice",
    "option",
    "selectedoption",
    "correctoption",
    "chosenoption",
    "finaloption",
    "letter",
    "optionletter",
    "prediction",
    "selection",
    "réponse",
    "antwort",
    "respuesta",
    "答案",
    "답",
];

/// Finds the fields in the text, in order and without overlaps.
pub(super) fn find_fields(text: &str) -> Vec<Field> {
    let mut found: Vec<Field> = Vec::new();
    let mut braces: Vec<usize> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let field = match bytes[at] {
            b'\\' => boxed(text, at),
            b'<' | b'[' => tagged(text, at),
            b'"' | b'\'' => json(text, at, braces.last().copied()),
            b'{' => {
                braces.push(at);
                None
            }
            b'}' => {
                if let Some(start) = braces.pop() {
                    close_object(&mut found, start, at + 1);
                }
                None
            }
            _ => None,
        };
        match field {
            Some(field) => {
                at = field.content.end.max(at + 1);
                // A later field of the same object does not replace this one: the object is one answer with several
                // fields.
                found.push(field);
            }
            None => at += 1,
        }
    }
    for start in braces {
        close_object(&mut found, start, bytes.len());
    }
    found
}

/// Sets the end of the object that starts at `start` for its fields, which are the last fields in `found`.
fn close_object(found: &mut [Field], start: usize, end: usize) {
    for field in found.iter_mut().rev().take_while(|field| field.whole.start >= start) {
        if field.whole.start == start && field.explanation == JSON {
            field.whole.end = field.whole.end.max(end);
        }
    }
}

const JSON: &str = "answer field of a JSON object";

fn boxed(text: &str, at: usize) -> Option<Field> {
    let rest = &text.as_bytes()[at..];
    let name =
        ["\\boxed", "\\fbox", "\\framebox"].into_iter().find(|name| rest.starts_with(name.as_bytes()))?;
    let mut open = name.len();
    while rest.get(open) == Some(&b' ') {
        open += 1;
    }
    if rest.get(open) != Some(&b'{') {
        return None;
    }
    let mut depth = 0_usize;
    for (offset, &byte) in rest[open..].iter().enumerate().take(MOST_BYTES) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let content = at + open + 1..at + open + offset;
            return Some(Field { whole: at..content.end + 1, content, explanation: "boxed answer" });
        }
    }
    None
}

/// Maximum length of a box or of a JSON value in bytes. Longer values are not answers.
const MOST_BYTES: usize = 1500;

fn tagged(text: &str, at: usize) -> Option<Field> {
    let bytes = text.as_bytes();
    let is_at = |at: usize, mark: &str| {
        bytes.get(at..at + mark.len()).is_some_and(|found| found.eq_ignore_ascii_case(mark.as_bytes()))
    };
    let (open, close) = TAGS.iter().find(|(open, _)| is_at(at, open))?;
    let start = at + open.len();
    let first = close.as_bytes()[0];
    let end = bytes[start..]
        .iter()
        .enumerate()
        .take(MOST_BYTES)
        .filter(|&(_, &byte)| byte == first)
        .map(|(offset, _)| start + offset)
        .find(|&end| is_at(end, close));
    let (end, whole) = match end {
        Some(end) => (end, end + close.len()),
        // Without its closing tag, the answer ends with the line.
        None => {
            let line =
                bytes[start..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |length| start + length);
            (line, line)
        }
    };
    Some(Field { content: start..end, whole: at..whole, explanation: "answer tag" })
}

fn json(text: &str, at: usize, object: Option<usize>) -> Option<Field> {
    let quote = text.as_bytes()[at];
    let rest = &text.as_bytes()[at + 1..];
    let length = rest.iter().take(40).position(|&b| b == quote)?;
    let key: String = text
        .get(at + 1..at + 1 + length)?
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    if !KEYS.contains(&key.as_str()) {
        return None;
    }
    let skip = |mut from: usize| {
        while text.as_bytes().get(from).is_some_and(u8::is_ascii_whitespace) {
            from += 1;
        }
        from
    };
    let colon = skip(at + length + 2);
    if text.as_bytes().get(colon) != Some(&b':') {
        return None;
    }
    let start = skip(colon + 1);
    let content = json_value(text.as_bytes(), start)?;
    let whole = object.unwrap_or(at)..content.end;
    Some(Field { content, whole, explanation: JSON })
}

/// Returns the bytes of the value at `start`, without quotes.
fn json_value(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let first = *bytes.get(start)?;
    let is_end = |byte: u8| match first {
        b'"' | b'\'' => byte == first,
        b'[' => byte == b']',
        _ => matches!(byte, b',' | b'}' | b'\n'),
    };
    let from = start + usize::from(matches!(first, b'"' | b'\'' | b'['));
    let mut is_escaped = false;
    for (offset, &byte) in bytes[from..].iter().enumerate().take(MOST_BYTES) {
        if is_end(byte) && !is_escaped {
            return Some(from..from + offset);
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    (bytes.len() - from < MOST_BYTES).then_some(from..bytes.len())
}
