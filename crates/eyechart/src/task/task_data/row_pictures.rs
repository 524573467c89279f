//! The pictures in the columns of a row: stored in the data file, or named by paths and addresses.

use super::TaskData;
use crate::task::message::NumberedPicture;
use crate::task::picture_value::{PictureValue, picture_of, pictures_in};
use crate::types::{ImageSource, ImagesSpec, Place, Row};

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
            let found = self.sources_in(row, column)?;
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
    fn sources_in(&self, row: &Row, column: &str) -> Result<Vec<NumberedPicture<ImageSource>>, String> {
        let file = row.file.as_ref().or(self.data.files.paths.first());
        let file = file.map(|path| path.display().to_string()).unwrap_or_default();
        let place = format!("{file} row {} column ", row.number);
        let found = pictures_in(row, column).map_err(|reason| format!("{place}{reason}"))?;
        let sources = found.into_iter().map(|NumberedPicture { number, picture }| {
            Ok(NumberedPicture { number, picture: self.source_of(picture, &place)? })
        });
        sources.collect()
    }

    /// The picture of an example, which the task file names.
    pub(super) fn example_source(&self, text: &str) -> Result<ImageSource, String> {
        match picture_of(&text.into(), "examples")? {
            Some(picture) => self.source_of(picture, ""),
            None => Err("an example has an empty text in `images`".to_owned()),
        }
    }

    /// An address, or a path relative to the data file, as in most public datasets. `place` names the row.
    fn source_of(&self, picture: PictureValue, place: &str) -> Result<ImageSource, String> {
        match picture {
            PictureValue::Bytes { bytes, place: column, name } => {
                let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
                Ok(ImageSource::Bytes { bytes, origin: format!("{place}{column}{name}") })
            }
            PictureValue::Address(address) => Ok(ImageSource::Url(address)),
            PictureValue::Path(path) => self.data.pictures.source(&path),
        }
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

/// The paths of pictures in the column. A value that is not a picture is reported when its sample is made.
pub(super) fn named_pictures(row: &Row, column: &str) -> Vec<String> {
    let found = pictures_in(row, column).unwrap_or_default().into_iter();
    found.filter_map(|found| path_of(found.picture)).collect()
}

/// The path that an example of the task file names.
pub(super) fn example_path(text: &str) -> Option<String> {
    path_of(picture_of(&text.into(), "examples").ok()??)
}

fn path_of(picture: PictureValue) -> Option<String> {
    match picture {
        PictureValue::Path(path) => Some(path),
        PictureValue::Bytes { .. } | PictureValue::Address(_) => None,
    }
}
