//! `load.jsonl`: how busy the endpoint was kept, appended while a run goes. For people and plots: nothing else
//! reads it.

use std::fs::OpenOptions;
use std::io::Write;

use super::{LogError, RunFolder};
use crate::types::Load;

/// Appends the points, a line each.
///
/// # Errors
/// [`LogError::Io`] where the file cannot be written.
pub fn append_load(folder: &RunFolder, points: &[Load]) -> Result<(), LogError> {
    let path = folder.load_path();
    let mut lines = Vec::new();
    for point in points {
        serde_json::to_writer(&mut lines, point)
            .map_err(|error| LogError::io("write", &path)(error.into()))?;
        lines.push(b'\n');
    }
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(&lines)).map_err(LogError::io("write", &path))
}
