//! Threads for futures: requests to an endpoint, fetches of pictures.

use std::time::Duration;

/// Time for blocking work that is still running when a runtime ends.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Time that a thread for blocking work is kept without work. A thread that exists cannot be refused by the system.
const KEEP_ALIVE: Duration = Duration::from_secs(3_600);

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
        try_threads()?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.enable_all().thread_keep_alive(KEEP_ALIVE).build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `future` to its end. Blocks.
    ///
    /// # Errors
    /// [`RuntimeError::Panicked`].
    pub fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> Result<T, RuntimeError> {
        let Some(runtime) = &self.0 else { return Err(RuntimeError::Panicked) };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || runtime.block_on(future))?;
            thread.join().map_err(|_| RuntimeError::Panicked)
        })
    }
}

impl Drop for Runtime {
    /// Blocking work that is still running gets five seconds to end, so that a picture or a record is written whole. A disk
    /// that hangs delays the exit by no more than that.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            let shut_down = move || runtime.shutdown_timeout(LAST_WRITES);
            // Without a thread, dropping the closure waits for the blocking work.
            let _ = std::thread::Builder::new().spawn(shut_down).map(std::thread::JoinHandle::join);
        }
    }
}

/// Starts as many threads at once as a runtime needs at least. The runtime itself panics if it cannot start its first
/// threads.
fn try_threads() -> std::io::Result<()> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // One for blocking work, and one for the future of the caller.
    let (mut threads, mut started) = (Vec::new(), Ok(()));
    for _ in 0..workers + 2 {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().spawn(move || {
            let _ = ended.recv();
        });
        match thread {
            Ok(thread) => threads.push((end, thread)),
            Err(error) => started = Err(error),
        }
    }
    for (end, thread) in threads {
        drop(end);
        let _ = thread.join();
    }
    started
}

/// Runs `future` to its end on threads that end with it. Blocks.
///
/// # Errors
/// [`RuntimeError`].
pub fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, RuntimeError> {
    Runtime::new()?.block_on(future)
}
