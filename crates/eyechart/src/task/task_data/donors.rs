//! Samples that are sent the pictures of other samples. Reads these pictures in time; does not choose the donors.

use std::collections::{HashMap, VecDeque};

use super::TaskData;
use crate::dataset::{DatasetError, Pick};
use crate::task::message::NumberedPicture;
use crate::types::{Failure, FailureKind, ImageSource, PickedSample};

/// Bytes of pictures that are read ahead of their samples. A single sample may exceed this limit.
const AHEAD_BYTES: u64 = 64 << 20;

/// The row whose pictures a sample is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Donor {
    /// The row with the pictures.
    pub row: u64,
    /// Size of the pictures in memory, in bytes.
    pub bytes: u64,
}

/// The donor of each sample, by the sample's row, or the reason why a sample has none.
#[derive(Debug, Default)]
pub(crate) struct Donors(HashMap<u64, Result<Donor, Failure>>);

impl FromIterator<(u64, Result<Donor, Failure>)> for Donors {
    fn from_iter<I: IntoIterator<Item = (u64, Result<Donor, Failure>)>>(donors: I) -> Self {
        Self(donors.into_iter().collect())
    }
}

/// The pictures of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowPictures {
    /// The row.
    pub row: u64,
    /// The pictures in order, or the reason why there are none.
    pub images: Result<Vec<ImageSource>, String>,
}

impl TaskData {
    /// From now on, gives samples the pictures of their donors. A sample with a failure in `donors` fails with it.
    pub(crate) fn exchange_pictures(&mut self, donors: Donors) {
        self.donors = Some(donors);
    }

    /// Reads only the pictures of `rows` (ascending). Rows that the data lacks are left out. Memory is bounded as in
    /// [`Self::samples`].
    ///
    /// # Errors
    /// [`DatasetError`], from this call or as an item, if the data cannot be read.
    pub(crate) fn pictures(
        &self,
        rows: Vec<u64>,
    ) -> Result<impl Iterator<Item = Result<RowPictures, DatasetError>> + Send, DatasetError> {
        let rows = self.rows_of(Pick::Rows(rows), self.picture_columns())?;
        let sources = |pictures: Vec<NumberedPicture<ImageSource>>| {
            pictures.into_iter().map(|numbered| numbered.picture).collect()
        };
        Ok(rows.map(move |row| {
            Ok(match row? {
                Ok(row) => RowPictures { row: row.number, images: self.images_of(&row).map(sources) },
                Err(bad) => RowPictures { row: bad.number, images: Err(bad.to_string()) },
            })
        }))
    }
}

/// Gives each sample its donor's pictures; samples must arrive in row order. Reads the donors of many samples at a time,
/// because some formats read all rows before a row to reach it.
pub(super) struct ExchangedPictures {
    /// Rows of the samples that follow.
    upcoming: VecDeque<u64>,
    /// Pictures by the row of the donor.
    ready: HashMap<u64, Result<Vec<ImageSource>, String>>,
}

impl ExchangedPictures {
    pub(super) fn new(samples: &[PickedSample]) -> Self {
        Self { upcoming: samples.iter().map(|sample| sample.row).collect(), ready: HashMap::new() }
    }

    /// The pictures that the sample of `row` is sent.
    pub(super) fn images(
        &mut self,
        row: u64,
        donors: &Donors,
        dataset: &TaskData,
    ) -> Result<Result<Vec<ImageSource>, Failure>, DatasetError> {
        let donor = match donors.0.get(&row) {
            Some(Ok(donor)) => donor,
            Some(Err(failure)) => return Ok(Err(failure.clone())),
            None => {
                return Ok(Err(image_failure(format!("row {row} has no part in the exchange of pictures"))));
            }
        };
        if self.upcoming.front().is_some_and(|next| *next <= row) {
            self.read_ahead(row, donors, dataset)?;
        }
        let gone = || Err(format!("row {} cannot be read any more: did a file change?", donor.row));
        Ok(self.ready.remove(&donor.row).unwrap_or_else(gone).map_err(image_failure))
    }

    /// Reads the donors of this sample and of as many later samples as the limit allows.
    fn read_ahead(&mut self, row: u64, donors: &Donors, dataset: &TaskData) -> Result<(), DatasetError> {
        self.ready.clear();
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.upcoming.pop_front() {
            let Some(Ok(donor)) = donors.0.get(&next).filter(|_| next >= row) else { continue };
            bytes += donor.bytes;
            if bytes > AHEAD_BYTES && !rows.is_empty() {
                self.upcoming.push_front(next);
                break;
            }
            rows.push(donor.row);
        }
        rows.sort_unstable();
        for pictures in dataset.pictures(rows)? {
            let pictures = pictures?;
            self.ready.insert(pictures.row, pictures.images);
        }
        Ok(())
    }
}

fn image_failure(reason: String) -> Failure {
    Failure::new(FailureKind::Image, reason)
}
