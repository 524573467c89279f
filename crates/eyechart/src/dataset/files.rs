//! The files that hold the rows, and the hashes that identify their content.
//!
//! Does not know formats, except which files belong to an image folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::folder::{files_below, has_rows};
use super::read_at::{LocalFile, ReadAt};
use super::{DatasetError, io_error};
use crate::files::{FileHash, sha256_of_file};
use crate::text::hex;
use crate::types::DataFile;

/// Number of names that a hint shows.
const NAMES_IN_HINT: usize = 5;

/// The files of a dataset, in the order of their rows.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Data folder.
    pub folder: PathBuf,
    /// Data files, each joined to the folder, sorted. An image folder is a single path.
    pub paths: Vec<PathBuf>,
    /// The paths that are remote files and not on this machine.
    pub(crate) remote: BTreeMap<PathBuf, RemoteFile>,
    /// All files of an image folder if only some are on this machine: sizes in bytes by paths relative to the folder,
    /// with `/` between the parts. Absent if the folder is complete.
    pub listed: Option<BTreeMap<String, u64>>,
}

/// A remote data file that is read in pieces. Only Parquet files can be.
#[derive(Clone)]
pub(crate) struct RemoteFile {
    /// The content.
    pub content: Arc<dyn ReadAt>,
    /// SHA-256 of the content in hexadecimal, as reported by the host.
    pub sha256: String,
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

impl Files {
    /// Files that are all on this machine.
    #[must_use]
    pub fn local(folder: PathBuf, paths: Vec<PathBuf>) -> Self {
        Self { folder, paths, ..Self::default() }
    }

    /// Opens one of the paths to read it in pieces.
    pub(super) fn open(&self, path: &Path) -> Result<Arc<dyn ReadAt>, DatasetError> {
        match self.remote.get(path) {
            Some(remote) => Ok(Arc::clone(&remote.content)),
            None => Ok(Arc::new(LocalFile::open(path).map_err(io_error(path))?)),
        }
    }
}

/// The files in `folder` that match `pattern`: a path relative to the folder with `/` between its parts. `*` in the
/// last part stands for any characters; such a pattern matches only files that are not hidden.
///
/// # Errors
/// [`DatasetError::Missing`] with the contents of the folder if no file matches; [`DatasetError::Io`] if a folder
/// cannot be listed.
pub(crate) fn find_files(folder: &Path, pattern: &str) -> Result<Files, DatasetError> {
    let missing = |hint: String| {
        Err(DatasetError::Missing { folder: folder.to_owned(), expected: pattern.to_owned(), hint })
    };
    let trimmed = pattern.trim_end_matches('/');
    let (parent, last) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
    if !is_inside(trimmed) || parent.contains('*') {
        return missing("expected a path inside that folder, with `*` only in its last part".to_owned());
    }
    if !folder.is_dir() {
        return missing("there is no such folder".to_owned());
    }
    let within = join(folder, parent);
    if !within.is_dir() {
        return missing(format!("the folder has no folder {parent}; {}", contents(folder)?));
    }
    let paths = if last.contains('*') { matching(&within, last)? } else { existing(join(folder, trimmed)) };
    if paths.is_empty() {
        let place = if parent == "." { "the folder".to_owned() } else { parent.to_owned() };
        return missing(contents(&within)?.replacen("it", &place, 1));
    }
    Ok(Files::local(folder.to_owned(), paths))
}

fn is_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// As `Path::join`, without the `.` that stands for the folder itself.
fn join(folder: &Path, path: &str) -> PathBuf {
    let parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
    parts.fold(folder.to_owned(), |joined, part| joined.join(part))
}

fn existing(path: PathBuf) -> Vec<PathBuf> {
    if path.exists() { vec![path] } else { Vec::new() }
}

fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, DatasetError> {
    let is_match = |name: &str| {
        (pattern.starts_with('.') || !name.starts_with('.')) && matches(pattern.as_bytes(), name.as_bytes())
    };
    let names = names(folder)?.into_iter().filter(|name| is_match(name));
    Ok(names.map(|name| folder.join(name)).filter(|path| path.is_file()).collect())
}

/// The names (paths with `/`) that `pattern` matches, sorted. Follows the rules of [`find_files`].
#[must_use]
pub(crate) fn select<'a>(names: impl Iterator<Item = &'a str>, pattern: &str) -> Vec<String> {
    let split = |path: &'a str| path.rsplit_once('/').unwrap_or(("", path));
    let trimmed = pattern.trim_start_matches("./");
    let (parent, last) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
    let is_match = |name: &&'a str| {
        let (folder, name) = split(name);
        let shown = last.starts_with('.') || !name.starts_with('.') || !last.contains('*');
        folder == parent && shown && matches(last.as_bytes(), name.as_bytes())
    };
    let mut found: Vec<String> = names.filter(is_match).map(str::to_owned).collect();
    found.sort_unstable();
    found
}

