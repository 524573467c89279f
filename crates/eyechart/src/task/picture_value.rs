//! Reads what a cell says of its pictures: the bytes, stored or as base64, a path, or an address.
//!
//! Opens no file and knows no folder.

use std::path::PathBuf;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::message::NumberedPicture;
use crate::image::begins_as_picture;
use crate::text::{file_path, is_address, shown_value};
use crate::types::{Row, list_or_cell, parse_object};

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters at the start of a text that are decoded to see whether it is a picture; a multiple of four.
const LOOKED_AT: usize = 64;

/// A picture as a cell gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PictureValue {
    /// The picture itself.
    Bytes {
        /// The content of its file.
        bytes: Bytes,
        /// The column, or the item of its list as `column.0`.
        place: String,
        /// The path that the data gives in addition, for messages.
        name: Option<String>,
    },
    /// An `http` or `https` address.
    Address(String),
    /// The path of a file.
    Path(String),
}

/// The pictures in a column of a row, numbered by their position in its list. Null and empty items are skipped but count.
///
/// # Errors
/// The reason why an item is not a picture.
pub(super) fn pictures_in(row: &Row, column: &str) -> Result<Vec<NumberedPicture<PictureValue>>, String> {
    let cell = row.get(column).map(list_or_cell);
    if let Some(bytes) = row.blobs.get(column) {
        let name = cell.as_ref().and_then(name_in);
        let picture = PictureValue::Bytes { bytes: bytes.clone(), place: column.to_owned(), name };
        return Ok(vec![NumberedPicture { number: 1, picture }]);
    }
    let items_at = ItemPlaces::of(column);
    let items = match &cell {
        Some(Value::Array(items)) => items.clone(),
        Some(other) => return Ok(one(picture_of(other, column)?, 1).into_iter().collect()),
        None => Vec::new(),
    };
    let mut pictures = Vec::new();
    for index in 0..items.len().max(items_at.stored_count(row)) {
        let place = items_at.place(index);
        let picture = match row.blobs.get(&place) {
            Some(bytes) => {
                let name = items.get(index).and_then(name_in);
                Some(PictureValue::Bytes { bytes: bytes.clone(), place, name })
            }
            None => items.get(index).map_or(Ok(None), |item| picture_of(item, &place))?,
        };
        pictures.extend(one(picture, index + 1));
    }
    Ok(pictures)
}

fn one(picture: Option<PictureValue>, number: usize) -> Option<NumberedPicture<PictureValue>> {
    picture.map(|picture| NumberedPicture { number, picture })
}

/// Where the pictures of a list are stored: at `images.0` for the column `images`, at `image.0.file` for the path
/// `image[].file`.
struct ItemPlaces<'a> {
    list: &'a str,
    /// What follows the number of an item.
    rest: &'a str,
}

impl<'a> ItemPlaces<'a> {
    fn of(column: &'a str) -> Self {
        let (list, rest) = column.split_once("[]").unwrap_or((column, ""));
        Self { list, rest }
    }

    fn place(&self, index: usize) -> String {
        format!("{}.{index}{}", self.list, self.rest)
    }

    /// The number of items in the list, as far as the pictures stored in the data file show.
    fn stored_count(&self, row: &Row) -> usize {
        let index = |place: &String| {
            place.strip_prefix(self.list)?.strip_prefix('.')?.strip_suffix(self.rest)?.parse::<usize>().ok()
        };
        row.blobs.keys().filter_map(index).max().map_or(0, |last| last + 1)
    }
}

/// The path beside a stored picture.
fn name_in(value: &Value) -> Option<String> {
    let name = match value {
        Value::Object(fields) => fields.get("path")?,
        other => other,
    };
    name.as_str().map(shown_value)
}

/// The picture in a value of the column or list item `place`; `None` if it is null or empty.
///
/// # Errors
/// What was expected.
pub(super) fn picture_of(value: &Value, place: &str) -> Result<Option<PictureValue>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => text_picture(text, place),
        Value::Object(fields) => object_picture(fields, place),
        other => text_picture(&other.to_string(), place),
    }
}

