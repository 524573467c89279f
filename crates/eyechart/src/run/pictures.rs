//! The pictures of a sample that are elsewhere, fetched before it is asked.

use super::stop::Orders;
use crate::types::{ImageSource, Sample, SampleRecord};
use crate::web::Web;

/// The sample with what is at its addresses; its failed record where one of them gives no picture; nothing where
/// the order to stop came first: nothing has been asked yet, so nothing is lost.
pub(super) async fn fetched(
    web: &Web,
    sample: Sample,
    orders: &Orders,
) -> Result<Sample, Option<Box<SampleRecord>>> {
    tokio::select! {
        biased;
        () = orders.to_finish() => Err(None),
        fetched = fetch_all(web, sample) => fetched.map_err(Some),
    }
}

async fn fetch_all(web: &Web, mut sample: Sample) -> Result<Sample, Box<SampleRecord>> {
    let mut failed = None;
    for image in &mut sample.images {
        let ImageSource::Url(url) = image else { continue };
        match web.fetch(url).await {
            Ok(bytes) => *image = ImageSource::Fetched { bytes, url: std::mem::take(url) },
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
