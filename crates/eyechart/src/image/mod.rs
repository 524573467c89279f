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

pub use prepare::{PrepareError, Prepared, Preparer};

#[cfg(test)]
mod tests;
