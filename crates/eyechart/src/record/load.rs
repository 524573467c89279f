//! `load.jsonl`: the requests in flight over time, appended during a run. It is meant for people and plots; no code
//! depends on it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{RecordError, RunFolder};
use crate::files::read_regular;
use crate::types::LimitChange;

/// Removes an incomplete last line of a killed process.
///
/// # Errors
/// [`RecordError::Io`] if the file cannot be read or written.
pub fn repair_load(folder: &RunFolder) -> Result<(), RecordError> {
    let path = folder.load_path();
    drop_torn_line(&path).map_err(RecordError::io("repair", &path))
}

fn drop_torn_line(path: &Path) -> io::Result<()> {
    let bytes = match read_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    if whole == bytes.len() {
        return Ok(());
    }
    File::options().write(true).open(path)?.set_len(whole as u64)
}

/// Appends one line for each point.
///
/// # Errors
/// [`RecordError::Io`] if the file cannot be written.
pub fn append_load(folder: &RunFolder, points: &[LimitChange]) -> Result<(), RecordError> {
    let path = folder.load_path();
    let mut lines = Vec::new();
    for point in points {
        serde_json::to_writer(&mut lines, point)
            .map_err(|error| RecordError::io("write", &path)(error.into()))?;
        lines.push(b'\n');
    }
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(&lines)).map_err(RecordError::io("write", &path))
}
