//! Asking a model: one file for each wire protocol, one client, and one gate for all requests (`flow/`).
//!
//! Nothing here knows tasks, scores or the record's files: a request goes in, and an answer or its failure comes out,
//! with every attempt.

mod ask;
mod embeddings;
mod flow;
mod http;
mod http_log;
mod key;
mod limits;
mod openai;
mod presets;
mod reading;
mod said;

pub use ask::Provider;
pub use embeddings::EmbeddingModel;
pub use flow::{
    Admission, Allowance, Asked, Gate, GateSettings, Halt, MOST_CONNECTIONS, RetryPolicy, Slot, Unit,
};
pub use http::HttpSettings;
pub use http_log::HttpLog;
pub use key::{ApiKey, Header, KeyError};
pub use limits::image_limits;
pub use presets::{ModelName, ModelNameError, PRESETS, Preset, key_variables};
pub use reading::{Reading, read_reply};
