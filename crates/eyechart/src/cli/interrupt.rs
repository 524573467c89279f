//! Ctrl-C: once to finish the requests in flight, twice to stop at once. SIGTERM counts as Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyechart::engine::{Stop, StopLevel, Stopper};
use eyechart::scorer::stop_programs;

use super::exit::Exit;
use super::output;

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail as one to a full disk does. By itself, the signal that
/// comes with it ends the process without a word.
pub fn survive_file_size_limit() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |runtime: tokio::runtime::Runtime| {
            let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
            runtime.block_on(async { signal(kind).map(drop) })
        };
        // The handler stays when the listener is dropped. Without it, the limit ends the process as before.
        let _ = tokio::runtime::Builder::new_current_thread().enable_io().build().and_then(listen);
    }
}

/// A listener for Ctrl-C.
pub struct Interrupt {
    stopper: Arc<Stopper>,
    is_asking: Arc<AtomicBool>,
}

impl Interrupt {
    /// Starts to listen. Outside [`Interrupt::while_asking`] Ctrl-C ends the process at once, because reading and scoring
    /// write each file as a whole and can be repeated.
    pub fn listen() -> std::io::Result<Self> {
        let interrupt = Self { stopper: Arc::default(), is_asking: Arc::default() };
        let (stopper, is_asking) = (Arc::clone(&interrupt.stopper), Arc::clone(&interrupt.is_asking));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = runtime.block_on(async { Signals::listen() })?;
        std::thread::Builder::new().spawn(move || {
            runtime.block_on(async move {
                while signals.next().await {
                    handle_signal(&stopper, &is_asking);
                }
            });
        })?;
        Ok(interrupt)
    }

    /// The order to stop, for a run.
    pub fn stop(&self) -> Stop {
        self.stopper.stop()
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_requested(&self) -> bool {
        self.stopper.level() > StopLevel::Go
    }

    /// Runs `ask`. Meanwhile the first Ctrl-C lets the requests in flight finish.
    pub fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.is_asking.store(true, Ordering::SeqCst);
        let result = ask();
        self.is_asking.store(false, Ordering::SeqCst);
        result
    }
}

fn handle_signal(stopper: &Stopper, is_asking: &AtomicBool) {
    if !is_asking.load(Ordering::SeqCst) {
        output::progress("\nstopped; what is recorded or fetched stays");
        end_process();
    }
    if stopper.level() == StopLevel::Go {
        output::progress("\nstopping: the requests in flight are finished (Ctrl-C again stops at once)");
        stopper.raise(StopLevel::Finish);
    } else {
        output::progress("\nstopping at once; what is recorded stays");
        stopper.raise(StopLevel::Now);
    }
}

#[expect(clippy::exit, reason = "the main thread may be computing and cannot end the process")]
fn end_process() {
    let _stopped = stop_programs();
    std::process::exit(Exit::Interrupted as i32);
}

/// The signals that stop a run. Created once, so that no signal is missed between two waits.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next signal. `false` if there cannot be another one.
    #[cfg(unix)]
    async fn next(&mut self) -> bool {
        tokio::select! {
            received = self.interrupt.recv() => received.is_some(),
            received = self.terminate.recv() => received.is_some(),
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
