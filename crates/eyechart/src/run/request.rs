//! Turns a sample into a request: reads and checks the pictures, and begins the record of the sample. Sends nothing.

use super::RunError;
use crate::image::{PrepareError, Preparer};
use crate::record::RecordError;
use crate::types::{
    ImageRecord, ImageSource, Messages, Part, Request, RequestImage, Sample, SampleRecord, Turn,
};

/// Builds the requests of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestBuilder<'a> {
    /// Prepares the pictures. If absent, no pictures are sent.
    pub(super) preparer: Option<&'a Preparer>,
    /// Whether pictures are read and checked but not sent, as in a control without images.
    pub(super) withholds_images: bool,
}

/// Why a sample has no request.
pub(super) enum NotReady {
    /// A picture of the sample cannot be sent: the failed record.
    SampleFailed(Box<SampleRecord>),
    /// The folder of pictures cannot be written: the run stops.
    RunFailed(RunError),
}

impl RequestBuilder<'_> {
    /// The request for `sample`, and its record, which describes the pictures as they are sent. Blocks.
    pub(super) fn build(self, sample: Sample) -> Result<(SampleRecord, Request), NotReady> {
        let (mut record, messages) = SampleRecord::begin(sample);
        match self.prepare(messages, &mut record) {
            Ok(messages) => {
                let image_detail = self.preparer.and_then(Preparer::detail);
                Ok((record, Request { messages, image_detail }))
            }
            Err(PrepareError::Picture(failure)) => {
                record.fail(failure);
                Err(NotReady::SampleFailed(Box::new(record)))
            }
            Err(PrepareError::Store(path, source)) => {
                Err(NotReady::RunFailed(RecordError::Io { action: "keep a picture in", path, source }.into()))
            }
        }
    }

    /// The messages with their pictures as they are sent. Adds an entry for each picture to `record`, up to the first one
    /// that cannot be sent.
    fn prepare(
        self,
        messages: Messages<ImageSource>,
        record: &mut SampleRecord,
    ) -> Result<Messages<RequestImage>, PrepareError> {
        let messages = match self.preparer {
            None => messages.without_pictures(),
            Some(preparer) => {
                preparer.admit(messages.pictures().count())?;
                if self.withholds_images {
                    // A sample that fails with its pictures must fail without them too, so that both runs have the same
                    // samples.
                    let tried = messages.pictures().try_for_each(|source| preparer.try_out(source));
                    tried.map_err(PrepareError::Picture)?;
                    messages.without_pictures()
                } else {
                    messages
                }
            }
        };
        let Messages { system, turns, question } = messages;
        let turns = turns.into_iter().map(|turn| {
            let question = self.prepare_parts(turn.question, &mut record.example_images)?;
            Ok(Turn { question, answer: turn.answer })
        });
        let turns = turns.collect::<Result<_, PrepareError>>()?;
        Ok(Messages { system, turns, question: self.prepare_parts(question, &mut record.images)? })
    }

    fn prepare_parts(
        self,
        parts: Vec<Part<ImageSource>>,
        records: &mut Vec<ImageRecord>,
    ) -> Result<Vec<Part<RequestImage>>, PrepareError> {
        let mut prepared = Vec::with_capacity(parts.len());
        for part in parts {
            prepared.push(match (part, self.preparer) {
                (Part::Text(text), _) => Part::Text(text),
                (Part::Picture(source), Some(preparer)) => {
                    let ready = preparer.prepare(&source)?;
                    records.push(ready.record);
                    Part::Picture(ready.request)
                }
                // Without a preparer there are no pictures left.
                (Part::Picture(_), None) => continue,
            });
        }
        Ok(prepared)
    }
}
