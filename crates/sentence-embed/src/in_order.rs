//! Puts rows that arrive in any order into the order of the texts.

use std::collections::BTreeMap;

/// Rows that wait for earlier rows. The iterator returns the rows whose predecessors have all been returned.
#[derive(Debug, Default)]
pub(crate) struct InOrder {
    early: BTreeMap<usize, Vec<f32>>,
    next: usize,
}

impl InOrder {
    /// Adds the row with this index.
    pub(crate) fn put(&mut self, index: usize, row: &[f32]) {
        self.early.insert(index, row.to_vec());
    }
}

impl Iterator for InOrder {
    type Item = Vec<f32>;

    /// Returns the next row in order, if it has arrived.
    fn next(&mut self) -> Option<Vec<f32>> {
        let row = self.early.remove(&self.next)?;
        self.next += 1;
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_given_out_once_all_before_it_have_come() {
        let mut rows = InOrder::default();
        rows.put(1, &[1.0]);
        rows.put(2, &[2.0]);
        assert_eq!(rows.next(), None);
        rows.put(0, &[0.0]);
        assert!(rows.by_ref().eq([[0.0], [1.0], [2.0]]));
        rows.put(3, &[3.0]);
        assert_eq!(rows.next(), Some(vec![3.0]));
    }
}
