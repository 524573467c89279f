//! What can go wrong: each error names the file, what was found and what was expected.

use std::path::PathBuf;

use crate::options::Precision;

/// The error of a component whose own error type is not part of this crate's interface.
type Opaque = Box<dyn std::error::Error + Send + Sync>;

/// Why an encoder could not be read, or a text not be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the model's folder is missing or cannot be read.
    #[error("cannot read {}, a file that the encoder needs: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A configuration file is not JSON, or lacks a setting.
    #[error("cannot understand {}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where the reading stopped, and why.
        source: serde_json::Error,
    },
    /// A configuration file describes a model that this crate does not compute.
    #[error("{}: {setting} is {found}, but this encoder needs {expected}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The setting, as the file names it.
        setting: &'static str,
        /// Its value in the file.
        found: String,
        /// The values that would do.
        expected: String,
    },
    /// The file of the tokenizer is damaged, or of a kind that the tokenizer library does not know.
    #[error("cannot understand the tokenizer {}: {source}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library says.
        source: Opaque,
    },
    /// The file of the weights is damaged, for example cut short by an unfinished download.
    #[error("cannot understand the weights {} (are they complete?): {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What the safetensors library says.
        source: Opaque,
    },
    /// The file of the weights lacks a tensor.
    #[error("{} has no tensor {name}", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{}: the shape of tensor {name} is {found:?}, but by config.json it should be {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// A tensor holds numbers of another type than floats of 32 or 16 bits.
    #[error("{}: the numbers of tensor {name} are {found}, but this encoder needs F32, F16 or BF16", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The type in the file, as safetensors names it.
        found: String,
    },
    /// The processor has no instructions for the precision.
    #[error(
        "this processor has no AVX-512 BF16 instructions, which the precision {precision} needs; f32 runs everywhere"
    )]
    Precision {
        /// What was asked for.
        precision: Precision,
    },
    /// The tokenizer refused a text.
    #[error("cannot split text {index} into tokens: {source}")]
    Tokenize {
        /// The text's place in the input, from 0.
        index: usize,
        /// What the tokenizer library says.
        source: Opaque,
    },
}
