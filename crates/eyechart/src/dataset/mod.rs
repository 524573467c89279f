//! Rows out of files: one file per format, each open to any task through a mapping of columns.
//!
//! A reader knows nothing of tasks, prompts or models. It yields rows; what a column means is the task's.

pub mod archive;
mod cell;
mod csv;
mod files;
mod folder;
mod image_folder;
mod jsonl;
mod label;
mod parquet;
mod ranges;
mod read_at;
mod rows;
mod webdataset;

use std::path::{Path, PathBuf};

use crate::files::FileError;
use crate::types::{BadRow, Row, did_you_mean};

pub use files::Files;
pub(crate) use files::{RemoteFile, find_files, fingerprint, select};
pub(crate) use folder::has_rows;
pub(crate) use image_folder::is_picture;
pub(crate) use label::resolve_label;
pub(crate) use ranges::Ranges;
pub(crate) use read_at::ReadAt;

/// Why a dataset cannot be read at all. A single bad row is a [`BadRow`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder that should be there is not.
    #[error("no data file {expected} in {folder}: {hint}")]
    Missing {
        /// The folder that was looked in.
        folder: PathBuf,
        /// The file or pattern that was expected there.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// Reading failed.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file as a whole is not what its format promises.
    #[error("cannot read {path} as {format}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A column that the task names is not in the file.
    #[error(
        "{path} has no column {column:?}{}; it has {}",
        did_you_mean(column, available.iter().map(String::as_str)),
        available.join(", ")
    )]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns there are.
        available: Vec<String>,
    },
    /// A file that is elsewhere cannot be read in pieces: it is to be fetched as a whole first.
    #[error("{path} cannot be read in pieces ({reason}): fetch the whole file first")]
    WholeOnly {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No reader for this format.
    #[error(
        "no reader for {given:?}: expected jsonl, csv, parquet, image_folder or webdataset (`dataset.format`)"
    )]
    UnknownFormat {
        /// The format or extension given.
        given: String,
    },
}

/// Says which file or folder an error is about.
fn io_error(path: &Path) -> impl Fn(std::io::Error) -> DatasetError + use<> {
    let path = path.to_owned();
    move |source| DatasetError::Io { path: path.clone(), source }
}

impl From<FileError> for DatasetError {
    fn from(error: FileError) -> Self {
        Self::Io { path: error.path, source: error.source }
    }
}

/// Which rows are read.
#[derive(Debug, Clone)]
pub enum Pick {
    /// Every row, without pictures held in the file: [`Row::blobs`] is empty, and whether a row has a picture
    /// is not known. A picture's cell holds its path where the file has one.
    Scan,
    /// These rows, with the pictures in the named columns. Order and repetition do not matter; numbers beyond
    /// the last row give nothing.
    Rows(Vec<u64>),
}

/// Rows in file order. Each item is a row or the reason why there is none; a fatal error ends the iteration.
pub type Rows = Box<dyn Iterator<Item = Result<Result<Row, BadRow>, DatasetError>> + Send>;

/// A dataset in one format.
pub trait Reader: Send + Sync {
    /// The picked rows in ascending order of their number, with the cells of `columns` at least (a reader that
    /// must parse a row whole may give all of them). A column is named by itself or by a path into it
    /// (`meta.url`), of which only the column before the first dot is checked. No columns: rows without cells
    /// are enough. Memory is bounded by a row, or by a batch of them.
    ///
    /// # Errors
    /// [`DatasetError`] where a file is missing, not of its format or without a named column; for the files
    /// after the first, while iterating.
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError>;

    /// Brings here what reading these rows (ascending) with these columns takes of files that are elsewhere, in few large
    /// pieces. Reading does so too, only slower.
    ///
    /// # Errors
    /// [`DatasetError`] where a file cannot be read.
    fn prefetch(&self, rows: &[u64], columns: &[String]) -> Result<(), DatasetError> {
        let _ = (rows, columns);
        Ok(())
    }

    /// The columns that can be named, where the format knows them without reading rows.
    ///
    /// # Errors
    /// [`DatasetError`] where a file is missing or not of its format.
    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        Ok(None)
    }

    /// The number of rows, bad ones included, where the format knows it without reading them.
    ///
    /// # Errors
    /// [`DatasetError`] where a file is missing or not of its format.
    fn known_len(&self) -> Result<Option<u64>, DatasetError> {
        Ok(None)
    }
}

/// The reader for `files`, by `format` or else by their extension.
///
/// # Errors
/// [`DatasetError::UnknownFormat`] where neither says which; [`DatasetError::WholeOnly`] for a file that is
/// elsewhere, unless it is Parquet.
pub fn open(files: &Files, format: Option<&str>) -> Result<Box<dyn Reader>, DatasetError> {
    let by_extension = || match files.listed {
        Some(_) => "image_folder".to_owned(),
        None => format_of(files.paths.first().map(PathBuf::as_path)),
    };
    let format = format.map_or_else(by_extension, str::to_owned);
    if let Some(path) = files.remote.keys().next().filter(|_| format != "parquet") {
        let reason = format!("expected parquet, it is {format}");
        return Err(DatasetError::WholeOnly { path: path.clone(), reason });
    }
    match format.as_str() {
        "jsonl" | "ndjson" => Ok(Box::new(jsonl::Jsonl::new(files))),
        "csv" => Ok(Box::new(csv::Csv::new(files))),
        "parquet" => Ok(Box::new(parquet::Parquet::new(files))),
        "image_folder" => Ok(Box::new(image_folder::ImageFolder::new(files))),
        "webdataset" => Ok(Box::new(webdataset::WebDataset::new(files))),
        given => Err(DatasetError::UnknownFormat { given: given.to_owned() }),
    }
}

/// The format that a path's ending, or its being a folder, stands for; empty where there is no path.
fn format_of(path: Option<&Path>) -> String {
    let Some(path) = path else { return String::new() };
    if path.is_dir() {
        return "image_folder".to_owned();
    }
    if webdataset::is_shard(path) {
        return "webdataset".to_owned();
    }
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}
