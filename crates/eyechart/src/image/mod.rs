//! Pictures: read, checked, changed where a task or a provider asks for it, hashed as sent.
//!
//! Original bytes go out untouched unless something forces otherwise, and are never decoded then. Knows nothing of
//! datasets or wire protocols.

mod check;
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

pub use prepare::{PrepareError, Prepared, Preparer};

/// Whether `bytes` are a picture that can be sent: whole, of a known format and a usual size. Decodes nothing.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    check::check(bytes).map(drop)
}

#[cfg(test)]
mod tests;
