//! The declaration of a scorer, and how the scorer is built from a `[[score]]` entry of a task. Each scorer has one
//! [`Declaration`].

use serde_json::{Map, Value};

use super::command::CommandPermission;
use super::embed::Embed;
use super::measure::Measure;
use crate::types::{Formula, Metric, References, ScoreEntry};

/// What a scorer is: its name, the keys that it reads, its range, and what it needs.
#[derive(Debug)]
pub struct Declaration {
    /// The name of the scorer in task files.
    pub name: &'static str,
    /// The version of the rules. It increases whenever the same answer may be scored differently.
    pub version: u32,
    /// The lowest and the highest possible score.
    pub range: [f64; 2],
    /// Whether a higher score is better.
    pub higher_is_better: bool,
    /// The keys of `[[score]]` that only this scorer has.
    pub keys: &'static [&'static str],
    /// Whether an entry must, may or must not name a target.
    pub target: Target,
    /// Whether one score is computed from all references at once. If so, the key `references` is refused.
    pub reads_all_references: bool,
    /// Whether the scorer needs an embedder ([`Tools::embedder`]).
    pub needs_encoder: bool,
    /// Whether the scorer needs the cluster of each sample, such as the picture that several questions share.
    pub needs_cluster: bool,
    /// Reads the keys of an entry. Returns [`KeyFault`] for a value that is not allowed.
    pub build: fn(&ScoreEntry) -> Result<ConfiguredScorer, KeyFault>,
}

impl Declaration {
    /// Returns the defaults that most scorers share: version 1, range 0 to 1, no keys of their own, a required target,
    /// and one reference at a time.
    pub(super) const fn new(
        name: &'static str,
        build: fn(&ScoreEntry) -> Result<ConfiguredScorer, KeyFault>,
    ) -> Self {
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

/// Whether an entry of a scorer must, may or must not name a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The entry must name a target.
    Required,
    /// The entry may name a target, which may hold objects.
    Optional,
    /// The entry must not name a target, because the options of the question are the reference.
    Choices,
}

/// A scorer after the keys of one entry have been read.
pub struct ConfiguredScorer {
    /// The keys of the entry that only this scorer has, with defaults filled in. The scores depend on nothing else but
    /// the shared keys and the records.
    pub parameters: Map<String, Value>,
    /// The metrics. The first one is the main figure of the entry.
    pub metrics: Vec<Metric>,
    /// The columns of the dataset that the keys of this scorer name.
    pub columns: Vec<String>,
    /// The function that scores.
    pub measure: Measure,
}

impl ConfiguredScorer {
    /// Returns a scorer that has no keys of its own.
    pub(super) fn plain(metrics: Vec<Metric>, measure: Measure) -> Self {
        Self { parameters: Map::new(), metrics, columns: Vec::new(), measure }
    }
}

/// A key of an entry whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFault {
    /// The name of the key.
    pub key: String,
    /// A message that says what was found and what was expected.
    pub what: String,
}

impl KeyFault {
    pub(super) fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: key.into(), what: what.into() }
    }
}

/// Returns the metric `accuracy` for scores that are 0 or 1. It is a share, or a mean if the scores of several
/// references are averaged (`references = "mean"`), because values between 0 and 1 occur then.
pub(super) fn right_or_wrong(entry: &ScoreEntry, meaning: &str) -> Metric {
    let formula = match entry.references {
        Some(References::Mean) => Formula::Mean,
        _ => Formula::Share,
    };
    Metric::new("accuracy", formula, meaning)
}

/// What scorers may use besides records. By default there is no embedder, and no program may be started.
#[derive(Clone, Copy, Default)]
pub struct Tools<'a> {
    /// Turns texts into vectors. `None` if no entry needs vectors.
    pub embedder: Option<&'a dyn Embed>,
    /// Whether scorers may start the programs that a task names.
    pub commands: CommandPermission<'a>,
}

/// The reason why a run cannot be scored at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScorerError {
    /// The texts cannot be embedded.
    #[error(transparent)]
    Embed(#[from] super::EmbedError),
}

/// Returns the number at `key`; `None` if the key is absent.
///
/// # Errors
/// The value is not a finite number.
pub(super) fn number(entry: &ScoreEntry, key: &str) -> Result<Option<f64>, KeyFault> {
    let Some(value) = entry.own.get(key) else { return Ok(None) };
    let number = value.as_f64().filter(|number| number.is_finite());
    number.map(Some).ok_or_else(|| KeyFault::new(key, format!("`{key}`: expected a number, found {value}")))
}

/// Returns the text at `key`; `None` if the key is absent.
///
/// # Errors
/// The value is not a text, or is blank.
pub(super) fn text(entry: &ScoreEntry, key: &str) -> Result<Option<String>, KeyFault> {
    let Some(value) = entry.own.get(key) else { return Ok(None) };
    let text = value.as_str().filter(|text| !text.trim().is_empty());
    let fault = || KeyFault::new(key, format!("`{key}`: expected a text that is not empty, found {value}"));
    text.map(|text| Some(text.to_owned())).ok_or_else(fault)
}
