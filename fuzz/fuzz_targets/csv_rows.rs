//! Any bytes as CSV: rows or reasons, never a panic; what is picked is what a scan finds.
#![no_main]

use eyechart::dataset::{Files, Pick, open};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("rows.csv");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let files = Files::local(folder.path().to_owned(), vec![path]);
    let rows = |pick| open(&files, None).and_then(|reader| reader.rows(pick, &[]));
    let Ok(scanned) = rows(Pick::Scan) else { return };
    let scanned: Vec<_> = scanned.flatten().collect();
    let Ok(picked) = rows(Pick::Rows((0..scanned.len() as u64).collect())) else { return };
    let picked: Vec<_> = picked.flatten().collect();
    assert_eq!(scanned, picked);
});
