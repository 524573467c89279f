//! The whole model with fewer instructions than the processor has, as other machines have them.

use std::error::Error;
use std::path::Path;

use sentence_embed::{Encoder, Instructions, Options};

use super::clock::{median, own_time};
use super::work::Work;

const ROUNDS: usize = 5;

/// Every so manieth text: the slowest set takes its time.
const STEP: usize = 4;

/// In turns, so that other work on the machine is borne by all alike.
pub fn print(folder: &Path, work: &Work) -> Result<(), Box<dyn Error>> {
    let texts: Vec<&String> = work.texts.iter().step_by(STEP).collect();
    let sets = [Instructions::Avx512, Instructions::Avx2, Instructions::Portable];
    let options = |set| Options::default().threads(1).instructions(set);
    let encoders: Vec<Encoder> =
        sets.into_iter().map(|set| Encoder::with_options(folder, options(set))).collect::<Result<_, _>>()?;
    let mut rates = sets.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (encoder, rates) in encoders.iter().zip(&mut rates) {
            let time = own_time(|| drop(encoder.embed(&texts)));
            rates.push(texts.len() as f64 / time.as_secs_f64());
        }
    }
    println!("\nf32, one thread, with at most       texts/s   of the best");
    let rates = rates.map(median);
    for (set, rate) in sets.iter().zip(rates) {
        println!("  {set:<28?} {rate:>12.0} {:>12.0}%", 100.0 * rate / rates[0]);
    }
    Ok(())
}
