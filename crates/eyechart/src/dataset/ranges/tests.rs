//! A remote file in memory that notes what was asked of it.
#![expect(clippy::single_range_in_vec_init, reason = "lists of ranges are what is compared here")]

use std::fs;
use std::sync::Arc;

use super::*;

/// What a remote file was asked for.
#[derive(Clone, Default)]
pub(in crate::dataset) struct Asked(Arc<Mutex<Vec<Range<u64>>>>);

impl Asked {
    /// The ranges since the last call, sorted: several come at once.
    pub(in crate::dataset) fn take(&self) -> Vec<Range<u64>> {
        let mut ranges = std::mem::take(&mut *self.0.lock().unwrap());
        ranges.sort_by_key(|range| range.start);
        ranges
    }
}

/// `content` elsewhere, in blocks of so many bytes.
pub(in crate::dataset) fn remote(cache: &Path, content: &[u8], block: u64) -> (Ranges, Asked) {
    let (asked, content) = (Asked::default(), content.to_vec());
    let key = sha256_hex(&content);
    let (size, seen) = (content.len() as u64, asked.clone());
    let fetch = move |range: Range<u64>| {
        seen.0.lock().unwrap().push(range.clone());
        Ok(Bytes::copy_from_slice(&content[range.start as usize..range.end as usize]))
    };
    (Ranges::with_blocks(cache, &key, size, block, Box::new(fetch)).unwrap(), asked)
}

fn digits(count: usize) -> Vec<u8> {
    (0..count).map(|at| b'0' + (at % 10) as u8).collect()
}

#[test]
fn each_block_comes_once_and_neighbours_come_together() {
    let cache = tempfile::tempdir().unwrap();
    let content = digits(95);
    let (file, asked) = remote(cache.path(), &content, 10);
    assert_eq!(file.read_at(12..14).unwrap(), "23");
    assert_eq!(asked.take(), [10..20]);
    assert_eq!(file.read_at(5..41).unwrap(), content[5..41]);
    assert_eq!(asked.take(), [0..10, 20..50]);
    file.prepare(&[91..95, 70..71, 60..62, 0..3, 7..7]).unwrap();
    assert_eq!(asked.take(), [60..80, 90..95]);
    assert_eq!(file.read_at(70..95).unwrap(), content[70..95]);
    assert_eq!(asked.take(), [80..90]);
    assert_eq!(file.read_at(95..95).unwrap(), "");
    assert_eq!(asked.take(), []);
}

#[test]
fn what_came_is_there_for_the_next_process_and_for_one_beside_it() {
    let cache = tempfile::tempdir().unwrap();
    let content = digits(95);
    let (first, asked_first) = remote(cache.path(), &content, 10);
    let (beside, asked_beside) = remote(cache.path(), &content, 10);
    first.read_at(0..30).unwrap();
    assert_eq!(beside.read_at(0..40).unwrap(), content[..40]);
    assert_eq!((asked_first.take(), asked_beside.take()), (vec![0..30], vec![30..40]));
    drop((first, beside));
    let (next, asked) = remote(cache.path(), &content, 10);
    assert_eq!(next.read_at(0..40).unwrap(), content[..40]);
    assert_eq!(asked.take(), []);

    let other = vec![b'x'; 95];
    let (other_file, asked) = remote(cache.path(), &other, 10);
    assert_eq!(other_file.read_at(0..1).unwrap(), "x");
    assert_eq!(asked.take(), [0..10], "another content is another file");
}

#[test]
fn a_block_that_was_written_in_part_is_fetched_again() {
    let cache = tempfile::tempdir().unwrap();
    let content = digits(95);
    remote(cache.path(), &content, 10).0.read_at(0..95).unwrap();
    for entry in fs::read_dir(cache.path().join("ranges")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        // In the data the block from 20 on, in the map the entry of the last block, and what follows is lost.
        match path.extension().unwrap().to_str().unwrap() {
            "data" => bytes[25] = 0,
            _ => bytes.truncate(9 * ENTRY as usize + 3),
        }
        fs::write(&path, bytes).unwrap();
    }
    let (file, asked) = remote(cache.path(), &content, 10);
    assert_eq!(file.read_at(0..95).unwrap(), content);
    assert_eq!(asked.take(), [20..30, 90..95]);
}

#[test]
fn a_fetch_that_fails_or_falls_short_keeps_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let open = |fetch: FetchRange| Ranges::with_blocks(cache.path(), "k", 20, 10, fetch).unwrap();
    let ignored = open(Box::new(|_| Err(io::Error::new(io::ErrorKind::Unsupported, "status 200"))));
    assert_eq!(ignored.read_at(0..5).unwrap_err().kind(), io::ErrorKind::Unsupported);
    let short = open(Box::new(|_| Ok(Bytes::from_static(b"abc"))));
    assert_eq!(short.read_at(0..5).unwrap_err().to_string(), "asked for 10 bytes, 3 came");
    assert_eq!(short.read_at(15..21).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    let whole = open(Box::new(|_| Ok(Bytes::from_static(b"0123456789"))));
    assert_eq!(whole.read_at(0..5).unwrap(), "01234");
}

#[test]
fn no_fetch_is_larger_than_the_memory_that_it_may_take() {
    let cache = tempfile::tempdir().unwrap();
    let content = vec![7; (LARGEST_FETCH + BLOCK + 1) as usize];
    let (file, asked) = remote(cache.path(), &content, BLOCK);
    file.prepare(&[0..content.len() as u64]).unwrap();
    assert_eq!(asked.take(), [0..LARGEST_FETCH, LARGEST_FETCH..content.len() as u64]);
}
