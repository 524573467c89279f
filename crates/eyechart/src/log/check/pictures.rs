//! `images/`: every file holds the bytes that its name is the hash of.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Finding, Problem};
use crate::text::hex;

/// A folder of pictures that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPictures {
    /// The folder, which runs share.
    pub folder: PathBuf,
    /// Pictures in it.
    pub pictures: usize,
    /// What is wrong with them; empty where all is well, also where there is no such folder.
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
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            checked.findings.extend(name.ends_with(".part").then(|| leftover(&path)));
            continue;
        }
        checked.pictures += 1;
        checked.findings.extend(wrong_with(&path, &name));
    }
    checked
}

/// No folder is a folder without pictures: most runs send them as they stand.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn wrong_with(path: &Path, name: &str) -> Option<Finding> {
    match hash_of(path) {
        Ok(hash) if hash == name => None,
        Ok(hash) => {
            let message = format!("its bytes have the SHA-256 {hash}, expected that of its name");
            Some(Finding::new(Problem::Picture, path, message))
        }
        Err(error) => Some(Finding::new(Problem::Unreadable, path, format!("cannot be read: {error}"))),
    }
}

fn hash_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut block = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut block)? {
            0 => return Ok(hex(&hasher.finalize())),
            length => hasher.update(&block[..length]),
        }
    }
}

fn leftover(path: &Path) -> Finding {
    let message = "left behind by a process that was killed: it can be deleted when no run is under way";
    Finding::new(Problem::Leftover, path, message)
}
