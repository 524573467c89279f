//! Lists the files below a folder, and tells which of them hold rows of an image folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{DatasetError, io_error};

/// Whether the content of this file of an image folder is read for rows. The name is relative to the folder.
#[must_use]
pub(crate) fn has_rows(name: &str) -> bool {
    matches!(name, "metadata.csv" | "metadata.jsonl") || extension(name) == "txt"
}

pub(super) fn extension(name: &str) -> String {
    Path::new(name).extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The extension of a file, or the one before it if the file is a packed text: `jsonl` for `rows.jsonl.gz`.
pub(crate) fn unpacked_extension(name: &str) -> String {
    let (own, stem) = (extension(name), Path::new(name).with_extension(""));
    let before = extension(&stem.to_string_lossy());
    let is_packed_text = ["gz", "zst"].contains(&own.as_str()) && PACKED_FORMATS.contains(&before.as_str());
    if is_packed_text { before } else { own }
}

/// Formats that may be packed.
const PACKED_FORMATS: [&str; 5] = ["jsonl", "ndjson", "json", "csv", "tsv"];

/// The paths of all files below `folder`, relative to it with `/` between their parts, sorted. Hidden files and
/// folders are left out. Links are followed, but each folder is entered only once, so that loops end.
pub(super) fn files_below(folder: &Path) -> Result<Vec<String>, DatasetError> {
    let mut found = Vec::new();
    collect(folder, "", &mut BTreeSet::new(), &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn collect(
    folder: &Path,
    prefix: &str,
    entered: &mut BTreeSet<PathBuf>,
    found: &mut Vec<String>,
) -> Result<(), DatasetError> {
    if !entered.insert(folder.canonicalize().map_err(io_error(folder))?) {
        return Ok(());
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(io_error(folder))?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), entered, found)?;
        } else if path.is_file() {
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_of_a_packed_file_is_the_one_before() {
        let cases = [
            ("rows.jsonl.gz", "jsonl"),
            ("data/Rows.CSV.ZST", "csv"),
            ("rows.csv", "csv"),
            ("x.csv/rows.gz", "gz"),
            ("rows.parquet.gz", "gz"),
            ("gz", ""),
            ("", ""),
        ];
        for (name, extension) in cases {
            assert_eq!(unpacked_extension(name), extension, "{name}");
        }
    }
}
