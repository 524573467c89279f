//! Reads the sizes of a BERT encoder from `config.json`, and rejects models that the forward pass does not support.

use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::files::{read_json, require, unsupported};
use crate::kernels::product::Activation;

/// The sizes of a BERT encoder, from `config.json`. Optional settings have the defaults of `BertConfig` of Hugging
/// Face.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_hidden_layers: usize,
    pub vocab_size: usize,
    pub max_position_embeddings: usize,
    #[serde(default = "two_types")]
    pub type_vocab_size: usize,
    #[serde(default = "smallest_variance")]
    pub layer_norm_eps: f32,
    #[serde(default = "exact_gelu")]
    hidden_act: String,
    /// The activation that `hidden_act` names.
    #[serde(skip)]
    pub activation: Activation,
    model_type: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(default)]
    is_decoder: bool,
}

fn two_types() -> usize {
    2
}

fn smallest_variance() -> f32 {
    1e-12
}

fn exact_gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// Returns the function with this name in `ACT2FN` of Hugging Face.
fn activation(path: &Path, name: &str) -> Result<Activation, Error> {
    match name {
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        _ => {
            let expected = "\"gelu\", \"gelu_new\", \"gelu_pytorch_tanh\" or \"relu\"";
            Err(unsupported(path, "hidden_act", format!("{name:?}"), expected))
        }
    }
}

impl Config {
    /// Reads and checks `config.json` in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("config.json");
        let mut config: Self = read_json(&path)?;
        config.check(&path)?;
        config.activation = activation(&path, &config.hidden_act)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        require(path, "model_type", &self.model_type, "bert")?;
        require(path, "position_embedding_type", &self.position_embedding_type, "absolute")?;
        if self.is_decoder {
            return Err(unsupported(path, "is_decoder", true, "false (attention to both sides)"));
        }
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.num_attention_heads),
            ("num_hidden_layers", self.num_hidden_layers),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (setting, size) in sizes {
            // The bound prevents overflow in the products of two sizes, which are the lengths of tensors.
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
