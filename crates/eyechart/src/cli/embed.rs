//! `eyechart embed`: texts to vectors, for whoever wants no more than the encoder.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use eyechart::embed::Watcher;
use eyechart::log::write_atomically;
use sentence_embed::Embeddings;
use serde::Deserialize;

use super::encoder::{EmbedProgress, EncoderArguments};
use super::{Exit, output};

/// Embed texts: JSONL in, a NumPy array out
#[derive(Debug, Args)]
#[command(after_help = "Example:
  echo '{\"text\": \"a red bicycle\"}' > texts.jsonl
  eyechart embed --input texts.jsonl --output vectors.npy
  python3 -c 'import numpy; print(numpy.load(\"vectors.npy\").shape)'")]
pub struct EmbedTexts {
    /// Lines of {"text": …}
    #[arg(long, value_name = "FILE.jsonl")]
    input: PathBuf,

    /// NumPy file, version 1: little-endian float32, shape (n, 384), unit vectors in the order of the lines (other
    /// encoders have other sizes, and some do not scale their vectors)
    #[arg(long, value_name = "FILE.npy")]
    output: PathBuf,

    #[command(flatten)]
    encoder: EncoderArguments,
}

#[derive(Deserialize)]
struct Line {
    text: String,
}

impl EmbedTexts {
    pub fn call(self) -> anyhow::Result<Exit> {
        let texts = read_texts(&self.input)?;
        let encoder = self.encoder.open()?;
        let encoder = encoder.get()?;
        let progress = EmbedProgress::default();
        progress.begin(texts.len());
        let vectors = encoder.embed_with(&texts, |done| progress.done(done));
        progress.end();
        let vectors = vectors?;
        write_atomically(&self.output, |file| write_npy(file, &vectors, encoder.dim()))?;
        let (count, path) = (vectors.len(), self.output.display());
        output::say(&format!("{count} vectors of {} numbers in {path}", encoder.dim()));
        Ok(Exit::Success)
    }
}

/// A vector that is missing would shift all that follow, so here a bad line is an error.
fn read_texts(path: &Path) -> anyhow::Result<Vec<String>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut texts = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}:{}: expected {{\"text\": \"…\"}}", path.display(), number + 1);
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            texts.push(serde_json::from_str::<Line>(&line).with_context(place)?.text);
        }
    }
    Ok(texts)
}

/// NumPy's format, version 1.0: magic, header length, a Python dict padded to 64 bytes, the numbers.
fn write_npy(file: &mut dyn Write, vectors: &Embeddings, dim: usize) -> std::io::Result<()> {
    const PREFIX: usize = 10;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {dim}), }}", vectors.len());
    while !(PREFIX + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    file.write_all(b"\x93NUMPY\x01\x00")?;
    let length = u16::try_from(header.len()).map_err(std::io::Error::other)?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    vectors.as_slice().iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))
}
