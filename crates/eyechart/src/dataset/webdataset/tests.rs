//! Shards made by the tests, well-formed and broken, and the rows read from them.

use std::fs;
use std::io::Write;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::dataset::open;

fn append(builder: &mut ::tar::Builder<Vec<u8>>, name: &str, data: &[u8]) {
    let mut header = ::tar::Header::new_gnu();
    header.set_size(data.len() as u64);
    builder.append_data(&mut header, name, data).unwrap();
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, data) in files {
        append(&mut builder, name, data);
    }
    builder.into_inner().unwrap()
}

fn shards(contents: &[(&str, Vec<u8>)]) -> (TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, bytes): &(&str, Vec<u8>)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let paths = contents.iter().map(write).collect();
    let files = Files::local(folder.path().to_owned(), paths);
    (folder, files)
}

fn rows(files: &Files, pick: Pick) -> Vec<Result<Row, BadRow>> {
    open(files, None).unwrap().rows(pick, &[]).unwrap().map(Result::unwrap).collect()
}

#[test]
fn members_with_one_key_are_one_row_over_all_shards() {
    let first = tar_of(&[
        ("train/", b""),
        ("train/1.jpg", b"JPEG 1"),
        ("train/1.json", br#"{"question": "What?", "n": null}"#),
        ("train/1.txt", b"a caption\n"),
        ("train/1.cls", b"7"),
        ("train/2.A.PNG", b"PNG 2"),
        ("train/2.meta.json", b"[1]"),
        ("README", b"no sample's"),
    ]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar_of(&[("3.webp", b"WEBP 3"), ("3.npy", b"\x93NUMPY")])).unwrap();
    let (_folder, files) = shards(&[("a-0.tar", first), ("a-1.tar.gz", gzip.finish().unwrap())]);

    let scanned = rows(&files, Pick::Scan);
    let cells: Vec<_> = scanned.iter().map(|row| Value::Object(row.clone().unwrap().cells)).collect();
    let expected = [
        json!({"__key__": "train/1", "jpg": "train/1.jpg", "image": "train/1.jpg", "question": "What?",
               "n": null, "txt": "a caption", "cls": "7"}),
        json!({"__key__": "train/2", "a.png": "train/2.A.PNG", "image": "train/2.A.PNG", "meta.json": [1]}),
        json!({"__key__": "3", "webp": "3.webp", "image": "3.webp"}),
    ];
    assert_eq!(cells, expected);
    assert!(scanned.iter().all(|row| row.as_ref().unwrap().blobs.is_empty()));

    let picked = rows(&files, Pick::Rows(vec![2, 1, 9]));
    let picked: Vec<_> = picked.into_iter().map(Result::unwrap).collect();
    assert_eq!(picked.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(picked[0].blobs["image"], "PNG 2");
    assert_eq!(picked[0].blobs["a.png"], "PNG 2");
    assert_eq!(picked[1].blobs["webp"], "WEBP 3");
}

#[test]
fn a_broken_sample_is_a_bad_row_and_the_next_one_goes_on() {
    let mut builder = ::tar::Builder::new(Vec::new());
    append(&mut builder, "1.json", b"{broken");
    append(&mut builder, "2.json", b"[]");
    append(&mut builder, "3.jpg", b"one");
    append(&mut builder, "3.JPG", b"two");
    let mut link = ::tar::Header::new_gnu();
    link.set_entry_type(::tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "4.jpg", "/etc/passwd").unwrap();
    append(&mut builder, "5.txt", b"good");
    let (_folder, files) = shards(&[("a.tar", builder.into_inner().unwrap())]);
    for pick in [Pick::Scan, Pick::Rows((0..5).collect())] {
        let rows = rows(&files, pick);
        let reasons: Vec<_> =
            rows.iter().filter_map(|row| Some(row.as_ref().err()?.reason.as_str())).collect();
        assert_eq!(
            reasons,
            [
                "1.json is not JSON",
                "2.json is not a JSON object",
                "3.JPG ends like another member of its sample",
                "4.jpg is a link or no regular file, which is never followed",
            ]
        );
        assert_eq!(rows[2].as_ref().unwrap_err().line, 3);
        assert_eq!(rows[4].as_ref().unwrap().cells["txt"], "good");
    }
}

#[test]
fn a_shard_cut_short_ends_the_rows_with_its_reason() {
    let mut bytes = tar_of(&[("1.txt", b"good"), ("2.txt", &[b'x'; 2000])]);
    bytes.truncate(2000);
    let (_folder, files) = shards(&[("a.tar", bytes)]);
    let items: Vec<_> = open(&files, None).unwrap().rows(Pick::Scan, &[]).unwrap().collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].as_ref().unwrap().as_ref().unwrap().cells["txt"], "good");
    let error = items[1].as_ref().unwrap_err().to_string();
    let reason = "as webdataset: the archive ends at byte 2000 (unpacked), within the data of 2.txt";
    assert!(error.ends_with(reason), "{error}");
}

#[test]
fn what_is_no_shard_is_an_error_at_once() {
    let (_folder, files) = shards(&[("a.tar", b"PK\x03\x04 and more".to_vec())]);
    let Err(error) = open(&files, None).unwrap().rows(Pick::Scan, &[]) else { panic!("no shard") };
    assert!(error.to_string().ends_with("expected a tar archive, found a zip archive"), "{error}");
}
