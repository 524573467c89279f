//! A file of outputs that another tool made: lines of `{"id": …, "output": …}`, or the results of a batch at OpenAI or with
//! vLLM.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::RunError;
use crate::files::{read_regular, sha256_hex};
use crate::text::{counted, json_mistake, shown_value};
use crate::types::{DataFile, PickedSample, id_of};

/// The shape of a line.
const EXPECTED: &str = "{\"id\": …, \"output\": \"…\"}";

/// A file of outputs.
#[derive(Debug)]
pub struct Outputs {
    texts: HashMap<String, String>,
    bad: Vec<String>,
    /// The first line that has neither an output nor a null in its place, in words.
    without_output: Option<String>,
    repeated: usize,
    file: DataFile,
}

/// One line.
struct Line {
    id: String,
    /// Absent if the output is null.
    output: Option<String>,
}

impl Outputs {
    /// Reads `path`. Bad lines become notices. If an id occurs twice, the last line counts.
    ///
    /// # Errors
    /// [`RunError::Config`] if the file cannot be read, or if no line has an output.
    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = read_regular(path).map_err(|error| {
            RunError::Config(format!("cannot read --outputs {}: {error}", path.display()))
        })?;
        let sha256 = sha256_hex(&bytes);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let file = DataFile { path: absolute, bytes: bytes.len() as u64, sha256 };
        let mut outputs =
            Self { texts: HashMap::new(), bad: Vec::new(), without_output: None, repeated: 0, file };
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                outputs.add(line, &format!("{}:{}", path.display(), number + 1));
            }
        }
        match outputs.texts.is_empty() {
            true => Err(RunError::Config(outputs.why_unusable(path))),
            false => Ok(outputs),
        }
    }

    fn add(&mut self, line: &[u8], place: &str) {
        match read_line(line) {
            Ok(Some(Line { id, output: Some(output) })) => {
                self.repeated += usize::from(self.texts.insert(id, output).is_some());
            }
            Ok(Some(Line { output: None, .. })) => {}
            Ok(None) => {
                let keys = || serde_json::from_slice::<Map<String, Value>>(line).unwrap_or_default();
                let keys = || keys().keys().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(", ");
                self.without_output.get_or_insert_with(|| format!("{place} has the keys {}", keys()));
            }
            Err(reason) => self.bad.push(format!("{place}: expected {EXPECTED}: {reason}")),
        }
    }

    /// Why no line can be used.
    fn why_unusable(&self, path: &Path) -> String {
        let path = path.display();
        match (&self.without_output, self.bad.first()) {
            (Some(line), _) => {
                format!("no line of --outputs {path} has an output: {line}; expected {EXPECTED}")
            }
            (None, Some(bad)) => format!("no line of --outputs {path} can be read: {bad}"),
            (None, None) if self.file.bytes == 0 => {
                format!("--outputs {path} is empty: expected lines of {EXPECTED}")
            }
            (None, None) => format!("no line of --outputs {path} has an output: expected {EXPECTED}"),
        }
    }

    /// The output for the sample `id`. The ids `1` and `1.0` meet.
    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.texts.get(id).or_else(|| self.texts.get(&other_form(id)?)).map(String::as_str)
    }

    /// The ids that have an output.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    pub(super) fn file(&self) -> &DataFile {
        &self.file
    }

    /// Notices about the file, given the samples that are scored.
    pub(super) fn notices(&self, picked: &[PickedSample]) -> Vec<String> {
        let mut notices: Vec<String> = self.bad.iter().take(5).cloned().collect();
        if self.bad.len() > 5 {
            notices.push(format!("{} more bad lines in --outputs", self.bad.len() - 5));
        }
        let picked: HashSet<&str> = picked.iter().map(|picked| picked.id.as_str()).collect();
        let is_picked = |id: &str| {
            picked.contains(id) || other_form(id).is_some_and(|other| picked.contains(other.as_str()))
        };
        let unknown: Vec<&str> = self.ids().filter(|id| !is_picked(id)).collect();
        if let Some(example) = unknown.iter().min() {
            let count = unknown.len();
            let (ids, are) = (counted(count, "id"), if count == 1 { "is" } else { "are" });
            let example = shown_value(example);
            notices.push(format!("{ids} in --outputs {are} not among the samples, such as {example:?}"));
        }
        if self.repeated > 0 {
            let (ids, come) =
                (counted(self.repeated, "id"), if self.repeated == 1 { "comes" } else { "come" });
            notices.push(format!("{ids} {come} more than once in --outputs: the last line counts"));
        }
        notices
    }
}

/// The id and the output of a line; `None` if the line lacks one of them.
///
/// # Errors
/// Why the line cannot be read.
fn read_line(line: &[u8]) -> Result<Option<Line>, String> {
    let line: Map<String, Value> = serde_json::from_slice(line).map_err(|error| json_mistake(&error))?;
    let Some(id) = line.get("custom_id").filter(|_| line.contains_key("response")) else {
        return own_line(&line);
    };
    // Both tools keep the reply of the endpoint; a request that failed has none.
    let content = line.get("response").and_then(|reply| reply.pointer("/body/choices/0/message/content"));
    let output = content.and_then(Value::as_str).map(str::to_owned);
    Ok(Some(Line { id: id_of(id), output }))
}

fn own_line(line: &Map<String, Value>) -> Result<Option<Line>, String> {
    let (Some(id), Some(output)) = (line.get("id"), line.get("output")) else { return Ok(None) };
    let output = match output {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        _ => return Err("`output` is not a text".to_owned()),
    };
    match id {
        Value::String(_) | Value::Number(_) => Ok(Some(Line { id: id_of(id), output })),
        _ => Err("`id` is neither a text nor a number".to_owned()),
    }
}

/// `1.0` for `1`, and `1` for `1.0`; `None` for an id that is not an integer.
fn other_form(id: &str) -> Option<String> {
    let digits = id.strip_suffix(".0").unwrap_or(id);
    let is_integer = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_integer(digits.strip_prefix('-').unwrap_or(digits)).then(|| match id.len() == digits.len() {
        true => format!("{id}.0"),
        false => digits.to_owned(),
    })
}
