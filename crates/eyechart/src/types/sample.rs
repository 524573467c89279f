//! A sample: one item of a task, ready to be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;

use super::{Messages, RecordedChoices};

/// One item: what is asked about which pictures, and what the answer is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The dataset's own id, or the row number; unique within a run.
    pub id: String,
    /// The row it was made from.
    pub row: u64,
    /// The rendered prompt, with the markers of its pictures if the task has them.
    pub prompt: String,
    /// What is sent: the prompt and its pictures in their order, after the system message and the earlier turns.
    pub messages: Messages<ImageSource>,
    /// The named references. A target without texts is missing from the row.
    pub targets: BTreeMap<String, Vec<String>>,
    /// Other columns that scores or exports read, as text.
    pub fields: BTreeMap<String, String>,
    /// The options of a multiple-choice question; absent where the task has no `choices`.
    pub choices: Option<RecordedChoices>,
    /// What samples that belong together have in common; see [`super::SampleRecord::cluster`].
    pub cluster: Option<String>,
}

/// Where a picture's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A file on this machine.
    File(PathBuf),
    /// A member of an archive, read out of it.
    Member {
        /// The file on this machine that holds it now.
        path: PathBuf,
        /// Where it stood: archive and name, for the record.
        origin: String,
    },
    /// An address, of which nothing was fetched.
    Url(String),
    /// What was fetched from an address.
    Fetched {
        /// The picture, encoded.
        bytes: Bytes,
        /// Where it came from.
        url: String,
    },
    /// Bytes out of a data file.
    Bytes {
        /// The picture, encoded.
        bytes: Bytes,
        /// Where it stood: file, row and column, for the record.
        origin: String,
    },
}
