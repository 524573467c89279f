//! Everything that samples are asked with. Turns a sample into a request: checks and prepares its pictures, builds its
//! body, looks for an earlier answer.

use std::sync::Arc;

use bytes::Bytes;

use super::cache::{Cache, Key};
use super::request::{NotReady, RequestBuilder};
use super::{Meter, StartRules};
use crate::image::Preparer;
use crate::provider::{GateSettings, Provider};
use crate::types::{Request, Sample, SampleRecord};
use crate::web::Web;

/// Everything that samples are asked with.
pub struct AskingSetup {
    /// The endpoint.
    pub provider: Provider,
    /// The limits on requests.
    pub limits: GateSettings,
    /// When the run begins, and what its first replies must be.
    pub start: StartRules,
    /// Prepares the pictures. If absent, no pictures are sent.
    pub images: Option<Preparer>,
    /// Whether pictures are read and checked but not sent, as in a control without images.
    pub withholds_images: bool,
    /// Fetches pictures at addresses. If absent, the endpoint fetches them.
    pub web: Option<Web>,
    /// Holds the budget.
    pub meter: Arc<Meter>,
    /// Maximum memory of all prepared requests together, in bytes.
    pub memory: u64,
    /// Answers of earlier runs. If absent, none are used or stored.
    pub cache: Option<Cache>,
}

/// A sample that is prepared.
pub(super) enum Prepared {
    /// An earlier run has its answer: the complete record.
    Cached(Box<SampleRecord>),
    /// A request has to be sent.
    Request {
        /// The record so far.
        record: Box<SampleRecord>,
        /// The body of the request.
        body: Bytes,
        /// The key under which the answer is stored, if it is.
        key: Option<Key>,
    },
}

impl AskingSetup {
    /// Reads and checks the pictures and builds the body. Blocks.
    pub(super) fn prepare(&self, sample: Sample) -> Result<(SampleRecord, Bytes), NotReady> {
        self.request(sample).map(|(record, request)| (record, self.provider.body(&request)))
    }

    /// As [`AskingSetup::prepare`], but first looks for the answer of an earlier run. Blocks.
    pub(super) fn prepare_or_look_up(&self, sample: Sample) -> Result<Prepared, NotReady> {
        let (mut record, request) = self.request(sample)?;
        let cache = self.cache.as_ref();
        let key = cache.and_then(|cache| cache.key(&record, &request));
        if let Some((output, from)) = cache.zip(key.as_ref()).and_then(|(cache, key)| cache.get(key)) {
            record.complete_from_cache(output, from);
            return Ok(Prepared::Cached(Box::new(record)));
        }
        Ok(Prepared::Request { record: Box::new(record), body: self.provider.body(&request), key })
    }

    fn request(&self, sample: Sample) -> Result<(SampleRecord, Request), NotReady> {
        let preparer = self.images.as_ref();
        RequestBuilder { preparer, withholds_images: self.withholds_images }.build(sample)
    }
}