/// The picture in an object with `bytes`, `path` or both, as the `datasets` library writes it.
fn object_picture(fields: &Map<String, Value>, place: &str) -> Result<Option<PictureValue>, String> {
    let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
    if fields.is_empty() {
        return Ok(None);
    }
    if !fields.contains_key("bytes") && !fields.contains_key("path") {
        let found = shown_value(&Value::Object(fields.clone()).to_string());
        return Err(format!("{place}: expected an object with `bytes` or `path`, got {found}"));
    }
    let bytes = match field("bytes") {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(decoded(data_of(text), place)?),
        Some(Value::Array(numbers)) => Some(bytes_of(numbers, place)?),
        _ => None,
    };
    match bytes.filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => {
            let name = field("path").and_then(name_in);
            Ok(Some(PictureValue::Bytes { bytes, place: place.to_owned(), name }))
        }
        None => field("path").map_or(Ok(None), |path| picture_of(path, place)),
    }
}

fn bytes_of(numbers: &[Value], place: &str) -> Result<Bytes, String> {
    let byte = |number: &Value| u8::try_from(number.as_u64()?).ok();
    let bytes: Option<Vec<u8>> = numbers.iter().map(byte).collect();
    bytes.map(Bytes::from).ok_or_else(|| format!("{place}: expected `bytes` as numbers from 0 to 255"))
}

/// An address, a `data:` URL, base64 or a path, without the spaces around it.
fn text_picture(text: &str, place: &str) -> Result<Option<PictureValue>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if is_address(text) {
        return Ok(Some(PictureValue::Address(text.to_owned())));
    }
    if let Some(fields) = parse_object(text) {
        return object_picture(&fields, place);
    }
    let bytes = if is_data_url(text) {
        Some(decoded(data_of(text), place)?)
    } else if is_base64_of_picture(text) {
        Some(decoded(text, place)?)
    } else if text.starts_with('<') {
        // An SVG, or a web page: the message says so when the picture is checked.
        Some(Bytes::copy_from_slice(text.as_bytes()))
    } else {
        None
    };
    Ok(Some(match bytes {
        Some(bytes) => PictureValue::Bytes { bytes, place: place.to_owned(), name: None },
        None => PictureValue::Path(plain_path(text)),
    }))
}

fn is_data_url(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"))
}

/// The part of a `data:` URL after its comma, or the whole text.
fn data_of(text: &str) -> &str {
    match text.split_once(',') {
        Some((_, data)) if is_data_url(text) => data,
        _ => text,
    }
}

/// Whether the text is base64 that begins as a picture does.
pub(super) fn is_base64_of_picture(text: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n\t ".contains(&byte);
    if text.len() < LOOKED_AT || !text.bytes().all(is_base64) {
        return false;
    }
    let start: String = text.chars().filter(|c| !c.is_ascii_whitespace()).take(LOOKED_AT).collect();
    decoded(&start, "").is_ok_and(|bytes| begins_as_picture(&bytes))
}

/// Whether the value is a picture in base64, bare or as a `data:` URL.
pub(super) fn is_encoded_picture(text: &str) -> bool {
    let text = text.trim();
    is_data_url(text) && text.get(..LOOKED_AT).is_some_and(|start| start.contains(";base64,"))
        || is_base64_of_picture(text)
}

/// Decodes base64 of either alphabet, with or without line breaks.
fn decoded(text: &str, place: &str) -> Result<Bytes, String> {
    let plain = |byte: u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(plain).collect();
    let decoded = BASE64.decode(text);
    decoded.map(Bytes::from).map_err(|error| format!("{place}: expected a picture in base64: {error}"))
}

/// A path with slashes, without `file://` and with the user's folder in place of `~`.
fn plain_path(text: &str) -> String {
    let path = file_path(text).unwrap_or_else(|| text.to_owned()).replace('\\', "/");
    let home = || path.strip_prefix("~/").and_then(|rest| Some(home_folder()?.join(rest)));
    home().map_or_else(|| path.clone(), |path| path.to_string_lossy().into_owned())
}

