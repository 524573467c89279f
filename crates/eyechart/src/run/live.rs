//! What asking samples takes, and how a sample becomes a request: its pictures checked and prepared, its body built.

use std::sync::Arc;

use bytes::Bytes;

use super::cache::{Cache, Key};
use super::{Meter, RunError};
use crate::image::{PrepareError, Preparer};
use crate::log::LogError;
use crate::provider::{Gate, Provider};
use crate::types::{ImageRecord, ImageSource, Request, RequestImage, Sample, SampleRecord};
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
    pub(super) fn ready(&self, sample: Sample) -> Result<Ready, Unready> {
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
