//! Asking a model: one file per wire protocol, one client, one retry policy, one gate for all of them.
//!
//! Nothing here knows tasks, scores or the record's files: a request goes in, an answer or its failure comes
//! out, with every attempt it took.

mod adaptive;
mod allowance;
mod ask;
mod asking;
mod bucket;
mod embeddings;
mod gate;
mod health;
mod http;
mod http_log;
mod key;
mod limits;
mod openai;
mod pacer;
mod presets;
mod quota;
mod reading;
mod retry;
mod said;
#[cfg(test)]
mod simulated;

pub use allowance::{Allowance, Unit};
pub use ask::Provider;
pub use asking::Asked;
pub use embeddings::EmbeddingModel;
pub use gate::{Admission, Gate, GateSettings, MOST_CONNECTIONS, Slot};
pub use health::Halt;
pub use http::HttpSettings;
pub use http_log::HttpLog;
pub use key::{ApiKey, Header, KeyError};
pub use limits::image_limits;
pub use presets::{ModelName, ModelNameError, PRESETS, Preset, key_variables};
pub use reading::{Reading, read_reply};
pub use retry::RetryPolicy;
