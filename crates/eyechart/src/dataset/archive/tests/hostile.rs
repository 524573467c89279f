//! Archives made to do harm, or damaged: each gives its reason, none a panic.

use std::fs;
use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::fixtures::{Setup, append, gzip, jpeg_like, missing, tar_of, tgz_of, zip_of};

fn special(kind: tar::EntryType, name: &str, target: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "real.jpg", b"real");
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    if !target.is_empty() {
        header.set_link_name(target).unwrap();
    }
    builder.append_data(&mut header, name, [].as_slice()).unwrap();
    builder.into_inner().unwrap()
}

/// A tar header with this name, which the `tar` crate would refuse to write, and this size.
fn raw(name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn reason(bytes: Vec<u8>, name: &str) -> String {
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&[name]);
    assert!(extracted.found.is_empty(), "{extracted:?}");
    extracted.missing[name].clone()
}

#[test]
fn names_that_lead_out_of_the_archive_are_never_read() {
    let outside = [raw("../evil.jpg", 0), raw("/etc/passwd", 0), tar_of(&[("a.jpg", b"good")])].concat();
    let setup = Setup::new(outside);
    let extracted = setup.extract(&["../evil.jpg", "/etc/passwd", "x/../../y", "", ".//tmp/x", "a.jpg"]);
    assert_eq!(
        missing(&extracted),
        [
            ("", "expected the path of a member"),
            ("../evil.jpg", "has `..` in it: only paths inside the archive are read"),
            (".//tmp/x", "the archive has no such member"),
            ("/etc/passwd", "is an absolute path: only paths inside the archive are read"),
            ("x/../../y", "has `..` in it: only paths inside the archive are read"),
        ]
    );
    assert!(extracted.found["a.jpg"].starts_with(setup.cache.path()));
}

#[test]
fn links_folders_and_devices_are_said_to_be_such() {
    use tar::EntryType;
    let link = "is a link, which is never followed";
    assert_eq!(reason(special(EntryType::Symlink, "a.jpg", "/etc/passwd"), "a.jpg"), link);
    assert_eq!(reason(special(EntryType::Link, "a.jpg", "real.jpg"), "a.jpg"), link);
    assert_eq!(reason(special(EntryType::Directory, "images", ""), "images"), "is a folder");
    assert_eq!(reason(special(EntryType::Directory, "images", ""), "images/"), "is a folder");
    assert_eq!(reason(special(EntryType::Fifo, "a.jpg", ""), "a.jpg"), "is not a file");
    assert_eq!(
        reason(special(EntryType::GNUSparse, "a.jpg", ""), "a.jpg"),
        "is a sparse file, which is not supported"
    );
}

#[test]
fn a_member_larger_than_any_picture_is_refused_and_the_next_one_read() {
    let large = vec![0; 51 << 20];
    let files = [("large.jpg", large.as_slice()), ("a.jpg", b"good")];
    for bytes in [tgz_of(&files), zip_of(&files)] {
        let setup = Setup::new(bytes);
        let extracted = setup.extract(&["large.jpg", "a.jpg"]);
        assert_eq!(missing(&extracted), [("large.jpg", "has 53477376 bytes; at most 50 MiB are read")]);
        assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), b"good");
    }
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_read_to_its_end() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&tar_of(&[("a.jpg", b"good")])[..1024]).unwrap();
    encoder.write_all(&raw("bomb", 1 << 40)).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..1100 {
        encoder.write_all(&zeros).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    assert!(bytes.len() < 12 << 20);
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&["a.jpg", "b.jpg"]);
    assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), b"good");
    assert_eq!(
        extracted.missing["b.jpg"],
        "a member that begins at byte 1536 of the unpacked archive expands more than 200 times, to 1 GiB and \
         more: refused as a decompression bomb"
    );
}

#[test]
fn what_lies_before_the_cut_of_a_truncated_archive_is_extracted() {
    let data = jpeg_like(1, 300_000);
    let files = [("a.jpg", data.as_slice()), ("b.jpg", &data), ("c.jpg", &data)];
    let cut = |mut bytes: Vec<u8>, at: usize| {
        bytes.truncate(at);
        let setup = Setup::new(bytes);
        let extracted = setup.extract(&["a.jpg", "b.jpg", "c.jpg"]);
        assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), data);
        (extracted.missing["b.jpg"].clone(), extracted.missing["c.jpg"].clone())
    };
    let (b, c) = cut(tgz_of(&files), 400_000);
    assert_eq!(b, "the archive ends at byte 400000, within a gzip stream");
    assert_eq!(c, b);
    let (b, c) = cut(tar_of(&files), 400_000);
    assert_eq!(b, "the archive ends at byte 400000 (unpacked), within the data of b.jpg");
    assert_eq!(c, "the archive ends at byte 400000 (unpacked), where a header should be");
    let (b, _) = cut(tar_of(&files), 512 + 300_032 + 100);
    assert_eq!(b, "the archive ends at byte 300644 (unpacked), where a header should be");
}

#[test]
fn every_cut_and_every_flipped_bit_gives_members_or_reasons() {
    let data = jpeg_like(2, 900);
    let files = [("a.jpg", data.as_slice()), ("b/b.jpg", b"text text text text")];
    for whole in [tgz_of(&files), tar_of(&files), zip_of(&files)] {
        for at in (0..whole.len()).step_by(7) {
            let cut = whole[..at].to_vec();
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            for bytes in [cut, flipped] {
                let Ok(extracted) = Setup::new(bytes).try_extract(&["a.jpg", "b/b.jpg", "c"]) else {
                    continue;
                };
                assert_eq!(extracted.found.len() + extracted.missing.len(), 3);
            }
        }
    }
}

