//! Reads the bytes of a picture from its file, if the file has a plausible size.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use bytes::Bytes;

use crate::files::open;

/// Files with more bytes are refused.
pub(super) const MAX_BYTES: u64 = 50 << 20;

/// The whole file, or the reason why it cannot be a picture.
pub(super) fn read_file(path: &Path) -> Result<Bytes, String> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    if metadata.is_dir() {
        return Err("expected a file, found a folder".to_owned());
    }
    // Opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err("expected a file, found something else (a pipe, socket or device)".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    let read = open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    Ok(Bytes::from(bytes))
}

/// The message for a file above [`MAX_BYTES`].
pub(super) fn too_large(bytes: u64) -> String {
    format!("the file has {bytes} bytes, over {} MiB", MAX_BYTES >> 20)
}
