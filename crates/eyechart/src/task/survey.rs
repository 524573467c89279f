//! What a look at every row of a dataset finds: how many there are, and which can be picked.

use crate::types::BadRow;

/// What a look at every row finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Rows, bad ones included.
    pub rows: u64,
    /// The rows that can be picked, ascending.
    pub eligible: Eligible,
    /// Rows that cannot be read: the first few, for people.
    pub bad: Vec<BadRow>,
    /// How many there are of them.
    pub bad_rows: u64,
    /// Rows whose label names none of their options.
    pub unresolved_labels: u64,
}

/// Which rows can be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligible {
    /// All of this many.
    All(u64),
    /// These.
    Some(Vec<u64>),
}

impl Default for Eligible {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl Eligible {
    /// How many there are.
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
