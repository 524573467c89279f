//! The loop: starts items while it may, hands outcomes to the sink, and ends when nothing is in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinError, JoinSet};

use super::{Broken, ExpectedMemory, Lease, RequestMemory, Sink, Source, Stop, StopLevel, Stopper, Work};
use crate::provider::{Gate, Slot};
use crate::types::{Observers, RunEvent};

/// How asking ended that could continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every item of the source has its outcome.
    Finished,
    /// The order to stop came first.
    Interrupted,
}

/// Everything that asking takes, besides where items come from and where outcomes go.
pub struct Asking<W> {
    /// What is done with each item.
    pub work: Arc<W>,
    /// Limits the items in flight and the requests.
    pub gate: Arc<Gate>,
    /// Limits the bytes of the items in flight.
    pub memory: RequestMemory,
    /// Items that the source will give.
    pub total: usize,
    /// Receives the notice that memory limits the run.
    pub observers: Observers,
}

/// What the loop does.
#[derive(Debug)]
enum Phase<E> {
    /// It starts items until the source has no more.
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

/// The end of an item, with the slot that is free once its outcome is taken.
type ItemEnd<W> = (Slot, Result<Option<<W as Work>::Outcome>, <W as Work>::Error>);

/// The right to be in flight without memory; given back when dropped.
struct Probe(Arc<AtomicBool>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What has happened.
enum Step<W: Work> {
    StopNow,
    ItemEnded(Result<ItemEnd<W>, JoinError>),
    StopRequested,
    DeadlinePassed,
    SlotFree(Slot),
    Received(Result<W::Item, W::Error>),
    SourceEnded,
    MemoryFree(Lease),
    Probe,
    GateChanged,
}

impl<W: Work> Asking<W> {
    /// Works on every item of `source`. On an error, and on the order to finish, items in flight are finished and taken
    /// by `sink` first; on the order to stop now they are dropped.
    ///
    /// # Errors
    /// The first error of the work or the source, unless the order to stop came before it; any error of the sink.
    pub async fn run(
        self,
        source: &mut impl Source<W>,
        sink: &mut impl Sink<W>,
        stop: &Stop,
    ) -> Result<Ended, W::Error> {
        let mut state = State::new(self);
        while !state.is_over() {
            match state.next_step(source, stop).await {
                Step::StopNow => return Ok(Ended::Interrupted),
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
        state.ended()
    }
}

struct State<W: Work> {
    asking: Asking<W>,
    phase: Phase<W::Error>,
    in_flight: JoinSet<ItemEnd<W>>,
    /// The slot of the next item. It is kept while other things happen: if all other items have failed, the next slot is
    /// free only seconds later.
    slot: Option<Slot>,
    waiting: Option<Waiting<W::Item>>,
    /// Tells items in flight that nothing more is to be sent.
    stopper: Stopper,
    received: usize,
    /// Whether the source has given its last item.
    has_received_all: bool,
    /// Items that were given up without an outcome.
    abandoned: usize,
    has_noticed_memory: bool,
    /// Whether an item is in flight that got no memory.
    has_probe: Arc<AtomicBool>,
}

impl<W: Work> State<W> {
    fn new(asking: Asking<W>) -> Self {
        Self {
            asking,
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
        let Asking { work, gate, memory, total, .. } = &self.asking;
        // Before anything is read, so that no change in between is missed.
        let changed = gate.changed();
        let (is_running, is_starting) = (self.is_running(), self.is_starting());
        // Failures cost nothing, and other items must show whether they are the endpoint's fault.
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
        let memory = self.asking.work.expected_memory(&item);
        self.waiting = Some(Waiting { slot, item, bytes: memory.bytes });
        match self.asking.memory.try_reserve(memory.bytes) {
            Some(lease) => self.start(lease, None),
            None => self.notice_memory(memory),
        }
    }

    fn start(&mut self, lease: Lease, probe: Option<Probe>) {
        let Some(Waiting { slot, item, .. }) = self.waiting.take() else { return };
        let (work, stop) = (Arc::clone(&self.asking.work), self.stopper.stop());
        self.in_flight.spawn(async move {
            let outcome = work.perform(item, lease, stop).await;
            drop(probe);
            (slot, outcome)
        });
    }

    /// Whether the waiting item may start without memory: if every item in flight has failed, only another item can show
    /// whether the endpoint works. One at a time, so that the limit is exceeded by one request at most.
    fn may_probe(&self) -> bool {
        let is_stuck = self.asking.gate.failing() >= self.in_flight.len();
        is_stuck && !self.in_flight.is_empty() && !self.has_probe.load(Ordering::Relaxed)
    }

    fn start_probe(&mut self) {
        let bytes = self.waiting.as_ref().map_or(0, |waiting| waiting.bytes);
        let lease = self.asking.memory.exceed(bytes);
        self.has_probe.store(true, Ordering::Relaxed);
        self.start(lease, Some(Probe(Arc::clone(&self.has_probe))));
    }

    /// Tells the user, once, that memory and not the number of connections limits the run.
    fn notice_memory(&mut self, memory: ExpectedMemory) {
        if memory.is_unknown || std::mem::replace(&mut self.has_noticed_memory, true) {
            return;
        }
        self.asking.observers.emit(&RunEvent::Notice(format!(
            "requests of about {} MiB fill the memory for requests: {} are in flight; --max-request-memory allows more",
            memory.bytes.div_ceil(1 << 20),
            self.in_flight.len()
        )));
    }

    async fn end(
        &mut self,
        ended: Result<ItemEnd<W>, JoinError>,
        sink: &mut impl Sink<W>,
        stop: &Stop,
    ) -> Result<(), W::Error> {
        match ended {
            Ok((slot, Ok(Some(outcome)))) => {
                tokio::select! {
                    // Without a record nothing more is worth its price: what is in flight is dropped.
                    taken = sink.take(outcome) => taken?,
                    // The loop ends.
                    () = stop.reached(StopLevel::Now) => return Ok(()),
                }
                drop(slot);
                self.check();
            }
            Ok((_, Ok(None))) => self.abandoned += 1,
            Ok((_, Err(error))) => self.give_up_item(error),
            Err(error) => self.give_up_item(Broken(error).into()),
        }
        Ok(())
    }

    fn give_up_item(&mut self, error: W::Error) {
        self.abandoned += 1;
        self.fail(error);
    }

    fn check(&mut self) {
        if let Err(error) = self.asking.work.check() {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: W::Error) {
        self.wind_down(Phase::Failing(error));
    }

    fn stop(&mut self) {
        self.wind_down(Phase::Stopping);
    }

    /// Starts nothing more. What came first is the reason: an error after the order to stop changes nothing.
    fn wind_down(&mut self, reason: Phase<W::Error>) {
        if self.is_running() {
            self.phase = reason;
        }
        self.give_up_waiting();
    }

    fn give_up_waiting(&mut self) {
        self.stopper.raise(StopLevel::Finish);
        self.abandoned += usize::from(self.waiting.take().is_some());
    }

    fn ended(self) -> Result<Ended, W::Error> {
        match self.phase {
            Phase::Failing(error) => Err(error),
            _ if self.has_received_all && self.abandoned == 0 => Ok(Ended::Finished),
            _ => Ok(Ended::Interrupted),
        }
    }
}
