//! Guesses which columns hold pictures, and how they are sent.

use serde_json::Value;

use super::{Guess, GuessedColumn, GuessedPictures, normal};
use crate::task::first_rows::{Column, FirstRows, names_picture};
use crate::task::picture_value::{is_encoded_picture, picture_of};
use crate::text::is_address;
use crate::types::SendAs;

const IMAGES: [&str; 19] = [
    "image",
    "images",
    "image_path",
    "image_paths",
    "image_file",
    "img",
    "img_path",
    "picture",
    "pictures",
    "photo",
    "file_name",
    "filename",
    "image_url",
    "image_urls",
    "url",
    "图片",
    "图像",
    "画像",
    "이미지",
];

pub(super) fn pictures(data: &FirstRows) -> Option<GuessedPictures> {
    let rank = |column: &Column| {
        IMAGES.iter().position(|known| *known == normal(&column.name)).unwrap_or(IMAGES.len())
    };
    let mut found: Vec<_> =
        data.columns.iter().filter_map(|column| Some((rank(column), pictures_in(data, column)?))).collect();
    // The sort is stable, so that the first of several columns with unknown names wins. Columns whose pictures are
    // missing come last.
    found.sort_by_key(|(rank, pictures)| (pictures.warning.is_some(), *rank));
    let mut pictures = found.first()?.1.clone();
    pictures.series = series(&pictures, data);
    if let Some(first) = pictures.series.first() {
        pictures.found.column.clone_from(first);
    }
    Some(pictures)
}

/// The columns of pictures whose names differ from that of `first` only in their number, also those that are empty in the
/// first rows; empty if there is only one.
fn series(first: &GuessedPictures, data: &FirstRows) -> Vec<String> {
    let stem = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem.len() < name.len())
            .then(|| (stem.to_owned(), name[stem.len()..].parse::<u32>().unwrap_or(u32::MAX)))
    };
    let Some((own, _)) = stem(&first.found.column) else { return Vec::new() };
    let member = |column: &Column| {
        let (other, number) = stem(&column.name)?;
        let pictures = pictures_in(data, column)?;
        let is_member = other == own && pictures.send == first.send && pictures.found.column == column.name;
        is_member.then(|| (number, column.name.clone()))
    };
    // Rows further on may have more pictures than the first ones.
    let empty = |name: &String| {
        let (other, number) = stem(name)?;
        (other == own).then(|| (number, name.clone()))
    };
    let mut found: Vec<(u32, String)> = data.columns.iter().filter_map(member).collect();
    found.extend(data.empty_columns.iter().filter_map(empty));
    found.sort();
    if found.len() < 2 { Vec::new() } else { found.into_iter().map(|(_, name)| name).collect() }
}

/// The columns with pictures that no role uses.
pub(super) fn unused_pictures(data: &FirstRows, guess: &Guess) -> Vec<String> {
    let is_unused = |column: &&Column| !guess.is_used(&column.name) && pictures_in(data, column).is_some();
    data.columns.iter().filter(is_unused).map(|column| column.name.clone()).collect()
}

/// Pictures that are stored in the data file, or named by paths or by addresses.
fn pictures_in(data: &FirstRows, column: &Column) -> Option<GuessedPictures> {
    let found = |reason: &str| GuessedColumn { column: column.name.clone(), reason: reason.to_owned() };
    if column.blobs > 0 {
        // An item of a list, which need not be the first: others may be null.
        let is_item = |blob: &String| {
            let index = blob.strip_prefix(&column.name).and_then(|rest| rest.strip_prefix('.'));
            index.is_some_and(|index| index.parse::<usize>().is_ok())
        };
        let name = column.blob.clone().filter(|blob| !is_item(blob)).unwrap_or_else(|| column.name.clone());
        // A picture in the objects of a list, such as `images.0.file`.
        let in_objects = || {
            let (index, key) = name.strip_prefix(&column.name)?.strip_prefix('.')?.split_once('.')?;
            index.parse::<usize>().ok().map(|_| format!("{}[].{key}", column.name))
        };
        let name = in_objects().unwrap_or(name);
        let is_one = name != column.name && !name.contains("[]");
        let warning = is_one.then(|| "only the first picture of each row is sent".to_owned());
        let found = GuessedColumn { column: name, reason: "it holds pictures".to_owned() };
        return Some(GuessedPictures { found, series: Vec::new(), send: SendAs::Bytes, warning });
    }
    if !column.cells.is_empty() && column.cells.iter().all(|cell| holds_encoded(cell, &column.name)) {
        let found = found("pictures as base64 or with `bytes`");
        return Some(GuessedPictures { found, series: Vec::new(), send: SendAs::Bytes, warning: None });
    }
    let items: Vec<String> = column.items().filter(|item| !item.trim().is_empty()).collect();
    let is_named = IMAGES.contains(&normal(&column.name).as_str());
    let all = |holds: fn(&str) -> bool| !items.is_empty() && items.iter().all(|item| holds(item));
    if all(is_address) && (is_named || all(names_picture)) {
        return Some(GuessedPictures {
            found: found("addresses of pictures"),
            series: Vec::new(),
            send: SendAs::Url,
            warning: None,
        });
    }
    if !all(names_picture) || items.iter().any(|item| is_address(item)) {
        return None;
    }
    let absent = items.iter().filter(|item| !data.picture_folder.join(item).is_file());
    let warning = match absent.clone().count() {
        0 => None,
        count => absent.clone().next().map(|first| {
            format!(
                "{count} of {} pictures are not there, {} for one",
                items.len(),
                data.picture_folder.join(first).display()
            )
        }),
    };
    Some(GuessedPictures {
        found: found("paths of pictures"),
        series: Vec::new(),
        send: SendAs::Bytes,
        warning,
    })
}

/// Whether the cell, or each item of its list, is a picture in base64 or an object with `bytes` or `path`.
fn holds_encoded(cell: &Value, column: &str) -> bool {
    let is_encoded = |item: &Value| match item {
        Value::String(text) => is_encoded_picture(text),
        Value::Object(_) => matches!(picture_of(item, column), Ok(Some(_))),
        _ => false,
    };
    match cell {
        Value::Array(items) => {
            !items.is_empty() && items.iter().all(|item| item.is_null() || is_encoded(item))
        }
        other => is_encoded(other),
    }
}
