//! Reads rows from files. Each format has a file here.
//!
//! A reader does not know tasks, prompts or models. It gives rows; the task decides what a column means.

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
mod text_file;
mod watch;
mod webdataset;
mod xlsx;

use std::path::{Path, PathBuf};

use crate::files::{FileError, refuse_lfs_pointer};
use crate::types::{BadRow, Row, did_you_mean};

pub use files::Files;
pub(crate) use files::{RemoteFile, find_files, fingerprint, select};
pub(crate) use folder::{has_rows, unpacked_extension};
pub(crate) use image_folder::{is_picture, other_files};
pub(crate) use jsonl::{JsonObject, json_objects};
pub(crate) use label::{is_ambiguous_label, resolve_label, resolve_label_as};
pub(crate) use ranges::Ranges;
pub(crate) use read_at::ReadAt;
pub(crate) use watch::Watch;

/// Why a dataset cannot be read at all. A single bad row is a [`BadRow`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder is missing.
    #[error("no data file {expected} in {folder}: {hint}")]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The expected file or pattern.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// Reading failed.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file does not follow its format.
    #[error("cannot read {path} as {format}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What is wrong with the file.
        reason: String,
    },
    /// The file lacks a column that the task names.
    #[error(
        "{path} has no column {column:?}{}; it has {}",
        did_you_mean(column, available.iter().map(String::as_str)),
        available.join(", ")
    )]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The named column.
        column: String,
        /// The existing columns.
        available: Vec<String>,
    },
    /// The content of the file is no longer what it was when the rows were counted.
    #[error("{path} has changed while it was read: its rows may not be the same as before")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A remote file cannot be read in pieces and must be fetched whole.
    #[error("{path} cannot be read in pieces ({reason}): fetch the whole file first")]
    WholeOnly {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The text is neither UTF-8 nor in an encoding that can be guessed.
    #[error(
        "{path} is not UTF-8, and its encoding cannot be guessed: name it as `encoding` in [dataset], such as \
         \"windows-1250\" (Central Europe), \"windows-1251\" (Cyrillic), \"windows-1252\", \"shift_jis\" or \"gbk\", or save the file as UTF-8"
    )]
    UnknownEncoding {
        /// The file.
        path: PathBuf,
    },
    /// A value of `encoding` or `delimiter` that has no meaning.
    #[error("{0}")]
    TextOption(String),
    /// There is no reader for this format.
    #[error(
        "no reader for {given:?}: expected jsonl, json, csv, tsv, xlsx, parquet, image_folder or webdataset \
         (`dataset.format`)"
    )]
    UnknownFormat {
        /// The given format or extension.
        given: String,
    },
}

/// For `map_err`: adds the file or folder to an error.
fn io_error(path: &Path) -> impl Fn(std::io::Error) -> DatasetError + use<> {
    let path = path.to_owned();
    move |source| DatasetError::Io { path: path.clone(), source }
}

impl From<FileError> for DatasetError {
    fn from(error: FileError) -> Self {
        Self::Io { path: error.path, source: error.source }
    }
}

/// The rows to read.
#[derive(Debug, Clone)]
pub enum Pick {
    /// All rows, without the pictures in the file: [`Row::blobs`] is empty, and it is unknown whether a row has a
    /// picture. The cell of a picture is its path if the file has one.
    Scan,
    /// The rows with these numbers, with the pictures in the named columns. Order and repetition do not matter.
    /// Numbers after the last row are ignored.
    Rows(Vec<u64>),
}

/// Rows in the order of the files. An item is a row or the reason why a row cannot be read. A fatal error ends the
/// iteration.
pub type Rows = Box<dyn Iterator<Item = Result<Result<Row, BadRow>, DatasetError>> + Send>;

/// A dataset in one format.
pub trait Reader: Send + Sync {
    /// The picked rows in ascending order, with at least the cells of `columns` (a reader that must parse whole rows
    /// may give all cells). A column is named directly or by a path into it (`meta.url`), of which only the part
    /// before the first dot is checked. Without columns, rows may have no cells. Memory is bounded by one row or one
    /// batch of rows.
    ///
    /// # Errors
    /// [`DatasetError`] if a file is missing, does not follow its format or lacks a named column; for the files after
    /// the first, the error comes while iterating.
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError>;

    /// Fetches from remote files what these rows (ascending) with these columns need, in a few large pieces. Reading
    /// without this call also works but is slower.
    ///
    /// # Errors
    /// [`DatasetError`] if a file cannot be read.
    fn prefetch(&self, rows: &[u64], columns: &[String]) -> Result<(), DatasetError> {
        let _ = (rows, columns);
        Ok(())
    }

