//! The threads that asking and fetching take.

use tokio::runtime::Runtime;

use super::RunError;

/// A runtime that nobody uses yet.
///
/// # Errors
/// [`RunError::Config`] where this machine gives no threads.
pub(super) fn runtime() -> Result<Runtime, RunError> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| RunError::Config(format!("cannot start the threads that a run needs: {error}")))
}
