//! Asking a model: wire protocols (`protocol/`), one HTTP client, and one gate for all requests (`flow/`).
//!
//! Nothing here knows tasks, scores or the files of the record: a request goes in, and an answer or its failure comes
//! out, with every attempt.

mod answer;
mod ask;
mod embedding_model;
mod flow;
mod http;
mod http_log;
mod key;
mod limits;
mod presets;
pub mod protocol;
mod reading;
mod received;
mod reply;
mod secrets;

pub use ask::Provider;
pub use embedding_model::EmbeddingModel;
pub use flow::{
    Admission, Allowance, Asked, FIRST_REPLY_WITHIN, Gate, GateSettings, Halt, MOST_CONNECTIONS, RetryPolicy,
    Slot, Unit,
};
pub use http::{HttpSettings, ProviderError};
pub use http_log::HttpLog;
pub use key::{ApiKey, Header, KeyError, QueryParameter};
pub use limits::image_limits;
pub use presets::{ModelName, ModelNameError, PRESETS, Preset, key_variables};
pub use protocol::{OPENAI_CHAT, Protocol};
pub(crate) use reading::read_recorded;
pub use reading::{Reading, read_reply};
