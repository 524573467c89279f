//! The order to stop: at the next good point, or at once.

use tokio::sync::watch;

/// How urgently work has to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// Not at all.
    #[default]
    Go,
    /// Start nothing new, finish and record what is in flight.
    Finish,
    /// Drop what is in flight; what is recorded stays.
    Now,
}

/// The end that gives the order.
#[derive(Debug)]
pub struct Stopper(watch::Sender<StopLevel>);

/// The end that receives the order.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<StopLevel>);

impl Default for Stopper {
    fn default() -> Self {
        Self(watch::Sender::new(StopLevel::Go))
    }
}

impl Stopper {
    /// Raises the level; it never falls.
    pub fn raise(&self, level: StopLevel) {
        self.0.send_modify(|now| *now = level.max(*now));
    }

    /// The present level.
    #[must_use]
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }

    /// An end that receives this order.
    #[must_use]
    pub fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// The present level.
    #[must_use]
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }

    /// Waits until the level is at least `level`; for ever if the [`Stopper`] is gone.
    pub async fn reached(&self, level: StopLevel) {
        if self.0.clone().wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
