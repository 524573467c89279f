//! Makes samples of picked rows, one by one, for each epoch.

use std::collections::HashMap;
use std::sync::Arc;

use super::TaskData;
use super::donors::ExchangedPictures;
use crate::dataset::{DatasetError, Pick};
use crate::task::kept::{cluster_of, refuse_object};
use crate::task::survey::Eligible;
use crate::types::{
    BadRow, Epoch, EpochSamples, Failure, FailureKind, PickedSample, Row, Sample, SampleRecord, ToAsk,
    text_of,
};

/// A picked row that gives no sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleFailure {
    /// The row.
    pub picked: PickedSample,
    /// The repetition, from 1.
    pub epoch: Epoch,
    /// The reason.
    pub failure: Failure,
}

impl SampleFailure {
    /// The record of the sample.
    #[must_use]
    pub fn record(self) -> SampleRecord {
        SampleRecord::without_sample(self.picked, self.epoch, self.failure)
    }
}

/// A sample, or the reason why a picked row gives none.
pub type SampleResult = Result<Sample, Box<SampleFailure>>;

/// The samples of one epoch, as they are read.
type Samples = Box<dyn Iterator<Item = Result<SampleResult, DatasetError>> + Send>;

impl TaskData {
    /// The samples of `picked` (rows ascending), each once, as [`Self::answers_to_ask`] gives them.
    ///
    /// # Errors
    /// As [`Self::answers_to_ask`].
    pub fn samples(
        self,
        picked: Vec<PickedSample>,
    ) -> Result<impl Iterator<Item = Result<SampleResult, DatasetError>> + Send, DatasetError> {
        self.answers_to_ask(ToAsk::once(picked))
    }

