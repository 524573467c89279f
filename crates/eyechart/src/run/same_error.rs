//! Stops a run whose first samples fail with the same error of the endpoint: the other samples would fail too.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::RunError;
use crate::types::{Failure, FailureKind, SampleRecord, Status};

/// Different errors that are compared. With more of them, the errors belong to the samples.
const MOST_ERRORS: usize = 100;
/// Two messages are the same if at most one of this many words differs.
const WORDS_PER_DIFFERENCE: usize = 3;

/// Counts the errors of the samples until one is answered.
#[derive(Debug)]
pub(super) struct SameErrorCheck {
    /// Number of samples with the same error that stop the run.
    limit: usize,
    /// `sample`, or `answer` if each sample is asked several times.
    unit: &'static str,
    /// Whether the endpoint has answered a sample, so that nothing has to be counted any more.
    is_over: AtomicBool,
    seen: Mutex<Vec<SeenError>>,
}

/// An error, and how often it came.
#[derive(Debug)]
struct SeenError {
    failure: Failure,
    words: HashSet<String>,
    samples: usize,
}

impl SameErrorCheck {
    /// Stops the run at `limit` samples, which are called `unit`; never, if absent.
    pub(super) fn new(limit: Option<usize>, unit: &'static str) -> Self {
        let is_over = AtomicBool::new(limit.is_none());
        Self { unit, limit: limit.unwrap_or(usize::MAX), is_over, seen: Mutex::default() }
    }

    /// Records how a sample ended that the endpoint was asked about. Failures without a status 4xx, such as a lost
    /// connection, show nothing.
    pub(super) fn record(&self, record: &SampleRecord) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        if is_answered(record) {
            return self.is_over.store(true, Ordering::Relaxed);
        }
        let Some(failure) = refusal(record) else { return };
        let words = words(&failure.message);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |seen: &&mut SeenError| seen.failure.kind == failure.kind && is_same(&seen.words, &words);
        if let Some(seen) = seen.iter_mut().find(same) {
            seen.samples += 1;
        } else if seen.len() < MOST_ERRORS {
            seen.push(SeenError { failure: failure.clone(), words, samples: 1 });
        } else {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// # Errors
    /// [`RunError::SameError`] if enough samples had the same error, and none was answered.
    pub(super) fn check(&self) -> Result<(), RunError> {
        if self.is_over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.iter().find(|seen| seen.samples >= self.limit) {
            Some(SeenError { failure, .. }) => {
                let (samples, unit) = (self.limit, self.unit);
                Err(RunError::SameError { samples, unit, failure: failure.clone() })
            }
            None => Ok(()),
        }
    }
}

/// Whether the endpoint has read the sample: a model that refuses to answer has read it too.
fn is_answered(record: &SampleRecord) -> bool {
    record.status == Status::Completed
        || record.error.as_ref().is_some_and(|failure| failure.kind == FailureKind::Refused)
}

/// The failure of a sample that a status 4xx ended.
fn refusal(record: &SampleRecord) -> Option<&Failure> {
    let status = record.attempts.last()?.status?;
    record.error.as_ref().filter(|_| (400..500).contains(&status))
}

/// The words that the endpoint wrote, without those that have digits: ids of requests, sizes, names of pictures.
fn words(message: &str) -> HashSet<String> {
    let written = message.split_once(": ").map_or(message, |(_, written)| written);
    let words = written.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.map(str::to_owned).collect()
}

/// Whether few words differ: an id may have letters only, and so may a name.
fn is_same(one: &HashSet<String>, other: &HashSet<String>) -> bool {
    let differing = one.difference(other).count().max(other.difference(one).count());
    differing * WORDS_PER_DIFFERENCE <= one.len().max(other.len())
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
        let mut record = SampleRecord::without_sample(picked, 1, Failure::new(FailureKind::Sample, "none"));
        match failure {
            Some(failure) => record.fail(failure),
            None => record.status = Status::Completed,
        }
        record.attempts.push(attempt);
        record
    }

    fn stops(limit: Option<usize>, records: &[SampleRecord]) -> bool {
        let check = SameErrorCheck::new(limit, "sample");
        records.iter().for_each(|record| check.record(record));
        check.check().is_err()
    }

    fn refused(message: &str) -> SampleRecord {
        ended(400, Some((FailureKind::BadRequest, &format!("status 400 Bad Request: {message}"))))
    }

    #[test]
    fn samples_with_the_same_error_stop_the_run_until_one_is_answered() {
        let same: Vec<_> = (0..3).map(|id| refused(&format!("no such field (request id {id})"))).collect();
        assert!(stops(Some(3), &same), "the ids of the requests differ");
        assert!(!stops(Some(4), &same) && !stops(None, &same));
        let filtered = ended(400, Some((FailureKind::Refused, "status 400 Bad Request: filtered")));
        for answered in [ended(200, None), filtered.clone()] {
            let answered = [answered];
            assert!(!stops(Some(3), &[&answered, &same[..]].concat()));
            assert!(!stops(Some(3), &[&same[..2], &answered, &same[2..]].concat()));
        }
        let overloaded = ended(503, Some((FailureKind::ServerError, "status 503")));
        for other in [refused("no picture"), overloaded] {
            let other = [other];
            assert!(stops(Some(3), &[&other, &same[..2], &other, &same[2..]].concat()));
        }
        assert!(!stops(Some(3), &vec![filtered; 3]), "each sample was refused for itself");
    }

    #[test]
    fn an_id_of_letters_does_not_make_another_error_of_a_message() {
        let ids = ["qwhzjdkf", "lpoiuytr", "mnbvcxzs"];
        for message in
            ["Unsupported parameter (ID)", "no such field; see 'ID' in the log", "bad value: x=ID here"]
        {
            let samples = ids.map(|id| refused(&message.replace("ID", id)));
            assert!(stops(Some(3), &samples), "{message}");
        }
        let mixed =
            ["qwhzjdkf", "a8d7f6g5", "a-b-c-8"].map(|id| refused(&format!("no such field (request {id})")));
        assert!(stops(Some(3), &mixed), "some ids have digits");
        let different = ["no vowels", "no picture", "too long"].map(refused);
        assert!(!stops(Some(2), &different));
    }
}
