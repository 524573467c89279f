//! Picks samples of `vlm-benchmarks/flickr30k` and reads them with their pictures; says how long it took.
//!
//! `cargo run --release --example read_parquet_samples -- FOLDER 1000`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use eyechart::task::{DataAccess, TaskData, load};
use eyechart::types::{ImageSource, Silent};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder: PathBuf = arguments.next().ok_or("expected the data folder and a number of samples")?.into();
    let limit = arguments.next().and_then(|limit| limit.to_str()?.parse().ok()).unwrap_or(1_000);
    let task = load("vlm-benchmarks/flickr30k")?.remove(0);

    let clock = Instant::now();
    let dataset = TaskData::find(&task, &DataAccess::new(Some(folder)), &Silent)?;
    let survey = dataset.survey()?;
    let picked = dataset.pick(&survey.eligible, limit, 0, &mut Vec::new())?;
    let (mut samples, mut bytes) = (0, 0);
    for sample in dataset.samples(picked)? {
        let sample = sample?.map_err(|unmade| unmade.failure)?;
        samples += 1;
        for image in sample.messages.pictures() {
            if let ImageSource::Bytes { bytes: picture, .. } = image {
                bytes += picture.len();
            }
        }
    }
    let seconds = clock.elapsed().as_secs_f64();
    println!("{samples} of {} samples, {bytes} bytes of pictures, {seconds:.3} s", survey.rows);
    Ok(())
}
