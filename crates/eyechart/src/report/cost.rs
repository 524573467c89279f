//! The section with the cost of each run and its price. Runs whose cost is unknown are left out.

use super::Entry;
use super::table::{Row, Table};
use crate::text::{counted, usd};
use crate::types::{Cost, Results};

pub(super) fn table(entries: &[Entry]) -> Table {
    let known = || entries.iter().filter_map(|entry| Some((&entry.results, entry.results.cost.as_ref()?)));
    let mut notes: Vec<String> = Vec::new();
    for note in known().flat_map(|(results, cost)| notes_of(results, cost)) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    Table {
        title: "Cost".to_owned(),
        group: "task",
        name: "model",
        heads: ["USD", "in/M", "out/M", "price of"].map(str::to_owned).to_vec(),
        rows: known().map(|(results, cost)| row(results, cost)).collect(),
        notes,
    }
}

fn row(results: &Results, cost: &Cost) -> Row {
    let cells = vec![
        usd(cost.usd),
        cost.price.input.to_string(),
        cost.price.output.to_string(),
        cost.price.date.clone(),
    ];
    Row { group: results.task.clone(), name: results.shown_model(), cells, intervals: Vec::new() }
}

fn notes_of(results: &Results, cost: &Cost) -> Vec<String> {
    let basis = format!(
        "Cost: tokens as the endpoint reported them, at the list price of {} (USD per million). A request \
         that broke off is not counted, though the provider may charge for it.",
        cost.price.source
    );
    let uncounted = format!(
        "{} with {}: {} without token counts from the endpoint, not in the sum.",
        results.task,
        results.shown_model(),
        counted(cost.uncounted, "answer")
    );
    [Some(basis), (cost.uncounted > 0).then_some(uncounted)].into_iter().flatten().collect()
}
