//! Notices that data files change while a run reads them.
//!
//! Only a file whose content differs has changed: a mere touch does not matter. Remote files are not watched, because
//! their pieces are checked whenever they are read.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::folder::files_below;
use super::{DatasetError, Files, is_picture};
use crate::files::{FileState, sha256_hex, sha256_of_file};
use crate::types::DataFile;

/// Number of files whose state is asked for with each item. Of more files, the states are compared once for several
/// items, so that a thousand shards on a slow file system do not slow the run down.
const FILES_PER_ITEM: usize = 64;

/// The files on this machine that rows are read from, as they were when this was made. The content of pictures is not
/// watched: the record of each sample has what was sent.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    files: Vec<WatchedFile>,
    folders: Vec<WatchedFolder>,
}

/// A folder whose pictures are the rows.
#[derive(Debug, Clone)]
struct WatchedFolder {
    path: PathBuf,
    /// The hash of the names; absent if the folder cannot be listed.
    names: Option<String>,
}

#[derive(Debug, Clone)]
struct WatchedFile {
    path: PathBuf,
    /// Absent if the file cannot be found.
    state: Option<FileState>,
    /// SHA-256 of the content; absent until [`Watch::expect`] is called.
    sha256: Option<String>,
}

impl Watch {
    /// Watches `files` from now on.
    pub(crate) fn start(files: &Files) -> Self {
        let local = files.paths.iter().filter(|path| !files.remote.contains_key(*path));
        let of_rows = local.flat_map(|path| match path.is_dir() {
            true => {
                let tables = ["metadata.csv", "metadata.jsonl"].map(|name| path.join(name));
                let has_table = tables.iter().any(|table| table.is_file());
                if has_table { tables.to_vec() } else { texts_beside_pictures(path) }
            }
            false => vec![path.clone()],
        });
        let watched = |path: PathBuf| {
            let state = FileState::of(&path).ok();
            WatchedFile { path, state, sha256: None }
        };
        let rows: Vec<_> = of_rows.map(watched).filter(|file| file.state.is_some()).collect();
        let is_table = |file: &WatchedFile| file.path.extension().is_none_or(|kind| kind != "txt");
        let has_table = |path: &Path| rows.iter().any(|file| is_table(file) && file.path.starts_with(path));
        let of_pictures = |path: &&PathBuf| files.listed.is_none() && path.is_dir() && !has_table(path);
        let folder = |path: &PathBuf| WatchedFolder { path: path.clone(), names: names_of_pictures(path) };
        let folders = files.paths.iter().filter(of_pictures).map(folder).collect();
        Self { files: rows, folders }
    }

    /// Expects the content that `found` describes from now on, which was read after [`Watch::start`].
    ///
    /// # Errors
    /// [`DatasetError::Changed`] if a file has changed since; [`DatasetError::Io`] if it cannot be read.
    pub(crate) fn expect(&mut self, folder: &Path, found: &[DataFile]) -> Result<(), DatasetError> {
        for file in &mut self.files {
            let known = found.iter().find(|found| folder.join(&found.path) == file.path);
            file.sha256 = Some(match known {
                Some(known) => known.sha256.clone(),
                None => sha256_of_file(&file.path)?.sha256,
            });
            if FileState::of(&file.path).ok() != file.state {
                return Err(file.changed());
            }
        }
        Ok(())
    }

    /// Reads and hashes every file whose state differs from the last known one.
    ///
    /// # Errors
    /// [`DatasetError::Changed`] if the content of a file differs; [`DatasetError::Io`] if it cannot be read.
    pub(crate) fn check(&mut self) -> Result<(), DatasetError> {
        for file in &mut self.files {
            let state = FileState::of(&file.path).ok();
            if state != file.state {
                file.verify()?;
                file.state = state;
            }
        }
        Ok(())
    }

    /// Reads and hashes every file.
    ///
    /// # Errors
    /// As [`Watch::check`].
    pub(crate) fn verify(&self) -> Result<(), DatasetError> {
        self.files.iter().try_for_each(WatchedFile::verify)
    }

    /// The same items. An item is handed out only after [`Watch::check`] has found the files unchanged: what was read
    /// from a changed file is dropped, and the error is the last item.
    pub(crate) fn guard<T>(
        mut self,
        mut items: impl Iterator<Item = Result<T, DatasetError>> + Send,
    ) -> impl Iterator<Item = Result<T, DatasetError>> + Send
    where
        T: Send,
    {
        let group = self.files.len() / FILES_PER_ITEM + 1;
        let (mut ready, mut is_over) = (VecDeque::new(), false);
        std::iter::from_fn(move || {
            if ready.is_empty() && !is_over {
                // The reader lists a folder before its first item.
                let folders = std::mem::take(&mut self.folders);
                let moved =
                    folders.into_iter().find(|folder| names_of_pictures(&folder.path) != folder.names);
                if let Some(WatchedFolder { path, .. }) = moved {
                    is_over = true;
                    return Some(Err(DatasetError::Changed { path }));
                }
                ready.extend(items.by_ref().take(group));
                is_over = ready.len() < group;
                if let Err(changed) = self.check() {
                    (ready, is_over) = (VecDeque::from([Err(changed)]), true);
                }
            }
            ready.pop_front()
        })
    }
}