    /// The columns, if the format knows them without reading rows.
    ///
    /// # Errors
    /// [`DatasetError`] if a file is missing or does not follow its format.
    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        Ok(None)
    }

    /// What the user should know of how the first file is read, one line each without the name of the file.
    ///
    /// # Errors
    /// As [`Self::columns`].
    fn notices(&self) -> Result<Vec<String>, DatasetError> {
        Ok(Vec::new())
    }

    /// The number of rows, including bad rows, if the format knows it without reading them.
    ///
    /// # Errors
    /// [`DatasetError`] if a file is missing or does not follow its format.
    fn known_len(&self) -> Result<Option<u64>, DatasetError> {
        Ok(None)
    }
}

/// How the text of a data file is read. What is absent is found in the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// The encoding.
    encoding: Option<&'static encoding_rs::Encoding>,
    /// The byte between the cells of a table.
    delimiter: Option<u8>,
}

impl TextOptions {
    /// The options that a task names.
    ///
    /// # Errors
    /// [`DatasetError::TextOption`] with what was expected.
    pub fn new(encoding: Option<&str>, delimiter: Option<char>) -> Result<Self, DatasetError> {
        let encoding =
            encoding.map(text_file::encoding_named).transpose().map_err(DatasetError::TextOption)?;
        let byte = |character: char| u8::try_from(character).ok().filter(|byte| csv::is_delimiter(*byte));
        let byte = |character| {
            byte(character).ok_or_else(|| {
                let reason = "expected one character of ASCII that is neither a letter, a digit nor a quote, such as \";\"";
                DatasetError::TextOption(format!("no delimiter {character:?}: {reason}"))
            })
        };
        Ok(Self { encoding, delimiter: delimiter.map(byte).transpose()? })
    }
}

/// Opens `files` with the reader for `format`, or for their extension.
///
/// # Errors
/// As [`open_as`].
pub fn open(files: &Files, format: Option<&str>) -> Result<Box<dyn Reader>, DatasetError> {
    open_as(files, format, &TextOptions::default())
}

/// Opens `files` with the reader for `format`, or for their extension. Only formats of text regard `options`.
///
/// # Errors
/// [`DatasetError::UnknownFormat`] if neither names a known format; [`DatasetError::WholeOnly`] for a remote file
/// that is not Parquet; [`DatasetError::Io`] for a pointer of Git LFS.
pub fn open_as(
    files: &Files,
    format: Option<&str>,
    options: &TextOptions,
) -> Result<Box<dyn Reader>, DatasetError> {
    let by_extension = || match files.listed {
        Some(_) => "image_folder".to_owned(),
        None => format_of(files.paths.first().map(PathBuf::as_path)),
    };
    let format = format.map_or_else(by_extension, str::to_owned);
    if let Some(path) = files.remote.keys().next().filter(|_| format != "parquet") {
        let reason = format!("expected parquet, it is {format}");
        return Err(DatasetError::WholeOnly { path: path.clone(), reason });
    }
    refuse_pointers(files)?;
    match format.as_str() {
        "jsonl" | "ndjson" | "json" => Ok(Box::new(jsonl::Jsonl::new(files, options))),
        "csv" => Ok(Box::new(csv::Csv::new(files, options))),
        "tsv" => Ok(Box::new(csv::Csv::with_tabs(files, options))),
        "xlsx" => Ok(Box::new(xlsx::Xlsx::new(files))),
        "parquet" => Ok(Box::new(parquet::Parquet::new(files))),
        "image_folder" => Ok(Box::new(image_folder::ImageFolder::new(files))),
        "webdataset" => Ok(Box::new(webdataset::WebDataset::new(files))),
        given => Err(DatasetError::UnknownFormat { given: given.to_owned() }),
    }
}

/// The format by the extension of the path, or because the path is a folder; empty without a path.
fn format_of(path: Option<&Path>) -> String {
    let Some(path) = path else { return String::new() };
    if path.is_dir() {
        return "image_folder".to_owned();
    }
    if webdataset::is_shard(path) {
        return "webdataset".to_owned();
    }
    unpacked_extension(&path.to_string_lossy())
}

/// Refuses files that are only pointers of Git LFS. What is not a file is reported when it is read.
fn refuse_pointers(files: &Files) -> Result<(), DatasetError> {
    let mut local = files.paths.iter().filter(|path| !files.remote.contains_key(*path) && path.is_file());
    local.try_for_each(|path| refuse_lfs_pointer(path).map_err(io_error(path)))
}
