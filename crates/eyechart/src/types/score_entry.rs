//! One `[[score]]` of a task file: a scorer, a part of the answer, and a target.
//!
//! Knows the keys that all scorers share. The scorer reads its own keys.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Take;

/// A scorer applied to a part of the answer, or to a recorded column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ScoreEntry {
    /// The scorer, such as `choice` or `exact_match`: see [scorers.md](scorers.md).
    pub scorer: String,
    /// The name of the entry in every file and figure; the name of the scorer, if absent. Name, part and target
    /// together are unique within a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name of the scored part of the answer.
    #[serde(default = "default_part")]
    pub part: String,
    /// The part of the trimmed answer.
    #[serde(default)]
    pub take: Take,
    /// How the answer is extracted from that part: `"final_answer"`, or a table with `regex` or `after`. The whole
    /// part, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<Extract>,
    /// The score of an answer that neither `extract` nor the scorer can read.
    #[serde(default)]
    pub unparsed: Unparsed,
    /// The column to score instead of the answer: the recorded output of another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The column with the reference, or with a list of references. Scorers of multiple choice read `[dataset]
    /// choices` instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The title in tables; `part ↔ target`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How several references give one score; `best`, if absent. Not allowed for scorers that read all references at
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<References>,
    /// Whether the entry was written as `[[compare]]`.
    #[serde(skip)]
    pub is_compare: bool,
    /// The scorer's own keys.
    #[serde(flatten)]
    pub own: Map<String, Value>,
}

pub(super) fn default_part() -> String {
    "answer".to_owned()
}

/// How several references of a sample give scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum References {
    /// One score for each reference.
    Each,
    /// The score of the reference that fits best.
    Best,
    /// The mean over the references.
    Mean,
}

/// How an answer is extracted from a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected \"final_answer\", { regex = \"…\", group = 1, pick = \"last\" } or { after = \"…\", pick = \"last\" }"
)]
pub enum Extract {
    /// A named rule.
    Rule(ExtractRule),
    /// The match of a regular expression.
    Regex(RegexExtract),
    /// The text after a marker, up to the end of its line.
    After(AfterExtract),
}

/// The named rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExtractRule {
    /// The answer that the text marks as final (`\boxed{}`, `<answer>`, "the answer is"), or else the whole text.
    FinalAnswer,
}

/// `extract = { regex = "…" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegexExtract {
    /// A regular expression in the syntax of Rust's `regex` crate.
    pub regex: String,
    /// The number of the group with the answer; 0 is the whole match. The first group, if absent, or the whole match
    /// without groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// The match that counts.
    #[serde(default)]
    pub pick: PickMatch,
}

/// `extract = { after = "Answer:" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AfterExtract {
    /// The marker; case matters.
    pub after: String,
    /// The occurrence that counts.
    #[serde(default)]
    pub pick: PickMatch,
}

/// The match that counts if there are several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PickMatch {
    /// The first match.
    First,
    /// The last match, because models correct themselves.
    #[default]
    Last,
}

/// The score of an answer that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unparsed {
    /// 0.
    #[default]
    Wrong,
    /// No score, with the reason.
    Unscored,
}

impl ScoreEntry {
    /// An entry of `scorer` with every other key absent.
    #[must_use]
    pub fn new(scorer: impl Into<String>) -> Self {
        Self {
            scorer: scorer.into(),
            name: None,
            part: default_part(),
            take: Take::All,
            extract: None,
            unparsed: Unparsed::default(),
            column: None,
            target: None,
            title: None,
            references: None,
            is_compare: false,
            own: Map::new(),
        }
    }

    /// The entry's name in files and figures.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.scorer)
    }

    /// Whether both entries have the same name, part and target.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.name() == other.name() && self.part == other.part && self.target == other.target
    }

    /// The title of the entry in tables.
    #[must_use]
    pub fn shown_title(&self) -> String {
        match (&self.title, &self.target) {
            (Some(title), _) => title.clone(),
            (None, Some(target)) => format!("{} ↔ {target}", self.part),
            (None, None) => self.part.clone(),
        }
    }
}
