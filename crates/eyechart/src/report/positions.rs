//! The section on runs with shuffled options: the positions of the options that the answers pick.

use super::Entry;
use super::epochs::entry_of;
use super::table::{ABSENT, Row, Table};
use crate::types::{Position, PositionPicks, Results};

pub(super) fn table(entries: &[Entry]) -> Table {
    let picks = || entries.iter().flat_map(|entry| of_run(&entry.results));
    let longest = picks().max_by_key(|(_, picks)| picks.positions.len());
    let heads: Vec<String> = longest
        .iter()
        .flat_map(|(_, picks)| picks.positions.iter().map(|position| position.position.clone()))
        .collect();
    let notes = [
        "A, B, …: share of answers that pick the option at this position; without a preference it is near the share of \
         right options there.",
        "n: answers that pick an option.",
    ];
    Table {
        title: "Picks by position in %".to_owned(),
        group: "scored",
        name: "model",
        rows: picks().flat_map(|(results, picks)| rows(results, picks, heads.len())).collect(),
        heads: heads.into_iter().chain(["n".to_owned()]).collect(),
        notes: notes.map(str::to_owned).to_vec(),
    }
}

fn of_run(results: &Results) -> impl Iterator<Item = (&Results, &PositionPicks)> {
    results.positions.iter().map(move |picks| (results, picks))
}

/// The row of the picks, and that of the right options.
fn rows(results: &Results, picks: &PositionPicks, width: usize) -> [Row; 2] {
    let group = entry_of(results, &picks.name, &picks.part, picks.target.as_deref());
    let cells = |share: fn(&Position) -> f64| {
        let shares = picks.positions.iter().map(|position| format!("{:.1}", share(position) * 100.0));
        let all = shares.chain(std::iter::repeat(ABSENT.to_owned())).take(width);
        all.chain([picks.n.to_string()]).collect()
    };
    let interval = |position: &Position| match (position.low, position.high) {
        (Some(low), Some(high)) => format!("[{:.1}, {:.1}]", low * 100.0, high * 100.0),
        _ => String::new(),
    };
    [
        Row {
            group: group.clone(),
            name: results.shown_model(),
            cells: cells(|position| position.picked),
            intervals: picks.positions.iter().map(interval).collect(),
        },
        Row {
            group,
            name: "right options".to_owned(),
            cells: cells(|position| position.right),
            intervals: Vec::new(),
        },
    ]
}
