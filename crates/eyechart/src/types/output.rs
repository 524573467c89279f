//! A model's answer to a request.

use serde::{Deserialize, Serialize};

use super::Tokens;
use crate::text::split_reasoning;

/// A model's answer to one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelOutput {
    /// The text of the answer, untrimmed, without the reasoning.
    pub text: String,
    /// The reasoning: what the endpoint sends in its own field, and what the text had between marks such as `<think>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Why the model stopped; absent if the endpoint did not report it, and for recorded outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// The model's name as the endpoint reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Token counts, if the endpoint reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl ModelOutput {
    /// A recorded answer. Only its text is known.
    pub fn recorded(text: impl Into<String>) -> Self {
        Self { text: text.into(), reasoning: None, stop_reason: None, model: None, usage: None }
    }

    /// Moves the reasoning between marks from `text` to `reasoning`. Returns whether the text ended within the reasoning.
    pub(crate) fn split_reasoning(&mut self) -> bool {
        let split = split_reasoning(&self.text);
        self.text = split.answer;
        let reasoning: Vec<String> = self.reasoning.take().into_iter().chain(split.reasoning).collect();
        self.reasoning = (!reasoning.is_empty()).then(|| reasoning.join("\n\n"));
        split.is_cut_off
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model finished.
    Stop,
    /// The token limit cut the answer off. The answer is scored and counted as truncated.
    Length,
    /// A filter withheld the rest of the answer.
    ContentFilter,
    /// Another reason.
    Other,
}

/// The token counts that the endpoint reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, including pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, including reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens of reasoning within the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// The sum of prompt and answer, if both are known.
    #[must_use]
    pub fn counted(&self) -> Option<Tokens> {
        Some(Tokens { input: self.input_tokens?, output: self.output_tokens? })
    }

    /// Tokens of prompt and answer, as far as they are known.
    #[must_use]
    pub fn total(&self) -> u64 {
        // Endpoints may report any number: sums must not overflow.
        self.input_tokens.unwrap_or(0).saturating_add(self.output_tokens.unwrap_or(0))
    }
}
