//! Levenshtein distance up to a limit, in time O(n·m / 64) and memory O(n + m).
//!
//! Method: bit vectors of vertical differences (Myers 1999, in the form of Hyyrö 2003), 64 rows at a time. The
//! horizontal differences below each block are kept for the next block.

use std::collections::HashMap;

const ROWS_PER_BLOCK: usize = 64;

/// Returns the number of insertions, deletions and substitutions of one character that turn `a` into `b`; `None` if it
/// exceeds `limit`.
pub(super) fn edit_distance_within(a: &[char], b: &[char], limit: usize) -> Option<usize> {
    let (a, b) = without_common_ends(a, b);
    let (rows, columns) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if columns.len() - rows.len() > limit {
        return None;
    }
    if rows.is_empty() {
        return Some(columns.len());
    }
    distance_by_blocks(rows, columns, limit)
}

fn without_common_ends<'a>(a: &'a [char], b: &'a [char]) -> (&'a [char], &'a [char]) {
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    (&a[..a.len() - end], &b[..b.len() - end])
}

fn distance_by_blocks(rows: &[char], columns: &[char], limit: usize) -> Option<usize> {
    let mut ids = HashMap::new();
    let column_ids: Vec<usize> = columns
        .iter()
        .map(|character| {
            let next = ids.len();
            *ids.entry(*character).or_insert(next)
        })
        .collect();
    // Bit r of `matches[id]` is set if row r of the block has the character with that id.
    let mut matches = vec![0_u64; ids.len()];
    // The difference between each column and the previous one, in the row below the last block. In row 0 it is 1.
    let mut horizontal = vec![1_i8; columns.len()];
    let mut distance = columns.len();
    for (block, characters) in rows.chunks(ROWS_PER_BLOCK).enumerate() {
        for (row, id) in characters.iter().enumerate().filter_map(|(row, c)| Some((row, *ids.get(c)?))) {
            matches[id] |= 1 << row;
        }
        advance(characters.len(), &matches, &column_ids, &mut horizontal);
        for id in characters.iter().filter_map(|character| ids.get(character)) {
            matches[*id] = 0;
        }
        let row = block * ROWS_PER_BLOCK + characters.len();
        distance = distance_below(row, rows.len(), &horizontal, limit)?;
    }
    (distance <= limit).then_some(distance)
}

/// Moves the horizontal differences down by one block of `rows` rows (1 to 64).
fn advance(rows: usize, matches: &[u64], column_ids: &[usize], horizontal: &mut [i8]) {
    let last_row = 1_u64 << (rows - 1);
    let (mut plus, mut minus) = (u64::MAX, 0_u64);
    for (id, difference) in column_ids.iter().zip(horizontal) {
        let vertical = matches[*id] | minus;
        let equal = matches[*id] | u64::from(*difference < 0);
        let diagonal = ((equal & plus).wrapping_add(plus) ^ plus) | equal;
        let (more, less) = (minus | !(diagonal | plus), plus & diagonal);
        let above = *difference;
        *difference = i8::from(more & last_row != 0) - i8::from(less & last_row != 0);
        let (more, less) = (more << 1 | u64::from(above > 0), less << 1 | u64::from(above < 0));
        (plus, minus) = (less | !(vertical | more), more & vertical);
    }
}

/// Returns the distance in the last column of row `row` of `rows`; `None` if each path through this row exceeds the
/// limit.
fn distance_below(row: usize, rows: usize, horizontal: &[i8], limit: usize) -> Option<usize> {
    let rest = |column: usize| (rows - row).abs_diff(horizontal.len() - column);
    let mut distance = row;
    let mut lowest = distance + rest(0);
    for (column, difference) in horizontal.iter().enumerate() {
        distance = distance.saturating_add_signed(isize::from(*difference));
        lowest = lowest.min(distance + rest(column + 1));
    }
    (lowest <= limit).then_some(distance)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        edit_distance_within(&a, &b, limit)
    }

    /// The textbook recurrence, one row at a time.
    fn by_rows(a: &[char], b: &[char]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let substituted = diagonal + usize::from(x != y);
                diagonal = row[j + 1];
                row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn the_distance_counts_single_character_edits() {
        assert_eq!(distance("kitten", "sitting", 9), Some(3));
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(distance("same", "same", 0), Some(0));
    }

    #[test]
    fn a_distance_above_the_limit_is_absent() {
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("", "abc", 2), None);
    }

    proptest! {
        #[test]
        fn blocks_and_the_textbook_recurrence_agree(
            a in prop::collection::vec(prop::char::range('a', 'd'), 0..200),
            b in prop::collection::vec(prop::char::range('a', 'd'), 0..200),
            limit in 0_usize..220,
        ) {
            let exact = by_rows(&a, &b);
            prop_assert_eq!(edit_distance_within(&a, &b, limit), (exact <= limit).then_some(exact));
        }
    }
}
