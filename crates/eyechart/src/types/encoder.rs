//! The encoder of a run's vectors, as recorded.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An encoder, without secrets. The similarities of two runs can be compared if their encoders are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderSpec {
    /// The name: `all-MiniLM-L6-v2`, a repository, a folder's name, or `provider/model`.
    pub name: String,
    /// SHA-256 of the weights, in hexadecimal; absent for an endpoint's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The arithmetic, such as `f32`; absent for an endpoint's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// The endpoint's address before `/embeddings`; absent for an encoder on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Request fields in addition to the model and the texts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}
