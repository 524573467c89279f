//! `eyechart embed`: texts to vectors, without a run.

use std::fs::File;
use std::io::{BufRead, BufReader, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use clap::Args;
use eyechart::embed::Arithmetic;
use eyechart::files::{WriteSeek, open_regular, write_atomically};
use eyechart::text::{counted, json_mistake};
use sentence_embed::{Encoder, Precision};
use serde::Deserialize;

use super::encoder::EncoderArguments;
use super::network::NetworkArguments;
use super::progress::quiet_bar;
use super::values::parse_whole;
use super::{Exit, output};

/// Number of texts between two updates of the progress bar.
const PROGRESS_EVERY: u64 = 64;

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

    #[command(flatten)]
    network: NetworkArguments,

    /// Number format of the encoder: f32, or bf16, which is faster on processors with AVX-512 BF16
    #[arg(long, value_name = "f32|bf16", default_value_t = Precision::F32)]
    precision: Precision,

    /// Threads that embed; 0 means one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_whole::<usize>)]
    threads: usize,
}

#[derive(Deserialize)]
struct Line {
    text: String,
}

impl EmbedTexts {
    pub fn call(self) -> anyhow::Result<Exit> {
        self.network.apply()?;
        let texts = Texts::open(&self.input)?;
        let encoder = self.encoder.open(Arithmetic { precision: self.precision, threads: self.threads })?;
        let encoder = encoder.get()?;
        let mut failed = None;
        let mut count = 0;
        let written = write_atomically(&self.output, |file| {
            count = write_npy(file, encoder, &texts).map_err(|error| match error {
                NpyError::Write(error) => error,
                NpyError::Vectors(error) => {
                    failed = Some(error);
                    std::io::Error::other("no vectors")
                }
            })?;
            Ok(())
        });
        if let Some(error) = failed {
            return Err(error);
        }
        written?;
        let (vectors, size) = (counted(count, "vector"), encoder.dim());
        output::progress(&format!("{vectors} of {size} numbers in {}", self.output.display()));
        Ok(Exit::Success)
    }
}

/// Why the file of vectors cannot be written.
enum NpyError {
    /// The file cannot be written.
    Write(std::io::Error),
    /// A line has no text, or the encoder failed.
    Vectors(anyhow::Error),
}

impl From<std::io::Error> for NpyError {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<sentence_embed::Error> for NpyError {
    fn from(error: sentence_embed::Error) -> Self {
        Self::Vectors(error.into())
    }
}

/// Writes the vectors of all texts while the texts are read, so that memory does not grow with their number. Returns
/// the number of texts.
fn write_npy(file: &mut dyn WriteSeek, encoder: &Encoder, texts: &Texts) -> Result<u64, NpyError> {
    // The number of texts is known only at the end. This header is replaced then.
    file.write_all(&header(u64::MAX, encoder.dim()))?;
    let bar = quiet_bar(0, "{pos} texts embedded");
    let mut count = 0;
    encoder.embed_each(texts.iter(), |vector| {
        vector.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
        count += 1;
        if let Some(bar) = bar.as_ref().filter(|_| count % PROGRESS_EVERY == 0) {
            bar.set_position(count);
        }
        Ok::<_, NpyError>(())
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    texts.check().map_err(NpyError::Vectors)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(count, encoder.dim()))?;
    Ok(count)
}

/// The header of NumPy's format, version 1.0: magic, length, a Python dict padded to 64 bytes. Its length does not
/// depend on `count`.
fn header(count: u64, dim: usize) -> Vec<u8> {
    const PREFIX: usize = 10;
    let of = |count| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {dim}), }}");
    let length = (PREFIX + of(u64::MAX).len() + 1).next_multiple_of(64) - PREFIX;
    let text = format!("{:width$}\n", of(count), width = length - 1);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // About 100, so that it fits two bytes.
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

/// The texts of a file, read line by line.
struct Texts {
    path: PathBuf,
    lines: Mutex<BufReader<File>>,
    failure: Mutex<Option<anyhow::Error>>,
}

impl Texts {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = open_regular(path).with_context(|| format!("cannot open {}", path.display()))?;
        let lines = Mutex::new(BufReader::new(file));
        Ok(Self { path: path.to_owned(), lines, failure: Mutex::new(None) })
    }

    /// The texts up to the end or to the first bad line, which [`Texts::check`] reports. To be called once.
    fn iter(&self) -> impl Iterator<Item = String> + Send {
        let mut number = 0;
        std::iter::from_fn(move || {
            loop {
                number += 1;
                let mut line = String::new();
                let text = match lock(&self.lines).read_line(&mut line) {
                    Ok(0) => return None,
                    Ok(_) if line.trim().is_empty() => continue,
                    Ok(_) => serde_json::from_str::<Line>(&line)
                        .map_err(|error| anyhow::anyhow!(json_mistake(&error))),
                    Err(error) => Err(error.into()),
                };
                let place = || format!("{}:{number}: expected {{\"text\": \"…\"}}", self.path.display());
                match text.with_context(place) {
                    Ok(line) => return Some(line.text),
                    Err(error) => {
                        *lock(&self.failure) = Some(error);
                        return None;
                    }
                }
            }
        })
    }

    /// # Errors
    /// The first bad line. It is not left out, because a missing vector would shift those that follow.
    fn check(&self) -> anyhow::Result<()> {
        lock(&self.failure).take().map_or(Ok(()), Err)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code panics while it holds the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn a_header_is_as_long_for_any_count_and_ends_on_a_boundary() {
        for count in [0, 9, 1_000_000, u64::MAX] {
            let bytes = header(count, 384);
            assert_eq!(bytes.len(), header(0, 384).len());
            assert!(bytes.len().is_multiple_of(64));
            assert_eq!(usize::from(bytes[8]) + 10, bytes.len());
            assert_eq!(bytes.last(), Some(&b'\n'));
        }
    }
}