/// The texts beside the pictures of a folder without a table: cells of its rows.
fn texts_beside_pictures(folder: &Path) -> Vec<PathBuf> {
    let names = files_below(folder).unwrap_or_default();
    let texts =
        names.into_iter().filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "txt"));
    texts.map(|name| folder.join(name)).collect()
}

fn names_of_pictures(folder: &Path) -> Option<String> {
    let mut names = files_below(folder).ok()?;
    names.retain(|name| is_picture(name));
    Some(sha256_hex(names.join("\0")))
}

impl WatchedFile {
    fn verify(&self) -> Result<(), DatasetError> {
        match sha256_of_file(&self.path) {
            Ok(found) if self.sha256.as_ref() == Some(&found.sha256) => Ok(()),
            Err(error) if error.source.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Err(self.changed()),
        }
    }

    fn changed(&self) -> DatasetError {
        DatasetError::Changed { path: self.path.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::fingerprint;
    use super::*;

    fn watched(names: &[&str]) -> (tempfile::TempDir, Watch) {
        let folder = tempfile::tempdir().unwrap();
        let paths = names.iter().map(|name| folder.path().join(name));
        let paths: Vec<PathBuf> = paths.inspect(|path| fs::write(path, "abc").unwrap()).collect();
        let files = Files::local(folder.path().to_owned(), paths);
        let mut watch = Watch::start(&files);
        watch.expect(folder.path(), &fingerprint(&files).unwrap()).unwrap();
        (folder, watch)
    }

    #[test]
    fn a_file_written_again_with_the_same_content_has_not_changed() {
        let (folder, mut watch) = watched(&["a"]);
        let path = folder.path().join("a");
        fs::write(&path, "abc").unwrap();
        watch.check().unwrap();
        fs::write(folder.path().join("new"), "abc").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        watch.check().unwrap();
        watch.verify().unwrap();
    }

    #[test]
    fn other_content_of_the_same_size_and_a_missing_file_are_changes() {
        let (folder, mut watch) = watched(&["a", "b"]);
        let path = folder.path().join("b");
        fs::write(&path, "abd").unwrap();
        let changed = watch.check().unwrap_err().to_string();
        assert!(changed.starts_with(&format!("{} has changed", path.display())), "{changed}");
        fs::remove_file(&path).unwrap();
        assert!(matches!(watch.check(), Err(DatasetError::Changed { .. })));
        assert!(matches!(watch.verify(), Err(DatasetError::Changed { .. })));
    }

    #[test]
    fn a_change_between_the_first_read_and_the_hash_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "abc").unwrap();
        let files = Files::local(folder.path().to_owned(), vec![path.clone()]);
        let mut watch = Watch::start(&files);
        fs::write(&path, "abcd").unwrap();
        let found = fingerprint(&files).unwrap();
        assert!(matches!(watch.expect(folder.path(), &found), Err(DatasetError::Changed { .. })));
    }

    #[test]
    fn a_text_beside_a_picture_that_changes_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("a.txt");
        fs::write(folder.path().join("a.png"), "").unwrap();
        fs::write(&text, "a cat").unwrap();
        let files = Files::local(folder.path().to_owned(), vec![folder.path().to_owned()]);
        let mut watch = Watch::start(&files);
        watch.expect(folder.path(), &fingerprint(&files).unwrap()).unwrap();
        watch.verify().unwrap();
        fs::write(&text, "a dog").unwrap();
        assert!(matches!(watch.check(), Err(DatasetError::Changed { .. })));
    }

    #[test]
    fn a_picture_added_to_a_folder_before_its_first_row_is_read_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.png"), "").unwrap();
        let files = Files::local(folder.path().to_owned(), vec![folder.path().to_owned()]);
        let watch = Watch::start(&files);
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(watch.clone().guard(std::iter::once(Ok(1))).all(|item| item.is_ok()));
        fs::write(folder.path().join("a.png"), "").unwrap();
        let items: Vec<_> = watch.guard(std::iter::once(Ok(1))).collect();
        assert!(matches!(items[..], [Err(DatasetError::Changed { .. })]));
    }

    #[test]
    fn nothing_that_was_read_after_a_change_is_handed_out() {
        let names: Vec<String> = (0..=FILES_PER_ITEM).map(|number| number.to_string()).collect();
        for names in [&["a"][..], &names.iter().map(String::as_str).collect::<Vec<_>>()] {
            let (folder, watch) = watched(names);
            let path = folder.path().join(names[0]);
            let items = (0..9).map(move |number| {
                if number == 5 {
                    fs::write(&path, "abd").unwrap();
                }
                Ok(number)
            });
            let handed_out: Vec<_> = watch.guard(items).collect();
            let expected = if names.len() == 1 { 5 } else { 4 };
            assert_eq!(handed_out.iter().filter(|item| item.is_ok()).count(), expected);
            assert!(matches!(handed_out.last(), Some(Err(DatasetError::Changed { .. }))));
            assert_eq!(handed_out.len(), expected + 1);
        }
    }
}
