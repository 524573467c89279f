//! The section on money: what each run's answers cost, and at which price. Runs whose cost is not known are not in it.

use super::Entry;
use super::table::{Row, Table};
use crate::text::usd;
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
    Row { group: results.task.clone(), name: results.shown_model(), cells }
}

fn notes_of(results: &Results, cost: &Cost) -> Vec<String> {
    let basis = format!(
        "Cost: tokens as the endpoint reported them, at the list price of {} (USD per million). Requests that broke \
         off may have been charged for besides.",
        cost.price.source
    );
    let uncounted = format!(
        "{} with {}: {} answers whose tokens the endpoint did not report come on top.",
        results.task,
        results.shown_model(),
        cost.uncounted
    );
    [Some(basis), (cost.uncounted > 0).then_some(uncounted)].into_iter().flatten().collect()
}
