//! A program that scores answers, as recorded in `spec.json` and `results.json`.

use serde::{Deserialize, Serialize};

/// A program with its arguments, and the files that they name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// The program and its arguments, as in the task file.
    pub argv: Vec<String>,
    /// The program and every argument that is a file. A file that was not found is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ArgumentFile>,
}

/// A file in a command line, by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentFile {
    /// Its position in `argv`; 0 is the program.
    pub argument: usize,
    /// Its path, as in `argv`.
    pub path: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}
