//! Asking an endpoint: many samples at once through one gate, each recorded before its slot is free again.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::pictures::fetched;
use super::stop::Orders;
use super::{Ended, RunError, Stop, StopLevel, Stopper};
use crate::dataset::DatasetError;
use crate::image;
use crate::log::{Appender, LogError};
use crate::provider::{Gate, Provider, Slot};
use crate::task::SampleResult;
use crate::types::{ImagesSpec, Request, Sample, SampleRecord};
use crate::web::Web;

/// Everything that asking one sample needs.
pub struct Live {
    /// The endpoint.
    pub provider: Provider,
    /// The gate that every sample passes.
    pub gate: Arc<Gate>,
    /// How pictures are sent; none are, if absent.
    pub images: Option<ImagesSpec>,
    /// Fetches pictures that the samples have by their addresses; none are, if absent.
    pub web: Option<Web>,
    /// Where pictures are stored that exist nowhere else.
    pub store: PathBuf,
    /// Whether all others are stored there too.
    pub keep_images: bool,
}

type Samples = mpsc::Receiver<Result<SampleResult, DatasetError>>;

/// How one sample came out: its record, or nothing where the order to stop came before its end.
type Outcome = Result<Option<SampleRecord>, RunError>;

pub(super) async fn ask_all(
    live: Arc<Live>,
    mut samples: Samples,
    log: &Appender,
    stop: Stop,
) -> Result<Ended, RunError> {
    let mut under_way: JoinSet<(Slot, Outcome)> = JoinSet::new();
    let (mut exhausted, mut abandoned) = (false, false);
    let (halt, mut halted) = (Stopper::default(), None);
    loop {
        let going = !exhausted && halted.is_none() && stop.level() == StopLevel::Go;
        if !going && under_way.is_empty() {
            break;
        }
        let mut halt_by = |error| {
            halt.raise(StopLevel::Finish);
            halted.get_or_insert(error);
        };
        tokio::select! {
            biased;
            () = stop.reached(StopLevel::Now) => return Ok(Ended::Interrupted),
            Some(ended) = under_way.join_next() => match record(ended, log).await {
                Ok(recorded) => abandoned |= !recorded,
                // Without a record nothing more is worth its price.
                Err(error @ RunError::Log(_)) => return Err(error),
                // What else is in flight is finished and recorded, as on Ctrl-C.
                Err(error) => halt_by(error),
            },
            () = stop.reached(StopLevel::Finish), if going => {}
            next = next_sample(&live.gate, &mut samples), if going => match next {
                Some((slot, Ok(sample))) => {
                    let orders = Orders::of(&stop, &halt);
                    under_way.spawn(ask_one(Arc::clone(&live), sample, slot, orders));
                }
                Some((_, Err(error))) => halt_by(RunError::Broken(error)),
                None => exhausted = true,
            },
        }
    }
    match halted {
        Some(error) => Err(error),
        None if exhausted && !abandoned => Ok(Ended::Finished),
        None => Ok(Ended::Interrupted),
    }
}

async fn next_sample(
    gate: &Arc<Gate>,
    samples: &mut Samples,
) -> Option<(Slot, Result<SampleResult, DatasetError>)> {
    let slot = gate.acquire().await;
    Some((slot, samples.recv().await?))
}

/// Writes one outcome, then frees its slot. `false` where the sample was abandoned and has no record.
async fn record(ended: Result<(Slot, Outcome), JoinError>, log: &Appender) -> Result<bool, RunError> {
    let (slot, outcome) =
        ended.map_err(|error| RunError::Config(format!("a request's task broke off: {error}")))?;
    let Some(record) = outcome? else { return Ok(false) };
    log.append(&record).await?;
    drop(slot);
    Ok(true)
}

async fn ask_one(live: Arc<Live>, sample: SampleResult, slot: Slot, orders: Orders) -> (Slot, Outcome) {
    let outcome = match sample {
        Ok(sample) => ask_sample(&live, sample, &orders).await,
        Err(unmade) => Ok(Some(SampleRecord::unmade(unmade.picked, unmade.failure))),
    };
    (slot, outcome)
}

/// Gives the sample up, unrecorded, where an order to stop comes while it waits.
async fn ask_sample(live: &Arc<Live>, sample: Sample, orders: &Orders) -> Outcome {
    let sample = match &live.web {
        Some(web) => match fetched(web, sample, orders).await {
            Ok(sample) => sample,
            Err(ended) => return Ok(ended.map(|record| *record)),
        },
        None => sample,
    };
    let preparing = Arc::clone(live);
    let prepared = tokio::task::spawn_blocking(move || preparing.prepare(sample)).await;
    let (mut record, body) = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(unready)) => match *unready {
            Unready::Failed(record) => return Ok(Some(*record)),
            Unready::Broken(error) => return Err(error),
        },
        Err(error) => return Err(RunError::Config(format!("preparing a picture broke off: {error}"))),
    };
    let Some(asked) = live.provider.ask(body, &live.gate, orders.to_finish()).await? else { return Ok(None) };
    record.attempts = asked.attempts;
    match asked.outcome {
        Ok(output) => record.complete(output),
        Err(failure) => {
            record.output = asked.unusable;
            record.fail(failure);
        }
    }
    Ok(Some(record))
}

/// Why a sample could not be sent.
pub(super) enum Unready {
    /// Its picture is at fault: a record like any other.
    Failed(Box<SampleRecord>),
    /// The record is: the run stops.
    Broken(RunError),
}

impl Live {
    /// Reads and checks the pictures and builds the body. Blocks.
    pub(super) fn prepare(&self, sample: Sample) -> Result<(SampleRecord, Bytes), Box<Unready>> {
        let (mut record, sources) = SampleRecord::begin(sample);
        let mut images = Vec::with_capacity(sources.len());
        for source in &sources {
            let Some(spec) = &self.images else { break };
            match image::prepare(source, spec) {
                Ok(prepared) => {
                    if prepared.made || self.keep_images {
                        self.keep(&prepared)?;
                    }
                    record.images.push(prepared.record);
                    images.push(prepared.request);
                }
                Err(failure) => {
                    record.fail(failure);
                    return Err(Box::new(Unready::Failed(Box::new(record))));
                }
            }
        }
        let body = self.provider.body(&Request { text: record.prompt.clone(), images });
        Ok((record, body))
    }

    fn keep(&self, prepared: &image::Prepared) -> Result<(), Box<Unready>> {
        image::store(&self.store, prepared).map_err(|source| {
            let error = LogError::Io { action: "store a picture in", path: self.store.clone(), source };
            Box::new(Unready::Broken(error.into()))
        })
    }
}
