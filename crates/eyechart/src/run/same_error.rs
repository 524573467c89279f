//! Stops a run whose first samples all fail with the same error of the endpoint: the other samples would fail too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::RunError;
use crate::types::{Failure, FailureKind, SampleRecord, Status};

/// Compares the errors of the first samples.
#[derive(Debug)]
pub(super) struct SameErrorCheck {
    /// Number of samples with the same error that stop the run.
    limit: usize,
    /// Whether a sample has ended in another way, so that nothing has to be compared any more.
    is_over: AtomicBool,
    seen: Mutex<Option<Seen>>,
}

/// The error of all samples so far.
#[derive(Debug)]
struct Seen {
    failure: Failure,
    samples: usize,
}

impl SameErrorCheck {
    /// Stops the run at `limit` samples; never, if absent.
    pub(super) fn new(limit: Option<usize>) -> Self {
        let is_over = AtomicBool::new(limit.is_none());
        Self { limit: limit.unwrap_or(usize::MAX), is_over, seen: Mutex::default() }
    }

    /// Records how a sample ended that the endpoint was asked about.
    pub(super) fn record(&self, record: &SampleRecord) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        let Some(failure) = refusal(record) else {
            return self.is_over.store(true, Ordering::Relaxed);
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.as_mut() {
            None => *seen = Some(Seen { failure: failure.clone(), samples: 1 }),
            Some(seen) if is_same(&seen.failure, failure) => seen.samples += 1,
            Some(_) => self.is_over.store(true, Ordering::Relaxed),
        }
    }

    /// # Errors
    /// [`RunError::SameError`] if the first samples all had the same error.
    pub(super) fn check(&self) -> Result<(), RunError> {
        if self.is_over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &*seen {
            Some(Seen { failure, samples }) if *samples >= self.limit => {
                Err(RunError::SameError { samples: self.limit, failure: failure.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// The failure of a sample that a status 4xx ended. A refusal to answer is left out: it belongs to the sample.
fn refusal(record: &SampleRecord) -> Option<&Failure> {
    let is_4xx = |status: u16| (400..500).contains(&status);
    let status = record.attempts.last()?.status?;
    let failed = record.status == Status::Failed && is_4xx(status);
    record.error.as_ref().filter(|failure| failed && failure.kind != FailureKind::Refused)
}

/// Whether both messages are the same, apart from words with digits: ids of requests, sizes, names of pictures.
fn is_same(one: &Failure, other: &Failure) -> bool {
    let has_no_digit = |word: &&str| !word.contains(|c: char| c.is_ascii_digit());
    let words = |failure: &Failure| -> Vec<String> {
        failure.message.split_whitespace().filter(has_no_digit).map(str::to_owned).collect()
    };
    one.kind == other.kind && words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Attempt, PickedSample};

    fn ended(status: u16, failure: Option<(FailureKind, &str)>) -> SampleRecord {
        let picked = PickedSample { id: "a".to_owned(), row: 0 };
        let failure = failure.map(|(kind, message)| Failure::new(kind, message));
        let attempt = Attempt {
            started: String::new(),
            seconds: 0.1,
            status: Some(status),
            request_id: None,
            retry_after: None,
            error: failure.clone(),
        };
        let mut record = SampleRecord::without_sample(picked, Failure::new(FailureKind::Sample, "none"));
        match failure {
            Some(failure) => record.fail(failure),
            None => record.status = Status::Completed,
        }
        record.attempts.push(attempt);
        record
    }

    fn stops(limit: Option<usize>, records: &[SampleRecord]) -> bool {
        let check = SameErrorCheck::new(limit);
        records.iter().for_each(|record| check.record(record));
        check.check().is_err()
    }

    #[test]
    fn the_first_samples_stop_the_run_only_if_all_have_the_same_error() {
        let refused = |id: u32| {
            let message = format!("status 400 Bad Request: no such field (request id {id})");
            ended(400, Some((FailureKind::BadRequest, &message)))
        };
        let other = ended(400, Some((FailureKind::BadRequest, "status 400 Bad Request: no picture")));
        let filtered = ended(400, Some((FailureKind::Refused, "status 400 Bad Request: filtered")));
        let overloaded = ended(503, Some((FailureKind::ServerError, "status 503")));
        let same: Vec<_> = (0..3).map(refused).collect();
        assert!(stops(Some(3), &same), "the ids of the requests differ");
        assert!(!stops(Some(4), &same) && !stops(None, &same));
        for first in [ended(200, None), other, filtered.clone(), overloaded] {
            let samples = [&[first], &same[..]].concat();
            assert!(!stops(Some(3), &samples), "{:?}", samples[0]);
        }
        assert!(!stops(Some(3), &vec![filtered; 3]), "each sample was refused for itself");
    }
}
