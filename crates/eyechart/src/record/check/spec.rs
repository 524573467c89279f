//! Checks `spec.json`: it can be read, has a known version, and does not contradict itself.

use std::collections::HashSet;

use super::{Finding, Problem};
use crate::files::sha256_hex;
use crate::record::{RecordError, RunFolder};
use crate::types::EvalSpec;

/// The spec, if it can be read.
pub(super) fn check(folder: &RunFolder, findings: &mut Vec<Finding>) -> Option<EvalSpec> {
    let path = folder.spec_path();
    let spec = match folder.spec() {
        Ok(spec) => spec,
        Err(error) => {
            let message = match error {
                RecordError::Malformed { reason, .. } => reason,
                error => error.to_string(),
            };
            findings.push(Finding::new(Problem::Unreadable, &path, message));
            return None;
        }
    };
    let hash = sha256_hex(&spec.task.text);
    if hash != spec.task.sha256 {
        let message = format!("the task's text has the SHA-256 {hash}, expected {}", spec.task.sha256);
        findings.push(Finding::new(Problem::Spec, &path, message));
    }
    let mut seen = HashSet::new();
    for picked in spec.picked.iter().filter(|picked| !seen.insert(picked.id.as_str())) {
        let message = format!("the sample {:?} is picked twice", picked.id);
        findings.push(Finding::new(Problem::Spec, &path, message));
    }
    Some(spec)
}
