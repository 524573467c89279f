//! The one loop that asks an endpoint, whatever it asks: items of a source, many in flight at once, each outcome handed
//! to a sink.
//!
//! ```text
//! source ─► slot ─► memory ─► work (prepare, request, attempts) ─► sink
//!          (gate)  (bytes)
//! ```
//!
//! Knows no samples, no record and no wire protocol. A kind of work is a `Work`: samples of a run, batches of texts.

mod memory;
mod runtime;
mod stop;
#[cfg(test)]
mod tests;
mod work_loop;

pub(crate) use memory::{ExpectedMemory, Lease, RequestMemory};
pub use runtime::RuntimeError;
pub(crate) use runtime::{Runtime, block_on};
pub use stop::{Stop, StopLevel, Stopper};
pub use work_loop::EndReason;
pub(crate) use work_loop::WorkLoop;

/// A kind of work that sends requests to an endpoint.
pub(crate) trait Work: Send + Sync + 'static {
    /// One piece of work, as the source returns it.
    type Item: Send + 'static;
    /// The outcome of an item, as the sink takes it.
    type Outcome: Send + 'static;
    /// Why no other item can be worked on either.
    type Error: From<TaskFailed> + Send + 'static;

    /// Memory that `item` will hold, as far as this is known before it is prepared.
    fn expected_memory(&self, item: &Self::Item) -> ExpectedMemory;

    /// Prepares the request of one item and sends it until there is an outcome. `lease` is the memory that was reserved
    /// for the item. Returns nothing if `stop` was raised to [`StopLevel::Finish`] while the item waited.
    ///
    /// # Errors
    /// Why the run must stop. A failure of this item only is an outcome.
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

    /// Waits until [`Work::check`] has to be called even if no item ends. Never returns if the time is not limited.
    fn deadline(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Where items come from.
pub(crate) trait Source<W: Work>: Send {
    /// The next item, or nothing after the last one. The future may be dropped before it is ready. The next call must
    /// then return the same item.
    ///
    /// # Errors
    /// Why the rest of the items cannot be read.
    fn next(&mut self) -> impl Future<Output = Option<Result<W::Item, W::Error>>> + Send;
}

/// Where outcomes go.
pub(crate) trait Sink<W: Work>: Send {
    /// Takes one outcome. Its slot is free when this returns. On the order to stop now the future is dropped: an outcome
    /// must then be taken whole or not at all.
    ///
    /// # Errors
    /// Why no more outcomes can be taken. Everything in flight is dropped.
    fn take(&mut self, outcome: W::Outcome) -> impl Future<Output = Result<(), W::Error>> + Send;
}

/// The task of an item panicked: a defect of eyechart.
#[derive(Debug, thiserror::Error)]
#[error("the task of a request failed ({0})")]
pub(crate) struct TaskFailed(tokio::task::JoinError);
