//! Any bytes as an archive and as a WebDataset shard: members or reasons, never a panic.
#![no_main]

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use eyechart::dataset::archive::{Archive, ArchiveSource};
use eyechart::dataset::{Files, Pick, open};
use eyechart::types::Silent;
use libfuzzer_sys::fuzz_target;

const BLOCK: usize = 512;

struct Memory(Vec<u8>);

impl ArchiveSource for Memory {
    fn name(&self) -> String {
        "fuzz".to_owned()
    }

    fn identity(&self) -> String {
        "fuzz".to_owned()
    }

    fn size(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    /// In short reads, so that the states between two reads are tried too.
    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let start = usize::try_from(offset).map_or(self.0.len(), |start| start.min(self.0.len()));
        Ok(Box::new(Slow(Cursor::new(self.0[start..].to_vec()))))
    }
}

struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(7 + self.0.position() as usize % 600);
        self.0.read(&mut buffer[..count])
    }
}

/// Makes the checksums of tar headers right, which chance never would.
fn repair(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    repair(&mut bytes);
    let Ok(folder) = tempfile::tempdir() else { return };
    let names = ["a.jpg", "./images/b.jpg", "images", "1.json", "../x", "/x", ""];
    let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let source = Arc::new(Memory(bytes.clone()));
    if let Ok(archive) = Archive::open(source, folder.path())
        && let Ok(extracted) = archive.extract(&wanted, &Silent)
    {
        assert_eq!(extracted.found.len() + extracted.missing.len(), wanted.len());
        assert_eq!(archive.extract(&wanted, &Silent).map(|again| again.found).ok(), Some(extracted.found));
    }
    let path = folder.path().join("shard.tar");
    if std::fs::write(&path, &bytes).is_ok() {
        let files = Files::local(folder.path().to_owned(), vec![path]);
        for pick in [Pick::Scan, Pick::Rows(vec![0, 2])] {
            let rows = open(&files, None).and_then(|reader| reader.rows(pick, &[]));
            rows.into_iter().flatten().take(10_000).for_each(drop);
        }
    }
});
