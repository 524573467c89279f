//! Why there are no weights, written for the person who has to do something about it.

use std::fmt;
use std::path::PathBuf;

use super::Way;

/// One way that led nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The way.
    pub way: Way,
    /// Why it led nowhere; never holds a key.
    pub reason: String,
}

/// Why there are no weights.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightsError {
    /// The folder that the user named is not right.
    Named {
        /// The folder.
        folder: PathBuf,
        /// What is missing or differs.
        reason: String,
        /// The files that it must have.
        required: Vec<String>,
    },
    /// No way led to the files.
    NotFound {
        /// The encoder's name.
        model: String,
        /// Every way in the order tried.
        attempts: Vec<Attempt>,
        /// The files that a folder must have.
        required: Vec<String>,
    },
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let required = match self {
            Self::Named { folder, reason, required } => {
                writeln!(f, "the encoder folder {} cannot be used: {reason}", folder.display())?;
                required
            }
            Self::NotFound { model, attempts, required } => {
                writeln!(f, "no way led to the files of the encoder {model}:")?;
                for Attempt { way, reason } in attempts {
                    writeln!(f, "  {way}: {reason}")?;
                }
                required
            }
        };
        write!(f, "set --encoder DIR to a folder with {}", listed(required))
    }
}

impl std::error::Error for WeightsError {}

/// `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
