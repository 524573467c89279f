//! Threads for futures: requests to an endpoint, fetches of pictures.

use std::time::Duration;

/// Time for blocking work that is still running when a runtime ends.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Why a future could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The system has no thread or file left.
    #[error("cannot start threads for requests: {0}")]
    NoThreads(#[from] std::io::Error),
    /// The future panicked.
    #[error("a request ended in a panic: this is a defect of eyechart")]
    Panicked,
}

/// Threads for futures, apart from those of the caller, so that blocking on a future works inside an async program too.
/// The connections of an HTTP client stay open as long as the runtime exists.
#[derive(Debug)]
pub struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`RuntimeError::NoThreads`].
    pub fn new() -> Result<Self, RuntimeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `future` to its end. Blocks.
    ///
    /// # Errors
    /// [`RuntimeError::Panicked`].
    pub fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> Result<T, RuntimeError> {
        let Some(runtime) = &self.0 else { return Err(RuntimeError::Panicked) };
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(future)).join().map_err(|_| RuntimeError::Panicked)
        })
    }
}

impl Drop for Runtime {
    /// Blocking work that is still running gets five seconds to end, so that a picture or a record is written whole. A disk
    /// that hangs delays the exit by no more than that.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            let shutdown = std::thread::spawn(move || runtime.shutdown_timeout(LAST_WRITES));
            let _ = shutdown.join();
        }
    }
}

/// Runs `future` to its end on threads that end with it. Blocks.
///
/// # Errors
/// [`RuntimeError`].
pub fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, RuntimeError> {
    Runtime::new()?.block_on(future)
}
