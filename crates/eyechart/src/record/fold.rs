//! Folds a finished log to one line per sample, in the order in which the samples were picked.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::reader::{Content, for_each_sample};
use super::{BadLine, RecordError};
use crate::files::{open_regular, write_atomically};
use crate::types::Epoch;

/// The position and the sample of a line.
#[derive(Clone, Copy)]
struct Line {
    /// Index of the sample in the order.
    rank: usize,
    epoch: Epoch,
    number: u64,
    offset: u64,
    length: usize,
}

/// Rewrites `path` atomically with only the last line of each (id, epoch), sorted by the ids in `order` and then by
/// epoch. Other samples follow. Lines that cannot be read are dropped and returned. A folded file is not touched. Memory
/// holds a few numbers for each line.
///
/// # Errors
/// [`RecordError`] if the file cannot be read or replaced. The old file stays.
pub fn fold<'a>(path: &Path, order: impl Iterator<Item = &'a str>) -> Result<Vec<BadLine>, RecordError> {
    let Scan { lines, dropped, is_clean } = scan(path, Ranks::new(order))?;
    let is_folded = |one: &Line, next: &Line| (one.rank, one.epoch) < (next.rank, next.epoch);
    if is_clean && lines.is_sorted_by(is_folded) {
        return Ok(dropped);
    }
    let mut source = open_regular(path).map_err(RecordError::io("open", path))?;
    let folded = write_atomically(path, |folded| {
        let mut bytes = Vec::new();
        for line in last_of_each(lines) {
            bytes.resize(line.length, 0);
            source.seek(SeekFrom::Start(line.offset))?;
            source.read_exact(&mut bytes)?;
            folded.write_all(bytes.trim_ascii_end())?;
            folded.write_all(b"\n")?;
        }
        Ok(())
    });
    folded?;
    Ok(dropped)
}

/// The last line of each (rank, epoch), in their order.
fn last_of_each(mut lines: Vec<Line>) -> impl Iterator<Item = Line> {
    lines.sort_unstable_by_key(|line| (line.rank, line.epoch, std::cmp::Reverse(line.number)));
    lines.dedup_by_key(|line| (line.rank, line.epoch));
    lines.into_iter()
}

/// The index of each sample in the order.
struct Ranks<'a> {
    ordered: HashMap<&'a str, usize>,
    /// Other samples, in the order of their first lines.
    others: HashMap<String, usize>,
}

impl<'a> Ranks<'a> {
    fn new(order: impl Iterator<Item = &'a str>) -> Self {
        let ordered = order.enumerate().map(|(rank, id)| (id, rank)).collect();
        Self { ordered, others: HashMap::new() }
    }

    fn of(&mut self, id: String) -> usize {
        let next = self.ordered.len() + self.others.len();
        match self.ordered.get(id.as_str()) {
            Some(rank) => *rank,
            None => *self.others.entry(id).or_insert(next),
        }
    }
}

/// The content of a log.
struct Scan {
    lines: Vec<Line>,
    /// Lines that cannot be read.
    dropped: Vec<BadLine>,
    /// Whether every line can be read and ends with a newline.
    is_clean: bool,
}

impl Scan {
    fn drop_line(&mut self, line: u64, reason: String) {
        self.dropped.push(BadLine { line, reason });
        self.is_clean = false;
    }
}

fn scan(path: &Path, mut ranks: Ranks<'_>) -> Result<Scan, RecordError> {
    let mut scan = Scan { lines: Vec::new(), dropped: Vec::new(), is_clean: true };
    for_each_sample(path, |line, content| {
        scan.is_clean &= line.whole;
        match content {
            Content::Sample(sample) => scan.lines.push(Line {
                rank: ranks.of(sample.id),
                epoch: sample.epoch,
                number: line.number,
                offset: line.offset,
                length: line.bytes.len(),
            }),
            Content::Bad(reason) => scan.drop_line(line.number, reason),
            Content::Torn => scan.drop_line(line.number, "the line is incomplete".to_owned()),
        }
        Ok(())
    })?;
    Ok(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::read_record;
    use crate::record::reader::tests::record;
    use crate::types::Status;

    #[test]
    fn a_folded_log_has_one_line_an_id_in_the_picked_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let line = |id, status| serde_json::to_string(&record(id, status)).unwrap() + "\n";
        let text =
            line("b", Status::Failed) + "\n" + &line("a", Status::Completed) + &line("b", Status::Completed);
        std::fs::write(&path, text + "{\"id\":\"c\",").unwrap();
        let dropped = fold(&path, ["a", "b", "c"].into_iter()).unwrap();
        assert_eq!(dropped.iter().map(|bad| bad.line).collect::<Vec<_>>(), [5], "the incomplete line");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        let read = read_record(&path).unwrap();
        assert_eq!(read.samples, [record("a", Status::Completed), record("b", Status::Completed)]);
        assert!(read.torn.is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_folded_log_is_not_touched_again() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let line = |id| serde_json::to_string(&record(id, Status::Completed)).unwrap() + "\n";
        std::fs::write(&path, line("b") + &line("a")).unwrap();
        let inode = || std::fs::metadata(&path).unwrap().ino();
        let fold_again = || fold(&path, ["a", "b"].into_iter()).unwrap();
        let unfolded = inode();
        fold_again();
        let folded = inode();
        assert_ne!(unfolded, folded);
        fold_again();
        assert_eq!(inode(), folded);
    }

    #[test]
    fn a_line_that_is_no_record_takes_no_good_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let good = serde_json::to_string(&record("a", Status::Completed)).unwrap() + "\n";
        std::fs::write(&path, format!("{good}{{\"id\":\"a\",\"epoch\":1,\"stat\":\"completed\"}}\n"))
            .unwrap();
        fold(&path, ["a"].into_iter()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
    }
}
