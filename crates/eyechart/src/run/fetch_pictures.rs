//! Fetches the pictures of a sample that are at addresses, before the sample is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::RunError;
use crate::engine::{Stop, StopLevel, block_on};
use crate::types::{Failure, ImageSource, Sample, SampleRecord};
use crate::web::Web;

/// Fetches the pictures at `urls` into the cache, `at_once` at a time. Blocks. Returns why pictures could not be fetched.
///
/// # Errors
/// [`RunError::Runtime`] if the system has no thread left.
pub fn fetch_addresses(web: &Arc<Web>, urls: Vec<String>, at_once: usize) -> Result<Vec<Failure>, RunError> {
    let mut failures = Vec::new();
    fetch_each(web, urls, at_once, |_, fetched| failures.extend(fetched.err()))?;
    Ok(failures)
}

/// Fetches the pictures at `urls`, `at_once` at a time. Passes each picture, or why it could not be fetched, to `take`.
/// Blocks.
///
/// # Errors
/// [`RunError::Runtime`] if the system has no thread left.
pub(super) fn fetch_each(
    web: &Arc<Web>,
    urls: Vec<String>,
    at_once: usize,
    mut take: impl FnMut(String, Result<Bytes, Failure>) + Send,
) -> Result<(), RunError> {
    let fetching = async {
        let (mut urls, mut in_flight) = (urls.into_iter(), JoinSet::new());
        loop {
            while in_flight.len() < at_once
                && let Some(url) = urls.next()
            {
                let web = Arc::clone(web);
                in_flight.spawn(async move {
                    let fetched = web.fetch(&url).await;
                    (url, fetched)
                });
            }
            match in_flight.join_next().await {
                Some(Ok((url, fetched))) => take(url, fetched),
                // The fetch panicked, so there is no picture.
                Some(Err(_)) => {}
                None => return,
            }
        }
    };
    Ok(block_on(fetching)?)
}

/// The size that the next fetched picture is expected to have: that of the largest picture so far, less an eighth for
/// each later one, so that one large picture does not slow down the rest of a run.
#[derive(Debug, Default)]
pub(super) struct FetchedSize(AtomicU64);

impl FetchedSize {
    /// In bytes; nothing before the first picture.
    pub(super) fn expected(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    fn record(&self, bytes: u64) {
        let next = |expected: u64| Some(bytes.max(expected - expected / 8));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

/// The sample with its pictures fetched, or its failed record if one cannot be fetched. Nothing if the order to stop came
/// first: the sample was not sent yet, so nothing is lost.
pub(super) async fn fetch_unless_stopped(
    web: &Web,
    sample: Sample,
    size: &FetchedSize,
    stop: &Stop,
) -> Result<Sample, Option<Box<SampleRecord>>> {
    tokio::select! {
        biased;
        () = stop.reached(StopLevel::Finish) => Err(None),
        fetched = fetch_pictures(web, sample, size) => fetched.map_err(Some),
    }
}

/// As [`fetch_unless_stopped`], without an order to stop.
pub(super) async fn fetch_pictures(
    web: &Web,
    mut sample: Sample,
    size: &FetchedSize,
) -> Result<Sample, Box<SampleRecord>> {
    let mut failed = None;
    for image in sample.messages.pictures_mut() {
        let ImageSource::Url(url) = image else { continue };
        match web.fetch(url).await {
            Ok(bytes) => {
                size.record(bytes.len() as u64);
                *image = ImageSource::Fetched { bytes, url: std::mem::take(url) };
            }
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
    }
    let Some(failure) = failed else { return Ok(sample) };
    let (mut record, _) = SampleRecord::begin(sample);
    record.fail(failure);
    Err(Box::new(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_size_is_that_of_the_largest_picture_until_many_smaller_ones_came() {
        let size = FetchedSize::default();
        assert_eq!(size.expected(), None);
        size.record(100);
        size.record(8_000);
        size.record(100);
        assert_eq!(size.expected(), Some(7_000));
        (0..100).for_each(|_| size.record(100));
        assert_eq!(size.expected(), Some(100));
    }
}
