//! The error if no encoder was found. The message gives the reason of each attempt and says what to do.

use std::fmt;
use std::path::PathBuf;

use super::Way;

/// A way that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The way.
    pub way: Way,
    /// The reason. Never contains a key.
    pub reason: String,
}

/// The reason why no encoder was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightsError {
    /// The folder that the user named cannot be used.
    Named {
        /// The folder.
        folder: PathBuf,
        /// What is missing or differs.
        reason: String,
        /// The required files.
        required: Vec<String>,
    },
    /// Every way failed.
    NotFound {
        /// The encoder's name.
        model: String,
        /// The ways in the order of attempts.
        attempts: Vec<Attempt>,
        /// The required files.
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
                writeln!(f, "cannot find the files of the encoder {model}:")?;
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
