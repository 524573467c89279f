//! Executes a plan: from the frozen spec to a folded record.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::ask_samples::{AskSamples, ReadAhead, RecordSink};
use super::asking_setup::AskingSetup;
use super::fetch_pictures::FetchedSize;
use super::limit_changes::{LimitChangeWriter, LimitChanges};
use super::recorded::{RecordedAnswers, Replay};
use super::same_error::SameErrorCheck;
use super::{Plan, RunError, Spent};
use crate::dataset::DatasetError;
use crate::engine::{EndReason, RequestMemory, RuntimeError, Stop, StopLevel, Work, WorkLoop, block_on};
use crate::files::forget_unrelieved;
use crate::provider::{Gate, GateSettings};
use crate::record::{Appender, BadLine, RunFolder, RunLock, Unfinished, fold};
use crate::task::SampleResult;
use crate::types::{Connections, Epoch, EvalSpec, Observers, RunEvent, SampleRecord, Status, ToAsk, Tokens};

/// Number of recorded answers that are looked up at once.
const REPLAYED: usize = 16;

/// A run's folder and what is left to do in it. No other process writes the run as long as this lives, unless it was
/// only looked at.
#[derive(Debug)]
pub struct Job {
    /// The folder of the run.
    pub folder: RunFolder,
    /// The samples to ask, by epoch.
    pub to_ask: ToAsk,
    /// Samples that completed earlier; each epoch counts.
    pub already: usize,
    /// Lines of the record that could not be read. Their samples are asked again.
    pub bad_lines: Vec<BadLine>,
    /// What the run has used up.
    pub spent: Spent,
    /// Tokens of the samples to ask that have failed before.
    earlier: HashMap<(String, Epoch), Tokens>,
    /// Absent if the run was only looked at.
    lock: Option<RunLock>,
}

impl Job {
    /// A new run under `out`. Its folder, spec and empty log exist when this returns.
    ///
    /// # Errors
    /// [`RunError::Record`] if they cannot be created.
    pub fn create(out: &Path, plan: &Plan) -> Result<Self, RunError> {
        let folder = RunFolder::create(out, &plan.spec)?;
        let lock = folder.lock()?;
        Ok(Self {
            folder,
            to_ask: ToAsk::all(&plan.spec),
            already: 0,
            bad_lines: Vec::new(),
            spent: Spent::default(),
            earlier: HashMap::new(),
            lock: Some(lock),
        })
    }

    /// What is left of the run in `folder`, which picked the samples of `spec`.
    ///
    /// # Errors
    /// [`RunError::Record`] if its record cannot be read, or another process writes the run.
    pub fn resume(folder: RunFolder, spec: &EvalSpec) -> Result<Self, RunError> {
        // The lock comes first: samples that another process still records must not be asked again.
        let lock = folder.lock()?;
        // A process that was killed may not have flushed its last lines.
        folder.make_durable()?;
        let mut job = Self { lock: Some(lock), ..Self::look_at(folder, spec)? };
        if job.to_ask.is_empty() {
            // The process that recorded the last answer may have been killed before it folded the log.
            let order = spec.picked.iter().map(|picked| picked.id.as_str());
            job.bad_lines = fold_unchanged(&job.folder, order)?;
        }
        Ok(job)
    }

    /// As [`Job::resume`], to look at the run only: takes no lock and writes nothing.
    ///
    /// # Errors
    /// [`RunError::Record`] if its record cannot be read.
    pub fn look_at(folder: RunFolder, spec: &EvalSpec) -> Result<Self, RunError> {
        let Unfinished { to_ask, completed, bad_lines, recorded } = folder.unfinished(spec)?;
        let (spent, earlier) = (Spent::of(&recorded), tokens_of_failed(&recorded));
        Ok(Self { folder, to_ask, already: completed, bad_lines, spent, earlier, lock: None })
    }

    /// Tokens of earlier records that `record` replaces.
    pub(super) fn earlier_tokens(&self, record: &SampleRecord) -> Tokens {
        match self.earlier.is_empty() {
            true => Tokens::default(),
            false => self.earlier.get(&(record.id.clone(), record.epoch)).copied().unwrap_or_default(),
        }
    }
}