/// Whether `name` is `pattern` with every `*` replaced by any characters.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut retry = None;
    while from < name.len() {
        if pattern.get(at) == Some(&b'*') {
            retry = Some((at + 1, from));
            at += 1;
        } else if pattern.get(at) == Some(&name[from]) {
            (at, from) = (at + 1, from + 1);
        } else if let Some((after_star, tried)) = retry {
            retry = Some((after_star, tried + 1));
            (at, from) = (after_star, tried + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>, DatasetError> {
    let list = || -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        let mut names = fs::read_dir(folder)?.map(name).collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    };
    list().map_err(io_error(folder))
}

fn contents(folder: &Path) -> Result<String, DatasetError> {
    let names = names(folder)?;
    if names.is_empty() {
        return Ok("it is empty".to_owned());
    }
    let first = names[..names.len().min(NAMES_IN_HINT)].join(", ");
    Ok(match names.len().saturating_sub(NAMES_IN_HINT) {
        0 => format!("it has {first}"),
        more => format!("it has {first} and {more} more"),
    })
}

/// Identifies the content of the data: for each file its path relative to the data folder, its size and its hash.
///
/// An image folder is one entry. Its size is the sum over all files. Its hash is over a list of the files that are
/// not hidden, sorted by name: a line `name NUL size` for each, with another NUL and the SHA-256 in hexadecimal for
/// files that rows are read from (`metadata.csv`, `metadata.jsonl` and `.txt`). Pictures count by name and size; the
/// record of each sample covers their content. For a remote file, the hash that its host reports is used.
///
/// # Errors
/// [`DatasetError::Io`] if a file cannot be read.
pub(crate) fn fingerprint(files: &Files) -> Result<Vec<DataFile>, DatasetError> {
    let entry = |path: &PathBuf| {
        let FileHash { bytes, sha256 } = match files.remote.get(path) {
            Some(remote) => FileHash { bytes: remote.content.size(), sha256: remote.sha256.clone() },
            None if is_folder(files, path) => hash_folder(files, path)?,
            None => sha256_of_file(path)?,
        };
        let relative = path.strip_prefix(&files.folder).unwrap_or(path);
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        Ok(DataFile { path: relative.to_owned(), bytes, sha256 })
    };
    files.paths.iter().map(entry).collect()
}

fn is_folder(files: &Files, path: &Path) -> bool {
    files.listed.is_some() || path.is_dir()
}

fn hash_folder(files: &Files, folder: &Path) -> Result<FileHash, DatasetError> {
    let (mut hasher, mut total) = (Sha256::new(), 0);
    for (name, bytes) in sizes_below(files, folder)? {
        total += bytes;
        hasher.update(match has_rows(&name) {
            true => format!("{name}\0{bytes}\0{}\n", sha256_of_file(&folder.join(&name))?.sha256),
            false => format!("{name}\0{bytes}\n"),
        });
    }
    Ok(FileHash { bytes: total, sha256: hex(&hasher.finalize()) })
}

/// The files below `folder` with their sizes, sorted by path.
fn sizes_below(files: &Files, folder: &Path) -> Result<Vec<(String, u64)>, DatasetError> {
    if let Some(listed) = &files.listed {
        return Ok(listed.iter().map(|(name, bytes)| (name.clone(), *bytes)).collect());
    }
    let with_size = |name: String| {
        let path = folder.join(&name);
        let bytes = fs::metadata(&path).map_err(io_error(&path))?.len();
        Ok((name, bytes))
    };
    files_below(folder)?.into_iter().map(with_size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn found(folder: &Path, pattern: &str) -> Vec<String> {
        let files = find_files(folder, pattern).unwrap();
        let relative = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        files.paths.iter().map(relative).collect()
    }

    #[test]
    fn shards_are_found_by_a_star_in_the_last_part_and_come_sorted() {
        let names =
            ["data/test-2.parquet", "data/test-1.parquet", "data/train-1.parquet", "data/.test-3.parquet"];
        let folder = folder_with(&names);
        let all = ["data/test-1.parquet", "data/test-2.parquet"];
        assert_eq!(found(folder.path(), "data/test-*.parquet"), all);
        assert_eq!(found(folder.path(), "data/*st-*"), all);
        assert_eq!(found(folder.path(), "data/train-1.parquet"), ["data/train-1.parquet"]);
        assert_eq!(found(folder.path(), "data/"), ["data"]);
        assert_eq!(found(folder.path(), "."), [""]);
    }

    #[test]
    fn names_from_elsewhere_are_selected_as_files_are_found() {
        let names = [
            "README.md",
            "data/test-2.parquet",
            "data/test-1.parquet",
            "data/.test-3.parquet",
            "x/data/test-4.parquet",
        ];
        let all = ["data/test-1.parquet", "data/test-2.parquet"];
        assert_eq!(select(names.into_iter(), "data/test-*.parquet"), all);
        assert_eq!(select(names.into_iter(), "./README.md"), ["README.md"]);
        assert!(select(names.into_iter(), "test-1.parquet").is_empty());
    }

    #[test]
    fn a_star_stands_for_any_characters_or_none() {
        let cases =
            [("*", ""), ("a*", "a"), ("*a*b*", "xaybz"), ("a*a", "aa"), ("*ab", "aab"), ("a*b*c", "abbc")];
        for (pattern, name) in cases {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [("a*a", "a"), ("*ab", "abc"), ("a", "ab"), ("", "a"), ("a*b", "acbd")] {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error_that_says_what_is_there() {
        let folder = folder_with(&["a.csv", "b.csv", "c.csv", "d.csv", "data/e.csv", "f.csv", "g.csv"]);
        let hint = |pattern: &str| match find_files(folder.path(), pattern) {
            Err(DatasetError::Missing { hint, .. }) => hint,
            other => panic!("{other:?}"),
        };
        assert_eq!(hint("x.csv"), "the folder has a.csv, b.csv, c.csv, d.csv, data and 2 more");
        assert_eq!(hint("data/x*.csv"), "data has e.csv");
        assert_eq!(
            hint("sub/x.csv"),
            "the folder has no folder sub; it has a.csv, b.csv, c.csv, d.csv, data and 2 more"
        );
        for outside in ["../a.csv", "/a.csv", "*/a.csv"] {
            assert_eq!(hint(outside), "expected a path inside that folder, with `*` only in its last part");
        }
        let nowhere = find_files(&folder.path().join("nowhere"), "a.csv").unwrap_err().to_string();
        assert!(nowhere.ends_with("nowhere: there is no such folder"), "{nowhere}");
        let empty = tempfile::tempdir().unwrap();
        assert!(find_files(empty.path(), "a").unwrap_err().to_string().ends_with(": the folder is empty"));
    }

    #[test]
    fn a_fingerprint_has_relative_path_size_and_hash() {
        let folder = folder_with(&[]);
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/x.jsonl"), "abc").unwrap();
        let files = find_files(folder.path(), "data/x.jsonl").unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        let expected = DataFile { path: PathBuf::from("data/x.jsonl"), bytes: 3, sha256 };
        assert_eq!(fingerprint(&files).unwrap(), [expected]);
    }

    #[test]
    fn an_image_folders_fingerprint_follows_names_sizes_and_the_text_of_its_rows() {
        let folder = folder_with(&["test/metadata.csv", "test/a.png", "test/a.txt"]);
        let files = find_files(folder.path(), "test").unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join("test").join(name), text).unwrap();
        let mut seen = Vec::new();
        let mut hash = || {
            let entries = fingerprint(&files).unwrap();
            assert_eq!(entries[0].path, Path::new("test"));
            let is_new = !seen.contains(&entries[0].sha256);
            seen.push(entries[0].sha256.clone());
            is_new
        };
        assert!(hash());
        write(".hidden", "x");
        assert!(!hash());
        for (name, text) in [("metadata.csv", "test/Metadata.csv"), ("a.txt", "test/A.txt"), ("b.png", "")] {
            write(name, text);
            assert!(hash(), "{name}");
        }
        fs::rename(folder.path().join("test/b.png"), folder.path().join("test/c.png")).unwrap();
        assert!(hash());
    }
}
