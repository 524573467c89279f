//! The section on samples that were asked several times: `pass_at_k`, consistency, and the variance within samples.

use super::Entry;
use super::figures::{Unit, interval_notes};
use super::table::{Row, Table};
use crate::types::{Figure, MetricKind, Results, ScorerSpec, VarianceSplit};

/// The numbers of answers whose `pass_at_k` is shown, besides the number of epochs. `results.json` has all.
const SHOWN: [u32; 4] = [1, 2, 4, 8];

/// The figures of the epochs of one scorer in one run.
struct Repeated<'a> {
    results: &'a Results,
    figures: Vec<&'a Figure>,
    variance: Option<&'a VarianceSplit>,
}

pub(super) fn table(entries: &[Entry]) -> Table {
    let repeated: Vec<Repeated<'_>> = entries.iter().flat_map(|entry| repeated(&entry.results)).collect();
    let last = repeated.iter().filter_map(|one| one.results.samples.epochs);
    let pass_at = (1..=last.clone().max().unwrap_or(0))
        .filter(|k| SHOWN.contains(k) || last.clone().any(|last| last == *k))
        .map(|k| format!("pass_at_{k}"));
    let metrics: Vec<String> = pass_at.chain(["consistency".to_owned()]).collect();
    let shown: Vec<&Figure> =
        metrics.iter().filter_map(|id| repeated.iter().find_map(|one| one.figure(id))).collect();
    let heads = shown.iter().map(|figure| figure.title.clone());
    let notes = notes(&repeated, &shown);
    Table {
        title: "Epochs in %".to_owned(),
        group: "scored",
        name: "model",
        heads: std::iter::once("epochs".to_owned()).chain(heads).chain(["within".to_owned()]).collect(),
        rows: repeated.iter().map(|one| one.row(&shown)).collect(),
        notes,
    }
}

fn notes(repeated: &[Repeated<'_>], shown: &[&Figure]) -> Vec<String> {
    let pass_at =
        "pass@k: chance that at least one of k answers is right (Chen 2021), averaged over samples.";
    let has_pass_at = shown.iter().any(|figure| figure.metric.starts_with("pass_at_"));
    let consistency = shown.iter().find(|figure| figure.metric == "consistency");
    let consistency = consistency.map(|figure| format!("{}: {}.", figure.title, figure.method));
    let within = "within: share of the variance of the scores that is between the epochs of a sample.";
    let own = has_pass_at.then(|| pass_at.to_owned()).into_iter().chain(consistency);
    let figures = repeated.iter().flat_map(|one| one.figures.iter().copied());
    own.chain([within.to_owned()]).chain(interval_notes(figures)).collect()
}

/// One for each scorer of a run with several epochs.
fn repeated(results: &Results) -> Vec<Repeated<'_>> {
    if results.samples.epochs.is_none() {
        return Vec::new();
    }
    let of = |scorer: &ScorerSpec| {
        let is_of = |name: &str, part: &str, target: &Option<String>| {
            name == scorer.name && part == scorer.part && *target == scorer.target
        };
        let figures = results.figures.iter().filter(|figure| {
            figure.kind == MetricKind::PerSample && is_of(&figure.name, &figure.part, &figure.target)
        });
        let variance = results.variance.iter().find(|split| is_of(&split.name, &split.part, &split.target));
        Repeated { results, figures: figures.collect(), variance }
    };
    let all = results.scorers.iter().map(of);
    all.filter(|one| !one.figures.is_empty() || one.variance.is_some()).collect()
}

impl Repeated<'_> {
    fn figure(&self, metric: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.metric == metric).copied()
    }

    fn row(&self, shown: &[&Figure]) -> Row {
        let figure = |column: &&&Figure| self.figure(&column.metric);
        let cells =
            shown.iter().map(|column| Unit::Percent.show(figure(&column).and_then(|figure| figure.value)));
        let interval = |column: &&Figure| {
            figure(&column).map_or_else(String::new, |figure| Unit::Percent.interval(figure))
        };
        let epochs = self.results.samples.epochs.unwrap_or(1).to_string();
        let within = Unit::Percent.show(self.variance.and_then(|split| split.within_share));
        Row {
            group: self.group(),
            name: self.results.shown_model(),
            cells: std::iter::once(epochs).chain(cells).chain([within]).collect(),
            intervals: std::iter::once(String::new()).chain(shown.iter().map(interval)).collect(),
        }
    }

    /// The task and the entry, such as `charts, choice`.
    fn group(&self) -> String {
        let figure = self.figures.first().map(|figure| (&figure.name, &figure.part, &figure.target));
        let variance = self.variance.map(|split| (&split.name, &split.part, &split.target));
        match figure.or(variance) {
            Some((name, part, target)) => entry_of(self.results, name, part, target.as_deref()),
            None => self.results.task.clone(),
        }
    }
}

/// The task and the name of an entry, with part and target if the run has several entries with the name.
pub(super) fn entry_of(results: &Results, name: &str, part: &str, target: Option<&str>) -> String {
    let several = results.scorers.iter().filter(|scorer| scorer.name == name).count() > 1;
    let rest = [Some(part), target].into_iter().flatten().filter(|_| several);
    [results.task.as_str(), name].into_iter().chain(rest).collect::<Vec<_>>().join(", ")
}