/// Tokens of the failed samples, which will be asked again.
fn tokens_of_failed(records: &[SampleRecord]) -> HashMap<(String, Epoch), Tokens> {
    let failed = records.iter().filter(|record| record.status == Status::Failed);
    let tokens = failed.map(|record| ((record.id.clone(), record.epoch), record.tokens()));
    tokens.filter(|(_, tokens)| !tokens.is_zero()).collect()
}

/// Gets the missing answers of `job`, from the endpoint if `setup` is given. Blocks until the record is durable.
///
/// # Errors
/// [`RunError`]. What was recorded before the error stays.
pub fn execute(
    plan: Plan,
    job: &Job,
    setup: Option<AskingSetup>,
    stop: &Stop,
    observers: Observers,
) -> Result<EndReason, RunError> {
    if job.to_ask.is_empty() {
        return Ok(EndReason::Finished);
    }
    forget_unrelieved();
    // Figures of the earlier record must not be taken for those of the new one.
    job.folder.discard_derived()?;
    let spec = job.folder.freeze_spec()?;
    let log = Appender::open(&job.folder.samples_path(), job.lock.clone())?;
    let durable = log.durable();
    let changes = Arc::new(LimitChanges::default());
    let limit_changes = setup.is_some().then(|| LimitChangeWriter::keep(&job.folder, Arc::clone(&changes)));
    let limit_changes = limit_changes.transpose().map_err(RuntimeError::NoThreads)?;
    let observers = observers.with(changes);
    observers.emit(&RunEvent::Started { samples: job.to_ask.answers() });
    let order: Vec<String> = plan.spec.picked.iter().map(|picked| picked.id.clone()).collect();
    let files = OpenFiles { log, limit_changes, lock: job.lock.clone() };
    let watch = plan.dataset.watch().clone();
    let outcome = get_answers(plan, setup, Recording { job, files, observers: &observers }, stop);
    observers.emit(&RunEvent::Synced(*durable.borrow()));
    observers.emit(&RunEvent::Ended);
    let outcome = outcome.and_then(|ended| {
        if ended == EndReason::Finished {
            watch.verify().map_err(RunError::Broken)?;
            spec.verify()?;
            finish_record(job, &order, &observers)?;
        }
        Ok(ended)
    });
    if let Err(RunError::Broken(changed @ DatasetError::Changed { .. })) = &outcome {
        job.folder.mark_data_changed(&changed.to_string())?;
    }
    outcome
}

/// Folds the log of a run that has every answer. Reports the lines that the fold drops, unless they were reported before.
fn finish_record(job: &Job, order: &[String], observers: &Observers) -> Result<(), RunError> {
    let dropped = fold_unchanged(&job.folder, order.iter().map(String::as_str))?;
    let path = job.folder.samples_path();
    for line in dropped.iter().filter(|line| !job.bad_lines.contains(line)) {
        observers.emit(&RunEvent::Notice(line.left_out_of(&path)));
    }
    // On a file system without locks, another process may have scored the record while it grew.
    job.folder.discard_derived()?;
    Ok(())
}

/// Folds the log of a run whose data is the data that was planned. Returns the lines that were dropped.
fn fold_unchanged<'a>(
    folder: &RunFolder,
    order: impl Iterator<Item = &'a str>,
) -> Result<Vec<BadLine>, RunError> {
    let dropped = fold(&folder.samples_path(), order)?;
    folder.unmark_data_changed()?;
    Ok(dropped)
}

/// Where the records of a run go, and its observers.
struct Recording<'a> {
    job: &'a Job,
    files: OpenFiles,
    observers: &'a Observers,
}

/// The files that are written while a run is asked.
struct OpenFiles {
    log: Appender,
    limit_changes: Option<LimitChangeWriter>,
    lock: Option<RunLock>,
}

impl OpenFiles {
    /// Writes the rest. After the order to stop at once the caller does not wait for it: a disk may hang. The lock is
    /// released once everything is written.
    async fn close(self, stop: &Stop) -> Result<(), RunError> {
        let closing = tokio::task::spawn_blocking(move || {
            let closed = self.log.finish();
            let limit_changes = self.limit_changes.map_or(Ok(()), LimitChangeWriter::finish);
            drop(self.lock);
            closed.and(limit_changes)
        });
        tokio::select! {
            closed = closing => Ok(closed.map_err(|error| RunError::Defect(error.to_string()))??),
            () = stop.reached(StopLevel::Now) => Ok(()),
        }
    }
}

