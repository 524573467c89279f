//! Appends to `samples.jsonl`. A line is written before the caller continues, and flushed to the disk a moment later in
//! a group.
//!
//! One thread writes the waiting lines and acknowledges them. Another thread flushes what was written meanwhile. A slow
//! disk makes the groups larger and never delays a request.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use super::{RecordError, RunLock};
use crate::files::check_in_place;
use crate::types::{SampleRecord, Status, Tally};

/// Time between two looks at whether the log and the lock are still in their places.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum number of lines in one write.
const GROUP: usize = 256;

/// What one line adds to the tally.
#[derive(Debug, Clone, Copy)]
pub struct LineSummary {
    failed: bool,
    tokens: u64,
}

impl From<&SampleRecord> for LineSummary {
    fn from(record: &SampleRecord) -> Self {
        let asked = record.output.as_ref().filter(|_| record.cached.is_none());
        let usage = asked.and_then(|output| output.usage).unwrap_or_default();
        Self { failed: record.status == Status::Failed, tokens: usage.total() }
    }
}

struct Line {
    bytes: Vec<u8>,
    summary: LineSummary,
    written: oneshot::Sender<Result<(), std::io::Error>>,
}

/// An open log. [`Appender::finish`] closes it.
pub struct Appender {
    path: PathBuf,
    /// The file at `path` when the log was opened.
    opened: Option<File>,
    lines: mpsc::Sender<Line>,
    durable: watch::Receiver<Tally>,
    writer: JoinHandle<()>,
    syncer: JoinHandle<Result<(), std::io::Error>>,
}

impl Appender {
    /// Opens `path` for appending. Removes an incomplete last line; a complete record without its newline is kept. The log
    /// fails soon after `lock` is lost.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the file cannot be opened or repaired.
    pub fn open(path: &Path, lock: Option<RunLock>) -> Result<Self, RecordError> {
        let file = open_repaired(path).map_err(RecordError::io("append to", path))?;
        let copy = file.try_clone().map_err(RecordError::io("append to", path))?;
        let (place, mut next_check) = (path.to_owned(), Instant::now());
        let sync = move || {
            copy.sync_data()?;
            // A flush may take microseconds, so not every one of them looks.
            if Instant::now() >= next_check {
                check_in_place(&copy, &place)?;
                lock.as_ref().map_or(Ok(()), RunLock::check)?;
                next_check = Instant::now() + CHECK_INTERVAL;
            }
            Ok(())
        };
        let copy = file.try_clone().map_err(RecordError::io("append to", path))?;
        let started =
            Self::start(path, file, sync).map_err(RecordError::io("start threads that write", path))?;
        Ok(Self { opened: Some(copy), ..started })
    }

    /// Starts a log that writes to `file` and flushes with `sync`.
    fn start(
        path: &Path,
        file: impl Write + Send + 'static,
        sync: impl FnMut() -> std::io::Result<()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (lines, queue) = mpsc::channel(GROUP);
        let (publish, durable) = watch::channel(Tally::default());
        let progress = Arc::new(Progress::default());
        let writing = Arc::clone(&progress);
        let new_thread = std::thread::Builder::new;
        let writer = new_thread().spawn(move || write_lines(file, queue, &writing))?;
        let syncer = new_thread().spawn(move || sync_groups(sync, &progress, &publish))?;
        Ok(Self { path: path.to_owned(), opened: None, lines, durable, writer, syncer })
    }

