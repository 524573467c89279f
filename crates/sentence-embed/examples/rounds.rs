//! Embeds a file of texts once for each line on the standard input, which names a precision; answers with the
//! seconds that it took: `rounds FOLDER TEXTS.jsonl`. `scripts/bench-peers` takes turns with it.
#![expect(clippy::print_stdout, reason = "the answers are what the example is for")]

use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use sentence_embed::{Encoder, Options, Precision};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, texts] = &args[..] else {
        return Err("usage: rounds FOLDER TEXTS.jsonl".into());
    };
    let texts = read_texts(texts.as_ref())?;
    let mut encoders: Vec<Encoder> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let precision: Precision = line?.trim().parse()?;
        if !encoders.iter().any(|encoder| encoder.precision() == precision) {
            encoders.push(Encoder::with_options(folder.as_ref(), Options::default().precision(precision))?);
        }
        let encoder = encoders.iter().find(|encoder| encoder.precision() == precision);
        let clock = Instant::now();
        encoder.map(|encoder| encoder.embed(&texts)).transpose()?;
        println!("{}", clock.elapsed().as_secs_f64());
    }
    Ok(())
}

fn read_texts(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let text = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line)?;
        Ok(object["text"].as_str().ok_or("a line without a text")?.to_owned())
    };
    std::fs::read_to_string(path)?.lines().map(text).collect()
}
