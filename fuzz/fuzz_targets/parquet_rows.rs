//! Any bytes as Parquet: rows or reasons, never a panic; what is picked is as long as what a scan finds.
#![no_main]

use eyechart::dataset::{Files, Pick, open};
use libfuzzer_sys::fuzz_target;

/// Rows that are read of each file, because a few bytes can announce a million.
const MOST: usize = 1000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("rows.parquet");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let files = Files::local(folder.path().to_owned(), vec![path]);
    let Ok(reader) = open(&files, None) else { return };
    let (Ok(Some(columns)), Ok(Some(rows))) = (reader.columns(), reader.known_len()) else { return };
    let most = usize::try_from(rows).unwrap_or(MOST).min(MOST);
    for pick in [Pick::Scan, Pick::Rows((0..most as u64).collect())] {
        let Ok(rows) = reader.rows(pick, &columns) else { continue };
        let rows: Vec<_> = rows.take(most).collect();
        assert!(rows.len() == most || rows.iter().any(Result::is_err));
    }
});
