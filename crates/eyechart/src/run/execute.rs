//! Carrying a plan out: from the frozen spec to a folded record.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::live::{self, Live};
use super::load_series::LoadSeries;
use super::runtime::runtime;
use super::{Plan, RunError, Spent, Stop, recorded};
use crate::dataset::DatasetError;
use crate::log::{Appender, BadLine, RunFolder, RunLock, Tally, Unfinished, fold};
use crate::provider::Gate;
use crate::task::{Dataset, SampleResult};
use crate::types::{EvalSpec, PickedSample, SampleRecord, Status, Tokens};

/// What is still written when a run ends has this long to be whole.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Samples that are read ahead of those who ask them.
const READ_AHEAD: usize = 4;

/// A run's folder and what is left to do in it; nobody else writes the run as long as this lives.
#[derive(Debug)]
pub struct Job {
    /// Where it is recorded.
    pub folder: RunFolder,
    /// The samples to ask, ascending by row.
    pub to_ask: Vec<PickedSample>,
    /// Samples that completed earlier.
    pub already: usize,
    /// Lines of its record that could not be read: their samples are asked again.
    pub bad_lines: Vec<BadLine>,
    /// What the run has used up.
    pub spent: Spent,
    /// Tokens of the samples to ask that were asked before, where there are any.
    earlier: HashMap<String, Tokens>,
    _lock: RunLock,
}

impl Job {
    /// A new run under `out`: folder, spec and empty log exist when this returns.
    ///
    /// # Errors
    /// [`RunError::Log`] where they cannot be made.
    pub fn create(out: &Path, plan: &Plan) -> Result<Self, RunError> {
        let folder = RunFolder::create(out, &plan.spec)?;
        let lock = folder.lock()?;
        Ok(Self {
            folder,
            to_ask: plan.spec.picked.clone(),
            already: 0,
            bad_lines: Vec::new(),
            spent: Spent::default(),
            earlier: HashMap::new(),
            _lock: lock,
        })
    }

    /// What is left of the run in `folder`, which picked the samples of `spec`.
    ///
    /// # Errors
    /// [`RunError::Log`] where its record cannot be read, or another process is writing it.
    pub fn resume(folder: RunFolder, spec: &EvalSpec) -> Result<Self, RunError> {
        // Locked before it is read: what another process still wrote would be asked again.
        let lock = folder.lock()?;
        let Unfinished { to_ask, completed, bad_lines, recorded } = folder.unfinished(spec)?;
        if to_ask.is_empty() {
            // Whoever got the last answer may not have lived to do it.
            fold(&folder.samples_path(), spec.picked.iter().map(|picked| picked.id.as_str()))?;
        }
        let (spent, earlier) = (Spent::of(&recorded), tokens_of_failed(&recorded));
        Ok(Self { folder, to_ask, already: completed, bad_lines, spent, earlier, _lock: lock })
    }

    /// The record with what earlier ones of its sample cost.
    pub(super) fn with_earlier(&self, mut record: SampleRecord) -> SampleRecord {
        record.earlier = self.earlier.get(&record.id).copied().unwrap_or_default();
        record
    }
}

/// What asking those samples that will be asked again has cost.
fn tokens_of_failed(records: &[SampleRecord]) -> HashMap<String, Tokens> {
    let failed = records.iter().filter(|record| record.status == Status::Failed);
    let tokens = failed.map(|record| (record.id.clone(), record.tokens()));
    tokens.filter(|(_, tokens)| !tokens.is_zero()).collect()
}

/// Somebody who watches a run.
pub trait Watcher {
    /// It begins; `durable` tells what is safe on disk, and `gate` how busy the endpoint is kept, where one is asked.
    fn begin(&self, job: &Job, durable: watch::Receiver<Tally>, gate: Option<Arc<Gate>>);
    /// It has ended, one way or another.
    fn end(&self);
}

/// How a run ended that could go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every picked sample has its record.
    Finished,
    /// The order to stop came first.
    Interrupted,
}

/// Gets the answers that `job` lacks, from the endpoint if `live` is given. Blocks until the record is durable.
///
/// # Errors
/// [`RunError`]; whatever was recorded before it stays.
pub fn execute(
    plan: Plan,
    job: &Job,
    live: Option<Live>,
    stop: &Stop,
    watcher: &dyn Watcher,
) -> Result<Ended, RunError> {
    if job.to_ask.is_empty() {
        return Ok(Ended::Finished);
    }
    // Figures of the record as it was would be taken for those of the record as it will be.
    job.folder.discard_derived()?;
    let log = Appender::open(&job.folder.samples_path())?;
    let gate = live.as_ref().map(|live| Arc::clone(&live.gate));
    watcher.begin(job, log.durable(), gate.clone());
    let series = gate.map(|gate| LoadSeries::keep(&job.folder, gate));
    let outcome = runtime().and_then(|runtime| {
        let answers = get_answers(&runtime, plan, job, (live, &log), stop);
        // A picture that is being kept is kept whole; a disk that hangs must not hold up the exit for long.
        runtime.shutdown_timeout(LAST_WRITES);
        answers
    });
    let closed = log.finish();
    watcher.end();
    let load = series.map_or(Ok(()), LoadSeries::finish);
    let (ended, order) = outcome?;
    closed?;
    load?;
    if ended == Ended::Finished {
        fold(&job.folder.samples_path(), order.iter().map(|picked| picked.id.as_str()))?;
    }
    Ok(ended)
}

fn get_answers(
    runtime: &Runtime,
    plan: Plan,
    job: &Job,
    (live, log): (Option<Live>, &Appender),
    stop: &Stop,
) -> Result<(Ended, Vec<PickedSample>), RunError> {
    let Plan { spec, dataset, outputs, .. } = plan;
    let samples = read_ahead(dataset, job.to_ask.clone())?;
    let ended = match live {
        Some(live) => runtime.block_on(live::ask_all(Arc::new(live), samples, (job, log), stop.clone()))?,
        None => {
            let source = recorded::Source::new(&spec.answers, outputs.as_ref());
            runtime.block_on(recorded::replay(source, samples, log, stop))?
        }
    };
    Ok((ended, spec.picked))
}

/// Reads samples on a thread of its own, a few ahead.
fn read_ahead(
    dataset: Dataset,
    to_ask: Vec<PickedSample>,
) -> Result<mpsc::Receiver<Result<SampleResult, DatasetError>>, RunError> {
    let samples = dataset.samples(to_ask)?;
    let (send, receive) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        for sample in samples {
            // Nobody listens any more: the run has stopped.
            if send.blocking_send(sample).is_err() {
                break;
            }
        }
    });
    Ok(receive)
}
