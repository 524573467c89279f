//! Prepares every picture of a folder as a run would, on all processors, and writes down how long that took: the
//! part of `scripts/bench-images` that is not Pillow.
//!
//! `prepare-images FOLDER [KEYS]`, with the keys of `[images]` as TOML, separated by `;`.
#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use eyechart::image::Preparer;
use eyechart::types::{ImageLimits, ImageSource, ImagesSpec};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("expected a folder of pictures")?;
    let keys = arguments.next().unwrap_or_default().replace(';', "\n");
    let spec: ImagesSpec = toml::from_str(&format!("column = \"image\"\n{keys}"))?;
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let paths = entries.collect::<Result<Vec<PathBuf>, _>>()?;
    let threads = std::thread::available_parallelism()?.get();
    let store = tempfile::tempdir()?;
    let preparer = Preparer::new(spec, ImageLimits::default(), store.path().to_owned(), false);

    let started = Instant::now();
    let (next, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let prepared = preparer.prepare(&ImageSource::File(path.clone()));
                    let sent = prepared.ok().and_then(|prepared| prepared.record.bytes).unwrap_or(0);
                    bytes.fetch_add(usize::try_from(sent).unwrap_or(0), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} {}", started.elapsed().as_secs_f64(), bytes.into_inner() / paths.len().max(1));
    Ok(())
}
