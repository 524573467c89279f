//! The texts, and how much arithmetic they are.

use std::error::Error;
use std::fs;
use std::path::Path;

use sentence_embed::Encoder;
use serde::Deserialize;

/// The sizes of the model.
#[derive(Debug, Deserialize)]
pub struct Sizes {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
}

/// Texts with their numbers of tokens.
pub struct Work {
    pub name: &'static str,
    pub texts: Vec<String>,
    pub lengths: Vec<usize>,
    pub sizes: Sizes,
}

#[derive(Deserialize)]
struct Line {
    text: String,
}

impl Work {
    /// The golden texts beside the repository, else the crate's own ten times over.
    pub fn read(model: &Path) -> Result<Self, Box<dyn Error>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let real = fs::read_to_string(here.join("../../../shared/golden/minilm.jsonl"));
        let (name, lines) = match real {
            Ok(lines) => ("real texts", lines),
            Err(_) => (
                "the crate's own texts",
                fs::read_to_string(here.join("tests/golden/minilm.jsonl"))?.repeat(10),
            ),
        };
        let texts: Result<Vec<String>, _> =
            lines.lines().map(|line| serde_json::from_str::<Line>(line).map(|line| line.text)).collect();
        let (texts, encoder) = (texts?, Encoder::from_dir(model)?);
        let lengths: Result<Vec<usize>, _> = texts.iter().map(|text| encoder.count_tokens(text)).collect();
        let sizes = serde_json::from_str(&fs::read_to_string(model.join("config.json"))?)?;
        Ok(Self { name, lengths: lengths?, texts, sizes })
    }

    pub fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Weights of the matrix products.
    pub fn weights(&self) -> usize {
        let Sizes { hidden_size, intermediate_size, num_hidden_layers, .. } = self.sizes;
        num_hidden_layers * (4 * hidden_size.pow(2) + 2 * hidden_size * intermediate_size)
    }

    /// Multiplications and additions in the products, attention's among them, and nothing else.
    pub fn operations(&self) -> f64 {
        let Sizes { hidden_size, num_hidden_layers, .. } = self.sizes;
        let pairs: usize = self.lengths.iter().map(|length| length * length).sum();
        let attention = num_hidden_layers * 2 * hidden_size * pairs;
        2.0 * (self.weights() * self.tokens() + attention) as f64
    }
}
