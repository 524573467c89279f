//! The loop: starts items as the limits allow, hands outcomes to the sink, and ends when nothing is in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinError, JoinSet};

use super::{ExpectedMemory, Lease, RequestMemory, Sink, Source, Stop, StopLevel, Stopper, TaskFailed, Work};
use crate::provider::{Gate, Slot};
use crate::types::{Observers, RunEvent};

/// Why the loop ended, if no error stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Every item of the source has its outcome.
    Finished,
    /// The order to stop came first.
    Interrupted,
}

/// The loop, ready to run.
pub struct WorkLoop<W> {
    /// Works on each item.
    pub work: Arc<W>,
    /// Limits the items in flight and the requests.
    pub gate: Arc<Gate>,
    /// Limits the bytes of the items in flight.
    pub memory: RequestMemory,
    /// Number of items of the source.
    pub total: usize,
    /// Receives the notice that memory limits the run.
    pub observers: Observers,
}

/// What the loop is doing.
#[derive(Debug)]
enum Phase<E> {
    /// Items are started until the source has no more.
    Running,
    /// The order to stop came first: nothing starts, what is in flight ends.
    Stopping,
    /// An error came first: nothing starts, what is in flight ends.
    Failing(E),
}

/// An item that waits for its memory.
struct Waiting<I> {
    slot: Slot,
    item: I,
    bytes: u64,
}

/// An item that is not in flight any more. Its slot is free once the outcome is taken.
struct EndedItem<W: Work> {
    slot: Slot,
    /// Nothing, if the item was given up.
    outcome: Result<Option<W::Outcome>, W::Error>,
}

