//! From texts to vectors, beside the peak.

use std::error::Error;
use std::path::Path;

use sentence_embed::{Encoder, Options, Precision};

use super::clock::{median, own_time, wall_time};
use super::peak;
use super::work::Work;

const ROUNDS: usize = 7;

/// Rates of one round: giga-operations a second, and that as a share of the peak around it.
struct Round {
    rate: f64,
    share: f64,
}

pub fn print(folder: &Path, work: &Work) -> Result<(), Box<dyn Error>> {
    let (texts, tokens) = (work.texts.len(), work.tokens());
    let giga = work.operations() / 1e9;
    println!("\nend to end: {texts} {}, {tokens} tokens, {giga:.0} Gop", work.name);
    println!("                            Gop/s     texts/s    tokens/s   of peak");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for precision in Precision::ALL.into_iter().filter(|precision| precision.is_supported()) {
        for threads in [1, threads] {
            let encoder =
                Encoder::with_options(folder, Options::default().precision(precision).threads(threads))?;
            encoder.embed(&work.texts)?;
            let rounds: Option<Vec<Round>> = (0..ROUNDS).map(|_| round(&encoder, work, threads)).collect();
            let Some(rounds) = rounds else { continue };
            let rate = median(rounds.iter().map(|round| round.rate).collect());
            let share = median(rounds.iter().map(|round| round.share).collect());
            let second = rate / giga;
            println!(
                "  {precision}, {threads} thread(s){:>20.0} {:>11.0} {:>11.0} {:>8.0}%",
                rate,
                second * texts as f64,
                second * tokens as f64,
                100.0 * share
            );
        }
    }
    Ok(())
}

fn round(encoder: &Encoder, work: &Work, threads: usize) -> Option<Round> {
    let kind = encoder.precision().into();
    let peak = || match threads {
        1 => peak::of_thread(kind),
        _ => peak::of_threads(kind, threads),
    };
    let embed = || drop(encoder.embed(&work.texts));
    let before = peak()?;
    let time = if threads == 1 { own_time(embed) } else { wall_time(embed) };
    let peak = (before + peak()?) / 2.0;
    let rate = work.operations() / 1e9 / time.as_secs_f64();
    Some(Round { rate, share: rate / peak })
}
