//! The first rows of data that no task describes yet: the files, the columns, and the first cells of each.
//!
//! Reports what the data has. `guess` decides what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::dataset::{self, DatasetError, Files, Pick, find_files, is_picture, unpacked_extension};
use crate::types::{BadRow, ErrorClass, Row, list_or_cell, parse_list, parse_object, text_of, texts_of};

/// Number of rows that are read.
const ROWS: u64 = 100;

/// Extensions of files that hold rows.
const DATA_EXTENSIONS: [&str; 5] = ["jsonl", "ndjson", "csv", "parquet", "tar"];

/// Extensions of files that often hold something else. They count only in a folder without files of the others.
const OTHER_EXTENSIONS: [&str; 3] = ["json", "tsv", "xlsx"];

/// Files that describe the pictures of a folder, one row for each picture.
const METADATA: [&str; 2] = ["metadata.csv", "metadata.jsonl"];

/// The first rows of a user's data.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstRows {
    /// Data folder.
    pub folder: PathBuf,
    /// Data file or pattern in the folder, as in `dataset.file`.
    pub file: String,
    /// Folder that paths of pictures are relative to.
    pub picture_folder: PathBuf,
    /// Whether the data is a folder of pictures without a table, so that only the file names are known.
    pub has_only_pictures: bool,
    /// Number of rows that were read, without bad rows.
    pub rows: usize,
    /// Columns in the order of the file.
    pub columns: Vec<Column>,
    /// The columns that are empty in all of these rows.
    pub empty_columns: Vec<String>,
    /// The rows that were read, without the pictures in them.
    pub(crate) samples: Vec<Row>,
    /// Number of rows that cannot be read.
    pub bad_rows: usize,
    /// The first row that cannot be read.
    pub bad: Option<BadRow>,
}

/// One column in the first rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// Cells that are not empty, in the order of the rows.
    pub cells: Vec<Value>,
    /// Number of rows whose picture is stored in the data file, in this column or inside it.
    pub blobs: usize,
    /// Name under which such a picture is found: the column's own, or the name of the first picture in a list.
    pub blob: Option<String>,
}

/// Why the first rows cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirstRowsError {
    /// The folder has no data.
    #[error("{folder} has neither pictures nor data files (.jsonl, .csv, .parquet); {contents}")]
    NoData {
        /// The folder.
        folder: PathBuf,
        /// Some of its files, in a sentence.
        contents: String,
    },
    /// The folder has more than one data file.
    #[error(
        "{folder} has several data files: name one of them ({}), or several of one kind by a pattern in quotes",
        files.join(", ")
    )]
    SeveralFiles {
        /// The folder.
        folder: PathBuf,
        /// The data files.
        files: Vec<String>,
    },
    /// No row can be read.
    #[error("{data} has no rows that can be read{first}")]
    NoRows {
        /// The data.
        data: PathBuf,
        /// What is wrong with the first row, after a semicolon; empty without rows.
        first: String,
    },
    /// The data cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

impl FirstRowsError {
    /// The class of the error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Data
    }
}

impl FirstRows {
    /// Reads `data`: a data file, a pattern with `*` in its last part, or a folder with pictures or data files.
    ///
    /// # Errors
    /// [`FirstRowsError`] with what was found, and what was expected.
    pub fn read(data: &Path) -> Result<Self, FirstRowsError> {
        let (folder, file) = split_path(data)?;
        let files = find_files(&folder, &file)?;
        let first = files.paths.first().cloned().unwrap_or_else(|| folder.clone());
        let is_folder = first.is_dir();
        let mut first_rows = Self {
            picture_folder: if is_folder {
                first.clone()
            } else {
                first.parent().unwrap_or(&folder).to_owned()
            },
            has_only_pictures: is_folder && !METADATA.iter().any(|name| first.join(name).is_file()),
            folder,
            file,
            rows: 0,
            columns: Vec::new(),
            empty_columns: Vec::new(),
            samples: Vec::new(),
            bad_rows: 0,
            bad: None,
        };
        first_rows.read_rows(&files)?;
        if first_rows.rows == 0 {
            let first = first_rows.bad.map(|bad| format!("; the first is bad: {bad}")).unwrap_or_default();
            return Err(FirstRowsError::NoRows { data: data.to_owned(), first });
        }
        Ok(first_rows)
    }

    fn read_rows(&mut self, files: &Files) -> Result<(), DatasetError> {
        let reader = dataset::open(files, None)?;
        let listed = reader.columns()?.unwrap_or_default();
        self.columns = listed.iter().map(|name| Column { name: name.clone(), ..Column::default() }).collect();
        for row in reader.rows(Pick::Rows((0..ROWS).collect()), &listed)? {
            match row? {
                Ok(row) => self.add(row),
                Err(row) => {
                    self.bad_rows += 1;
                    self.bad.get_or_insert(row);
                }
            }
        }
        let is_empty = |column: &mut Column| column.cells.is_empty() && column.blobs == 0;
        self.empty_columns = self.columns.extract_if(.., is_empty).map(|column| column.name).collect();
        Ok(())
    }

