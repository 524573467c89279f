//! The threads that asking and fetching take.

use std::time::Duration;

/// How long blocking work that is still running may take to end.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Why a future could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The system gives no threads or files.
    #[error("cannot start the threads that asking an endpoint takes: {0}")]
    NoThreads(#[from] std::io::Error),
    /// The future panicked.
    #[error("asking broke off in a panic: this is a defect of eyechart")]
    Panicked,
}

/// Threads of their own for futures, so that blocking on one works inside an async program too. Connections of clients
/// live as long as the runtime.
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
    /// Blocking work that is still running gets five seconds to end: a picture that is being stored is stored whole, and
    /// a disk that hangs does not hold up the exit for long.
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
