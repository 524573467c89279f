//! One text alone on one thread, beside what bounds it: a read of all weights, and their multiplications.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use sentence_embed::{Encoder, Options, Precision};

use super::clock::{median, own_time};
use super::peak;
use super::work::Work;

const ROUNDS: usize = 210;
/// Measurements of the peak among them.
const PEAKS: usize = 7;

/// A caption of 13 tokens.
const CAPTION: &str = "Two dogs are running on the grass near the water.";

/// Milliseconds.
struct Times {
    tokens: usize,
    text: f64,
    lowest: f64,
    /// A plain read of as many bytes as the weights have.
    read: f64,
    /// The multiplications of all weights with the tokens, at the peak.
    multiply: f64,
}

pub fn print(folder: &Path, work: &Work) -> Result<(), Box<dyn Error>> {
    println!("\none text alone, one thread, ms       median   lowest   reading the weights   multiplying");
    for precision in Precision::ALL.into_iter().filter(|precision| precision.is_supported()) {
        let encoder = Encoder::with_options(folder, Options::default().precision(precision).threads(1))?;
        for text in ["Dogs", CAPTION, &work.texts[work.texts.len() / 2]] {
            let Times { tokens, text, lowest, read, multiply } = measure(&encoder, text, work.weights())?;
            let name = format!("{precision}, {tokens} tokens");
            println!("  {name:<32} {text:>9.2} {lowest:>8.2} {read:>21.2} {multiply:>13.2}");
        }
    }
    Ok(())
}

/// In turns, so that other work on the machine is borne by all alike.
fn measure(encoder: &Encoder, text: &str, weights: usize) -> Result<Times, sentence_embed::Error> {
    let bytes = match encoder.precision() {
        Precision::Bf16 => 2,
        _ => 4,
    };
    let numbers: Vec<u64> = vec![1; weights * bytes / 8];
    let (mut texts, mut reads, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PEAKS {
        peaks.push(peak::of_thread(encoder.precision().into()).unwrap_or(f64::NAN));
        for _ in 0..ROUNDS / PEAKS {
            texts.push(own_time(|| drop(encoder.embed(&[text]))).as_secs_f64() * 1e3);
            reads.push(own_time(|| read(&numbers)).as_secs_f64() * 1e3);
        }
    }
    let tokens = encoder.count_tokens(text)?;
    let lowest = texts.iter().copied().fold(f64::INFINITY, f64::min);
    let multiply = 2.0 * (tokens * weights) as f64 / (median(peaks) * 1e6);
    Ok(Times { tokens, text: median(texts), lowest, read: median(reads), multiply })
}

/// Sums that need not wait for each other, so that only the reading counts.
fn read(numbers: &[u64]) {
    let mut sums = [0_u64; 16];
    for line in black_box(numbers).as_chunks::<16>().0 {
        sums.iter_mut().zip(line).for_each(|(sum, number)| *sum = sum.wrapping_add(*number));
    }
    black_box(sums);
}
