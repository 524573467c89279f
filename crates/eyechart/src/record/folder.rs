//! The folder of a run: its name, its files, its lock, and the samples that are not finished.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{BadLine, Record, RecordError, read_outline, read_record};
use crate::files::{
    FileLock, create_folders, read_regular, sync_file, sync_folder, temporaries, write_bytes, write_json,
};
use crate::types::{Epoch, EvalSpec, SampleRecord, Status, ToAsk};

/// The folder of a running or finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// The right to write a run. Released when the last copy is dropped, and when the process ends.
#[derive(Debug, Clone)]
pub struct RunLock {
    lock: Arc<FileLock>,
}

impl RunLock {
    /// Fails if the lock was lost because its file was deleted or replaced.
    pub(super) fn check(&self) -> std::io::Result<()> {
        self.lock.check()
    }
}

/// The spec of a run as it was when the run began to write. A run is finished only if the spec is the same then.
#[derive(Debug)]
pub struct FrozenSpec {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl FrozenSpec {
    /// # Errors
    /// [`RecordError::SpecChanged`] if the file is another one now. A deleted file is restored.
    pub fn verify(&self) -> Result<(), RecordError> {
        let has_gone = match read_regular(&self.path) {
            Ok(bytes) if bytes == self.bytes => return Ok(()),
            Ok(_) => false,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                write_bytes(&self.path, &self.bytes)?;
                true
            }
            Err(error) => return Err(RecordError::io("read", &self.path)(error)),
        };
        Err(RecordError::SpecChanged { path: self.path.clone(), has_gone })
    }
}

/// The samples that a run has not finished.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unfinished {
    /// Samples without a record or with a failed one, by epoch.
    pub to_ask: ToAsk,
    /// Number of completed samples; each epoch counts.
    pub completed: usize,
    /// Lines of the log that cannot be read. Their samples are in `to_ask`.
    pub bad_lines: Vec<BadLine>,
    /// All records, without their texts.
    pub recorded: Vec<SampleRecord>,
}

impl RunFolder {
    /// Creates the folder of a new run under `out`, with its spec and an empty log. All of it is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// [`RecordError::Io`] if `out` cannot be written.
    pub fn create(out: &Path, spec: &EvalSpec) -> Result<Self, RecordError> {
        create_folders(out)?;
        let path = out.join(name_of(spec));
        fs::create_dir(&path).map_err(RecordError::io("create the folder", &path))?;
        let folder = Self { path };
        let samples = folder.samples_path();
        File::create_new(&samples).map_err(RecordError::io("create", &samples))?;
        // The spec makes the folder a run, so it comes last: every run has its log.
        write_json(&folder.spec_path(), spec)?;
        sync_folder(out)?;
        Ok(folder)
    }

