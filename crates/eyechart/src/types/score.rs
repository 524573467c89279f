//! A number for one sample by one scorer, or the reason why there is none.

use serde::{Deserialize, Serialize};

use super::{Counts, Epoch, READABLE};

/// One line of `scores.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The sample's id.
    pub id: String,
    /// Its repetition, from 1.
    pub epoch: Epoch,
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scorer's name, such as `similarity`.
    pub scorer: String,
    /// The scored part of the answer.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The position of the reference in the target, from 0; absent if the score is of all references.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<usize>,
    /// The number, or the reason why there is none.
    #[serde(flatten)]
    pub value: ScoreValue,
    /// The text that was extracted from the answer; absent if the whole part was scored, or nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The rule that decided; absent if the scorer has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The position of that text in `output.text`: `[start, end)` in Unicode characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<[usize; 2]>,
    /// Named numbers that metrics sum up.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub counts: Counts,
}

/// The number of a score, or the reason why there is none. Never NaN, and never a placeholder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreValue {
    /// The number. Its range depends on the scorer.
    Value(f64),
    /// The reason why there is no number.
    Unscored(String),
}

impl Score {
    /// The number, if there is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            ScoreValue::Value(value) => Some(value),
            ScoreValue::Unscored(_) => None,
        }
    }

    /// Whether the scorer looked for an answer in the text and found none.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.counts.get(READABLE).is_some_and(|readable| *readable == 0.0)
    }
}
