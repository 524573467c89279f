//! The sentence encoder as the command line uses it: found or fetched, then loaded, with progress.

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;
use eyechart::scorer::Embed;
use eyechart::weights::{Locate, Located, locate};
use sentence_embed::Embeddings;

use super::fetching::FetchProgress;
use super::progress::quiet_bar;

/// Below this many texts embedding is over before anybody looks.
const WORTH_A_BAR: usize = 200;

/// Where the encoder is.
#[derive(Debug, Clone, Args)]
pub struct EncoderArguments {
    /// Folder with all-MiniLM-L6-v2 (config.json, tokenizer.json, model.safetensors); fetched once if absent
    #[arg(long, env = "EYECHART_ENCODER", value_name = "DIR")]
    encoder: Option<PathBuf>,
}

impl EncoderArguments {
    /// An encoder that is found (or fetched) now and loaded at its first use.
    pub fn lazy(&self) -> anyhow::Result<LazyEncoder> {
        Ok(LazyEncoder { files: self.locate()?, loaded: OnceCell::new() })
    }

    fn locate(&self) -> anyhow::Result<Located> {
        let request = Locate::new(self.encoder.clone());
        Ok(locate(&request, &FetchProgress::default())?)
    }
}

/// The encoder's files, checked, and the encoder once somebody has asked for it.
pub struct LazyEncoder {
    files: Located,
    loaded: OnceCell<Encoder>,
}

impl LazyEncoder {
    /// The encoder.
    pub fn get(&self) -> anyhow::Result<&Encoder> {
        if let Some(encoder) = self.loaded.get() {
            return Ok(encoder);
        }
        let encoder = Encoder(sentence_embed::Encoder::from_dir(&self.files.folder)?);
        Ok(self.loaded.get_or_init(|| encoder))
    }
}

/// The encoder, with a progress bar for what takes longer.
pub struct Encoder(sentence_embed::Encoder);

impl Encoder {
    /// Numbers in a vector.
    pub fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Embed for Encoder {
    fn embed(&self, texts: &[&str]) -> Result<Embeddings, String> {
        let template = "{bar:24} {pos}/{len} texts embedded";
        let shown = (texts.len() >= WORTH_A_BAR).then(|| quiet_bar(texts.len() as u64, template)).flatten();
        let advance = |done: usize| {
            if let Some(bar) = &shown {
                bar.set_position(done as u64);
            }
        };
        let embedded = self.0.embed_with(texts, advance).map_err(|error| error.to_string());
        if let Some(bar) = &shown {
            bar.finish_and_clear();
        }
        embedded
    }
}
