//! A program that scores answers, as `spec.json` and `results.json` record it.

use serde::{Deserialize, Serialize};

/// A program with its arguments, and the files that they name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// The program and its arguments, as the task file has them.
    pub argv: Vec<String>,
    /// The program, and every argument that is a file; a file that was not found is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ArgumentFile>,
}

/// A file that a command line names, by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentFile {
    /// Its place in `argv`; 0 is the program.
    pub argument: usize,
    /// Its path, as `argv` has it.
    pub path: String,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}
