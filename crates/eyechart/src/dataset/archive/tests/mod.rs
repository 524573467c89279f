//! Archives made by the tests, well-formed and hostile, and what is extracted from them.

mod fixtures;
mod hostile;
mod resume;

use std::fs;
use std::sync::Arc;

use fixtures::{Setup, jpeg_like, missing, names, tar_of, tgz_of, wanted, zip_of};

use super::*;

#[test]
fn a_member_is_extracted_whatever_the_format_and_whatever_the_name() {
    let files = [("images/a.jpg", b"first".as_slice()), ("images/b.jpg", b""), ("./c.jpg", b"third")];
    for bytes in [tar_of(&files), tgz_of(&files), zip_of(&files)] {
        let setup = Setup::new(bytes);
        let extracted = setup.extract(&["images/a.jpg", "./images/b.jpg", "c.jpg", "d.jpg"]);
        assert_eq!(fs::read(&extracted.found["images/a.jpg"]).unwrap(), b"first");
        assert_eq!(fs::read(&extracted.found["./images/b.jpg"]).unwrap(), b"");
        assert_eq!(fs::read(&extracted.found["c.jpg"]).unwrap(), b"third");
        assert_eq!(missing(&extracted), [("d.jpg", "the archive has no such member")]);
    }
}

#[test]
fn the_second_run_reads_nothing() {
    let files = [("a.jpg", b"first".as_slice()), ("b.jpg", b"second")];
    for bytes in [tar_of(&files), tgz_of(&files)] {
        let setup = Setup::new(bytes);
        let first = setup.extract(&["a.jpg", "none.jpg"]);
        let read = setup.bytes_read();
        assert_eq!(setup.extract(&["a.jpg", "none.jpg"]), first);
        assert_eq!(setup.bytes_read(), read);
    }
}

#[test]
fn a_pass_ends_at_the_last_wanted_member_and_a_later_one_begins_behind_it() {
    let data = jpeg_like(9, 3 << 20);
    let files = [("a.jpg", b"first".as_slice()), ("big", &data), ("b.jpg", b"second"), ("big2", &data)];
    let setup = Setup::new(tar_of(&files));
    setup.extract(&["a.jpg"]);
    assert!(setup.bytes_read() < 1 << 20);
    let extracted = setup.extract(&["b.jpg"]);
    assert_eq!(fs::read(&extracted.found["b.jpg"]).unwrap(), b"second");
    assert!(setup.bytes_read() < 2 << 20, "it jumps over what is not wanted: {}", setup.bytes_read());
}

#[test]
fn long_names_and_pax_paths_are_read() {
    let long = format!("images/{}.jpg", "x".repeat(300));
    let (pax, prefixed) = ("p/ü.jpg", format!("{}/c.jpg", "y".repeat(120)));
    let mut builder = ::tar::Builder::new(Vec::new());
    fixtures::append(&mut builder, &long, b"gnu");
    builder.append_pax_extensions([("path", pax.as_bytes()), ("mtime", b"1.5")]).unwrap();
    fixtures::append(&mut builder, "cut", b"pax");
    let mut header = ::tar::Header::new_ustar();
    header.set_path(&prefixed).unwrap();
    header.set_size(5);
    header.set_cksum();
    builder.append(&header, b"ustar".as_slice()).unwrap();
    let setup = Setup::new(builder.into_inner().unwrap());
    let extracted = setup.extract(&[&long, pax, &prefixed]);
    let data: Vec<_> = extracted.found.values().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(data, [b"gnu".to_vec(), b"pax".to_vec(), b"ustar".to_vec()]);
}

#[test]
fn a_pax_size_counts_instead_of_the_headers() {
    let mut builder = ::tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("size", b"600".as_slice())]).unwrap();
    let mut header = ::tar::Header::new_ustar();
    header.set_path("a.jpg").unwrap();
    header.set_size(0);
    header.set_cksum();
    let data = [7; 600];
    let mut bytes = builder.into_inner().unwrap();
    bytes.truncate(1024);
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes.resize(1024 + 512 + 1024, 0);
    bytes.extend(tar_of(&[("b.jpg", b"next")]));
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&["a.jpg", "b.jpg"]);
    assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), data);
    assert_eq!(fs::read(&extracted.found["b.jpg"]).unwrap(), b"next");
}

#[test]
fn of_members_with_one_name_the_first_counts_in_every_run() {
    let files = [("a.jpg", b"first".as_slice()), ("a.jpg", b"second"), ("b.jpg", b"third")];
    for bytes in [tar_of(&files), tgz_of(&files)] {
        let setup = Setup::new(bytes);
        setup.extract(&["b.jpg"]);
        let extracted = setup.extract(&["a.jpg"]);
        assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), b"first");
    }
}

#[test]
fn gzip_members_one_after_the_other_are_one_archive() {
    let tar = tar_of(&[("a.jpg", &jpeg_like(1, 70_000)), ("b.jpg", b"second")]);
    let mut bytes = Vec::new();
    for part in tar.chunks(1000) {
        bytes.extend(fixtures::gzip(part));
    }
    bytes.extend([0; 100]);
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&["b.jpg", "none"]);
    assert_eq!(fs::read(&extracted.found["b.jpg"]).unwrap(), b"second");
    assert_eq!(missing(&extracted), [("none", "the archive has no such member")]);
}

#[test]
fn every_field_of_a_gzip_header_is_skipped() {
    let mut encoder = flate2::GzBuilder::new()
        .extra(vec![0; 300])
        .filename("images.tar")
        .comment("a comment")
        .write(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &tar_of(&[("a.jpg", b"first")])).unwrap();
    let setup = Setup::new(encoder.finish().unwrap());
    let extracted = setup.extract(&["a.jpg"]);
    assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), b"first");
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let reason = |bytes: &[u8]| {
        let error = Setup::new(bytes.to_vec()).try_extract(&["a.jpg"]).unwrap_err();
        error.to_string().split(':').next().unwrap_or_default().to_owned()
    };
    assert_eq!(reason(b""), "images.tgz is empty");
    assert_eq!(reason(b"id,image\n"), "images.tgz is of no known format");
    assert_eq!(reason(b"\xfd7zXZ\0\0"), "images.tgz is compressed by xz");
    assert_eq!(reason(&[7; 4096]), "images.tgz is of no known format");
}

#[test]
fn two_readers_at_once_get_the_same_members() {
    let data = jpeg_like(3, 200_000);
    let all = names(30);
    let files: Vec<_> = all.iter().map(|name| (name.as_str(), data.as_slice())).collect();
    let setup = Setup::new(tgz_of(&files));
    let wanted: BTreeSet<String> = all.iter().cloned().collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let extracted = setup.archive().extract(&wanted, &Silent).unwrap();
                assert_eq!(extracted.found.len(), 30);
                assert!(extracted.found.values().all(|path| fs::read(path).unwrap() == data));
            });
        }
    });
    assert!(setup.bytes_read() < 2 * setup.size(), "one of them reads, the others wait for it");
}

#[test]
fn another_content_under_the_same_name_is_another_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let extract = |content: &[u8]| {
        fs::write(&path, tar_of(&[("a.jpg", content)])).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(content.len() as u64);
        file.set_modified(time).unwrap();
        let source = Arc::new(LocalFile::open(&path).unwrap());
        let archive = Archive::open(source, folder.path()).unwrap();
        let extracted = archive.extract(&wanted(&["a.jpg"]), &Silent).unwrap();
        fs::read(&extracted.found["a.jpg"]).unwrap()
    };
    assert_eq!(extract(b"old"), b"old");
    assert_eq!(extract(b"newer"), b"newer");
}