fn get_answers(
    plan: Plan,
    setup: Option<AskingSetup>,
    recording: Recording<'_>,
    stop: &Stop,
) -> Result<EndReason, RunError> {
    let Plan { spec, task, dataset, outputs, .. } = plan;
    let samples = dataset.answers_to_ask(recording.job.to_ask.clone())?;
    let samples = ReadAhead::start(samples).map_err(RuntimeError::NoThreads)?;
    let observers = recording.observers.clone();
    match setup {
        Some(setup) => {
            let memory = RequestMemory::new(setup.memory);
            setup
                .limits
                .note_on_machine()
                .into_iter()
                .for_each(|note| observers.emit(&RunEvent::Notice(note)));
            let gate = Gate::observed(setup.limits, observers.clone());
            let (setup, fetched_size) = (Arc::new(setup), FetchedSize::default());
            let has_cache_failed = AtomicBool::new(false);
            let same_error = SameErrorCheck::new(setup.start.stop_after_same_error, spec.unit());
            let work = AskSamples {
                setup,
                gate: Arc::clone(&gate),
                observers,
                fetched_size,
                same_error,
                has_cache_failed,
            };
            block_on(async {
                if !is_ready(&work.setup, &work.observers, stop).await? {
                    return Ok(EndReason::Interrupted);
                }
                ask(work, (gate, memory), samples, recording, stop).await
            })?
        }
        None => {
            let gate = Gate::new(GateSettings {
                connections: Connections::Fixed(REPLAYED),
                ..GateSettings::default()
            });
            let keeps_reasoning = task.keeps_reasoning();
            let work = Replay(RecordedAnswers::new(&spec.answers, outputs.as_ref(), keeps_reasoning));
            block_on(ask(work, (gate, RequestMemory::unlimited()), samples, recording, stop))?
        }
    }
}

/// Waits for the endpoint if the run is to wait for it. Returns false if the order to stop came first.
async fn is_ready(setup: &AskingSetup, observers: &Observers, stop: &Stop) -> Result<bool, RunError> {
    let Some(longest) = setup.start.wait_for_endpoint else { return Ok(true) };
    let waiting = |reason: &str| {
        let notice = format!("--wait-for-endpoint: the endpoint is not ready yet ({reason})");
        observers.emit(&RunEvent::Notice(notice));
    };
    tokio::select! {
        ready = setup.provider.wait_until_ready(longest, waiting) => Ok(ready.map(|()| true)?),
        () = stop.reached(StopLevel::Finish) => Ok(false),
    }
}

async fn ask<W: Work<Item = SampleResult, Outcome = SampleRecord, Error = RunError>>(
    work: W,
    (gate, memory): (Arc<Gate>, RequestMemory),
    mut samples: ReadAhead,
    recording: Recording<'_>,
    stop: &Stop,
) -> Result<EndReason, RunError> {
    let Recording { job, files, observers } = recording;
    let (total, work) = (job.to_ask.answers(), Arc::new(work));
    let mut durable = files.log.durable();
    let mut sink = RecordSink { job, log: &files.log, observers, recorded: 0 };
    let work_loop = WorkLoop { work, gate, memory, total, observers: observers.clone() };
    let report_durable = async {
        while durable.changed().await.is_ok() {
            let tally = *durable.borrow_and_update();
            observers.emit(&RunEvent::Synced(tally));
        }
        std::future::pending().await
    };
    let ended = tokio::select! {
        ended = work_loop.run(&mut samples, &mut sink, stop) => ended,
        () = report_durable => Ok(EndReason::Interrupted),
    };
    let recorded = sink.recorded;
    let closed = files.close(stop).await;
    let ended = match ended {
        // What stops the next sample does not matter to a run that has no next sample.
        Err(RunError::Budget(_) | RunError::SameError { .. }) if recorded == total => Ok(EndReason::Finished),
        // A reader that breaks off is not the end of the data.
        Ok(EndReason::Finished) if recorded < total => {
            Err(RunError::DataEnded { read: recorded, due: total })
        }
        ended => ended,
    }?;
    closed?;
    Ok(ended)
}
