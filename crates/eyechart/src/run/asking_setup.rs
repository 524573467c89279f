//! What asking samples takes, and how a sample becomes a request: its pictures checked and prepared, its body built.

use std::sync::Arc;

use bytes::Bytes;

use super::Meter;
use super::cache::{Cache, Key};
use super::request::{RequestBuilder, Unready};
use crate::image::Preparer;
use crate::provider::{GateSettings, Provider};
use crate::types::{Request, Sample, SampleRecord};
use crate::web::Web;

/// Everything that asking one sample needs.
pub struct Live {
    /// The endpoint.
    pub provider: Provider,
    /// What limits the requests.
    pub limits: GateSettings,
    /// Prepares the pictures; none are sent, if absent.
    pub images: Option<Preparer>,
    /// Whether pictures are read and checked but not sent, as in a control without images.
    pub withholds_images: bool,
    /// Fetches pictures that the samples have by their addresses; none are, if absent.
    pub web: Option<Web>,
    /// Says when what the user allows is used up.
    pub meter: Arc<Meter>,
    /// Bytes that prepared requests may hold together.
    pub memory: u64,
    /// Answers of earlier runs; none are used or kept, if absent.
    pub cache: Option<Cache>,
}

/// A sample that can go on.
pub(super) enum Ready {
    /// An earlier run was given its answer.
    Answered(Box<SampleRecord>),
    /// The body is to be sent, and the answer to be kept under the key, if it has one.
    ToAsk(Box<SampleRecord>, Bytes, Option<Key>),
}

impl Live {
    /// Reads and checks the pictures and builds the body. Blocks.
    pub(super) fn prepare(&self, sample: Sample) -> Result<(SampleRecord, Bytes), Unready> {
        self.request(sample).map(|(record, request)| (record, self.provider.body(&request)))
    }

    /// Prepares the sample, and finds its answer where an earlier run was given it. Blocks.
    pub(super) fn ready(&self, sample: Sample) -> Result<Ready, Unready> {
        let (mut record, request) = self.request(sample)?;
        let cache = self.cache.as_ref();
        let key = cache.and_then(|cache| cache.key(&record, &request));
        if let Some((output, from)) = cache.zip(key.as_ref()).and_then(|(cache, key)| cache.get(key)) {
            record.complete_from_cache(output, from);
            return Ok(Ready::Answered(Box::new(record)));
        }
        Ok(Ready::ToAsk(Box::new(record), self.provider.body(&request), key))
    }

    fn request(&self, sample: Sample) -> Result<(SampleRecord, Request), Unready> {
        let preparer = self.images.as_ref();
        RequestBuilder { preparer, withholds_images: self.withholds_images }.build(sample)
    }
}
