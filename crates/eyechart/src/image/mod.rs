//! Pictures: read, checked, changed if the task or the provider requires it, and hashed as they are sent.
//!
//! A picture is sent with its original bytes and is not decoded unless it must be changed. Does not know datasets or
//! wire protocols.

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

/// Checks that `bytes` are a picture that can be sent: complete, of a known format and a usual size. Decodes nothing.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    check::check(bytes).map(drop)
}

#[cfg(test)]
mod tests;
