//! Any bytes as a data file of text in any format, packed or not: rows or reasons, never a panic; what is picked is what
//! a scan finds.
#![no_main]

use eyechart::dataset::{Files, Pick, TextOptions, open_as};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 6] = ["rows.json", "rows.csv", "rows.tsv", "rows.xlsx", "rows.jsonl.gz", "rows.jsonl.zst"];
const ENCODINGS: [Option<&str>; 4] = [None, Some("utf-16le"), Some("windows-1252"), Some("gbk")];

// The first byte chooses the name of the file, the second one the encoding.
fuzz_target!(|bytes: &[u8]| {
    let [name, encoding, bytes @ ..] = bytes else { return };
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join(NAMES[usize::from(*name) % NAMES.len()]);
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let files = Files::local(folder.path().to_owned(), vec![path]);
    let Ok(options) = TextOptions::new(ENCODINGS[usize::from(*encoding) % ENCODINGS.len()], None) else { return };
    let Ok(reader) = open_as(&files, None, &options) else { return };
    let _ = reader.notices();
    let Ok(scanned) = reader.rows(Pick::Scan, &[]) else { return };
    let scanned: Vec<_> = scanned.flatten().collect();
    let Ok(picked) = reader.rows(Pick::Rows((0..scanned.len() as u64).collect()), &[]) else { return };
    let picked: Vec<_> = picked.flatten().collect();
    assert_eq!(scanned, picked);
});
