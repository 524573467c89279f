//! A later pass reads near what it needs, and an interrupted one goes on.

use std::fs;

use super::fixtures::{Setup, jpeg_like, names, tar_of, tgz_of};

/// Members of 200 kB that do not compress, 60 MB in all: several checkpoints apart.
fn large() -> (Setup, Vec<String>) {
    let names = names(300);
    let data: Vec<_> = (0..300).map(|seed| jpeg_like(seed, 200_000)).collect();
    let files: Vec<_> = names.iter().map(String::as_str).zip(data.iter().map(Vec::as_slice)).collect();
    (Setup::new(tgz_of(&files)), names)
}

fn read(setup: &Setup, name: &str) -> Vec<u8> {
    fs::read(&setup.extract(&[name]).found[name]).unwrap()
}

#[test]
fn a_member_passed_before_is_read_from_the_checkpoint_before_it() {
    let (setup, names) = large();
    assert_eq!(read(&setup, &names[290]), jpeg_like(290, 200_000));
    for at in [40, 120, 200, 100] {
        setup.forget();
        assert_eq!(read(&setup, &names[at]), jpeg_like(at as u64, 200_000));
        let read = setup.bytes_read();
        assert!(read < 20 << 20, "member {at} took {read} of {} bytes", setup.size());
    }
}

#[test]
fn an_interrupted_pass_keeps_what_it_extracted_and_goes_on_near_where_it_was() {
    let (setup, names) = large();
    setup.fail_at(Some(45 << 20));
    let wanted = [names[10].as_str(), &names[295]];
    let error = setup.try_extract(&wanted).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot read images.tgz: the connection broke; run the command again to continue after the part that was read"
    );
    setup.forget();
    setup.fail_at(None);
    let extracted = setup.extract(&wanted);
    assert_eq!(fs::read(&extracted.found[&names[10]]).unwrap(), jpeg_like(10, 200_000));
    assert_eq!(fs::read(&extracted.found[&names[295]]).unwrap(), jpeg_like(295, 200_000));
    let read = setup.bytes_read();
    assert!(read < 32 << 20, "the second pass took {read} of {} bytes", setup.size());
}

#[test]
fn gzip_members_have_checkpoints_too() {
    let names = names(100);
    let data: Vec<_> = (0..100).map(|seed| jpeg_like(seed, 500_000)).collect();
    let files: Vec<_> = names.iter().map(String::as_str).zip(data.iter().map(Vec::as_slice)).collect();
    // As bgzip writes: each member a single block, in which inflating cannot begin.
    let parts: Vec<_> = tar_of(&files).chunks(60_000).flat_map(super::fixtures::gzip).collect();
    let setup = Setup::new(parts);
    setup.extract(&[&names[99]]);
    setup.forget();
    assert_eq!(read(&setup, &names[80]), data[80]);
    assert!(setup.bytes_read() < 18 << 20);
}

#[test]
fn a_damaged_cache_is_made_anew_where_it_is_damaged() {
    let (setup, names) = large();
    setup.extract(&[&names[290]]);
    let folder = fs::read_dir(setup.cache.path().join("archives")).unwrap().next().unwrap().unwrap().path();
    for file in ["index", "checkpoints"] {
        let path = folder.join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 5);
        let middle = bytes.len() / 2;
        bytes[middle] = 0;
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(read(&setup, &names[250]), jpeg_like(250, 200_000));
    assert_eq!(read(&setup, &names[5]), jpeg_like(5, 200_000));

    let member = setup.extract(&[&names[5]]).found[&names[5]].clone();
    fs::write(member, b"cut short").unwrap();
    assert_eq!(read(&setup, &names[5]), jpeg_like(5, 200_000));
}

#[test]
fn the_picked_members_of_twenty_thousand_are_extracted_and_no_other() {
    let names = names(20_000);
    let data: Vec<_> = (0..20_000).map(|seed| jpeg_like(seed, 700 + seed as usize % 900)).collect();
    let files: Vec<_> = names.iter().map(String::as_str).zip(data.iter().map(Vec::as_slice)).collect();
    let setup = Setup::new(tgz_of(&files));
    let picked: Vec<_> = names.iter().step_by(200).map(String::as_str).collect();
    let extracted = setup.extract(&picked);
    for (name, path) in &extracted.found {
        let at = names.binary_search(name).unwrap();
        assert_eq!(fs::read(path).unwrap(), data[at], "{name}");
    }
    let folder = extracted.found[picked[0]].parent().unwrap();
    assert_eq!(extracted.found.len(), 100);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 100);
    setup.forget();
    assert_eq!(setup.extract(&picked), extracted);
    assert_eq!(setup.bytes_read(), 0);
}
