//! The one loop that asks an endpoint, whatever it is asked: items of a source, many in flight at once, each outcome
//! handed to a sink.
//!
//! ```text
//! source ─► slot ─► memory ─► work (prepare, request, attempts) ─► sink
//!          (gate)  (bytes)
//! ```
//!
//! Knows no samples, no record and no wire protocol. A kind of work is a [`Work`]: samples of a run, batches of texts.

mod asking;
mod memory;
mod runtime;
mod stop;
#[cfg(test)]
mod tests;

pub use asking::{Asking, Ended};
pub use memory::{ExpectedMemory, Lease, RequestMemory};
pub use runtime::{Runtime, RuntimeError, block_on};
pub use stop::{Stop, StopLevel, Stopper};

/// A kind of work that takes requests to an endpoint.
pub trait Work: Send + Sync + 'static {
    /// One piece of work, as the source gives it.
    type Item: Send + 'static;
    /// The outcome of an item, as the sink takes it.
    type Outcome: Send + 'static;
    /// Why no item at all can be worked on any more.
    type Error: From<Broken> + Send + 'static;

    /// Memory that `item` will hold, as far as this is known before it is prepared.
    fn expected_memory(&self, item: &Self::Item) -> ExpectedMemory;

    /// Works on one item to its end: prepares its request, sends it until it is settled. `lease` is the memory that was
    /// reserved for it. Returns nothing if `stop` was raised to [`StopLevel::Finish`] while the item waited.
    ///
    /// # Errors
    /// What stops the whole run. A failure of this item only is an outcome.
    fn perform(
        &self,
        item: Self::Item,
        lease: Lease,
        stop: Stop,
    ) -> impl Future<Output = Result<Option<Self::Outcome>, Self::Error>> + Send;

    /// Whether one more item may start while `in_flight` items are being worked on.
    fn may_start(&self, in_flight: usize) -> bool {
        let _ = in_flight;
        true
    }

    /// Called after each outcome, and when [`Work::deadline`] has passed.
    ///
    /// # Errors
    /// Why nothing more may start.
    fn check(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Waits until [`Work::check`] has to be called even if nothing ends; never returns if time is not limited.
    fn deadline(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Where items come from. `next` is dropped and called again while other things happen, and must not lose an item then.
pub trait Source<W: Work>: Send {
    /// The next item; nothing after the last one.
    ///
    /// # Errors
    /// Why the rest of the items cannot be had.
    fn next(&mut self) -> impl Future<Output = Option<Result<W::Item, W::Error>>> + Send;
}

/// Where outcomes go.
pub trait Sink<W: Work>: Send {
    /// Takes one outcome; its slot is free when this returns. On the order to stop now the future is dropped: an outcome
    /// must then be taken whole or not at all.
    ///
    /// # Errors
    /// Why no more outcomes can be taken: everything in flight is dropped.
    fn take(&mut self, outcome: W::Outcome) -> impl Future<Output = Result<(), W::Error>> + Send;
}

/// The task of an item panicked: a defect of eyechart.
#[derive(Debug, thiserror::Error)]
#[error("the task of a request broke off ({0})")]
pub struct Broken(tokio::task::JoinError);
