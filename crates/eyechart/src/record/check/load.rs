//! Checks `load.jsonl`, if it exists: every line is a point of the series.

use std::io::ErrorKind;
use std::path::Path;

use super::{Finding, Problem};
use crate::files::read_regular;
use crate::text::json_mistake;
use crate::types::LimitChange;

pub(super) fn check(path: &Path, findings: &mut Vec<Finding>) {
    let bytes = match read_regular(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => return findings.push(Finding::new(Problem::Unreadable, path, error.to_string())),
    };
    for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let finding = match serde_json::from_slice::<LimitChange>(line) {
            Ok(_) => continue,
            Err(_) if !line.ends_with(b"\n") => {
                let message = "a torn last line: it is dropped when the run is resumed";
                Finding::new(Problem::TornLine, path, message)
            }
            Err(error) => {
                let message = format!(
                    "not a change of the limit on requests: {}; no figure depends on it",
                    json_mistake(&error)
                );
                Finding::new(Problem::BadLine, path, message)
            }
        };
        findings.push(finding.at(number));
    }
}