#[test]
fn damage_in_the_middle_is_named_with_its_place() {
    let mut bytes = tgz_of(&[("a.jpg", b"good"), ("b.jpg", b"also good")]);
    let middle = bytes.len() - 7;
    bytes[middle] ^= 0xff;
    let reason = reason(bytes, "c.jpg");
    assert!(reason.starts_with("the gzip checksum at byte "), "{reason}");

    let mut bytes = tar_of(&[("a.jpg", b"good"), ("b.jpg", b"good")]);
    bytes[1030] ^= 0xff;
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&["a.jpg", "b.jpg"]);
    assert_eq!(
        missing(&extracted),
        [("b.jpg", "no tar header at byte 1024 (unpacked): its checksum is wrong")]
    );
}

#[test]
fn endless_names_and_sizes_beyond_every_file_are_refused() {
    let mut name = tar::Header::new_gnu();
    name.set_entry_type(tar::EntryType::GNULongName);
    name.set_path("././@LongLink").unwrap();
    name.set_size(8 << 30);
    name.set_cksum();
    let bytes = [name.as_bytes().as_slice(), &[b'x'; 4096]].concat();
    let long = "no tar header at byte 512 (unpacked): its name or pax fields are longer than 1 MiB";
    assert_eq!(reason(bytes, "a.jpg"), long);

    let bytes = [raw("huge", u64::MAX >> 2), raw("huge", u64::MAX >> 1)].concat();
    assert!(reason(bytes, "a.jpg").starts_with("the archive ends at byte 1024"));
    let bytes = raw("huge", i64::MAX as u64);
    assert_eq!(
        reason(bytes, "a.jpg"),
        "no tar header at byte 512 (unpacked): its size is beyond every file's"
    );
}

#[test]
fn a_stream_that_is_no_tar_gives_that_as_the_reason() {
    let expected = "no tar header at byte 0 (unpacked): its checksum is wrong";
    assert_eq!(reason(gzip(&jpeg_like(1, 10_000)), "a.jpg"), expected);
    assert_eq!(
        reason(gzip(b"short"), "a.jpg"),
        "the archive ends at byte 5 (unpacked), where a header should be"
    );
}

#[test]
fn encrypted_linked_and_unsupported_members_of_a_zip_give_their_reasons() {
    let options = zip::write::SimpleFileOptions::default();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link.jpg", "/etc/passwd", options).unwrap();
    writer.add_directory("images", options).unwrap();
    writer.start_file("a.jpg", options).unwrap();
    writer.write_all(b"good").unwrap();
    writer.start_file("b.jpg", options).unwrap();
    writer.write_all(b"to be marked").unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    mark(&mut bytes, b"b.jpg", |flags, _| flags[0] |= 1);
    let setup = Setup::new(bytes.clone());
    let extracted = setup.extract(&["link.jpg", "images/", "a.jpg", "b.jpg"]);
    assert_eq!(fs::read(&extracted.found["a.jpg"]).unwrap(), b"good");
    let said = missing(&extracted);
    assert_eq!(said[0].0, "b.jpg");
    assert!(said[0].1.contains("assword"), "{said:?}");
    assert_eq!(said[1..], [("images/", "is a folder"), ("link.jpg", "is a link, which is never followed")]);

    mark(&mut bytes, b"b.jpg", |flags, method| {
        flags[0] &= !1;
        method[0] = 14;
    });
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&["b.jpg"]);
    assert!(extracted.missing["b.jpg"].contains("ompression method"), "{extracted:?}");
}

/// Changes the flags and the method of a member in both of its zip headers.
fn mark(bytes: &mut [u8], name: &[u8], change: impl Fn(&mut [u8], &mut [u8])) {
    for (magic, flags, name_at) in [(b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)] {
        let is_it = |at: &usize| bytes[*at..].starts_with(magic) && bytes[at + name_at..].starts_with(name);
        let at = (0..bytes.len() - name_at).find(is_it).unwrap();
        let (before, after) = bytes[at + flags..].split_at_mut(2);
        change(before, &mut after[..2]);
    }
}

#[test]
fn folders_in_a_zip_made_on_windows_are_found() {
    let mut bytes = zip_of(&[("sub/a.jpg", b"good")]);
    let places: Vec<usize> = (0..bytes.len() - 9).filter(|at| &bytes[*at..at + 9] == b"sub/a.jpg").collect();
    assert_eq!(places.len(), 2, "in the member's header and in the directory");
    places.into_iter().for_each(|at| bytes[at + 3] = b'\\');
    let setup = Setup::new(bytes);
    let extracted = setup.extract(&["sub/a.jpg"]);
    assert_eq!(fs::read(&extracted.found["sub/a.jpg"]).unwrap(), b"good");
}

#[test]
fn a_zip_whose_sizes_lie_is_held_to_them() {
    let zeros = vec![0; 60 << 20];
    let mut bytes = zip_of(&[("a.jpg", zeros.as_slice())]);
    for (magic, size_at, name_at) in [(b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)] {
        let is_it =
            |at: &usize| bytes[*at..].starts_with(magic) && bytes[at + name_at..].starts_with(b"a.jpg");
        let at = (0..bytes.len() - name_at).find(is_it).unwrap();
        bytes[at + size_at..at + size_at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    let reason = reason(bytes, "a.jpg");
    assert!(reason.starts_with("cannot be read: "), "{reason}");
}
