//! A file of outputs that another tool made: objects `{"id": …, "output": …}`, with an `epoch` or without, or the results of
//! a batch at OpenAI or with vLLM.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::path::Path;

use serde_json::{Map, Value};

use super::RunError;
use crate::dataset::{JsonObject, json_objects};
use crate::files::{FileHash, sha256_of_file};
use crate::text::{counted, shown_value};
use crate::types::{DataFile, Epoch, EvalSpec, PickedSample, id_of};

/// The shape of a line.
const EXPECTED: &str = "{\"id\": …, \"output\": \"…\"}";

/// Number of keys of a line of another shape that its message names.
const MOST_KEYS: usize = 8;

/// A file of outputs.
#[derive(Debug)]
pub struct Outputs {
    /// The lines of each id, by epoch.
    lines: HashMap<String, BTreeMap<Epoch, RecordedLine>>,
    bad: Vec<String>,
    /// The first line that has neither an output nor a null in its place, in words.
    without_output: Option<String>,
    repeated: usize,
    file: DataFile,
}

/// What a line has for its sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RecordedLine {
    /// The text of an answer.
    Text(String),
    /// The reply of the endpoint to a request of a batch.
    Reply {
        /// The HTTP status.
        status: u16,
        /// The body, in JSON.
        body: Vec<u8>,
    },
    /// Why there is no answer.
    Nothing(String),
}

/// One line.
struct Line {
    id: String,
    epoch: Epoch,
    content: RecordedLine,
}

impl Outputs {
    /// Reads `path`. Bad lines become notices. If an id occurs twice, the last line counts.
    ///
    /// # Errors
    /// [`RunError::Config`] if the file cannot be read, or if no line has an output.
    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let error = |error: &dyn Display| {
            RunError::Config(format!("cannot read --outputs {}: {error}", path.display()))
        };
        let hash = || sha256_of_file(path).map_err(|found| RunError::Config(format!("--outputs: {found}")));
        let FileHash { bytes, sha256 } = hash()?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let file = DataFile { path: absolute, bytes, sha256 };
        let mut outputs =
            Self { lines: HashMap::new(), bad: Vec::new(), without_output: None, repeated: 0, file };
        for object in json_objects(path).map_err(|found| error(&found))? {
            match object.map_err(|found| error(&found))? {
                Ok(object) => outputs.add(&object, &format!("{}:{}", path.display(), object.line)),
                Err(bad) => outputs
                    .bad
                    .push(format!("{}:{}: expected {EXPECTED}: {}", bad.file, bad.line, bad.reason)),
            }
        }
        if hash()?.sha256 != outputs.file.sha256 {
            return Err(error(&"it changed while it was read"));
        }
        let has_content = |line: &RecordedLine| !matches!(line, RecordedLine::Nothing(_));
        match !outputs.lines.values().flat_map(BTreeMap::values).any(has_content) {
            true => Err(RunError::Config(outputs.why_unusable(path))),
            false => Ok(outputs),
        }
    }

    fn add(&mut self, object: &JsonObject, place: &str) {
        match read_line(&object.fields) {
            Ok(Some(Line { id, epoch, content })) => {
                let of_id = self.lines.entry(id).or_default();
                self.repeated += usize::from(of_id.insert(epoch, content).is_some());
            }
            Ok(None) => {
                let keys = object.fields.keys().map(|key| format!("{:?}", shown_value(key)));
                let keys = format!("has the keys {}", keys.take(MOST_KEYS).collect::<Vec<_>>().join(", "));
                self.bad.push(format!("{place}: expected {EXPECTED}: the line {keys}"));
                self.without_output.get_or_insert_with(|| format!("{place} {keys}"));
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

    /// The line of the sample `id` in `epoch`. The ids `1` and `1.0` meet.
    pub(super) fn get(&self, id: &str, epoch: Epoch) -> Option<&RecordedLine> {
        self.lines.get(id).or_else(|| self.lines.get(&other_form(id)?))?.get(&epoch)
    }

    /// The highest epoch of a line.
    pub(super) fn last_epoch(&self) -> Epoch {
        self.lines.values().filter_map(|of_id| Some(*of_id.last_key_value()?.0)).max().unwrap_or(1)
    }

    /// The ids that have a line, with or without an answer.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    pub(super) fn file(&self) -> &DataFile {
        &self.file
    }

    /// Notices about the file, given the samples and the number of epochs that are scored.
    pub(super) fn notices(&self, picked: &[PickedSample], epochs: Epoch) -> Vec<String> {
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
        let later = self.lines.values().map(|of_id| of_id.range(epochs + 1..).count()).sum::<usize>();
        if later > 0 {
            notices.push(format!(
                "{} of later epochs than --epochs {epochs} left out of --outputs",
                counted(later, "line")
            ));
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
fn read_line(line: &Map<String, Value>) -> Result<Option<Line>, String> {
    let epoch = epoch_of(line)?;
    let Some(id) = line.get("custom_id").filter(|_| line.contains_key("response")) else {
        return own_line(line, epoch);
    };
    // Both tools keep the reply of the endpoint. A request that was never answered has none.
    let reply = line.get("response").filter(|reply| !reply.is_null());
    let content = match reply.and_then(|reply| Some((reply, reply.get("body")?))) {
        Some((reply, body)) => {
            let status = reply.get("status_code").and_then(Value::as_u64).unwrap_or(200);
            let status =
                u16::try_from(status).map_err(|_| format!("status_code {status} is no HTTP status"))?;
            RecordedLine::Reply { status, body: serde_json::to_vec(body).map_err(|error| error.to_string())? }
        }
        None => {
            let message = line.get("error").and_then(|error| error.get("message")?.as_str());
            RecordedLine::Nothing(message.unwrap_or("the batch has no reply to its request").to_owned())
        }
    };
    Ok(Some(Line { id: id_of(id), epoch, content }))
}

/// The epoch of a line; 1, if absent.
fn epoch_of(line: &Map<String, Value>) -> Result<Epoch, String> {
    let Some(given) = line.get("epoch").filter(|given| !given.is_null()) else { return Ok(1) };
    // Tools that keep numbers as decimals or texts write 2.0 or "2".
    let epoch = id_of(given).trim().parse().ok();
    let epoch = epoch.filter(|epoch| (1..=EvalSpec::MOST_EPOCHS).contains(epoch));
    epoch.ok_or_else(|| {
        let most = EvalSpec::MOST_EPOCHS;
        format!("`epoch` is {given}: expected a whole number from 1 to {most}")
    })
}

fn own_line(line: &Map<String, Value>, epoch: Epoch) -> Result<Option<Line>, String> {
    let (Some(id), Some(output)) = (line.get("id"), line.get("output")) else { return Ok(None) };
    let content = match output {
        Value::String(text) => RecordedLine::Text(text.clone()),
        Value::Null => RecordedLine::Nothing("its output is null".to_owned()),
        _ => return Err("`output` is not a text".to_owned()),
    };
    match id {
        Value::String(_) | Value::Number(_) => Ok(Some(Line { id: id_of(id), epoch, content })),
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
