//! The content of a table, without its layout.

/// A table with a column of names and columns of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// The title.
    pub(super) title: String,
    /// Head of the column of groups; empty for a table without groups.
    pub(super) group: &'static str,
    /// Head of the column of names.
    pub(super) name: &'static str,
    /// Heads of the other columns.
    pub(super) heads: Vec<String>,
    /// The rows; those of one group are next to each other.
    pub(super) rows: Vec<Row>,
    /// Notes below the rows.
    pub(super) notes: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The group of the row.
    pub(super) group: String,
    /// The name of the row.
    pub(super) name: String,
    /// The cells, one per head.
    pub(super) cells: Vec<String>,
    /// What belongs behind each cell, such as `[77.1, 88.2]`; empty for cells without it, and for rows without any.
    pub(super) intervals: Vec<String>,
}

impl Row {
    /// The cells with what belongs behind them.
    pub(super) fn whole_cells(&self) -> Vec<String> {
        let behind = self.intervals.iter().map(String::as_str).chain(std::iter::repeat(""));
        let whole = |(cell, behind): (&String, &str)| format!("{cell} {behind}").trim_end().to_owned();
        self.cells.iter().zip(behind).map(whole).collect()
    }
}

/// A cell without a number.
pub(super) const ABSENT: &str = "–";