    /// Opens the folder of an existing run.
    ///
    /// # Errors
    /// [`RecordError::NoRun`] if `path` is not the folder of a run.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let folder = Self { path: path.to_owned() };
        if folder.spec_path().is_file() { Ok(folder) } else { Err(RecordError::NoRun { path: folder.path }) }
    }

    /// Removes scores and results, which are out of date once the record grows.
    ///
    /// # Errors
    /// [`RecordError::Io`] if they cannot be removed.
    pub fn discard_derived(&self) -> Result<(), RecordError> {
        [self.results_path(), self.scores_path()].iter().try_for_each(|path| remove_if_there(path))
    }

    /// Takes the lock of this run and removes temporary files of a killed process. On a file system without locks
    /// nothing is locked.
    ///
    /// # Errors
    /// [`RecordError::InUse`] if another process has the lock; [`RecordError::Io`] if the folder cannot be written.
    pub fn lock(&self) -> Result<RunLock, RecordError> {
        let lock = FileLock::try_take(&self.lock_path())?;
        let lock = lock.ok_or_else(|| RecordError::InUse { path: self.path.clone() })?;
        // Only the process that holds the lock writes this file, so what is found is not in use.
        for left in
            temporaries(&self.path, Some("samples.jsonl")).map_err(RecordError::io("list", &self.path))?
        {
            fs::remove_file(&left).map_err(RecordError::io("remove", &left))?;
        }
        Ok(RunLock { lock: Arc::new(lock) })
    }

    /// Flushes what a killed process may have written without flushing it: the log, the spec and the names of the files.
    ///
    /// # Errors
    /// [`RecordError::Io`] if a file cannot be flushed.
    pub fn make_durable(&self) -> Result<(), RecordError> {
        sync_file(&self.samples_path())?;
        sync_file(&self.spec_path())?;
        let images = Some(self.images_path()).filter(|folder| folder.is_dir());
        let folders = [Some(self.path.as_path()), self.path.parent(), images.as_deref()];
        folders.into_iter().flatten().try_for_each(sync_folder)?;
        Ok(())
    }

    /// Whether the log has no line, so that the folder holds nothing that was paid for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match fs::metadata(self.samples_path()) {
            Ok(log) => log.len() == 0,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }

    /// Deletes the folder unless it has a record, a process is writing the run, or it has files that are not eyechart's.
    /// Returns whether it did.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the folder cannot be deleted.
    pub fn remove_if_empty(&self) -> Result<bool, RecordError> {
        let lock = match self.lock() {
            Err(RecordError::InUse { .. }) => return Ok(false),
            lock => lock?,
        };
        if !self.is_empty() || self.has_other_files().map_err(RecordError::io("read", &self.path))? {
            return Ok(false);
        }
        fs::remove_dir_all(&self.path).map_err(RecordError::io("delete", &self.path))?;
        drop(lock);
        Ok(true)
    }

    /// Whether the folder has a file that a run without a record does not write.
    fn has_other_files(&self) -> std::io::Result<bool> {
        let own = [self.spec_path(), self.samples_path(), self.load_path(), self.lock_path()];
        let derived = [self.scores_path(), self.results_path(), self.data_changed_path()];
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if !own.contains(&path) && !derived.contains(&path) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a process is writing this run.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        // Without the file no process has written the run, or only a version without locks.
        FileLock::is_taken(&self.lock_path())
    }

    /// The runs directly under `out`, in the order in which they began, then by name.
    ///
    /// # Errors
    /// [`RecordError::NoRun`] if there is no folder `out`, [`RecordError::Io`] if it cannot be listed.
    pub fn all_under(out: &Path) -> Result<Vec<Self>, RecordError> {
        let entries = fs::read_dir(out).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => RecordError::NoRun { path: out.to_owned() },
            _ => RecordError::io("list", out)(error),
        })?;
        let mut runs: Vec<_> = entries.flatten().filter_map(|entry| Self::open(&entry.path()).ok()).collect();
        runs.sort_by_cached_key(|run| (run.began(), run.path.clone()));
        Ok(runs)
    }

    /// The digits of the time at which the run began: from the spec, which has fractions of a second, else from the
    /// name.
    fn began(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Began {
            created: String,
        }
        let text = read_regular(self.spec_path()).unwrap_or_default();
        let began = serde_json::from_slice(&text).map(|Began { created }| created);
        let name = || self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let began = began.unwrap_or_else(|_| name());
        began.split_once('Z').map_or(began.as_str(), |(time, _)| time).replace(['-', ':', '.'], "")
    }

    /// The path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `spec.json`.
    #[must_use]
    pub fn spec_path(&self) -> PathBuf {
        self.path.join("spec.json")
    }

    /// `samples.jsonl`.
    #[must_use]
    pub fn samples_path(&self) -> PathBuf {
        self.path.join("samples.jsonl")
    }

    /// `scores.jsonl`.
    #[must_use]
    pub fn scores_path(&self) -> PathBuf {
        self.path.join("scores.jsonl")
    }

    /// `load.jsonl`.
    #[must_use]
    pub fn load_path(&self) -> PathBuf {
        self.path.join("load.jsonl")
    }

    /// `data-changed.json`, which says that the data of the run changed while the run read it.
    #[must_use]
    pub fn data_changed_path(&self) -> PathBuf {
        self.path.join("data-changed.json")
    }

    /// Keeps with the run that its data has changed, in the words of `message`.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the folder cannot be written.
    pub fn mark_data_changed(&self, message: &str) -> Result<(), RecordError> {
        let at = jiff::Timestamp::now().to_string();
        let changed = serde_json::json!({ "at": at, "message": message });
        Ok(write_json(&self.data_changed_path(), &changed)?)
    }

    /// Removes the mark: the data is again what it was when the run was planned.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the mark cannot be removed.
    pub fn unmark_data_changed(&self) -> Result<(), RecordError> {
        remove_if_there(&self.data_changed_path())
    }

    /// `results.json`.
    #[must_use]
    pub fn results_path(&self) -> PathBuf {
        self.path.join("results.json")
    }

    /// Locked while a process writes the run.
    fn lock_path(&self) -> PathBuf {
        self.path.join("run.lock")
    }

    /// The folder for pictures that exist nowhere else. Shared with the runs in the same folder.
    #[must_use]
    pub fn images_path(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new(".")).join("images")
    }

    /// Reads the spec.
    ///
    /// # Errors
    /// [`RecordError`] if the spec cannot be read or has another version.
    pub fn spec(&self) -> Result<EvalSpec, RecordError> {
        let path = self.spec_path();
        let text = read_regular(&path).map_err(RecordError::io("read", &path))?;
        let malformed = |reason| RecordError::Malformed { path: path.clone(), reason };
        let spec: EvalSpec = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
        spec.of_known_format().map_err(malformed)
    }

    /// The spec as it is now.
    ///
    /// # Errors
    /// [`RecordError::Io`] if it cannot be read.
    pub fn freeze_spec(&self) -> Result<FrozenSpec, RecordError> {
        let path = self.spec_path();
        let bytes = read_regular(&path).map_err(RecordError::io("read", &path))?;
        Ok(FrozenSpec { path, bytes })
    }

    /// Raises the number of epochs in the spec to `epochs`, unless it is that high.
    ///
    /// # Errors
    /// [`RecordError`] if the spec cannot be read or replaced.
    pub fn raise_epochs(&self, epochs: Epoch) -> Result<(), RecordError> {
        let spec = self.spec()?;
        match spec.epochs < epochs {
            true => Ok(write_json(&self.spec_path(), &EvalSpec { epochs, ..spec })?),
            false => Ok(()),
        }
    }

    /// Reads the record.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the log cannot be read.
    pub fn record(&self) -> Result<Record, RecordError> {
        read_record(&self.samples_path())
    }

    /// The samples of `spec` that have no record or a failed one.
    ///
    /// # Errors
    /// As [`RunFolder::record`].
    pub fn unfinished(&self, spec: &EvalSpec) -> Result<Unfinished, RecordError> {
        let record = read_outline(&self.samples_path())?;
        let completed: HashSet<(&str, Epoch)> = record
            .samples
            .iter()
            .filter(|sample| sample.status == Status::Completed)
            .map(|sample| (sample.id.as_str(), sample.epoch))
            .collect();
        let to_ask = ToAsk::except(spec, |id, epoch| completed.contains(&(id, epoch)));
        let completed = spec.answers_due() - to_ask.answers();
        let mut bad_lines = record.bad_lines;
        bad_lines.extend(record.torn);
        Ok(Unfinished { completed, to_ask, bad_lines, recorded: record.samples })
    }
}

