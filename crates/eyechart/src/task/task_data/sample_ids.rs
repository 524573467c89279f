//! The ids of samples: those of their rows, made distinct.

use std::collections::{HashMap, HashSet};

use super::TaskData;
use crate::dataset::{DatasetError, Pick};
use crate::task::pick::pick;
use crate::task::survey::Eligible;
use crate::text::{counted, shown_value};
use crate::types::{PickedSample, id_of};

impl TaskData {
    /// Picks at most `limit` samples by `seed`, ascending by row. No two have the same id: if an id occurs again, it gets
    /// `#2`, `#3`, …; a row without an id is named `row:17`. `notices` gets a line for each of these cases that occurs.
    ///
    /// # Errors
    /// [`DatasetError`] if the ids cannot be read.
    pub fn pick(
        &self,
        eligible: &Eligible,
        limit: usize,
        seed: u64,
        notices: &mut Vec<String>,
    ) -> Result<Vec<PickedSample>, DatasetError> {
        let indices = pick(eligible.count(), limit as u64, seed);
        let rows: Vec<u64> = indices.into_iter().map(|index| eligible.nth(index)).collect();
        let Some(column) = &self.task.dataset.id else {
            return Ok(rows.into_iter().map(|row| PickedSample { id: row.to_string(), row }).collect());
        };
        let mut ids = RowIds::new();
        for row in self.reader.rows(Pick::Rows(rows.clone()), std::slice::from_ref(column))? {
            if let Ok(row) = row?
                && let Some(id) = row.get(column).map(|id| id_of(&id)).filter(|id| !id.is_empty())
            {
                ids.insert(row.number, id);
            }
        }
        Ok(distinct_ids(&rows, &ids, notices))
    }
}

/// The own id of each row that has one.
type RowIds = HashMap<u64, String>;

/// The samples of `rows` (ascending) with distinct ids. The first row with an id keeps it, and each later one gets the first
/// of `ID#2`, `ID#3`, … that no row has. A row without an id is `row:17`. `notices` gets a line for each of these cases.
fn distinct_ids(rows: &[u64], own: &RowIds, notices: &mut Vec<String>) -> Vec<PickedSample> {
    let mut names =
        Names { taken: own.values().map(String::as_str).map(str::to_owned).collect(), last: HashMap::new() };
    let mut first_rows: HashMap<&str, u64> = HashMap::new();
    let (mut repeated, mut unnamed) = (Vec::new(), Vec::new());
    let mut name = |row: u64| {
        let Some(id) = own.get(&row) else {
            unnamed.push(row);
            return names.free(&format!("row:{row}"), 1);
        };
        match first_rows.get(id.as_str()) {
            None => {
                first_rows.insert(id, row);
                id.clone()
            }
            Some(first) => {
                repeated.push([*first, row]);
                names.free(id, 2)
            }
        }
    };
    let picked = rows.iter().map(|row| PickedSample { id: name(*row), row: *row }).collect();
    if let Some([first, row]) = repeated.first() {
        let id = own.get(row).map_or(String::new(), |id| shown_value(id));
        notices.push(format!(
            "{} {} an id that an earlier row has, such as {id:?} in the rows {first} and {row}: named {id}#2 and so on",
            counted(repeated.len(), "row"),
            if repeated.len() == 1 { "has" } else { "have" }
        ));
    }
    if let Some(row) = unnamed.first() {
        notices.push(format!(
            "{} {} no id: named by the row, such as row:{row}",
            counted(unnamed.len(), "row"),
            if unnamed.len() == 1 { "has" } else { "have" }
        ));
    }
    picked
}

/// The ids that are used.
struct Names {
    taken: HashSet<String>,
    /// The last number behind each id.
    last: HashMap<String, u64>,
}

impl Names {
    /// The first of `ID`, `ID#2`, `ID#3`, … from the number `from` on that is free.
    fn free(&mut self, id: &str, from: u64) -> String {
        let last = self.last.entry(id.to_owned()).or_insert(from - 1);
        loop {
            *last += 1;
            let name = if *last == 1 { id.to_owned() } else { format!("{id}#{last}") };
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(own: &[Option<&str>]) -> (Vec<String>, Vec<String>) {
        let rows: Vec<u64> = (0..own.len() as u64).collect();
        let with_id = |(row, id): (u64, &Option<&str>)| Some((row, (*id)?.to_owned()));
        let ids = (0..).zip(own).filter_map(with_id).collect();
        let mut notices = Vec::new();
        let picked = distinct_ids(&rows, &ids, &mut notices);
        (picked.into_iter().map(|picked| picked.id).collect(), notices)
    }

    #[test]
    fn a_row_without_an_id_never_takes_the_id_of_another_row() {
        let (ids, notices) = named(&[None, Some("0"), Some("row:3"), None, Some("x")]);
        assert_eq!(ids, ["row:0", "0", "row:3", "row:3#2", "x"]);
        assert_eq!(notices, ["2 rows have no id: named by the row, such as row:0"]);
    }

    #[test]
    fn a_repeated_id_never_takes_the_id_of_another_row() {
        let (ids, notices) = named(&[Some("a"), Some("a"), Some("a#2"), Some("a"), Some("b"), Some("a#2")]);
        assert_eq!(ids, ["a", "a#3", "a#2", "a#4", "b", "a#2#2"]);
        let said = "3 rows have an id that an earlier row has, such as \"a\" in the rows 0 and 1: named a#2 and so on";
        assert_eq!(notices, [said]);
        assert_eq!(named(&[Some("a"), Some("b")]).1, [] as [&str; 0]);
    }

    #[test]
    fn many_rows_with_one_id_are_named_in_time() {
        let (ids, _) = named(&vec![Some("a"); 200_000]);
        assert_eq!(ids.last().map(String::as_str), Some("a#200000"));
    }
}
