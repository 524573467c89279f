//! Asking an endpoint: many samples at once through one gate, each recorded before its slot is free again.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::cache::{Cache, Key};
use super::pictures::fetched;
use super::stop::Orders;
use super::{Ended, Job, Meter, RunError, Stop, StopLevel, Stopper};
use crate::dataset::DatasetError;
use crate::image::{PrepareError, Preparer};
use crate::log::{Appender, LogError};
use crate::provider::{Gate, Provider, Slot};
use crate::task::SampleResult;
use crate::types::{ImageRecord, ImageSource, ModelOutput, Request, RequestImage, Sample, SampleRecord};
use crate::web::Web;

/// Everything that asking one sample needs.
pub struct Live {
    /// The endpoint.
    pub provider: Provider,
    /// The gate that every sample passes.
    pub gate: Arc<Gate>,
    /// Prepares the pictures; none are sent, if absent.
    pub images: Option<Preparer>,
    /// Whether pictures are read and checked but not sent, as in a control without images.
    pub withholds_images: bool,
    /// Fetches pictures that the samples have by their addresses; none are, if absent.
    pub web: Option<Web>,
    /// Says when what the user allows is used up.
    pub meter: Arc<Meter>,
    /// Answers of earlier runs; none are used or kept, if absent.
    pub cache: Option<Cache>,
}

type Samples = mpsc::Receiver<Result<SampleResult, DatasetError>>;

/// How one sample came out: its record, or nothing where the order to stop came before its end.
type Outcome = Result<Option<SampleRecord>, RunError>;

