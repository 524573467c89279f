//! Checks `images/`: the name of every file is the hash of its bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Finding, Problem};
use crate::files::{sha256_of_file, temporaries};

/// The result of a check of a folder of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPictures {
    /// The folder, which runs share.
    pub folder: PathBuf,
    /// Number of pictures.
    pub pictures: usize,
    /// The problems. Empty if there are none or if the folder is missing.
    pub findings: Vec<Finding>,
}

/// Reads every picture in `folder` and compares its hash with its name.
#[must_use]
pub fn check_pictures(folder: &Path) -> CheckedPictures {
    let mut checked = CheckedPictures { folder: folder.to_owned(), pictures: 0, findings: Vec::new() };
    let mut paths = match files_in(folder) {
        Ok(paths) => paths,
        Err(error) => {
            checked.findings.push(Finding::new(
                Problem::Unreadable,
                folder,
                format!("cannot be read: {error}"),
            ));
            return checked;
        }
    };
    paths.sort();
    let left = temporaries(folder, None).unwrap_or_default();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            // Versions up to 0.1 called their temporary files `.*.part`.
            let is_leftover = name.ends_with(".part") || left.contains(&path);
            checked.findings.extend(is_leftover.then(|| leftover(&path)));
            continue;
        }
        checked.pictures += 1;
        checked.findings.extend(wrong_with(&path, &name));
    }
    checked
}

/// The files in the folder. A missing folder has none: most runs store no pictures.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn wrong_with(path: &Path, name: &str) -> Option<Finding> {
    match sha256_of_file(path) {
        Ok(hash) if hash.sha256 == name => None,
        Ok(hash) => {
            let message = format!("its bytes have the SHA-256 {}, expected that of its name", hash.sha256);
            Some(Finding::new(Problem::Picture, path, message))
        }
        Err(error) => {
            let message = format!("cannot be read: {}", error.source);
            Some(Finding::new(Problem::Unreadable, path, message))
        }
    }
}

fn leftover(path: &Path) -> Finding {
    let message = "left behind by a process that was killed: it can be deleted when no run is in progress";
    Finding::new(Problem::Leftover, path, message)
}
