//! The order to stop: after the requests in flight, or at once.

use tokio::sync::watch;

/// How soon work has to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// Work continues.
    #[default]
    Go,
    /// Nothing new is started; requests in flight are finished and recorded.
    Finish,
    /// Requests in flight are dropped; records stay.
    Now,
}

/// Gives the order to stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<StopLevel>);

/// Receives the order to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<StopLevel>);

impl Default for Stopper {
    fn default() -> Self {
        Self(watch::Sender::new(StopLevel::Go))
    }
}

impl Stopper {
    /// Raises the level. A lower level than the current one changes nothing.
    pub fn raise(&self, level: StopLevel) {
        self.0.send_modify(|now| *now = level.max(*now));
    }

    /// The current level.
    #[must_use]
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }

    /// A receiver of this order.
    #[must_use]
    pub fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// The current level.
    #[must_use]
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }

    /// Waits until the level is at least `level`. Never returns if the [`Stopper`] was dropped before.
    pub async fn reached(&self, level: StopLevel) {
        if self.0.clone().wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
