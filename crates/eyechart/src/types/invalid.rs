//! Values of a task file that are not valid.

/// A value that is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(
    /// The given value and what was expected.
    pub String,
);

/// A key that is missing, or whose value does not fit the other keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidKey {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

impl InvalidKey {
    pub(super) fn new(key: &'static str, reason: impl Into<String>) -> Self {
        Self { key, reason: reason.into() }
    }
}
