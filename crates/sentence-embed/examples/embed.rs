//! Prints the similarity of two texts: `embed FOLDER TEXT TEXT`.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use sentence_embed::{Encoder, cosine};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, a, b] = &args[..] else {
        return Err("usage: embed FOLDER TEXT TEXT".into());
    };
    let encoder = Encoder::from_dir(folder.as_ref())?;
    let vectors = encoder.embed(&[a, b])?;
    println!("{:.4}", cosine(vectors.row(0), vectors.row(1)));
    Ok(())
}
