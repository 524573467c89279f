//! Ctrl-C: once to finish what is in flight, twice to stop at once. SIGTERM counts as Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyechart::engine::{Stop, StopLevel, Stopper};
use eyechart::scorer::stop_programs;

use super::exit::Exit;
use super::output;

/// Listens for Ctrl-C from its making on.
pub struct Interrupt {
    stopper: Arc<Stopper>,
    asking: Arc<AtomicBool>,
}

impl Interrupt {
    /// Starts to listen. Outside [`Interrupt::while_asking`] Ctrl-C ends the process at once: what is under way
    /// then (reading, scoring) writes whole files only and can be repeated.
    pub fn listen() -> std::io::Result<Self> {
        let interrupt = Self { stopper: Arc::default(), asking: Arc::default() };
        let (stopper, asking) = (Arc::clone(&interrupt.stopper), Arc::clone(&interrupt.asking));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = runtime.block_on(async { Signals::listen() })?;
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while signals.next().await {
                    obey(&stopper, &asking);
                }
            });
        });
        Ok(interrupt)
    }

    /// The end that a run obeys.
    pub fn stop(&self) -> Stop {
        self.stopper.stop()
    }

    /// Whether anybody gave the order.
    pub fn ordered(&self) -> bool {
        self.stopper.level() > StopLevel::Go
    }

    /// Runs `ask` with Ctrl-C meaning: finish, record, stop.
    pub fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.asking.store(true, Ordering::SeqCst);
        let result = ask();
        self.asking.store(false, Ordering::SeqCst);
        result
    }
}

fn obey(stopper: &Stopper, asking: &AtomicBool) {
    if !asking.load(Ordering::SeqCst) {
        output::say("\nstopped; what is recorded or fetched stays");
        end_process();
    }
    if stopper.level() == StopLevel::Go {
        output::say("\nstopping: finishing what is in flight (Ctrl-C again stops at once)");
        stopper.raise(StopLevel::Finish);
    } else {
        output::say("\nstopping at once; what is recorded stays");
        stopper.raise(StopLevel::Now);
    }
}

#[expect(clippy::exit, reason = "nobody else can end the process while its main thread computes")]
fn end_process() {
    let _stopped = stop_programs();
    std::process::exit(Exit::Interrupted as i32);
}

/// The signals that mean: stop. Made once, so that none is missed between two waits.
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

    /// Waits for the next; `false` where none can come any more.
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
