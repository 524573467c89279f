//! Files that are elsewhere: what is fetched of them, and that they read as files here do.

use std::collections::BTreeSet;

use super::*;
use crate::dataset::ranges::FetchRange;
use crate::dataset::ranges::tests::{Asked, remote};
use crate::dataset::{Ranges, ReadAt, RemoteFile, fingerprint, open};

/// Bytes in a block of these files' caches.
const BLOCK: u64 = 256;

const PICTURE_BYTES: usize = 4_000;

/// 32 rows in groups of 8, with pictures that no compression makes smaller.
fn write_pictures(path: &Path, properties: WriterProperties) {
    let mut images = pictures();
    for number in 0..32_u8 {
        push_picture(&mut images, Some(&[number; PICTURE_BYTES]), Some(&format!("{number}.jpg")));
    }
    let names = StringArray::from_iter_values((0..32).map(|number| format!("name {number}")));
    let columns: [(&str, ArrayRef, bool); 2] =
        [("image", Arc::new(images.finish()), true), ("name", Arc::new(names), true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn in_groups_of_eight() -> ::parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder().set_max_row_group_row_count(Some(8)).set_dictionary_enabled(false)
}

/// The same file here and elsewhere.
struct Both {
    folder: TempDir,
    path: PathBuf,
}

impl Both {
    fn new(properties: WriterProperties) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test-0.parquet");
        write_pictures(&path, properties);
        Self { folder, path }
    }

    fn here(&self) -> Parquet {
        local(vec![self.path.clone()])
    }

    /// As a process that starts now would open it.
    fn elsewhere(&self) -> (Parquet, Asked) {
        let (ranges, asked) =
            remote(&self.folder.path().join("cache"), &fs::read(&self.path).unwrap(), BLOCK);
        (Parquet { files: files_of(Arc::new(ranges)) }, asked)
    }

    /// Where the footer is, its length and the mark at its end included.
    fn footer(&self) -> Range<u64> {
        let bytes = fs::read(&self.path).unwrap();
        let at = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        at as u64 - u64::from(length)..bytes.len() as u64
    }
}

fn files_of(content: Arc<dyn ReadAt>) -> Files {
    let path = PathBuf::from("far/away/test-0.parquet");
    let file = RemoteFile { content, sha256: "5ca1e".to_owned() };
    Files { folder: "far".into(), paths: vec![path.clone()], remote: [(path, file)].into(), listed: None }
}

fn blocks(ranges: &[Range<u64>]) -> BTreeSet<u64> {
    ranges.iter().flat_map(|range| range.start / BLOCK..range.end.div_ceil(BLOCK)).collect()
}

#[test]
fn of_a_file_elsewhere_the_footer_and_the_columns_of_the_picked_rows_groups_come_once() {
    let both = Both::new(in_groups_of_eight().set_offset_index_disabled(true).build());
    let picked = Pick::Rows(vec![9, 10, 31]);
    let expected = read(&both.here(), picked.clone(), &["image"]);
    assert_eq!(expected[2].blobs["image"], [31; PICTURE_BYTES].as_slice());

    let (reader, asked) = both.elsewhere();
    assert_eq!(read(&reader, picked.clone(), &["image"]), expected);
    let fetched = blocks(&asked.take());

    let shard = Shard::open(&both.here().files, &both.path).unwrap();
    let groups = shard.footer.metadata().row_groups();
    let mut wanted = vec![both.footer()];
    for column in [1, 3].iter().flat_map(|group: &usize| &groups[*group].columns()[..2]) {
        let (start, length) = column.byte_range();
        wanted.push(start..start + length);
    }
    assert!(fetched.is_superset(&blocks(&wanted)));
    // Looking for the end of a page's header may go beyond the end of a column by as much.
    let with_headers: Vec<_> = wanted.iter().map(|range| range.start..range.end + BLOCK).collect();
    assert!(fetched.is_subset(&blocks(&with_headers)));
    let bytes = fetched.len() as u64 * BLOCK;
    assert!(bytes < 2 * 8 * PICTURE_BYTES as u64 + 8_000, "two of four groups, {bytes} bytes");

    assert_eq!(read(&reader, picked.clone(), &["image"]), expected);
    assert_eq!(read(&both.elsewhere().0, picked, &["image"]), expected);
    assert_eq!(asked.take(), []);
}

#[test]
fn where_the_file_says_which_page_a_row_is_in_that_page_alone_comes() {
    let paged = in_groups_of_eight().set_data_page_row_count_limit(1).set_write_batch_size(1).build();
    let both = Both::new(paged);
    let (reader, asked) = both.elsewhere();
    let picked = Pick::Rows(vec![9, 30]);
    assert_eq!(
        read(&reader, picked.clone(), &["image", "name"]),
        read(&both.here(), picked, &["image", "name"])
    );
    let bytes = asked.take().iter().map(|range| range.end - range.start).sum::<u64>();
    let footer = both.footer();
    let other = bytes - (footer.end - footer.start);
    assert!(other < 3 * PICTURE_BYTES as u64 + 4_000, "two pictures of 32 and the index, {other} bytes");
}

#[test]
fn a_scan_of_a_file_elsewhere_leaves_the_pictures_there() {
    let both = Both::new(in_groups_of_eight().set_offset_index_disabled(true).build());
    let (reader, asked) = both.elsewhere();
    assert_eq!(reader.known_len().unwrap(), Some(32));
    assert_eq!(read(&reader, Pick::Scan, &["name"]), read(&both.here(), Pick::Scan, &["name"]));
    let bytes = asked.take().iter().map(|range| range.end - range.start).sum::<u64>();
    assert!(bytes < 8_000, "{bytes} bytes");
}

#[test]
fn a_server_that_has_only_the_whole_file_is_told_apart_from_one_that_fails() {
    let cache = tempfile::tempdir().unwrap();
    let opened = |kind: io::ErrorKind| {
        let fetch: FetchRange = Box::new(move |_| Err(io::Error::new(kind, "status 200")));
        let ranges = Ranges::open(cache.path(), "k", 1_000, fetch).unwrap();
        open(&files_of(Arc::new(ranges)), None).unwrap().known_len().unwrap_err()
    };
    assert!(matches!(opened(io::ErrorKind::Unsupported), DatasetError::WholeOnly { .. }));
    let failed = opened(io::ErrorKind::ConnectionReset).to_string();
    assert_eq!(failed, "cannot read far/away/test-0.parquet: status 200");
}

#[test]
fn a_file_elsewhere_is_known_by_its_hosts_word_and_is_parquet_or_nothing() {
    let both = Both::new(in_groups_of_eight().build());
    let (reader, asked) = both.elsewhere();
    let size = both.path.metadata().unwrap().len();
    let known = fingerprint(&reader.files).unwrap().remove(0);
    assert_eq!((known.path, known.bytes), (PathBuf::from("away/test-0.parquet"), size));
    assert_eq!(known.sha256, "5ca1e");
    let Err(error) = open(&reader.files, Some("jsonl")) else { panic!("expected an error") };
    assert!(matches!(error, DatasetError::WholeOnly { .. }), "{error}");
    assert_eq!(asked.take(), []);
}
