//! The loop, with work that sends no request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::provider::{Gate, GateSettings};
use crate::types::{Connections, Observer, Observers, RunEvent};

const CONNECTIONS: usize = 4;

/// How an item ends.
#[derive(Clone, Copy)]
enum Fate {
    Done,
    Fails,
    Panics,
    /// Never ends, unless it is told to stop.
    Waits,
    /// Is done once it is told to stop.
    DoneLate,
    /// Fails once it is told to stop.
    FailsLate,
}

#[derive(Default)]
struct Counting {
    bytes: u64,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// Maximum number of items; unlimited, if it is 0.
    budget: usize,
    /// How often the loop checks the work; never, if absent.
    check_every: Option<Duration>,
    started: AtomicUsize,
    done: AtomicUsize,
}

#[derive(Debug, PartialEq)]
struct Failed(String);

impl From<TaskFailed> for Failed {
    fn from(panicked: TaskFailed) -> Self {
        Self(panicked.to_string())
    }
}

impl Work for Counting {
    type Item = (usize, Fate);
    type Outcome = usize;
    type Error = Failed;

    fn expected_memory(&self, _: &Self::Item) -> ExpectedMemory {
        ExpectedMemory::known(self.bytes)
    }

    async fn perform(
        &self,
        (number, fate): (usize, Fate),
        _lease: Lease,
        stop: Stop,
    ) -> Result<Option<usize>, Failed> {
        self.started.fetch_add(1, Ordering::SeqCst);
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        if matches!(fate, Fate::Waits | Fate::DoneLate | Fate::FailsLate) {
            stop.reached(StopLevel::Finish).await;
        }
        let outcome = match fate {
            Fate::Done | Fate::DoneLate => Ok(Some(number)),
            Fate::Fails | Fate::FailsLate => Err(Failed(format!("item {number}"))),
            Fate::Panics => panic!("item {number}"),
            Fate::Waits => Ok(None),
        };
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.done.fetch_add(1, Ordering::SeqCst);
        outcome
    }

    fn may_start(&self, in_flight: usize) -> bool {
        self.budget == 0 || self.done.load(Ordering::SeqCst) + in_flight < self.budget
    }

    fn check(&self) -> Result<(), Failed> {
        if self.may_start(0) { Ok(()) } else { Err(Failed("the budget".to_owned())) }
    }