pub(super) async fn ask_all(
    live: Arc<Live>,
    mut samples: Samples,
    (job, log): (&Job, &Appender),
    stop: Stop,
) -> Result<Ended, RunError> {
    let mut under_way: JoinSet<(Slot, Outcome)> = JoinSet::new();
    let (mut exhausted, mut abandoned, mut started, mut recorded) = (false, false, 0, 0);
    let (halt, mut halted) = (Stopper::default(), None);
    loop {
        let unhindered = halted.is_none();
        let going = !exhausted && unhindered && stop.level() == StopLevel::Go;
        if !going && under_way.is_empty() {
            break;
        }
        // What fails costs nothing, and others must show whether that is the endpoint's fault.
        let affordable = live.meter.admits(under_way.len().saturating_sub(live.gate.failing()));
        live.gate.expect(going && affordable && started < job.to_ask.len());
        let mut halt_by = |error| {
            halt.raise(StopLevel::Finish);
            halted.get_or_insert(error);
        };
        tokio::select! {
            biased;
            () = stop.reached(StopLevel::Now) => return Ok(Ended::Interrupted),
            Some(ended) = under_way.join_next() => match outcome_of(ended) {
                Ok((slot, Some(record))) => {
                    // Without a record nothing more is worth its price: what is in flight is dropped.
                    write(record, slot, (job, log), &live.meter).await?;
                    recorded += 1;
                    live.meter.check().unwrap_or_else(halt_by);
                }
                Ok((_, None)) => abandoned = true,
                // What else is in flight is finished and recorded, as on Ctrl-C.
                Err(error) => halt_by(error),
            },
            () = stop.reached(StopLevel::Finish), if going => {}
            () = live.meter.time_up(), if unhindered => live.meter.check().unwrap_or_else(halt_by),
            next = next_sample(&live.gate, &mut samples), if going && affordable => match next {
                Some((slot, Ok(sample))) => {
                    let orders = Orders::of(&stop, &halt);
                    started += 1;
                    under_way.spawn(ask_one(Arc::clone(&live), sample, slot, orders));
                }
                Some((_, Err(error))) => halt_by(RunError::Broken(error)),
                None => exhausted = true,
            },
            () = live.gate.changed(), if going && !affordable => {}
        }
    }
    match halted {
        // What is used up is of no matter to a run that needs no more.
        Some(RunError::Budget(_)) if recorded == job.to_ask.len() => Ok(Ended::Finished),
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

/// How one sample came out, with its slot; no record where it was abandoned.
fn outcome_of(ended: Result<(Slot, Outcome), JoinError>) -> Result<(Slot, Option<SampleRecord>), RunError> {
    let (slot, outcome) =
        ended.map_err(|error| RunError::Defect(format!("a request's task broke off ({error})")))?;
    Ok((slot, outcome?))
}

/// Writes one record, then frees its slot.
async fn write(
    record: SampleRecord,
    slot: Slot,
    (job, log): (&Job, &Appender),
    meter: &Meter,
) -> Result<(), LogError> {
    let record = job.with_earlier(record);
    log.append(&record).await?;
    meter.count(&record);
    drop(slot);
    Ok(())
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
    let ready = tokio::task::spawn_blocking(move || preparing.ready(sample)).await;
    let (mut record, body, key) = match ready {
        Ok(Ok(Ready::Answered(record))) => return Ok(Some(*record)),
        Ok(Ok(Ready::ToAsk(record, body, key))) => (*record, body, key),
        Ok(Err(Unready::Failed(record))) => return Ok(Some(*record)),
        Ok(Err(Unready::Broken(error))) => return Err(error),
        Err(error) => return Err(RunError::Defect(format!("preparing a picture broke off ({error})"))),
    };
    let Some(asked) = live.provider.ask(body, &live.gate, orders.to_finish()).await? else { return Ok(None) };
    record.attempts = asked.attempts;
    match asked.outcome {
        Ok(output) => {
            keep(live, key, &output).await;
            record.complete(output);
        }
        Err(failure) => {
            record.output = asked.unusable;
            record.fail(failure);
        }
    }
    Ok(Some(record))
}

/// Keeps an answer for other runs.
async fn keep(live: &Arc<Live>, key: Option<Key>, output: &ModelOutput) {
    let Some(key) = key else { return };
    let (live, output) = (Arc::clone(live), output.clone());
    let keep = move || live.cache.as_ref().map(|cache| cache.put(&key, output));
    // A full disk costs another request some day, and is no reason to lose this answer.
    let _ = tokio::task::spawn_blocking(keep).await;
}

/// A sample that can go on.
enum Ready {
    /// An earlier run was given its answer.
    Answered(Box<SampleRecord>),
    /// The body is to be sent, and the answer to be kept under the key, if it has one.
    ToAsk(Box<SampleRecord>, Bytes, Option<Key>),
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
    pub(super) fn prepare(&self, sample: Sample) -> Result<(SampleRecord, Bytes), Unready> {
        self.request(sample).map(|(record, request)| (record, self.provider.body(&request)))
    }

    /// Prepares the sample, and finds its answer where an earlier run was given it. Blocks.
    fn ready(&self, sample: Sample) -> Result<Ready, Unready> {
        let (mut record, request) = self.request(sample)?;
        let cache = self.cache.as_ref();
        let key = cache.and_then(|cache| cache.key(&record, request.image_detail));
        if let Some((output, from)) = cache.zip(key.as_ref()).and_then(|(cache, key)| cache.get(key)) {
            record.complete_from_cache(output, from);
            return Ok(Ready::Answered(Box::new(record)));
        }
        Ok(Ready::ToAsk(Box::new(record), self.provider.body(&request), key))
    }

    fn request(&self, sample: Sample) -> Result<(SampleRecord, Request), Unready> {
        let (mut record, sources) = SampleRecord::begin(sample);
        match self.prepare_images(&sources, &mut record.images) {
            Ok(images) => {
                let image_detail = self.images.as_ref().and_then(Preparer::detail);
                let request = Request { text: record.prompt.clone(), images, image_detail };
                Ok((record, request))
            }
            Err(PrepareError::Picture(failure)) => {
                record.fail(failure);
                Err(Unready::Failed(Box::new(record)))
            }
            Err(PrepareError::Store(path, source)) => {
                Err(Unready::Broken(LogError::Io { action: "keep a picture in", path, source }.into()))
            }
        }
    }

    /// The pictures as they are sent; `records` gets an entry for each, up to the first that is at fault.
    fn prepare_images(
        &self,
        sources: &[ImageSource],
        records: &mut Vec<ImageRecord>,
    ) -> Result<Vec<RequestImage>, PrepareError> {
        let Some(preparer) = &self.images else { return Ok(Vec::new()) };
        preparer.admit(sources.len())?;
        if self.withholds_images {
            // A sample that could not be asked with its pictures is not asked without them: both runs have the same ones.
            let tried = sources.iter().try_for_each(|source| preparer.try_out(source));
            return tried.map(|()| Vec::new()).map_err(PrepareError::Picture);
        }
        let mut images = Vec::with_capacity(sources.len());
        for source in sources {
            let prepared = preparer.prepare(source)?;
            records.push(prepared.record);
            images.push(prepared.request);
        }
        Ok(images)
    }
}
