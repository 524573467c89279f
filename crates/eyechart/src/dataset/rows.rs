//! Shared by the readers: row numbers over all files, picking, and finding columns by name.
//!
//! Does not know formats.

use std::path::Path;

use super::{DatasetError, Pick, Rows};
use crate::types::{BadRow, Row, column_of};

/// A row with more bytes is a bad row, so that a damaged file cannot fill the memory.
pub(super) const MAX_ROW_BYTES: usize = 64 << 20;

/// Numbers the items of `raw` from 0 and parses those that `pick` wants. Stops after the last wanted row, and after a
/// fatal error.
pub(super) fn numbered<R>(
    raw: impl Iterator<Item = Result<R, DatasetError>> + Send + 'static,
    pick: Pick,
    mut parse: impl FnMut(u64, R) -> Result<Row, BadRow> + Send + 'static,
) -> Rows {
    let mut wanted = Wanted::new(pick);
    let mut numbers = 0..;
    let parsed = raw.map(move |raw| raw.map(|raw| (numbers.next().unwrap_or(u64::MAX), raw)));
    let mut parsed = until_error(parsed);
    Box::new(std::iter::from_fn(move || {
        while !wanted.is_done() {
            match parsed.next()? {
                Err(error) => return Some(Err(error)),
                Ok((number, raw)) if wanted.take(number) => return Some(Ok(parse(number, raw))),
                Ok(_) => {}
            }
        }
        None
    }))
}

/// The same items up to and including the first error.
pub(super) fn until_error<T, E>(
    mut items: impl Iterator<Item = Result<T, E>> + Send + 'static,
) -> impl Iterator<Item = Result<T, E>> + Send + 'static {
    let mut ended = false;
    std::iter::from_fn(move || {
        let item = if ended { None } else { items.next() };
        ended |= !matches!(item, Some(Ok(_)));
        item
    })
}

/// The picked numbers, ascending, without repetitions; `None` for a scan.
pub(super) fn picked_numbers(pick: Pick) -> Option<Vec<u64>> {
    match pick {
        Pick::Scan => None,
        Pick::Rows(mut numbers) => {
            numbers.sort_unstable();
            numbers.dedup();
            Some(numbers)
        }
    }
}

/// The wanted rows that were not reached yet. Asked in ascending order.
struct Wanted(Option<std::iter::Peekable<std::vec::IntoIter<u64>>>);

impl Wanted {
    fn new(pick: Pick) -> Self {
        Self(picked_numbers(pick).map(|numbers| numbers.into_iter().peekable()))
    }

    fn take(&mut self, number: u64) -> bool {
        self.0.as_mut().is_none_or(|numbers| numbers.next_if_eq(&number).is_some())
    }

    fn is_done(&mut self) -> bool {
        self.0.as_mut().is_some_and(|numbers| numbers.peek().is_none())
    }
}

/// The position of each of `columns` in `available`: under its full name, or under that of the
/// column in the path.
pub(super) fn find_columns(
    path: &Path,
    columns: &[String],
    available: &[String],
) -> Result<Vec<usize>, DatasetError> {
    let position = |name: &str| available.iter().position(|other| other == name);
    let find = |column: &String| {
        let root = || position(column_of(column));
        position(column).or_else(root).ok_or_else(|| DatasetError::NoColumn {
            path: path.to_owned(),
            column: column.clone(),
            available: available.to_vec(),
        })
    };
    columns.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(pick: Pick) -> Vec<u64> {
        let raw = (0..5).map(Ok);
        let parse = |number, _: i32| Ok(Row { number, ..Row::default() });
        numbered(raw, pick, parse).map(|row| row.unwrap().unwrap().number).collect()
    }

    #[test]
    fn a_pick_gives_each_row_once_in_ascending_order_whatever_its_own() {
        assert_eq!(numbers(Pick::Scan), [0, 1, 2, 3, 4]);
        assert_eq!(numbers(Pick::Rows(vec![9, 3, 0, 3])), [0, 3]);
        assert_eq!(numbers(Pick::Rows(vec![])), Vec::<u64>::new());
    }

    #[test]
    fn nothing_is_read_after_the_last_picked_row_nor_after_a_fatal_error() {
        let raw = (0..).map(|number| if number < 3 { Ok(number) } else { panic!("read on") });
        let parse = |number, _: i32| Ok(Row { number, ..Row::default() });
        assert_eq!(numbered(raw, Pick::Rows(vec![1, 2]), parse).count(), 2);

        let error = || DatasetError::UnknownFormat { given: "x".to_owned() };
        let raw = (0..9).map(move |number| if number == 1 { Err(error()) } else { Ok(number) });
        let items: Vec<_> = numbered(raw, Pick::Scan, parse).map(|item| item.is_ok()).collect();
        assert_eq!(items, [true, false]);
    }

    #[test]
    fn a_dotted_path_needs_its_root_alone_unless_a_column_has_the_whole_name() {
        let available = ["a".to_owned(), "a.b".to_owned()];
        let find = |column: &str| find_columns(Path::new("f"), &[column.to_owned()], &available);
        assert_eq!(find("a.b").unwrap(), [1]);
        assert_eq!(find("a.c").unwrap(), [0]);
        assert_eq!(find("b").unwrap_err().to_string(), "f has no column \"b\"; it has a, a.b");
    }
}
