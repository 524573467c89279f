//! The demo set, embedded in the binary: pictures, questions, references and scripted answers made for this project.

use std::path::{Path, PathBuf};

use crate::files::{FileError, create_folders, read_regular, write_bytes};

/// The models of the demo. Their answers were written by hand.
pub const MODELS: [&str; 2] = ["demo/large", "demo/small"];

/// The names of the task files in the set.
pub const TASKS: [&str; 4] = ["charts.toml", "instructions.toml", "describe.toml", "captions.toml"];

/// The name of the file with the scripted answers in the set.
pub const ANSWERS: &str = "answers.jsonl";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../demo/", $name)))),*]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "answers.jsonl",
    "captions.jsonl",
    "captions.toml",
    "charts.jsonl",
    "charts.toml",
    "describe.toml",
    "instructions.csv",
    "instructions.toml",
    "images/balloons.jpg",
    "images/cat.png",
    "images/clock.png",
    "images/loss.png",
    "images/pipeline.png",
    "images/receipt.jpg",
    "images/sailboat.jpg",
    "images/scale.jpg",
    "images/scatter.webp",
    "images/snow-house.jpg",
    "images/street-map.png",
    "images/yield.png",
];

/// Writes the set into `folder`, where runs read it like any other data. Files that already have the right content are
/// not written again.
///
/// # Errors
/// [`FileError`] if the folder cannot be written.
pub fn unpack(folder: &Path) -> Result<PathBuf, FileError> {
    let images = folder.join("images");
    create_folders(&images)?;
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if read_regular(&path).is_ok_and(|present| present == *bytes) {
            continue;
        }
        write_bytes(&path, bytes)?;
    }
    Ok(folder.to_owned())
}
