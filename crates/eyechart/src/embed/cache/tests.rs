//! The cache under what can happen to its files: other processes, damage, too little room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{CacheKey, VectorCache, files_in};

fn key() -> CacheKey {
    CacheKey::new(&["an encoder", "f32"])
}

/// The vector that belongs to a text in these tests.
fn vector(text: &str) -> Vec<f32> {
    let sum: u32 = text.bytes().map(u32::from).sum();
    vec![sum as f32, 1.0 / sum as f32, -0.0]
}

fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|i| format!("text {i}")).collect()
}

fn as_strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn add(cache: &VectorCache, texts: &[String]) {
    let vectors: Vec<Vec<f32>> = texts.iter().map(|text| vector(text)).collect();
    cache.add(&as_strs(texts), vectors.iter().map(Vec::as_slice)).unwrap();
}

/// How many of the texts are known; what is found must be right.
fn known(cache: &VectorCache, texts: &[String]) -> usize {
    let mut found = vec![None; texts.len()];
    cache.find(&as_strs(texts), |at, vector| {
        assert!(found[at].replace(vector.to_vec()).is_none(), "{at} was found before");
    });
    for (text, found) in texts.iter().zip(&found) {
        if let Some(found) = found {
            let bits = |v: &[f32]| v.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(found), bits(&vector(text)), "{text}");
        }
    }
    found.iter().flatten().count()
}

/// The only segment there is.
fn segment(cache: &VectorCache) -> PathBuf {
    let mut segments = cache.segments();
    assert_eq!(segments.len(), 1);
    segments.remove(0)
}

#[test]
fn what_was_kept_is_found_bit_by_bit_and_nothing_else_is() {
    let root = tempfile::tempdir().unwrap();
    let cache = VectorCache::new(root.path(), key());
    assert_eq!(known(&cache, &texts(0..3)), 0, "nothing is there, not even the folder");
    add(&cache, &texts(0..100));
    add(&cache, &texts(50..150));
    assert_eq!(known(&cache, &texts(0..150)), 150);
    assert_eq!(known(&cache, &texts(150..200)), 0);
    // Another process, and one text asked for twice.
    let other = VectorCache::new(root.path(), key());
    assert_eq!(known(&other, &["text 7".to_owned(), "text 7".to_owned()]), 2);
    cache.add(&[], std::iter::empty()).unwrap();
}

#[test]
fn encoders_do_not_see_each_others_vectors_even_in_a_file_that_was_moved() {
    let root = tempfile::tempdir().unwrap();
    let ours = VectorCache::new(root.path(), key());
    add(&ours, &texts(0..3));
    for parts in [&["an encoder", "bf16"][..], &["another", "f32"], &["an encoderf32"], &["an encoder"]] {
        let theirs = VectorCache::new(root.path(), CacheKey::new(parts));
        assert_eq!(known(&theirs, &texts(0..3)), 0);
        fs::create_dir_all(&theirs.folder).unwrap();
        let from = segment(&ours);
        fs::copy(&from, theirs.folder.join(from.file_name().unwrap())).unwrap();
        assert_eq!(theirs.segments().len(), 1);
        assert_eq!(known(&theirs, &texts(0..3)), 0);
    }
}

#[test]
fn whatever_byte_is_damaged_no_wrong_vector_is_found() {
    let root = tempfile::tempdir().unwrap();
    let cache = VectorCache::new(root.path(), key());
    let all = texts(0..4);
    add(&cache, &all);
    let path = segment(&cache);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        fs::write(&path, &bytes).unwrap();
        // `known` checks what is found.
        assert!(known(&cache, &all) < all.len(), "byte {at} means nothing?");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(known(&cache, &all), 0, "cut to {length}");
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    assert_eq!(known(&cache, &all), 0);
    // What was computed anew is kept again, in place of what was damaged.
    add(&cache, &all);
    assert_eq!(known(&cache, &all), all.len());
}

#[test]
fn a_header_that_promises_too_much_costs_no_memory() {
    let root = tempfile::tempdir().unwrap();
    let cache = VectorCache::new(root.path(), key());
    add(&cache, &texts(0..1));
    let path = segment(&cache);
    let mut bytes = fs::read(&path).unwrap();
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    assert_eq!(known(&cache, &texts(0..1)), 0);
}

#[test]
fn many_small_segments_become_few_and_nothing_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let cache = VectorCache::new(root.path(), key());
    for i in 0..100 {
        add(&cache, &texts(i..i + 1));
        assert!(cache.segments().len() <= super::MOST_SEGMENTS + 1);
    }
    assert_eq!(known(&cache, &texts(0..100)), 100);
}

fn total(root: &Path) -> u64 {
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| files_in(&folder)).map(|file| file.bytes).sum()
}

/// Makes the encoder's segments look unused for so long.
fn age(cache: &VectorCache, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    for path in cache.segments() {
        fs::File::open(path).unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn where_room_is_short_the_longest_unused_goes_of_whichever_encoder() {
    let root = tempfile::tempdir().unwrap();
    let open = |name: &str| VectorCache::new(root.path(), CacheKey::new(&[name])).with_limit(5_000);
    let (old, used, new) = (open("old"), open("used"), open("new"));
    add(&old, &texts(0..30));
    add(&used, &texts(0..30));
    age(&old, 100);
    age(&used, 200);
    // Being asked for is use.
    assert_eq!(known(&used, &texts(0..1)), 1);
    add(&new, &texts(0..30));
    assert!(total(root.path()) <= 5_000);
    assert_eq!([&old, &used, &new].map(|cache| known(cache, &texts(0..30))), [0, 30, 30]);
    // More than there is room for at all is not kept.
    add(&new, &texts(0..1_000));
    assert!(total(root.path()) <= 5_000);
}

#[test]
fn what_a_killed_process_left_goes_after_a_day() {
    let root = tempfile::tempdir().unwrap();
    let cache = VectorCache::new(root.path(), key());
    add(&cache, &texts(0..1));
    let [old, new] = ["old", "new"].map(|name| cache.folder.join(format!(".eyechart-{name}.vectors-abc")));
    for path in [&old, &new] {
        fs::write(path, "half").unwrap();
    }
    let then = SystemTime::now() - Duration::from_secs(100_000);
    fs::File::options().append(true).open(&old).unwrap().set_modified(then).unwrap();
    add(&cache, &texts(1..2));
    assert_eq!([old, new].map(|path| path.exists()), [false, true]);
    assert_eq!(known(&cache, &texts(0..2)), 2);
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    let root = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for start in 0..4 {
            let cache = VectorCache::new(root.path(), key());
            scope.spawn(move || {
                for i in 0..60 {
                    let ours = texts(start * 40 + i..start * 40 + i + 1);
                    add(&cache, &ours);
                    // It may be missed while another makes one segment of many, but never be wrong.
                    known(&cache, &ours);
                }
            });
        }
    });
    assert_eq!(known(&VectorCache::new(root.path(), key()), &texts(0..180)), 180);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = VectorCache::new(&file, key());
    assert_eq!(known(&cache, &texts(0..1)), 0);
    let vectors = [vector("text 0")];
    let error = cache.add(&["text 0"], vectors.iter().map(Vec::as_slice)).unwrap_err();
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}