    /// Appends one record. Returns once the operating system has the line. [`Appender::durable`] reports when it is on
    /// the disk.
    ///
    /// # Errors
    /// [`RecordError`] if the line could not be written. The run must stop.
    pub async fn append(&self, record: &SampleRecord) -> Result<(), RecordError> {
        let mut bytes = serde_json::to_vec(record)
            .map_err(|error| RecordError::Malformed { path: self.path.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        let (written, acknowledged) = oneshot::channel();
        let line = Line { bytes, summary: record.into(), written };
        let closed = || RecordError::Closed { path: self.path.clone() };
        self.lines.send(line).await.map_err(|_| closed())?;
        acknowledged.await.map_err(|_| closed())?.map_err(RecordError::io("write", &self.path))
    }

    /// The records on the disk, updated as they are flushed.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Tally> {
        self.durable.clone()
    }

    /// Flushes the rest and closes the log. Blocks.
    ///
    /// # Errors
    /// [`RecordError::Io`] if a flush failed: the last lines may be lost.
    pub fn finish(self) -> Result<(), RecordError> {
        drop(self.lines);
        let closed = || RecordError::Closed { path: self.path.clone() };
        self.writer.join().map_err(|_| closed())?;
        self.syncer.join().map_err(|_| closed())?.map_err(RecordError::io("write", &self.path))?;
        let in_place = self.opened.map_or(Ok(()), |file| check_in_place(&file, &self.path));
        in_place.map_err(RecordError::io("write", &self.path))
    }
}

/// What the writing thread has done, for the flushing thread.
#[derive(Default)]
struct Progress {
    state: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    tally: Tally,
    closed: bool,
    /// Why a flush failed.
    failure: Option<Failure>,
}

/// A copy of an error, for several receivers.
#[derive(Clone)]
struct Failure {
    kind: std::io::ErrorKind,
    message: String,
}

impl Failure {
    fn of(error: &std::io::Error) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }

    fn error(&self) -> std::io::Error {
        std::io::Error::new(self.kind, self.message.clone())
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Written> {
        // The state is a few counters, valid at every moment: a panic of another thread cannot damage it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_lines(mut file: impl Write, mut queue: mpsc::Receiver<Line>, progress: &Progress) {
    let mut group = Vec::with_capacity(GROUP);
    let mut bytes = Vec::new();
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        bytes.clear();
        group.iter().for_each(|line| bytes.extend_from_slice(&line.bytes));
        let failure = progress.lock().failure.clone();
        let outcome = failure.map_or(Ok(()), |failure| Err(failure.error()));
        let outcome = outcome.and_then(|()| file.write_all(&bytes));
        let failed = outcome.is_err();
        acknowledge(group.drain(..), outcome, progress);
        if failed {
            break;
        }
    }
    progress.lock().closed = true;
    progress.changed.notify_all();
}

fn acknowledge(lines: impl Iterator<Item = Line>, outcome: std::io::Result<()>, progress: &Progress) {
    let mut tally = progress.lock().tally;
    for line in lines {
        tally.ended += 1;
        tally.failed += u64::from(line.summary.failed);
        tally.tokens = tally.tokens.saturating_add(line.summary.tokens);
        let copy = outcome.as_ref().map_or_else(|error| Err(Failure::of(error).error()), |()| Ok(()));
        // An interrupted caller no longer waits. Its line is written nevertheless.
        let _ = line.written.send(copy);
    }
    if outcome.is_ok() {
        progress.lock().tally = tally;
        progress.changed.notify_all();
    }
}

fn sync_groups(
    mut sync: impl FnMut() -> std::io::Result<()>,
    progress: &Progress,
    publish: &watch::Sender<Tally>,
) -> std::io::Result<()> {
    let mut synced = Tally::default();
    loop {
        let mut state = progress.lock();
        while state.tally == synced && !state.closed {
            state = progress.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (written, closed) = (state.tally, state.closed);
        drop(state);
        if written != synced {
            sync().inspect_err(|error| progress.lock().failure = Some(Failure::of(error)))?;
            synced = written;
            publish.send_replace(synced);
        } else if closed {
            return Ok(());
        }
    }
}

fn open_repaired(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    let whole = end_of_last_whole_line(&mut file, length)?;
    if whole < length {
        let mut last = Vec::new();
        file.seek(SeekFrom::Start(whole))?;
        file.read_to_end(&mut last)?;
        // The reader counts a complete record without its newline, so it must stay.
        if serde_json::from_slice::<SampleRecord>(&last).is_ok() {
            file.write_all(b"\n")?;
        } else {
            file.set_len(whole)?;
        }
        file.sync_all()?;
    }
    Ok(file)
}

/// Returns the offset after the last newline. Searches backwards from the end.
fn end_of_last_whole_line(file: &mut File, length: u64) -> std::io::Result<u64> {
    let mut end = length;
    let mut block = vec![0; 1 << 16];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(newline) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests;