fn home_folder() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A PNG of 8 × 8 pixels.
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAE0lEQVR4nGNk+M+AFTBhFx6sEgDMQgEPMsBb2QAAAABJRU5ErkJggg==";

    fn read(value: Value) -> Option<PictureValue> {
        picture_of(&value, "image").unwrap()
    }

    fn path(text: &str) -> Option<PictureValue> {
        Some(PictureValue::Path(text.to_owned()))
    }

    #[test]
    fn base64_is_a_picture_in_every_form() {
        let bytes = BASE64.decode(PNG).unwrap();
        let with_breaks: String =
            PNG.as_bytes().chunks(20).map(|line| format!("{}\r\n", str::from_utf8(line).unwrap())).collect();
        for value in [
            json!(PNG),
            json!(with_breaks),
            json!(PNG.trim_end_matches('=')),
            json!(PNG.replace('+', "-").replace('/', "_")),
            json!(format!(" data:image/png;base64,{PNG}\n")),
            json!({"bytes": PNG, "path": null}),
            json!({"bytes": format!("data:image/png;base64,{PNG}")}),
            json!({"bytes": bytes, "width": 8}),
        ] {
            let Some(PictureValue::Bytes { bytes: read, .. }) = read(value.clone()) else {
                panic!("{value}")
            };
            assert_eq!(read, bytes);
        }
        let named = read(json!({"bytes": PNG, "path": "a.png"}));
        assert!(matches!(named, Some(PictureValue::Bytes { name: Some(name), .. }) if name == "a.png"));
    }

    #[test]
    fn paths_and_addresses_have_many_spellings() {
        assert_eq!(read(json!(" images\\a.png ")), path("images/a.png"));
        assert_eq!(read(json!("file:///tmp/a%20b.png")), path("/tmp/a b.png"));
        assert_eq!(read(json!({"bytes": null, "path": "a.png"})), path("a.png"));
        assert_eq!(read(json!(17)), path("17"));
        assert_eq!(read(json!("/9j/abc")), path("/9j/abc"), "too short for a JPEG");
        let home = home_folder().unwrap();
        assert_eq!(read(json!("~/a.png")), path(&home.join("a.png").to_string_lossy()));
        let address = PictureValue::Address("https://a.example/b.png".to_owned());
        assert_eq!(read(json!("\thttps://a.example/b.png ")), Some(address));
    }

    #[test]
    fn empty_values_are_no_pictures_and_others_say_what_was_expected() {
        for value in [json!(null), json!(" "), json!({"bytes": null, "path": null}), json!({"bytes": ""})] {
            assert_eq!(read(value), None);
        }
        let refused = |value| picture_of(&value, "image").unwrap_err();
        let long = refused(json!({"caption": "x".repeat(1000)}));
        assert!(long.starts_with("image: expected an object with `bytes` or `path`, got {"), "{long}");
        assert!(long.chars().count() < 150, "{long}");
        let damaged = refused(json!("data:image/png;base64,iVBORw0KGgo?"));
        assert!(damaged.starts_with("image: expected a picture in base64: "), "{damaged}");
        assert!(refused(json!({"bytes": [256]})).contains("from 0 to 255"));
    }

    #[test]
    fn items_of_a_list_keep_their_numbers_whatever_form_each_has() {
        let mut row = Row::default();
        row.cells.insert("images".to_owned(), json!(["0.png", null, "", "3.png", {"path": "4.png"}, null]));
        row.blobs.insert("images.5".to_owned(), Bytes::from_static(b"5"));
        row.blobs.insert("images.0".to_owned(), Bytes::from_static(b"0"));
        row.blobs.insert("images.10".to_owned(), Bytes::from_static(b"10"));
        let found = pictures_in(&row, "images").unwrap();
        assert_eq!(found.iter().map(|found| found.number).collect::<Vec<_>>(), [1, 4, 5, 6, 11]);
        let stored = |bytes: &'static str, place: &str, name: Option<&str>| PictureValue::Bytes {
            bytes: Bytes::from_static(bytes.as_bytes()),
            place: place.to_owned(),
            name: name.map(str::to_owned),
        };
        assert_eq!(found[0].picture, stored("0", "images.0", Some("0.png")));
        assert_eq!(found[2].picture, PictureValue::Path("4.png".to_owned()));
        assert_eq!(found[4].picture, stored("10", "images.10", None));
    }

    #[test]
    fn a_path_into_a_list_finds_the_pictures_that_are_stored_in_its_objects() {
        let mut row = Row::default();
        row.cells.insert("image".to_owned(), json!([{"file": "0.png"}, {"caption": "c"}, {"file": "2.png"}]));
        row.blobs.insert("image.0.file".to_owned(), Bytes::from_static(b"0"));
        row.blobs.insert("image.3.file".to_owned(), Bytes::from_static(b"3"));
        row.blobs.insert("image.4.other".to_owned(), Bytes::from_static(b"4"));
        let found = pictures_in(&row, "image[].file").unwrap();
        assert_eq!(found.iter().map(|found| found.number).collect::<Vec<_>>(), [1, 3, 4]);
        let place = |at: usize| match &found[at].picture {
            PictureValue::Bytes { place, .. } => place.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!([place(0), place(1), place(2)], ["image.0.file", "Path(\"2.png\")", "image.3.file"]);
    }
}
