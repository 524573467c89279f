//! Pictures: read, checked, changed where a task or a provider asks for it, hashed as sent.
//!
//! Original bytes go out untouched unless something forces otherwise, and are never decoded then. Knows nothing of
//! datasets or wire protocols.

mod encode;
mod gif;
mod header;
mod jpeg;
mod make;
mod once;
mod pixels;
mod plan;
mod png;
mod prepare;
mod read;
mod store;
mod webp;

use crate::types::ImageSource;

pub use prepare::{PrepareError, Prepared, Preparer};

/// Whether `bytes` are a picture that can be sent: whole, of a known format and a usual size. Decodes nothing.
///
/// # Errors
/// What is wrong with them.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    header::check(bytes).map(drop)
}

/// Whether a picture can be sent as it is where it stands on this machine. Of one at an address nothing is known.
///
/// # Errors
/// Its place and what is wrong with it.
pub fn check_source(source: &ImageSource) -> Result<(), String> {
    let (name, bytes) = match source {
        ImageSource::Url(_) => return Ok(()),
        ImageSource::File(path) => (path.to_string_lossy().into_owned(), read::read_file(path)),
        ImageSource::Member { path, origin } => (origin.clone(), read::read_file(path)),
        ImageSource::Fetched { bytes, url: origin } | ImageSource::Bytes { bytes, origin } => {
            (origin.clone(), Ok(bytes.clone()))
        }
    };
    bytes.and_then(|bytes| check(&bytes)).map_err(|reason| format!("{name}: {reason}"))
}

#[cfg(test)]
mod tests;
