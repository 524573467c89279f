//! Reads the JSON files of a model's folder and refuses models that the forward pass does not
//! compute. Knows nothing of weights.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// What sentence-transformers cuts at when `sentence_bert_config.json` says nothing.
const DEFAULT_MAX_TOKENS: usize = 256;

/// The sizes of a BERT encoder, from `config.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_hidden_layers: usize,
    pub vocab_size: usize,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub layer_norm_eps: f32,
    hidden_act: String,
    model_type: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// The part of `sentence_bert_config.json` that matters here.
#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

impl Config {
    /// Reads and checks `config.json` in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("config.json");
        let config: Self = read_json(&path)?;
        config.check(&path)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        require(path, "model_type", &self.model_type, "bert")?;
        require(path, "hidden_act", &self.hidden_act, "gelu")?;
        require(path, "position_embedding_type", &self.position_embedding_type, "absolute")?;
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.num_attention_heads),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (setting, size) in sizes {
            // The bound keeps the products of two sizes, the tensors' lengths, far from overflow.
            if size == 0 || size > 1 << 24 {
                return Err(unsupported(path, setting, size, "1 to 16777216"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let expected = format!("a divisor of hidden_size {}", self.hidden_size);
            let heads = self.num_attention_heads;
            return Err(unsupported(path, "num_attention_heads", heads, &expected));
        }
        Ok(())
    }
}

/// How many tokens of a text are read: `max_seq_length` of `sentence_bert_config.json`, else 256.
pub(crate) fn read_max_tokens(dir: &Path, config: &Config) -> Result<usize, Error> {
    let path = dir.join("sentence_bert_config.json");
    let limit = config.max_position_embeddings;
    let stated = match path.exists() {
        true => read_json::<SentenceConfig>(&path)?.max_seq_length,
        false => None,
    };
    match stated {
        Some(max) if max == 0 || max > limit => {
            let expected = format!("1 to {limit} (max_position_embeddings)");
            Err(unsupported(&path, "max_seq_length", max, &expected))
        }
        Some(max) => Ok(max),
        None => Ok(DEFAULT_MAX_TOKENS.min(limit)),
    }
}

/// Refuses a model whose `1_Pooling/config.json` asks for anything but the mean over tokens.
pub(crate) fn check_pooling(dir: &Path) -> Result<(), Error> {
    let path = dir.join("1_Pooling").join("config.json");
    if !path.exists() {
        return Ok(());
    }
    let settings: serde_json::Map<String, serde_json::Value> = read_json(&path)?;
    // Newer files name the mode, older ones have a flag for each.
    if let Some(mode) = settings.get("pooling_mode") {
        let mode = mode.as_str().unwrap_or("not a text");
        return require(&path, "pooling_mode", mode, "mean");
    }
    let modes: Vec<&str> = settings
        .iter()
        .filter(|(key, value)| key.starts_with("pooling_mode_") && value.as_bool() == Some(true))
        .map(|(key, _)| key.as_str())
        .collect();
    let found = modes.join(" + ");
    require(&path, "the pooling", &found, "pooling_mode_mean_tokens")
}

/// The bytes of a file that has to be there.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The error for a setting that this crate does not compute.
pub(crate) fn unsupported(path: &Path, setting: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::Unsupported {
        path: PathBuf::from(path),
        setting,
        found: found.to_string(),
        expected: expected.to_owned(),
    }
}

fn require(path: &Path, setting: &'static str, found: &str, expected: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(unsupported(path, setting, format!("{found:?}"), &format!("{expected:?}")))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_slice(&read_bytes(path)?)
        .map_err(|source| Error::Config { path: path.to_owned(), source })
}
