//! A file of outputs that another tool made: lines of `{"id": …, "output": …}`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::RunError;
use crate::files::sha256_hex;
use crate::types::{DataFile, PickedSample, text_of};

/// A file of outputs.
#[derive(Debug)]
pub struct Outputs {
    texts: HashMap<String, String>,
    bad: Vec<String>,
    repeated: usize,
    file: DataFile,
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    output: Option<String>,
}

impl Outputs {
    /// Reads `path`. Bad lines become notices. If an id occurs twice, the last line counts.
    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = std::fs::read(path).map_err(|error| {
            RunError::Config(format!("cannot read --outputs {}: {error}", path.display()))
        })?;
        let sha256 = sha256_hex(&bytes);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let file = DataFile { path: absolute, bytes: bytes.len() as u64, sha256 };
        let mut outputs = Self { texts: HashMap::new(), bad: Vec::new(), repeated: 0, file };
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                outputs.add(line, &format!("{}:{}", path.display(), number + 1));
            }
        }
        Ok(outputs)
    }

    fn add(&mut self, line: &[u8], place: &str) {
        match serde_json::from_slice::<Line>(line) {
            Ok(Line { id, output: Some(output) }) => {
                self.repeated += usize::from(self.texts.insert(text_of(&id), output).is_some());
            }
            Ok(Line { output: None, .. }) => {}
            Err(error) => {
                self.bad.push(format!("{place}: expected {{\"id\": …, \"output\": \"…\"}}: {error}"));
            }
        }
    }

    /// The output for the sample `id`.
    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.texts.get(id).map(String::as_str)
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
        let unknown: Vec<&str> = self.ids().filter(|id| !picked.contains(id)).collect();
        if let Some(example) = unknown.iter().min() {
            let count = unknown.len();
            notices.push(format!("{count} ids in --outputs are not among the samples, such as {example:?}"));
        }
        if self.repeated > 0 {
            notices.push(format!("{} ids come more than once in --outputs: the last counts", self.repeated));
        }
        notices
    }
}
