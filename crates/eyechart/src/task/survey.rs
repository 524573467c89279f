//! The result of reading every row of a dataset once: the number of rows, and the rows that can be picked.

use crate::types::BadRow;

/// The result of reading every row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Number of rows, including bad rows.
    pub rows: u64,
    /// Rows that can be picked, ascending.
    pub eligible: Eligible,
    /// The first few rows that cannot be read, for messages.
    pub bad: Vec<BadRow>,
    /// Number of rows that cannot be read.
    pub bad_rows: u64,
    /// Number of rows whose label names none of their options.
    pub unresolved_labels: u64,
    /// Number of rows whose label is the letter of one option and the text of another one.
    pub ambiguous_labels: u64,
    /// The first of these labels with its row, for messages.
    pub ambiguous_label: Option<String>,
}

/// The rows that can be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligible {
    /// All rows; this is their number.
    All(u64),
    /// Only these rows.
    Some(Vec<u64>),
}

impl Default for Eligible {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl Eligible {
    /// The number of rows.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::All(count) => *count,
            Self::Some(rows) => rows.len() as u64,
        }
    }

    pub(super) fn nth(&self, index: u64) -> u64 {
        match self {
            Self::All(_) => index,
            Self::Some(rows) => rows[usize::try_from(index).expect("an index into a Vec that is in memory")],
        }
    }
}
