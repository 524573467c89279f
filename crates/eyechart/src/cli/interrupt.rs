//! Ctrl-C: once to finish what is in flight, twice to stop at once. SIGTERM counts as Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyechart::run::{Stop, StopLevel, Stopper};

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
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while wait_for_signal().await {
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
    std::process::exit(Exit::Interrupted as i32);
}

async fn wait_for_signal() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return false;
        };
        tokio::select! {
            received = interrupt.recv() => received.is_some(),
            received = terminate.recv() => received.is_some(),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.is_ok()
}
