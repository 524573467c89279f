//! Option for the encoder on this machine, which is found or fetched with progress.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Args;
use eyechart::embed::{Arithmetic, EmbedObserver, LocalEncoder};
use eyechart::weights::{Locate, locate};
use indicatif::ProgressBar;

use super::fetching::FetchProgress;
use super::output;
use super::progress::quiet_bar;

/// Fewer texts are embedded too quickly for a bar.
const LEAST_FOR_BAR: usize = 200;

/// The encoder.
#[derive(Debug, Clone, Args)]
pub struct EncoderArguments {
    /// Folder of a BERT sentence encoder (config.json, tokenizer.json, model.safetensors), or its repository on the
    /// Hugging Face Hub [default: all-MiniLM-L6-v2, fetched once if absent]
    #[arg(long, env = "EYECHART_ENCODER", value_name = "DIR|REPOSITORY")]
    encoder: Option<PathBuf>,
}

impl EncoderArguments {
    /// The encoder, found or fetched now and loaded at its first use.
    pub fn open(&self, arithmetic: Arithmetic) -> anyhow::Result<LocalEncoder> {
        let request = self.request();
        let located = locate(&request, &FetchProgress::default())?;
        let name = request.folder.is_none().then_some(request.model.name.as_str());
        Ok(LocalEncoder::open(&located.folder, name, arithmetic)?)
    }

    /// A name that is not a path of this machine can be that of a repository.
    fn request(&self) -> Locate {
        let id = self.encoder.as_ref().filter(|path| !path.exists()).and_then(|path| path.to_str());
        match id.filter(|name| is_repository(name)) {
            Some(id) => Locate::repository(id),
            None => Locate::new(self.encoder.clone()),
        }
    }
}

/// `organisation/name`, as the Hub allows them.
fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    name.split_once('/').is_some_and(|(owner, model)| is_part(owner) && is_part(model))
}

/// Shows the progress of embedding.
#[derive(Default)]
pub struct EmbedProgress {
    bar: Mutex<Option<ProgressBar>>,
}

impl EmbedProgress {
    fn shown(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EmbedObserver for EmbedProgress {
    fn begin(&self, total: usize) {
        if total >= LEAST_FOR_BAR {
            *self.shown() = quiet_bar(total as u64, "{bar:24} {pos}/{len} texts embedded");
        }
    }

    fn done(&self, done: usize) {
        if let Some(bar) = &*self.shown() {
            bar.set_position(bar.position().max(done as u64));
        }
    }

    fn end(&self) {
        if let Some(bar) = self.shown().take() {
            bar.finish_and_clear();
        }
    }

    fn notice(&self, text: &str) {
        output::notice(text);
    }
}
