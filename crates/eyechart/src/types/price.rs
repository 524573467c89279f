//! The price of tokens, and the budget of a run.

use serde::{Deserialize, Serialize};

/// Known numbers of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens of prompts, including pictures.
    #[serde(rename = "input_tokens")]
    pub input: u64,
    /// Tokens of answers, including reasoning.
    #[serde(rename = "output_tokens")]
    pub output: u64,
}

impl Tokens {
    /// The sum of both.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Whether both numbers are 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::Add for Tokens {
    type Output = Self;

    /// Endpoints may report any number: the sum stops at the largest number.
    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// The price of a model's tokens, and its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// US dollars per million prompt tokens, at least 0.
    pub input: f64,
    /// US dollars per million answer tokens, at least 0.
    pub output: f64,
    /// The date of publication or look-up: `YYYY-MM-DD`.
    pub date: String,
    /// The source: an address, or the user's file.
    pub source: String,
}

impl Price {
    /// The cost of `tokens` in US dollars.
    #[must_use]
    pub fn of(&self, tokens: Tokens) -> f64 {
        (self.input * tokens.input as f64 + self.output * tokens.output as f64) / 1e6
    }
}

/// What a run may use before it stops. An absent limit allows any amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// US dollars, by the price in the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Tokens of prompts and answers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl Budget {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
