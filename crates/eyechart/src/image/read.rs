//! Reads the bytes of a picture from its file, if the file has a plausible size.

use std::io::{ErrorKind, Read};
use std::path::Path;

use bytes::Bytes;

use crate::files::open_regular;

/// Files with more bytes are refused.
pub(super) const MAX_BYTES: u64 = 50 << 20;

/// The whole file, or the reason why it cannot be a picture.
pub(super) fn read_file(path: &Path) -> Result<Bytes, String> {
    let file = open_regular(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidFilename => "there is no such file".to_owned(),
        ErrorKind::InvalidInput => error.to_string(),
        _ => format!("cannot be read: {error}"),
    })?;
    let unreadable = |error| format!("cannot be read: {error}");
    let length = file.metadata().map_err(unreadable)?.len();
    if length > MAX_BYTES {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Bytes::from(bytes))
}

/// The message for a file above [`MAX_BYTES`].
pub(super) fn too_large(bytes: u64) -> String {
    format!("the file has {bytes} bytes, over {} MiB", MAX_BYTES >> 20)
}
