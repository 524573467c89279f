//! One number about one sample by one scorer, or the reason why there is none.

use serde::{Deserialize, Serialize};

use super::Epoch;

/// One line of `scores.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The sample's id.
    pub id: String,
    /// Its repetition, from 1.
    pub epoch: Epoch,
    /// The scorer's name, such as `similarity`.
    pub scorer: String,
    /// The compared part of the answer, or the recorded column that stands in for it.
    pub part: String,
    /// The target it was compared with.
    pub target: String,
    /// Which of the target's references, from 0; absent where the sample as a whole is unscored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<usize>,
    /// The number, or why there is none.
    #[serde(flatten)]
    pub value: ScoreValue,
}

/// A score's number, or the reason why there is none. Never NaN, never a stand-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreValue {
    /// The number; its range is the scorer's.
    Value(f64),
    /// Why there is none.
    Unscored(String),
}

impl Score {
    /// The number, where there is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            ScoreValue::Value(value) => Some(value),
            ScoreValue::Unscored(_) => None,
        }
    }
}