    /// The samples of `to_ask`, one for each epoch. Each is made when the iterator reaches it, so that memory is bounded by
    /// one row or one batch of rows. The rows are read again for each epoch. No sample is made of a file that has changed.
    ///
    /// # Errors
    /// [`DatasetError`], from this call or as an item, if the data cannot be read further or has changed.
    pub fn answers_to_ask(
        self,
        to_ask: ToAsk,
    ) -> Result<impl Iterator<Item = Result<SampleResult, DatasetError>> + Send, DatasetError> {
        let watch = self.watch.clone();
        let (dataset, mut epochs) = (Arc::new(self), to_ask.into_epochs().into_iter());
        let first = epochs.next().map(|first| Arc::clone(&dataset).samples_of_epoch(first)).transpose()?;
        let others = epochs.flat_map(move |epoch| match Arc::clone(&dataset).samples_of_epoch(epoch) {
            Ok(samples) => samples,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(watch.guard(first.into_iter().flatten().chain(others)))
    }

    fn samples_of_epoch(self: Arc<Self>, of_epoch: EpochSamples) -> Result<Samples, DatasetError> {
        let EpochSamples { epoch, samples } = of_epoch;
        let rows = samples.iter().map(|picked| picked.row).collect();
        let found = self.rows_of(Pick::Rows(rows), &self.columns())?;
        let mut exchanged = ExchangedPictures::new(&samples);
        let mut names: HashMap<u64, PickedSample> =
            samples.into_iter().map(|picked| (picked.row, picked)).collect();
        Ok(Box::new(found.filter_map(move |row| {
            let row = match row {
                // The rows behind it are lost too: that is no fault of the samples.
                Ok(Err(bad)) if bad.is_damage => return Some(Err(damaged(bad))),
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            let number = row.as_ref().map_or_else(|bad| bad.number, |row| row.number);
            let picked = names.remove(&number)?;
            Some(self.sample_of(row, (picked, epoch), &mut exchanged))
        })))
    }

    /// The samples of `picked` (rows ascending) in their first epoch, as a list. For few samples.
    ///
    /// # Errors
    /// [`DatasetError`] if the data cannot be read.
    pub fn collect_samples(&self, picked: Vec<PickedSample>) -> Result<Vec<SampleResult>, DatasetError> {
        let rows = picked.iter().map(|picked| picked.row).collect();
        let mut exchanged = ExchangedPictures::new(&picked);
        let mut names: HashMap<u64, PickedSample> =
            picked.into_iter().map(|picked| (picked.row, picked)).collect();
        let mut samples = Vec::new();
        for row in self.rows_of(Pick::Rows(rows), &self.columns())? {
            let row = row?;
            let number = row.as_ref().map_or_else(|bad| bad.number, |row| row.number);
            if let Some(picked) = names.remove(&number) {
                samples.push(self.sample_of(row, (picked, 1), &mut exchanged)?);
            }
        }
        Ok(samples)
    }

    /// The first sample that could be picked; absent if there is none.
    ///
    /// # Errors
    /// As [`Self::survey`].
    pub fn first(self) -> Result<Option<SampleResult>, DatasetError> {
        let eligible = self.survey()?.eligible;
        if eligible.count() == 0 {
            return Ok(None);
        }
        let picked = self.pick(&Eligible::Some(vec![eligible.nth(0)]), 1, 0, &mut Vec::new())?;
        self.samples(picked)?.next().transpose()
    }

    fn sample_of(
        &self,
        row: Result<Row, BadRow>,
        (picked, epoch): (PickedSample, Epoch),
        exchanged: &mut ExchangedPictures,
    ) -> Result<SampleResult, DatasetError> {
        let unmade = |picked, failure| Ok(Err(Box::new(SampleFailure { picked, epoch, failure })));
        let mut row = match row {
            Ok(row) => row,
            Err(bad) => return unmade(picked, Failure::new(FailureKind::Sample, bad.to_string())),
        };
        let new_order = match self.shuffle_options(&mut row, &picked.id, epoch) {
            Ok(new_order) => new_order,
            Err(reason) => return unmade(picked, Failure::new(FailureKind::Sample, reason)),
        };
        let prompt = match self.check_lists(&row).and_then(|()| self.prompt_of(&row)) {
            Ok(prompt) => prompt,
            Err(reason) => return unmade(picked, Failure::new(FailureKind::Sample, reason)),
        };
        let lent = match &self.donors {
            Some(donors) => match exchanged.images(row.number, donors, self)? {
                Ok(lent) => Some(lent),
                Err(failure) => return unmade(picked, failure),
            },
            None => None,
        };
        let messages = match self.messages(&row, &prompt, lent.as_deref()) {
            Ok(messages) => messages,
            Err(failure) => return unmade(picked, failure),
        };
        let mut kept = match self.kept.read(&row, &prompt) {
            Ok(kept) => kept,
            Err(reason) => return unmade(picked, Failure::new(FailureKind::Sample, reason)),
        };
        if let (Some(choices), Some(new_order)) = (&mut kept.choices, new_order) {
            choices.label.take_if(|_| !new_order.has_label);
            choices.order = Some(new_order.order);
        }
        if let Some(column) = &self.recorded {
            if !self.kept.compares_objects
                && let Err(reason) = refuse_object(&row, column, "recorded column", "--model recorded/")
            {
                return unmade(picked, Failure::new(FailureKind::Sample, reason));
            }
            kept.fields.extend(row.get(column).map(|cell| (column.clone(), text_of(&cell))));
        }
        Ok(Ok(Sample {
            id: picked.id,
            epoch,
            row: picked.row,
            prompt,
            messages,
            targets: kept.targets,
            fields: kept.fields,
            choices: kept.choices,
            cluster: cluster_of(&row, &self.task),
        }))
    }
}

/// The error of a file that is damaged at a row.
fn damaged(bad: BadRow) -> DatasetError {
    let reason = format!("it is damaged from row {} on: {}", bad.line, bad.reason);
    DatasetError::Malformed { path: bad.file.into(), format: "Parquet", reason }
}
