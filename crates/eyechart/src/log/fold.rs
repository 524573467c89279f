//! Folding a finished log to one line a sample, in the order in which samples were picked.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::reader::{Content, for_each_sample};
use super::{LogError, write_atomically};
use crate::types::Epoch;

/// What there is one line of in the end.
type Key = (String, Epoch);

/// Where a line stands.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    offset: u64,
    length: usize,
}

/// Rewrites `path` atomically so that each (id, epoch) has its last line only, sorted as `order` has the ids and
/// then by epoch. Lines that cannot be read are left out of the new file. A file that is so already is not touched.
/// Holds ids in memory, not lines.
///
/// # Errors
/// [`LogError`] where the file cannot be read or replaced; the old one then stands.
pub fn fold<'a>(path: &Path, order: impl Iterator<Item = &'a str>) -> Result<(), LogError> {
    let ranks: HashMap<&str, usize> = order.enumerate().map(|(rank, id)| (id, rank)).collect();
    let Scan { last, count, whole } = scan(path)?;
    let mut lines: Vec<_> = last.into_iter().collect();
    lines.sort_by_key(|((id, epoch), place)| {
        (ranks.get(id.as_str()).copied().unwrap_or(usize::MAX), *epoch, place.line)
    });
    if whole && count == lines.len() && lines.is_sorted_by_key(|(_, place)| place.line) {
        return Ok(());
    }
    let mut source = File::open(path).map_err(LogError::io("open", path))?;
    write_atomically(path, |folded| {
        let mut bytes = Vec::new();
        for (_, place) in &lines {
            bytes.resize(place.length, 0);
            source.seek(SeekFrom::Start(place.offset))?;
            source.read_exact(&mut bytes)?;
            folded.write_all(bytes.trim_ascii_end())?;
            folded.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// What a log holds.
struct Scan {
    /// The last line of each sample.
    last: HashMap<Key, Place>,
    /// The number of all lines.
    count: usize,
    /// Whether each has its newline.
    whole: bool,
}

fn scan(path: &Path) -> Result<Scan, LogError> {
    let mut scan = Scan { last: HashMap::new(), count: 0, whole: true };
    for_each_sample(path, |line, content| {
        scan.count += 1;
        scan.whole &= line.whole;
        if let Content::Sample(sample) = content {
            let place = Place { line: line.number, offset: line.offset, length: line.bytes.len() };
            scan.last.insert((sample.id, sample.epoch), place);
        }
        Ok(())
    })?;
    Ok(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::read_record;
    use crate::log::reader::tests::record;
    use crate::types::Status;

    #[test]
    fn a_folded_log_has_one_line_an_id_in_the_picked_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let line = |id, status| serde_json::to_string(&record(id, status)).unwrap() + "\n";
        let text =
            line("b", Status::Failed) + "\n" + &line("a", Status::Completed) + &line("b", Status::Completed);
        std::fs::write(&path, text + "{\"id\":\"c\",").unwrap();
        fold(&path, ["a", "b", "c"].into_iter()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        let read = read_record(&path).unwrap();
        assert_eq!(read.samples, [record("a", Status::Completed), record("b", Status::Completed)]);
        assert!(!read.torn);
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
