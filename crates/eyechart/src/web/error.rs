//! Why nothing can be fetched from the web.

use crate::text::shown_address;
use crate::types::ErrorClass;

/// Why nothing can be fetched from the web. A picture that cannot be fetched is a [`Failure`](crate::types::Failure) of
/// its sample instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// This machine cannot make an HTTP client, for instance because its certificates are broken.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
    /// The address gives no file.
    #[error("cannot fetch {}: {reason}", shown_address(url))]
    Fetch {
        /// The address.
        url: String,
        /// The reason.
        reason: String,
    },
}

impl WebError {
    /// The class of the error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Client(_) => ErrorClass::Usage,
            Self::Fetch { .. } => ErrorClass::Data,
        }
    }
}