    fn add(&mut self, row: Row) {
        self.rows += 1;
        let mut with_blob = BTreeSet::new();
        for name in row.blobs.keys() {
            let column = self.column(name.split_once('.').map_or(name.as_str(), |(column, _)| column));
            column.blob.get_or_insert_with(|| name.clone());
            if with_blob.insert(column.name.clone()) {
                column.blobs += 1;
            }
        }
        for (name, cell) in &row.cells {
            let column = self.column(name);
            if texts_of(cell).iter().any(|text| !text.trim().is_empty()) {
                column.cells.push(cell.clone());
            }
        }
        self.samples.push(Row { blobs: BTreeMap::new(), ..row });
    }

    fn column(&mut self, name: &str) -> &mut Column {
        let at = self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.columns.push(Column { name: name.to_owned(), ..Column::default() });
            self.columns.len() - 1
        });
        &mut self.columns[at]
    }
}

impl Column {
    /// One text for each cell.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> {
        self.cells.iter().map(text_of)
    }

    /// All texts in the cells, including the items of lists.
    pub(crate) fn items(&self) -> impl Iterator<Item = String> {
        self.cells.iter().flat_map(|cell| texts_of(&list_or_cell(cell.clone())))
    }

    /// Whether every cell is a list of texts, either a JSON list or a text that contains one.
    #[must_use]
    pub(crate) fn is_list(&self) -> bool {
        let is_list = |cell: &Value| match cell {
            Value::Array(items) => items.iter().all(|item| item.is_string() || item.is_null()),
            _ => false,
        };
        !self.cells.is_empty() && self.cells.iter().all(|cell| is_list(&list_or_cell(cell.clone())))
    }

    /// The objects in the cells, also those that are written as text; `None` if a cell is no object.
    pub(crate) fn objects(&self) -> Option<Vec<Map<String, Value>>> {
        let object = |cell: &Value| match cell {
            Value::Object(fields) => Some(fields.clone()),
            Value::String(text) => parse_object(text),
            _ => None,
        };
        self.cells.iter().map(object).collect()
    }

    /// Whether a cell is a text that is written as a list.
    #[must_use]
    pub(crate) fn has_list_in_text(&self) -> bool {
        self.texts_only().any(|text| parse_list(text).is_some())
    }

    fn texts_only(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().filter_map(Value::as_str)
    }

    /// Whether every cell is a text and not a list written as text.
    #[must_use]
    pub(crate) fn is_text(&self) -> bool {
        !self.cells.is_empty() && self.cells.iter().all(Value::is_string) && !self.is_list()
    }

    /// Whether all cells differ.
    #[must_use]
    pub(crate) fn is_unique(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.texts().all(|text| seen.insert(text))
    }
}

/// The data folder, and the file in it.
fn split_path(data: &Path) -> Result<(PathBuf, String), FirstRowsError> {
    // `.` and `..` also get a name.
    let named =
        if data.file_name().is_none() { data.canonicalize().unwrap_or_default() } else { data.to_owned() };
    let folder = match named.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !named.is_dir() {
        return Ok((folder, name));
    }
    if METADATA.iter().any(|name| named.join(name).is_file()) {
        return Ok((folder, name));
    }
    match data_files(&named).as_slice() {
        [only] => Ok((named, only.clone())),
        [] if has_pictures(&named) => Ok((folder, name)),
        [] => Err(FirstRowsError::NoData { folder: data.to_owned(), contents: contents(&named) }),
        several => Err(FirstRowsError::SeveralFiles { folder: data.to_owned(), files: several.to_vec() }),
    }
}

fn has_pictures(folder: &Path) -> bool {
    let files = Files::local(folder.to_owned(), vec![folder.to_owned()]);
    let reader = dataset::open(&files, Some("image_folder"));
    reader.and_then(|reader| reader.known_len()).is_ok_and(|len| len.is_some_and(|len| len > 0))
}

/// The data files in a folder or in its folder `data`. The shards of one split are one pattern.
fn data_files(folder: &Path) -> Vec<String> {
    let with = |extensions: &[&str]| -> Vec<String> {
        let is_data =
            |name: &str| extensions.contains(&unpacked_extension(name).as_str()) && !name.starts_with('.');
        let mut found = BTreeSet::new();
        for prefix in ["", "data/"] {
            let names = names(&folder.join(prefix)).into_iter().filter(|name| is_data(name));
            found.extend(names.map(|name| format!("{prefix}{}", shards(&name))));
        }
        found.into_iter().collect()
    };
    let found = with(&DATA_EXTENSIONS);
    if found.is_empty() { with(&OTHER_EXTENSIONS) } else { found }
}

/// `test-00001-of-00003.parquet` becomes `test-*.parquet`; other names stay.
fn shards(name: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = || {
        let (stem, extension) = name.rsplit_once('.')?;
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (split, number) = rest.rsplit_once('-')?;
        (is_number(count) && is_number(number)).then(|| format!("{split}-*.{extension}"))
    };
    parts().unwrap_or_else(|| name.to_owned())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

fn contents(folder: &Path) -> String {
    let names = names(folder);
    match names.len() {
        0 => "the folder is empty".to_owned(),
        count @ 1..=5 => format!("the folder has {}", names[..count].join(", ")),
        count => format!("the folder has {} and {} more", names[..5].join(", "), count - 5),
    }
}

/// Whether the text ends in the extension of a picture, without the part after `?`.
pub(super) fn names_picture(text: &str) -> bool {
    is_picture(text.split('?').next().unwrap_or(text))
}
