//! Samples as work of the engine: read from the data, sent to the endpoint, appended to the record.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::asking_setup::{AskingSetup, Prepared};
use super::cache::Key;
use super::fetch_pictures::{FetchedSize, fetch_unless_stopped};
use super::request::NotReady;
use super::same_error::SameErrorCheck;
use super::{Job, RunError};
use crate::dataset::DatasetError;
use crate::engine::{ExpectedMemory, Lease, Sink, Source, Stop, StopLevel, Work};
use crate::files::unrelieved;
use crate::provider::{Asked, Gate, Halt, RetryPolicy};
use crate::record::Appender;
use crate::task::SampleResult;
use crate::types::{ImageSource, ModelOutput, Observers, RunEvent, Sample, SampleRecord, Tokens};

/// Gets the answers to samples from an endpoint.
pub(super) struct AskSamples {
    pub(super) setup: Arc<AskingSetup>,
    pub(super) gate: Arc<Gate>,
    pub(super) observers: Observers,
    /// The size of the pictures that were fetched so far.
    pub(super) fetched_size: FetchedSize,
    pub(super) same_error: SameErrorCheck,
    /// Whether an answer could not be stored for other runs.
    pub(super) has_cache_failed: AtomicBool,
}

impl Work for AskSamples {
    type Item = SampleResult;
    type Outcome = SampleRecord;
    type Error = RunError;

    fn expected_memory(&self, item: &SampleResult) -> ExpectedMemory {
        let Ok(sample) = item else { return ExpectedMemory::known(0) };
        let urls = sample.messages.pictures().filter(|image| matches!(image, ImageSource::Url(_))).count();
        let Some(web) = self.setup.web.as_ref().filter(|_| urls > 0) else {
            return ExpectedMemory::known(bytes_of(sample));
        };
        let expected = self.fetched_size.expected();
        let to_fetch = with_encoded(expected.unwrap_or(web.max_bytes())) * urls as u64;
        ExpectedMemory { bytes: bytes_of(sample) + to_fetch, is_unknown: expected.is_none() }
    }

    async fn perform(
        &self,
        item: SampleResult,
        mut lease: Lease,
        stop: Stop,
    ) -> Result<Option<SampleRecord>, RunError> {
        let sample = match item {
            Ok(sample) => sample,
            Err(unmade) => return Ok(Some(unmade.record())),
        };
        self.observers.emit(&RunEvent::SampleStarted { id: &sample.id });
        let setup = &self.setup;
        let sample = match &setup.web {
            Some(web) => match fetch_unless_stopped(web, sample, &self.fetched_size, &stop).await {
                Ok(sample) => sample,
                Err(ended) => return without_shortage(ended.map(|record| *record)),
            },
            None => sample,
        };
        lease.resize(bytes_of(&sample));
        let (record, body, key) = match self.prepare(sample).await {
            Ok(Prepared::Cached(record)) => {
                self.same_error.record(&record);
                return Ok(Some(*record));
            }
            Ok(Prepared::Request { record, body, key }) => (*record, body, key),
            Err(NotReady::SampleFailed(record)) => return without_shortage(Some(*record)),
            Err(NotReady::RunFailed(error)) => return Err(error),
        };
        lease.resize(body.len() as u64);
        let asked = setup.provider.ask(body, &self.gate, stop.reached(StopLevel::Finish)).await?;
        let Some(asked) = asked else { return Ok(None) };
        Ok(Some(self.finish(record, asked, key).await))
    }

    fn may_start(&self, in_flight: usize) -> bool {
        self.setup.meter.admits(in_flight)
    }

    fn check(&self) -> Result<(), RunError> {
        self.same_error.check()?;
        self.setup.meter.check()
    }

    fn deadline(&self) -> impl Future<Output = ()> + Send {
        self.setup.meter.used_up()
    }
}

/// The record of a sample whose pictures cannot be sent, unless a shortage of this machine may be the reason.
fn without_shortage(record: Option<SampleRecord>) -> Result<Option<SampleRecord>, RunError> {
    match unrelieved().filter(|_| record.is_some()) {
        Some(shortage) => Err(Halt::Shortage { reason: shortage.to_string() }.into()),
        None => Ok(record),
    }
}

fn tokens_of(outputs: &[ModelOutput]) -> Tokens {
    let counted = outputs.iter().filter_map(|output| output.usage?.counted());
    counted.fold(Tokens::default(), |sum, tokens| sum + tokens)
}

impl AskSamples {
    /// The record of a sample that the endpoint was asked about.
    async fn finish(&self, mut record: SampleRecord, asked: Asked, key: Option<Key>) -> SampleRecord {
        record.attempts = asked.attempts;
        record.earlier = tokens_of(&asked.retried);
        match asked.outcome {
            Ok(output) => {
                self.store_answer(key, &output).await;
                record.complete(output);
            }
            Err(failure) => {
                record.output = asked.unusable;
                record.fail(failure);
            }
        }
        self.same_error.record(&record);
        record
    }

