//! The errors of the crate. Each names the file, what was found and what was expected.

use std::path::PathBuf;

use crate::options::Precision;

/// The error of a dependency whose error type is not part of the interface of this crate.
type Opaque = Box<dyn std::error::Error + Send + Sync>;

/// The reason why an encoder cannot be read, or a text cannot be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file in the folder of the model is missing or cannot be read.
    #[error("cannot read {}, a file that the encoder needs: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason why the file cannot be read.
        source: std::io::Error,
    },
    /// A configuration file is not JSON, or lacks a setting.
    #[error("cannot understand {}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The position and the reason of the error.
        source: serde_json::Error,
    },
    /// A configuration file describes a model that this crate does not support.
    #[error("{}: {setting} is {found}, but this encoder needs {expected}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The name of the setting in the file.
        setting: &'static str,
        /// The value in the file.
        found: String,
        /// The supported values.
        expected: String,
    },
    /// The file of the tokenizer is damaged, or the tokenizer library does not support it.
    #[error("cannot understand the tokenizer {}: {source}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The error of the tokenizer library.
        source: Opaque,
    },
    /// The file of the weights is damaged, for example cut short by an unfinished download.
    #[error("cannot understand the weights {} (are they complete?): {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// The error of the safetensors library.
        source: Opaque,
    },
    /// The file of the weights lacks a tensor.
    #[error("{} has no tensor {name}", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        name: String,
    },
    /// The shape of a tensor does not match the configuration.
    #[error("{}: the shape of tensor {name} is {found:?}, but by config.json it should be {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// A tensor holds numbers of another type than floats of 32 or 16 bits.
    #[error("{}: the numbers of tensor {name} are {found}, but this encoder needs F32, F16 or BF16", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        name: String,
        /// The type in the file, as safetensors names it.
        found: String,
    },
    /// The processor has no instructions for the precision.
    #[error(
        "this processor has no AVX-512 BF16 instructions, which the precision {precision} needs; f32 runs everywhere"
    )]
    Precision {
        /// The requested precision.
        precision: Precision,
    },
    /// The tokenizer refused a text.
    #[error("cannot split text {index} into tokens: {source}")]
    Tokenize {
        /// The index of the text in the input, from 0.
        index: usize,
        /// The error of the tokenizer library.
        source: Opaque,
    },
}
