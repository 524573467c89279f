//! Tests of the log without failures, with an incomplete last line, and with a failing disk.

use std::io;

use super::*;
use crate::record::reader::tests::record;

#[tokio::test]
async fn an_appended_line_is_in_the_file_and_counts_once_it_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    let log = Appender::open(&path, None).unwrap();
    let mut durable = log.durable();
    log.append(&record("a", Status::Completed)).await.unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("\n"));
    log.append(&record("b", Status::Failed)).await.unwrap();
    durable.wait_for(|tally| tally.ended == 2 && tally.failed == 1).await.unwrap();
    log.finish().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_torn_last_line_is_dropped_before_anything_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    let whole = serde_json::to_string(&record("a", Status::Completed)).unwrap();
    let torn = format!("{whole}\n{}{}", &whole[..20], "x".repeat(100_000));
    std::fs::write(&path, torn).unwrap();
    let log = Appender::open(&path, None).unwrap();
    log.append(&record("b", Status::Completed)).await.unwrap();
    log.finish().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with(&whole));
}

#[tokio::test]
async fn a_last_line_that_lacks_its_newline_alone_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    let whole = serde_json::to_string(&record("a", Status::Completed)).unwrap();
    std::fs::write(&path, &whole).unwrap();
    let log = Appender::open(&path, None).unwrap();
    log.append(&record("b", Status::Completed)).await.unwrap();
    log.finish().unwrap();
    let read = crate::record::read_record(&path).unwrap();
    assert_eq!(read.samples, [record("a", Status::Completed), record("b", Status::Completed)]);
}

/// A disk with room for this many bytes.
struct SmallDisk(usize, std::sync::mpsc::Sender<Vec<u8>>);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = bytes.len().min(self.0);
        if written == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= written;
        self.1.send(bytes[..written].to_vec()).unwrap();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn length() -> usize {
    serde_json::to_string(&record("a", Status::Completed)).unwrap().len() + 1
}

#[tokio::test]
async fn a_full_disk_is_reported_to_the_caller_and_never_counted() {
    let (send, receive) = std::sync::mpsc::channel();
    let log =
        Appender::start(Path::new("samples.jsonl"), SmallDisk(length() * 3 / 2, send), || Ok(())).unwrap();
    let durable = log.durable();
    log.append(&record("a", Status::Completed)).await.unwrap();
    let full = log.append(&record("b", Status::Completed)).await.unwrap_err();
    assert!(
        matches!(&full, RecordError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull),
        "{full}"
    );
    assert!(full.to_string().starts_with("cannot write samples.jsonl: "), "{full}");
    let closed = log.append(&record("c", Status::Completed)).await.unwrap_err();
    assert!(matches!(closed, RecordError::Closed { .. }), "nothing goes behind a torn line: {closed}");
    log.finish().unwrap();
    assert_eq!(durable.borrow().ended, 1);
    assert_eq!(receive.try_iter().flatten().count(), length() * 3 / 2);
}

#[tokio::test]
async fn after_a_failed_fsync_nothing_more_is_accepted_or_counted() {
    let (send, _receive) = std::sync::mpsc::channel();
    let (fail, failed) = std::sync::mpsc::channel();
    let sync = move || {
        fail.send(()).unwrap();
        Err(io::Error::other("the disk is gone"))
    };
    let log = Appender::start(Path::new("samples.jsonl"), SmallDisk(usize::MAX, send), sync).unwrap();
    let mut durable = log.durable();
    log.append(&record("a", Status::Completed)).await.unwrap();
    failed.recv().unwrap();
    assert!(durable.changed().await.is_err(), "the thread that would count is gone");
    log.append(&record("b", Status::Completed)).await.unwrap_err();
    let error = log.finish().unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    assert_eq!(durable.borrow().ended, 0);
}
