//! Asking an endpoint: many samples at once through one gate, each recorded before its slot is free again.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::pictures::fetched;
use super::{Ended, RunError, Stop, StopLevel};
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
    pub gate: Gate,
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
    loop {
        let going = !exhausted && stop.level() == StopLevel::Go;
        if !going && under_way.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            () = stop.reached(StopLevel::Now) => return Ok(Ended::Interrupted),
            // An error here drops what else is in flight, unrecorded: it can be asked again.
            Some(ended) = under_way.join_next() => abandoned |= !record(ended, log).await?,
            () = stop.reached(StopLevel::Finish), if going => {}
            next = next_sample(&live.gate, &mut samples), if going => match next {
                Some((slot, sample)) => {
                    under_way.spawn(ask_one(Arc::clone(&live), sample?, slot, stop.clone()));
                }
                None => exhausted = true,
            },
        }
    }
    Ok(if exhausted && !abandoned { Ended::Finished } else { Ended::Interrupted })
}

async fn next_sample(
    gate: &Gate,
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

async fn ask_one(live: Arc<Live>, sample: SampleResult, slot: Slot, stop: Stop) -> (Slot, Outcome) {
    let outcome = match sample {
        Ok(sample) => ask_sample(&live, sample, &stop).await,
        Err(unmade) => Ok(Some(SampleRecord::unmade(unmade.picked, unmade.failure))),
    };
    (slot, outcome)
}

async fn ask_sample(live: &Arc<Live>, sample: Sample, stop: &Stop) -> Outcome {
    let sample = match &live.web {
        Some(web) => match fetched(web, sample, stop).await {
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
    let Some(asked) = live.provider.ask(body, |wait| stop.sleep(wait)).await else { return Ok(None) };
    live.gate.report(asked.outcome.as_ref().map(|_| ()))?;
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
enum Unready {
    /// Its picture is at fault: a record like any other.
    Failed(Box<SampleRecord>),
    /// The record is: the run stops.
    Broken(RunError),
}

impl Live {
    /// Reads and checks the pictures and builds the body. Blocks.
    fn prepare(&self, sample: Sample) -> Result<(SampleRecord, Bytes), Box<Unready>> {
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