    /// Builds the request, or finds the answer of an earlier run.
    async fn prepare(&self, sample: Sample) -> Result<Prepared, NotReady> {
        let setup = Arc::clone(&self.setup);
        // Without pictures and cache nothing is read, and another thread costs more than the work itself.
        if setup.cache.is_none() && sample.messages.pictures().next().is_none() {
            return setup.prepare_or_look_up(sample);
        }
        let prepared = tokio::task::spawn_blocking(move || setup.prepare_or_look_up(sample)).await;
        prepared.unwrap_or_else(|error| {
            let defect = format!("preparing a picture broke off ({error})");
            Err(NotReady::RunFailed(RunError::Defect(defect)))
        })
    }

    /// Stores an answer for other runs. If that fails, a later run sends the request again; a notice says so once.
    async fn store_answer(&self, key: Option<Key>, output: &ModelOutput) {
        let Some(key) = key else { return };
        let (setup, output) = (Arc::clone(&self.setup), output.clone());
        let store = move || setup.cache.as_ref().map_or(Ok(()), |cache| cache.put(&key, output));
        if let Ok(Err(error)) = tokio::task::spawn_blocking(store).await
            && !self.has_cache_failed.swap(true, Ordering::Relaxed)
        {
            let notice =
                format!("--cache: answers are not stored, so a later run asks for them again: {error}");
            self.observers.emit(&RunEvent::Notice(notice));
        }
    }
}

/// Bytes that the pictures of a sample take while its body is built. A picture that is still at an address takes none.
fn bytes_of(sample: &Sample) -> u64 {
    sample.messages.pictures().map(encoded_bytes).map(with_encoded).sum()
}

/// Bytes of a picture as it is and in base64.
fn with_encoded(bytes: u64) -> u64 {
    bytes + bytes.div_ceil(3) * 4
}

fn encoded_bytes(image: &ImageSource) -> u64 {
    match image {
        // A file that cannot be read is reported when it is prepared.
        ImageSource::File(path) | ImageSource::Member { path, .. } => {
            path.metadata().map_or(0, |metadata| metadata.len())
        }
        ImageSource::Url(_) => 0,
        ImageSource::Fetched { bytes, .. } | ImageSource::Bytes { bytes, .. } => bytes.len() as u64,
    }
}

/// Samples that are read before a slot is free for them.
const READ_AHEAD: usize = 4;

/// Samples as a thread of its own reads them from the data.
pub(super) struct ReadAhead {
    samples: mpsc::Receiver<Result<SampleResult, DatasetError>>,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Starts to read.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(
        samples: impl Iterator<Item = Result<SampleResult, DatasetError>> + Send + 'static,
    ) -> io::Result<Self> {
        let (send, receive) = mpsc::channel(READ_AHEAD);
        let thread = std::thread::Builder::new().spawn(move || {
            for sample in samples {
                // If nothing receives any more, the run has stopped.
                if send.blocking_send(sample).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { samples: receive, thread: Some(thread) })
    }
}

impl<W: Work<Item = SampleResult, Error = RunError>> Source<W> for ReadAhead {
    async fn next(&mut self) -> Option<Result<SampleResult, RunError>> {
        if let Some(sample) = self.samples.recv().await {
            return Some(sample.map_err(RunError::Broken));
        }
        // The channel is closed at the end of the data, and also if the reader panicked.
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        ended.err().map(|_| Err(RunError::Defect("reading the data broke off in a panic".to_owned())))
    }
}

/// Appends each record to the log of the run, then reports it.
pub(super) struct RecordSink<'a> {
    pub(super) job: &'a Job,
    pub(super) log: &'a Appender,
    pub(super) observers: &'a Observers,
    /// Number of records that were appended.
    pub(super) recorded: usize,
}

impl<W: Work<Outcome = SampleRecord, Error = RunError>> Sink<W> for RecordSink<'_> {
    async fn take(&mut self, mut record: SampleRecord) -> Result<(), RunError> {
        let tokens = unreported_tokens(&record);
        record.earlier = record.earlier + self.job.earlier_tokens(&record);
        self.log.append(&record).await?;
        self.recorded += 1;
        self.observers.emit(&RunEvent::SampleEnded { record: &record, tokens });
        Ok(())
    }
}

/// Tokens of the last attempt, unless its answer broke off: those were reported when the attempt ended.
fn unreported_tokens(record: &SampleRecord) -> Tokens {
    let failure = record.attempts.last().and_then(|attempt| attempt.error.as_ref());
    let broke_off = failure.is_some_and(|failure| RetryPolicy::can_help(failure.kind));
    if broke_off { Tokens::default() } else { record.own_tokens() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::recorded::Replay;

    #[tokio::test]
    async fn a_reader_that_panics_is_not_the_end_of_the_data() {
        let panics = std::iter::once_with(|| panic!("a defect of a reader"));
        let mut samples = ReadAhead::start(panics).unwrap();
        let next = Source::<Replay>::next(&mut samples).await;
        assert!(matches!(next, Some(Err(RunError::Defect(_)))), "it is not recorded as finished");
        assert!(Source::<Replay>::next(&mut samples).await.is_none());
        let mut samples = ReadAhead::start(std::iter::empty()).unwrap();
        assert!(Source::<Replay>::next(&mut samples).await.is_none());
    }
}
