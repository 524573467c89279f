//! A sample: one item of a task, ready to be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;

use super::{Epoch, Messages, RecordedChoices};

/// One item: a question about pictures, and the references for its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The id from the dataset, or the row number. Unique within a run.
    pub id: String,
    /// The repetition, from 1.
    pub epoch: Epoch,
    /// The row of the sample.
    pub row: u64,
    /// The rendered prompt, with the markers of its pictures if the task has them.
    pub prompt: String,
    /// The messages: the system message, the earlier turns, then the prompt with its pictures in order.
    pub messages: Messages<ImageSource>,
    /// The named references. A target without texts is missing in the row.
    pub targets: BTreeMap<String, Vec<String>>,
    /// Other columns that scores or exports read, as text.
    pub fields: BTreeMap<String, String>,
    /// The options of a multiple-choice question; absent if the task has no `choices`.
    pub choices: Option<RecordedChoices>,
    /// The cluster of the sample; see [`super::SampleRecord::cluster`].
    pub cluster: Option<String>,
}

/// The source of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A file on this machine.
    File(PathBuf),
    /// A member that was extracted from an archive.
    Member {
        /// The extracted file on this machine.
        path: PathBuf,
        /// Archive and name, for the record.
        origin: String,
    },
    /// An address that was not fetched.
    Url(String),
    /// A picture that was fetched from an address.
    Fetched {
        /// The picture, encoded.
        bytes: Bytes,
        /// The address.
        url: String,
    },
    /// Bytes from a data file.
    Bytes {
        /// The picture, encoded.
        bytes: Bytes,
        /// File, row and column, for the record.
        origin: String,
    },
}
