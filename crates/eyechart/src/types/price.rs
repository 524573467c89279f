//! What tokens cost, and what may be used up.

use serde::{Deserialize, Serialize};

/// Tokens whose number is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Of prompts, pictures included.
    #[serde(rename = "input_tokens")]
    pub input: u64,
    /// Of answers, reasoning included.
    #[serde(rename = "output_tokens")]
    pub output: u64,
}

impl Tokens {
    /// Both together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::Add for Tokens {
    type Output = Self;

    /// An endpoint may report any number: the sum stops at the largest there is.
    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// What a model's tokens cost, and who says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// US dollars for a million tokens of prompt, at least 0.
    pub input: f64,
    /// US dollars for a million tokens of answer, at least 0.
    pub output: f64,
    /// Since when it has been published, or when it was looked up: `YYYY-MM-DD`.
    pub date: String,
    /// Where it is from: an address, or the user's file.
    pub source: String,
}

impl Price {
    /// What `tokens` cost, in US dollars.
    #[must_use]
    pub fn of(&self, tokens: Tokens) -> f64 {
        (self.input * tokens.input as f64 + self.output * tokens.output as f64) / 1e6
    }
}

/// What may be used up before a run stops. Absent: any amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// US dollars, as the price of the spec has it.
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
