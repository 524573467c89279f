//! What a scorer says of itself, and how it is built from a task's `[[score]]`. One [`Declaration`] per scorer.

use serde_json::{Map, Value};

use super::command::Commands;
use super::embed::Embed;
use super::measure::Measure;
use crate::types::{Formula, Metric, References, ScoreEntry};

/// A scorer.
#[derive(Debug)]
pub struct Declaration {
    /// Its name in task files.
    pub name: &'static str,
    /// The version of its rules. It grows whenever the same answer may be scored differently.
    pub version: u32,
    /// Its lowest and highest possible score.
    pub range: [f64; 2],
    /// Whether a higher score is the better one.
    pub higher_is_better: bool,
    /// The keys of `[[score]]` that only this scorer has.
    pub keys: &'static [&'static str],
    /// Whether an entry names a target.
    pub target: Target,
    /// Whether one score is made of all references at once, so that the key `references` makes no sense.
    pub reads_all_references: bool,
    /// Whether it needs texts to be embedded.
    pub needs_encoder: bool,
    /// Whether it needs to know which samples belong together.
    pub needs_cluster: bool,
    /// Reads the keys of an entry.
    pub build: fn(&ScoreEntry) -> Result<Built, KeyFault>,
}

impl Declaration {
    /// What most scorers are: version 1, from 0 to 1, without keys of their own, one reference at a time.
    pub(super) const fn new(name: &'static str, build: fn(&ScoreEntry) -> Result<Built, KeyFault>) -> Self {
        Self {
            name,
            version: 1,
            range: [0.0, 1.0],
            higher_is_better: true,
            keys: &[],
            target: Target::Required,
            reads_all_references: false,
            needs_encoder: false,
            needs_cluster: false,
            build,
        }
    }
}

/// Whether an entry of a scorer names a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// It must.
    Required,
    /// It may.
    Optional,
    /// It must not: the options of the question are the reference.
    Choices,
}

/// A scorer with the keys of one entry.
pub struct Built {
    /// Its own keys with defaults filled in: everything that its scores depend on.
    pub parameters: Map<String, Value>,
    /// Its metrics; the first one is the entry's main figure.
    pub metrics: Vec<Metric>,
    /// Columns of the dataset that its own keys name.
    pub columns: Vec<String>,
    /// How it scores.
    pub measure: Measure,
}

impl Built {
    /// A scorer without keys of its own.
    pub(super) fn plain(metrics: Vec<Metric>, measure: Measure) -> Self {
        Self { parameters: Map::new(), metrics, columns: Vec::new(), measure }
    }
}

/// What is wrong with the value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFault {
    /// The key.
    pub key: String,
    /// What is wrong with it, and what was expected.
    pub what: String,
}

impl KeyFault {
    pub(super) fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: key.into(), what: what.into() }
    }
}

/// The metric `accuracy` of scores that are 0 or 1; of several references' mean, values between them occur.
pub(super) fn right_or_wrong(entry: &ScoreEntry, meaning: &str) -> Metric {
    let formula = match entry.references {
        Some(References::Mean) => Formula::Mean,
        _ => Formula::Share,
    };
    Metric::new("accuracy", formula, meaning)
}

/// What scorers may use besides records. By default neither an encoder nor programs.
#[derive(Clone, Copy, Default)]
pub struct Tools<'a> {
    /// What embeds texts; absent where no entry needs it.
    pub embedder: Option<&'a dyn Embed>,
    /// Whether programs may be started.
    pub commands: Commands<'a>,
}

/// Why a run cannot be scored at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScorerError {
    /// Its texts cannot be embedded.
    #[error(transparent)]
    Embed(#[from] super::EmbedError),
}

/// The number at `key`, where there is one.
pub(super) fn number(entry: &ScoreEntry, key: &str) -> Result<Option<f64>, KeyFault> {
    let Some(value) = entry.own.get(key) else { return Ok(None) };
    let number = value.as_f64().filter(|number| number.is_finite());
    number.map(Some).ok_or_else(|| KeyFault::new(key, format!("`{key}`: expected a number, found {value}")))
}

/// The text at `key`, where there is one.
pub(super) fn text(entry: &ScoreEntry, key: &str) -> Result<Option<String>, KeyFault> {
    let Some(value) = entry.own.get(key) else { return Ok(None) };
    let text = value.as_str().filter(|text| !text.trim().is_empty());
    let fault = || KeyFault::new(key, format!("`{key}`: expected a text that is not empty, found {value}"));
    text.map(|text| Some(text.to_owned())).ok_or_else(fault)
}