/// The only item that may exceed the memory. Another one may do so when this is dropped.
struct Probe(Arc<AtomicBool>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What happens next.
enum Step<W: Work> {
    StopNow,
    ItemEnded(Result<EndedItem<W>, JoinError>),
    StopRequested,
    DeadlinePassed,
    SlotFree(Slot),
    Received(Result<W::Item, W::Error>),
    SourceEnded,
    MemoryFree(Lease),
    Probe,
    GateChanged,
}

impl<W: Work> WorkLoop<W> {
    /// Works on every item of `source`. After an error or the order to finish, nothing more is started, and `sink` takes
    /// the outcomes of the items in flight. After the order to stop now, the items in flight are dropped.
    ///
    /// # Errors
    /// The first error of the work or the source, unless the order to stop came before it; any error of the sink.
    pub async fn run(
        self,
        source: &mut impl Source<W>,
        sink: &mut impl Sink<W>,
        stop: &Stop,
    ) -> Result<EndReason, W::Error> {
        let mut state = State::new(self);
        while !state.is_over() {
            match state.next_step(source, stop).await {
                Step::StopNow => return Ok(EndReason::Interrupted),
                Step::ItemEnded(ended) => state.end(ended, sink, stop).await?,
                Step::StopRequested => state.stop(),
                Step::DeadlinePassed => state.check(),
                Step::SlotFree(slot) => state.slot = Some(slot),
                Step::Received(Ok(item)) => state.receive(item),
                Step::Received(Err(error)) => state.fail(error),
                Step::SourceEnded => state.has_received_all = true,
                Step::MemoryFree(lease) => state.start(lease, None),
                Step::Probe => state.start_probe(),
                Step::GateChanged => {}
            }
        }
        state.end_reason()
    }
}

struct State<W: Work> {
    setup: WorkLoop<W>,
    phase: Phase<W::Error>,
    in_flight: JoinSet<EndedItem<W>>,
    /// The slot for the next item. It is kept while other things happen: if all items in flight have failed, the next slot
    /// is free only seconds later.
    slot: Option<Slot>,
    waiting: Option<Waiting<W::Item>>,
    /// Orders the items in flight to send nothing more.
    stopper: Stopper,
    /// Number of items that came from the source.
    received: usize,
    /// Whether the source has returned its last item.
    has_received_all: bool,
    /// Number of items that ended without an outcome.
    abandoned: usize,
    /// Whether the user was told that memory limits the run.
    has_noticed_memory: bool,
    /// Whether an item is in flight that exceeds the memory.
    has_probe: Arc<AtomicBool>,
}

impl<W: Work> State<W> {
    fn new(setup: WorkLoop<W>) -> Self {
        Self {
            setup,
            phase: Phase::Running,
            in_flight: JoinSet::new(),
            slot: None,
            waiting: None,
            stopper: Stopper::default(),
            received: 0,
            has_received_all: false,
            abandoned: 0,
            has_noticed_memory: false,
            has_probe: Arc::default(),
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    fn is_starting(&self) -> bool {
        self.is_running() && !self.has_received_all
    }

    fn is_over(&self) -> bool {
        !self.is_starting() && self.in_flight.is_empty() && self.waiting.is_none()
    }

    async fn next_step(&mut self, source: &mut impl Source<W>, stop: &Stop) -> Step<W> {
        let WorkLoop { work, gate, memory, total, .. } = &self.setup;
        // Before anything is read, so that no change in between is missed.
        let changed = gate.changed();
        let (is_running, is_starting) = (self.is_running(), self.is_starting());
        // A failed item has cost nothing, and only other items can show whether the endpoint is at fault.
        let may_start = work.may_start(self.in_flight.len().saturating_sub(gate.failing()));
        gate.expect(is_starting && may_start && self.received < *total);
        if !(is_starting && may_start) {
            self.slot = None;
        }
        let has_slot = self.slot.is_some();
        let receives = is_starting && may_start && self.waiting.is_none();
        let bytes = self.waiting.as_ref().map(|waiting| waiting.bytes);
        if bytes.is_some() && self.may_probe() {
            return Step::Probe;
        }
        tokio::select! {
            biased;
            () = stop.reached(StopLevel::Now) => Step::StopNow,
            () = stop.reached(StopLevel::Finish), if is_running => Step::StopRequested,
            Some(ended) = self.in_flight.join_next() => Step::ItemEnded(ended),
            () = work.deadline(), if is_running => Step::DeadlinePassed,
            lease = memory.reserve(bytes.unwrap_or(0)), if bytes.is_some() => Step::MemoryFree(lease),
            slot = gate.acquire(), if receives && !has_slot => Step::SlotFree(slot),
            item = source.next(), if receives && has_slot => item.map_or(Step::SourceEnded, Step::Received),
            () = changed, if bytes.is_some() || is_starting && !may_start => Step::GateChanged,
        }
    }

    fn receive(&mut self, item: W::Item) {
        let Some(slot) = self.slot.take() else { return };
        self.received += 1;
        let memory = self.setup.work.expected_memory(&item);
        self.waiting = Some(Waiting { slot, item, bytes: memory.bytes });
        match self.setup.memory.try_reserve(memory.bytes) {
            Some(lease) => self.start(lease, None),
            None => self.notice_memory(memory),
        }
    }

    fn start(&mut self, lease: Lease, probe: Option<Probe>) {
        let Some(Waiting { slot, item, .. }) = self.waiting.take() else { return };
        let (work, stop) = (Arc::clone(&self.setup.work), self.stopper.stop());
        self.in_flight.spawn(async move {
            let outcome = work.perform(item, lease, stop).await;
            drop(probe);
            EndedItem { slot, outcome }
        });
    }

    /// Whether the waiting item may start although the memory is full. If every item in flight has failed, only another
    /// item can show whether the endpoint works. At most one item exceeds the memory at a time.
    fn may_probe(&self) -> bool {
        let is_stuck = self.setup.gate.failing() >= self.in_flight.len();
        is_stuck && !self.in_flight.is_empty() && !self.has_probe.load(Ordering::Relaxed)
    }

    fn start_probe(&mut self) {
        let bytes = self.waiting.as_ref().map_or(0, |waiting| waiting.bytes);
        let lease = self.setup.memory.exceed(bytes);
        self.has_probe.store(true, Ordering::Relaxed);
        self.start(lease, Some(Probe(Arc::clone(&self.has_probe))));
    }

    /// Reports, once, that the memory and not the number of connections limits the run.
    fn notice_memory(&mut self, memory: ExpectedMemory) {
        if memory.is_unknown || std::mem::replace(&mut self.has_noticed_memory, true) {
            return;
        }
        self.setup.observers.emit(&RunEvent::Notice(format!(
            "requests of about {} MiB fill the memory for requests: {} are in flight; --max-request-memory allows more",
            memory.bytes.div_ceil(1 << 20),
            self.in_flight.len()
        )));
    }

    async fn end(
        &mut self,
        ended: Result<EndedItem<W>, JoinError>,
        sink: &mut impl Sink<W>,
        stop: &Stop,
    ) -> Result<(), W::Error> {
        match ended {
            Ok(EndedItem { slot, outcome: Ok(Some(outcome)) }) => {
                tokio::select! {
                    // An outcome that cannot be taken is lost, so the items in flight are dropped.
                    taken = sink.take(outcome) => taken?,
                    // The next step ends the loop.
                    () = stop.reached(StopLevel::Now) => return Ok(()),
                }
                drop(slot);
                self.check();
            }
            Ok(EndedItem { outcome: Ok(None), .. }) => self.abandoned += 1,
            Ok(EndedItem { outcome: Err(error), .. }) => self.give_up_item(error),
            Err(error) => self.give_up_item(TaskFailed(error).into()),
        }
        Ok(())
    }

    fn give_up_item(&mut self, error: W::Error) {
        self.abandoned += 1;
        self.fail(error);
    }

    fn check(&mut self) {
        if let Err(error) = self.setup.work.check() {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: W::Error) {
        self.wind_down(Phase::Failing(error));
    }

    fn stop(&mut self) {
        self.wind_down(Phase::Stopping);
    }

    /// Starts nothing more. The first reason counts: an error after the order to stop changes nothing.
    fn wind_down(&mut self, reason: Phase<W::Error>) {
        if self.is_running() {
            self.phase = reason;
        }
        self.stopper.raise(StopLevel::Finish);
        self.abandoned += usize::from(self.waiting.take().is_some());
    }

    fn end_reason(self) -> Result<EndReason, W::Error> {
        match self.phase {
            Phase::Failing(error) => Err(error),
            _ if self.has_received_all && self.abandoned == 0 => Ok(EndReason::Finished),
            _ => Ok(EndReason::Interrupted),
        }
    }
}
