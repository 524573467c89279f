//! A model's answer to a request.

use serde::{Deserialize, Serialize};

use super::Tokens;

/// A model's answer to one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelOutput {
    /// The answer as it came, untrimmed, without the reasoning.
    pub text: String,
    /// The reasoning, where the endpoint sends it in a field of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Why the model stopped; absent where the endpoint did not say (recorded outputs never do).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// The model's name as the endpoint reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Token counts, where the endpoint sends them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl ModelOutput {
    /// An answer made elsewhere, of which nothing but the text is known.
    pub fn recorded(text: impl Into<String>) -> Self {
        Self { text: text.into(), reasoning: None, stop_reason: None, model: None, usage: None }
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It had finished.
    Stop,
    /// The token limit cut it off: the answer is scored and counted as truncated.
    Length,
    /// A filter withheld the rest.
    ContentFilter,
    /// Something else.
    Other,
}

/// Token counts as the endpoint reports them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, pictures included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Of those, tokens of reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// Prompt and answer, where both are known.
    #[must_use]
    pub fn counted(&self) -> Option<Tokens> {
        Some(Tokens { input: self.input_tokens?, output: self.output_tokens? })
    }

    /// Tokens of prompt and answer, as far as they are known.
    #[must_use]
    pub fn total(&self) -> u64 {
        // Whatever an endpoint claims: no sum of it must overflow.
        self.input_tokens.unwrap_or(0).saturating_add(self.output_tokens.unwrap_or(0))
    }
}