fn remove_if_there(path: &Path) -> Result<(), RecordError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RecordError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// `<UTC time>-<task>-<model>-<short id>`, safe as a file name everywhere.
fn name_of(spec: &EvalSpec) -> String {
    let time: String = spec.created.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    let mut hasher = Sha256::new();
    hasher.update(spec.created.as_bytes());
    hasher.update(std::process::id().to_le_bytes());
    hasher.update(spec.task.sha256.as_bytes());
    let unique = hasher.finalize();
    let short = format!("{:02x}{:02x}{:02x}", unique[0], unique[1], unique[2]);
    format!("{time}Z-{}-{}-{short}", safe(&spec.task.name), safe(&spec.model))
}

fn safe(name: &str) -> String {
    let dashed =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' });
    dashed.take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_in_the_order_of_their_fractions_of_a_second_then_of_their_names() {
        let place = tempfile::tempdir().unwrap();
        let lay_out = |name: &str, spec: &str| {
            fs::create_dir(place.path().join(name)).unwrap();
            fs::write(place.path().join(name).join("spec.json"), spec).unwrap();
        };
        lay_out("20261129T101500Z-a", r#"{"created": "2026-11-29T10:15:00.9Z"}"#);
        lay_out("20261129T101500Z-b", r#"{"created": "2026-11-29T10:15:00.25Z"}"#);
        lay_out("20261129T101500Z-d", r#"{"created": "2026-11-29T10:15:00.251Z"}"#);
        lay_out("20261129T101500Z-c", r#"{"created": "2026-11-29T10:15:00.251Z"}"#);
        lay_out("20261129T101459Z-e", "not JSON");
        let runs = RunFolder::all_under(place.path()).unwrap();
        let names = runs.iter().map(|run| run.path.file_name().unwrap().to_str().unwrap().split_at(17).1);
        assert_eq!(names.collect::<Vec<_>>(), ["e", "b", "c", "d", "a"]);
    }

    #[test]
    fn a_second_writer_is_refused_until_the_first_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder { path: place.path().to_owned() };
        assert!(!folder.is_in_use());
        let first = folder.lock().unwrap();
        let refused = folder.lock().unwrap_err();
        assert!(matches!(refused, RecordError::InUse { .. }));
        assert!(refused.to_string().contains(&place.path().display().to_string()), "{refused}");
        assert!(folder.is_in_use());
        drop(first);
        assert!(!folder.is_in_use());
        folder.lock().unwrap();
    }
}