    async fn deadline(&self) {
        match self.check_every {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    }
}

struct Items(std::vec::IntoIter<(usize, Fate)>);

impl Source<Counting> for Items {
    async fn next(&mut self) -> Option<Result<(usize, Fate), Failed>> {
        self.0.next().map(Ok)
    }
}

#[derive(Default)]
struct Taken {
    numbers: Vec<usize>,
    /// Raises the order to finish after the first outcome.
    stopper: Option<Stopper>,
    /// Whether taking an outcome never ends.
    hangs: bool,
}

impl Sink<Counting> for Taken {
    async fn take(&mut self, number: usize) -> Result<(), Failed> {
        self.numbers.push(number);
        if let Some(stopper) = &self.stopper {
            stopper.raise(if self.hangs { StopLevel::Now } else { StopLevel::Finish });
        }
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Notices(Mutex<Vec<String>>);

impl Observer for Notices {
    fn observe(&self, event: &RunEvent<'_>) {
        if let RunEvent::Notice(text) = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

struct Run {
    ended: Result<EndReason, Failed>,
    taken: Vec<usize>,
    most_in_flight: usize,
    started: usize,
    notices: Vec<String>,
}

async fn run(work: Counting, fates: Vec<Fate>, memory: RequestMemory, stops: bool) -> Run {
    let (work, notices) = (Arc::new(work), Arc::new(Notices::default()));
    let gate =
        Gate::new(GateSettings { connections: Connections::Fixed(CONNECTIONS), ..GateSettings::default() });
    let work_loop = WorkLoop {
        work: Arc::clone(&work),
        gate,
        memory,
        total: fates.len(),
        observers: Observers::default().with(notices.clone()),
    };
    let stopper = Stopper::default();
    let stop = stopper.stop();
    let mut source = Items(fates.into_iter().enumerate().collect::<Vec<_>>().into_iter());
    let mut sink = Taken { stopper: stops.then_some(stopper), ..Taken::default() };
    let ended = work_loop.run(&mut source, &mut sink, &stop).await;
    sink.numbers.sort_unstable();
    Run {
        ended,
        taken: sink.numbers,
        most_in_flight: work.most_in_flight.load(Ordering::SeqCst),
        started: work.started.load(Ordering::SeqCst),
        notices: notices.0.lock().unwrap().clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn every_item_has_its_outcome_and_no_more_are_in_flight_than_connections() {
    let run = run(Counting::default(), vec![Fate::Done; 50], RequestMemory::unlimited(), false).await;
    assert_eq!((run.ended, run.taken), (Ok(EndReason::Finished), (0..50).collect()));
    assert_eq!((run.most_in_flight, run.notices.len()), (CONNECTIONS, 0));
}

#[tokio::test(start_paused = true)]
async fn memory_keeps_items_waiting_and_says_so_once() {
    let work = Counting { bytes: 40 << 20, ..Counting::default() };
    let run = run(work, vec![Fate::Done; 20], RequestMemory::new(100 << 20), false).await;
    assert_eq!((run.ended, run.taken.len(), run.most_in_flight), (Ok(EndReason::Finished), 20, 2));
    assert_eq!(run.notices.len(), 1);
    assert!(run.notices[0].contains("40 MiB") && run.notices[0].contains("--max-request-memory"));
}

#[tokio::test(start_paused = true)]
async fn an_item_larger_than_the_memory_is_worked_on_by_itself() {
    let work = Counting { bytes: 400 << 20, ..Counting::default() };
    let run = run(work, vec![Fate::Done; 3], RequestMemory::new(100 << 20), false).await;
    assert_eq!((run.ended, run.taken.len(), run.most_in_flight), (Ok(EndReason::Finished), 3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_error_lets_what_is_in_flight_end_and_starts_nothing_more() {
    for (fate, expected) in [(Fate::Fails, "item 1"), (Fate::Panics, "panicked")] {
        let mut fates = vec![Fate::Done; 20];
        fates[1] = fate;
        let run = run(Counting::default(), fates, RequestMemory::unlimited(), false).await;
        let Failed(error) = run.ended.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(run.taken.starts_with(&[0]) && run.taken.contains(&3), "{:?}", run.taken);
        assert!(run.started < 10, "{} started", run.started);
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_to_finish_gives_up_what_waits_and_takes_what_ends() {
    let fates = vec![Fate::Done, Fate::Waits, Fate::Done, Fate::Done, Fate::Done, Fate::Done];
    let run = run(Counting::default(), fates, RequestMemory::unlimited(), true).await;
    assert_eq!(run.ended, Ok(EndReason::Interrupted));
    assert!(run.taken.contains(&0) && !run.taken.contains(&1), "{:?}", run.taken);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_stops_the_run_with_what_was_in_flight_taken() {
    let work = Counting { budget: 6, ..Counting::default() };
    let run = run(work, vec![Fate::Done; 20], RequestMemory::unlimited(), false).await;
    assert_eq!(run.ended, Err(Failed("the budget".to_owned())));
    assert_eq!((run.started, run.taken.len()), (6, 6));
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_order_to_stop_is_not_the_reason_why_the_run_ended() {
    for late in [Fate::DoneLate, Fate::FailsLate] {
        // Late outcomes use up the budget.
        let work = Counting { budget: CONNECTIONS, ..Counting::default() };
        let fates = vec![Fate::Done, late, late, late];
        let run = run(work, fates, RequestMemory::unlimited(), true).await;
        assert_eq!((run.ended, run.started), (Ok(EndReason::Interrupted), CONNECTIONS));
    }
    // The source has ended, so the failed item is the only one without an outcome.
    let fates = vec![Fate::Done, Fate::FailsLate];
    let run = run(Counting::default(), fates, RequestMemory::unlimited(), true).await;
    assert_eq!(run.ended, Ok(EndReason::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn the_order_to_stop_now_does_not_wait_for_an_outcome_that_is_being_taken() {
    let gate = Gate::new(GateSettings::default());
    let (work, memory) = (Arc::new(Counting::default()), RequestMemory::unlimited());
    let work_loop = WorkLoop { work, gate, memory, total: 9, observers: Observers::default() };
    let stopper = Stopper::default();
    let stop = stopper.stop();
    let mut source = Items(vec![(0, Fate::Done); 9].into_iter());
    let mut sink = Taken { stopper: Some(stopper), hangs: true, ..Taken::default() };
    let asked = work_loop.run(&mut source, &mut sink, &stop);
    let ended = tokio::time::timeout(Duration::from_secs(60), asked).await.expect("it stops");
    assert_eq!((ended, sink.numbers), (Ok(EndReason::Interrupted), vec![0]));
}

/// One item, after two seconds.
struct SlowItem {
    given: Option<Instant>,
    start: Instant,
}

impl Source<Counting> for SlowItem {
    async fn next(&mut self) -> Option<Result<(usize, Fate), Failed>> {
        if self.given.is_some() {
            return None;
        }
        tokio::time::sleep_until(self.start + Duration::from_secs(2)).await;
        self.given = Some(Instant::now());
        Some(Ok((0, Fate::Done)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_slot_is_kept_while_the_source_takes_its_time() {
    let gate = Gate::new(GateSettings { connections: Connections::Fixed(1), ..GateSettings::default() });
    // All samples have failed: a slot is free at once, and the next one only seconds later.
    gate.set_failing(17);
    let mut failing = Vec::new();
    for _ in 0..17 {
        failing.push(gate.acquire().await);
    }
    let work = Arc::new(Counting { check_every: Some(Duration::from_millis(700)), ..Counting::default() });
    let memory = RequestMemory::unlimited();
    let work_loop = WorkLoop { work, gate, memory, total: 1, observers: Observers::default() };
    let mut source = SlowItem { given: None, start: Instant::now() };
    let stopper = Stopper::default();
    let ended = work_loop.run(&mut source, &mut Taken::default(), &stopper.stop()).await;
    assert_eq!(ended, Ok(EndReason::Finished));
    assert_eq!(source.given.unwrap() - source.start, Duration::from_secs(2));
}
