//! The pictures in the columns of a row: stored in the data file, or named by paths and addresses.

use bytes::Bytes;
use serde_json::Value;

use super::TaskData;
use crate::task::message::NumberedPicture;
use crate::text::is_address;
use crate::types::{ImageSource, ImagesSpec, Place, Row, items_of, list_or_cell, text_of};

impl TaskData {
    /// The pictures of the row with their numbers. There is at least one if the task has pictures.
    ///
    /// # Errors
    /// The reason why the row has no pictures, or why a picture has no number of its own.
    pub(super) fn images_of(&self, row: &Row) -> Result<Vec<NumberedPicture<ImageSource>>, String> {
        let Some(spec) = self.task.images.as_ref().filter(|_| self.with_images) else {
            return Ok(Vec::new());
        };
        let mut pictures = Vec::new();
        for (number, column) in (1..).zip(spec.columns()) {
            let found = self.pictures_in(row, column)?;
            if spec.columns.is_empty() {
                pictures = found;
            } else {
                refuse_list(row, column, found.len(), spec)?;
                pictures.extend(found.into_iter().map(|found| NumberedPicture { number, ..found }));
            }
        }
        if pictures.is_empty() {
            let columns: Vec<String> = spec.columns().iter().map(|column| format!("{column:?}")).collect();
            let named = if columns.len() == 1 { "column" } else { "columns" };
            return Err(format!("row {} has no picture in the {named} {}", row.number, columns.join(", ")));
        }
        Ok(pictures)
    }

    /// The pictures in one column, numbered by their position in its list.
    fn pictures_in(&self, row: &Row, column: &str) -> Result<Vec<NumberedPicture<ImageSource>>, String> {
        let held = self.held_pictures(row, column);
        if !held.is_empty() {
            return Ok(held);
        }
        let places = places_of(row, column).into_iter();
        places
            .map(|NumberedPicture { number, picture }| {
                Ok(NumberedPicture { number, picture: self.source_of(picture)? })
            })
            .collect()
    }

    /// Pictures that are stored in the data file: in the column itself, or in its list as `column.0`, `column.1`, ….
    fn held_pictures(&self, row: &Row, column: &str) -> Vec<NumberedPicture<ImageSource>> {
        let file = row.file.as_ref().or(self.data.files.paths.first());
        let file = file.map(|path| path.display().to_string()).unwrap_or_default();
        let names = row.get(column);
        let source = |bytes: &Bytes, place: &str, name: Option<&Value>| {
            let name = name.map(|name| format!(" ({})", text_of(name))).unwrap_or_default();
            let origin = format!("{file} row {} column {place}{name}", row.number);
            ImageSource::Bytes { bytes: bytes.clone(), origin }
        };
        if let Some(bytes) = row.blobs.get(column) {
            let name = names.as_ref().filter(|name| !name.is_array());
            return vec![NumberedPicture { number: 1, picture: source(bytes, column, name) }];
        }
        let index = |place: &str| place.strip_prefix(column)?.strip_prefix('.')?.parse::<usize>().ok();
        let held = row.blobs.iter().filter_map(|(place, bytes)| {
            let index = index(place)?;
            let name = names.as_ref().and_then(|names| names.get(index)).filter(|name| !name.is_null());
            Some(NumberedPicture { number: index + 1, picture: source(bytes, place, name) })
        });
        let mut held: Vec<_> = held.collect();
        // The map sorts `images.10` before `images.2`.
        held.sort_unstable_by_key(|numbered| numbered.number);
        held
    }

    /// An address, or a path relative to the data file, as in most public datasets.
    pub(super) fn source_of(&self, place: String) -> Result<ImageSource, String> {
        if is_address(&place) { Ok(ImageSource::Url(place)) } else { self.data.pictures.source(&place) }
    }
}

/// With markers, each of several columns has at most one picture, because its number stands for the column.
fn refuse_list(row: &Row, column: &str, count: usize, spec: &ImagesSpec) -> Result<(), String> {
    if count < 2 || spec.place() != Place::Markers {
        return Ok(());
    }
    Err(format!(
        "row {} has {count} pictures in the column {column:?}: with place = \"markers\" each of `columns` has at most one",
        row.number
    ))
}

/// The paths and addresses in the column, numbered by their position in its list; none if the column holds the
/// pictures themselves. Empty entries are skipped but count.
fn places_of(row: &Row, column: &str) -> Vec<NumberedPicture<String>> {
    let items = row.get(column).map(|value| items_of(&list_or_cell(value))).unwrap_or_default();
    let places =
        (1..).zip(items).filter_map(|(number, item)| Some(NumberedPicture { number, picture: item? }));
    places.filter(|place| !place.picture.trim().is_empty()).collect()
}

/// The paths in the column; none if the column holds the pictures themselves.
pub(super) fn named_pictures(row: &Row, column: &str) -> Vec<String> {
    let is_held = row.blobs.keys().any(|place| place == column || place.starts_with(&format!("{column}.")));
    let places = if is_held { Vec::new() } else { places_of(row, column) };
    places.into_iter().map(|place| place.picture).filter(|place| !is_address(place)).collect()
}
