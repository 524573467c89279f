//! A table before it is written: what is in it, not how it looks.

/// A table whose first column names and whose other columns are numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// What it shows.
    pub(super) title: String,
    /// What a group of rows is.
    pub(super) group: &'static str,
    /// What the first column names.
    pub(super) name: &'static str,
    /// Heads of the other columns.
    pub(super) heads: Vec<String>,
    /// The rows; those of one group stand together.
    pub(super) rows: Vec<Row>,
    /// What a reader must know of them.
    pub(super) notes: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The group it is in.
    pub(super) group: String,
    /// Its name.
    pub(super) name: String,
    /// Its cells, one for each head.
    pub(super) cells: Vec<String>,
}

/// What stands where there is no number.
pub(super) const ABSENT: &str = "–";
