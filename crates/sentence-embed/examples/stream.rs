//! Embeds streams of very short texts, all different, and prints what memory that takes:
//! `stream FOLDER PRECISION COUNT…`, one stream for each count. Peak memory is told by Linux alone.
#![expect(clippy::print_stdout, reason = "the figures are what the example is for")]

use std::error::Error;
use std::time::Instant;

use sentence_embed::{Encoder, Options};

const NOUNS: [&str; 7] = ["dog", "woman", "bus", "child", "bird", "boat", "market"];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, precision, counts @ ..] = &args[..] else {
        return Err("usage: stream FOLDER PRECISION COUNT…".into());
    };
    let encoder = Encoder::with_options(folder.as_ref(), Options::default().precision(precision.parse()?))?;
    println!("{:>9} {:>9} {:>9} {:>12} {:>12}", "texts", "tokens", "texts/s", "MB before", "MB at most");
    for count in counts {
        let count: usize = count.parse()?;
        let tokens = count_tokens(&encoder, count)?;
        forget_peak();
        let (before, clock) = (memory("VmRSS:"), Instant::now());
        let mut lengths = 0.0;
        encoder.embed_each((0..count).map(caption), |vector| {
            lengths += vector.iter().map(|number| f64::from(number * number)).sum::<f64>();
            Ok::<_, sentence_embed::Error>(())
        })?;
        let rate = count as f64 / clock.elapsed().as_secs_f64();
        println!("{count:>9} {tokens:>9} {rate:>9.0} {before:>12.1} {:>12.1}", memory("VmHWM:"));
        assert!((lengths - count as f64).abs() < 0.001 * count as f64, "every vector has length 1");
    }
    Ok(())
}

/// No text twice.
fn caption(index: usize) -> String {
    format!("{} {index}", NOUNS[index % NOUNS.len()])
}

/// The tokens of `count` texts, by a sample of a thousand.
fn count_tokens(encoder: &Encoder, count: usize) -> Result<usize, sentence_embed::Error> {
    // A prime step: all nouns are met alike.
    let sample = (0..count.min(1000)).map(|place| place * 7919 % count);
    let lengths: Vec<usize> =
        sample.map(|index| encoder.count_tokens(&caption(index))).collect::<Result<_, _>>()?;
    Ok(lengths.iter().sum::<usize>() * count / lengths.len().max(1))
}

/// Lets the peak of this process begin anew, without what loading the model took.
fn forget_peak() {
    // Where the system has no such file, the peak is not told either.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line of this process's status in MB (10^6 bytes); NaN where the system does not tell.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes =
        status.lines().find_map(|l| l.strip_prefix(line)?.split_whitespace().next()?.parse().ok());
    kibibytes.map_or(f64::NAN, |kibibytes: f64| kibibytes * 1024.0 / 1e6)
}
