//! Pictures: read, checked, changed if the task or the provider requires it, and hashed as they are sent.
//!
//! A picture is sent with its original bytes and is not decoded unless it must be changed. Does not know datasets or
//! wire protocols.

mod bmp;
mod check;
mod encode;
mod gif;
mod header;
mod jpeg;
mod kind;
mod make;
mod once;
mod pixels;
mod plan;
mod png;
mod prepare;
mod read;
mod store;
mod tiff;
mod webp;

pub(crate) use kind::unread_kind;
pub use prepare::{PrepareError, Prepared, Preparer};

/// Checks that `bytes` are a picture that can be sent: complete, of a known format and a usual size. Decodes nothing.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    check::check(bytes, Truncated::Refuse).map(drop)
}

/// As [`check`], but a JPEG may lack its last bytes.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn check_allowing_truncated(bytes: &[u8]) -> Result<(), String> {
    check::check(bytes, Truncated::Allow).map(drop)
}

/// Whether bytes begin as a picture does, or as another kind of file that a message can name.
pub(crate) fn begins_as_picture(bytes: &[u8]) -> bool {
    header::Format::of(bytes).is_some() || kind::is_known(bytes)
}

/// What happens to a JPEG that lacks its last bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truncated {
    Refuse,
    Allow,
}

#[cfg(test)]
mod tests;
