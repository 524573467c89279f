//! The agreement of scorers with each other and with people, as tables, CSV or JSON.

use super::csv::written;
use super::table::{ABSENT, Row, Table};
use super::{Format, markdown, text};
use crate::agreement::{
    Agreement, EntryAgreement, LabelAgreement, LabelledSide, Measure, NoMeasure, PairAgreement, Unmatched,
};
use crate::text::counted;
use crate::types::Epoch;

/// The report on an agreement.
#[must_use]
pub fn render_agreement(agreement: &Agreement, format: Format) -> String {
    match format {
        Format::Json => {
            let text = serde_json::to_string_pretty(agreement);
            return text.expect("plain data with text keys always serializes") + "\n";
        }
        Format::Csv => return as_csv(agreement),
        Format::Table { .. } | Format::Markdown => {}
    }
    let mut tables = vec![pairs(agreement), differing_pairs(agreement)];
    if let Some(labels) = &agreement.labels {
        tables.extend([people(agreement, labels), differing_from_people(labels)]);
    }
    // A table without rows may have notes on what cannot be matched.
    let is_shown = |table: &&Table| !table.rows.is_empty();
    let shown = |table: &Table| match format {
        Format::Table { width } => text::render(table, width),
        _ => markdown::render(table),
    };
    tables.iter().filter(is_shown).map(shown).collect::<Vec<_>>().join("\n")
}

/// What is in a column of measures.
struct Column<T> {
    head: &'static str,
    /// The name in CSV.
    name: &'static str,
    measure: fn(&T) -> &Measure,
    /// Whether the value is shown in percent.
    is_share: bool,
}

const PAIRS: [Column<PairAgreement>; 2] = [
    Column { head: "τ-b", name: "tau_b", measure: |pair| &pair.tau_b, is_share: false },
    Column { head: "ρ", name: "rho", measure: |pair| &pair.rho, is_share: false },
];

const PEOPLE: [Column<EntryAgreement>; 7] = [
    Column { head: "accuracy", name: "accuracy", measure: |entry| &entry.accuracy, is_share: true },
    Column { head: "κ", name: "kappa", measure: |entry| &entry.kappa, is_share: false },
    Column { head: "κ linear", name: "kappa_linear", measure: |entry| &entry.kappa_linear, is_share: false },
    Column {
        head: "κ quadratic",
        name: "kappa_quadratic",
        measure: |entry| &entry.kappa_quadratic,
        is_share: false,
    },
    Column { head: "α", name: "alpha", measure: |entry| &entry.alpha, is_share: false },
    Column { head: "τ-b", name: "tau_b", measure: |entry| &entry.tau_b, is_share: false },
    Column { head: "ρ", name: "rho", measure: |entry| &entry.rho, is_share: false },
];

impl<T> Column<T> {
    fn show(&self, value: f64) -> String {
        if self.is_share { format!("{:.1}", value * 100.0) } else { format!("{value:.3}") }
    }

    fn cell(&self, of: &T) -> String {
        (self.measure)(of).value.map_or_else(|| ABSENT.to_owned(), |value| self.show(value))
    }

    fn interval(&self, of: &T) -> String {
        let measure = (self.measure)(of);
        let ends = measure.low.zip(measure.high);
        ends.map(|(low, high)| format!("[{}, {}]", self.show(low), self.show(high))).unwrap_or_default()
    }
}

/// The measures of `of`.
fn row<T>([group, name]: [String; 2], columns: &[&Column<T>], of: &T, n: usize) -> Row {
    Row {
        group,
        name,
        cells: columns.iter().map(|column| column.cell(of)).chain([n.to_string()]).collect(),
        intervals: columns.iter().map(|column| column.interval(of)).collect(),
    }
}

fn heads<T>(columns: &[&Column<T>]) -> Vec<String> {
    columns.iter().map(|column| column.head.to_owned()).chain(["n".to_owned()]).collect()
}

fn names(pair: &PairAgreement) -> String {
    format!("{} ↔ {}", pair.first, pair.second)
}

fn pairs(agreement: &Agreement) -> Table {
    let columns: Vec<_> = PAIRS.iter().collect();
    let run = || format!("{} with {}", agreement.task, agreement.model);
    let rows: Vec<Row> =
        agreement.pairs.iter().map(|pair| row([run(), names(pair)], &columns, pair, pair.n)).collect();
    let mut notes = brackets(agreement, &rows);
    for pair in &agreement.pairs {
        // Both measures have the same reason.
        notes.extend(
            pair.tau_b
                .absent
                .map(|reason| format!("{}: {}.", names(pair), in_words(reason, &pair.first, &pair.second))),
        );
        for (entry, count) in [(&pair.first, pair.only_first), (&pair.second, pair.only_second)] {
            if count > 0 {
                notes.push(format!("{}: {} scored by {entry} only.", names(pair), counted(count, "answer")));
            }
        }
    }
    Table { title: "Scorers".to_owned(), group: "run", name: "scorers", heads: heads(&columns), rows, notes }
}

/// What the brackets mean, if there are any.
fn brackets(agreement: &Agreement, rows: &[Row]) -> Vec<String> {
    let has_some = rows.iter().flat_map(|row| &row.intervals).any(|interval| !interval.is_empty());
    let level = (agreement.level * 1e8).round() / 1e6;
    let note = format!("[low, high]: {level}% confidence interval (docs/statistics.md).");
    has_some.then_some(note).into_iter().collect()
}

/// Why a measure or its interval is absent.
fn in_words(reason: NoMeasure, first: &str, second: &str) -> String {
    match reason {
        NoMeasure::NoPairs => "no answer has both values".to_owned(),
        NoMeasure::FirstConstant => {
            format!("all values of {first} are equal, so κ, α and rank correlations are absent")
        }
        NoMeasure::SecondConstant => {
            format!("all values of {second} are equal, so κ, α and rank correlations are absent")
        }
        NoMeasure::TooFewClusters => {
            "no interval, because the measure is not defined without one of the clusters".to_owned()
        }
        NoMeasure::NoCategories => {
            format!("{first} has fractions and {second} are whole numbers, so accuracy, κ and α are absent")
        }
        NoMeasure::TooManyCategories => {
            "more than 100 different values, so accuracy, κ and α are absent".to_owned()
        }
        NoMeasure::Texts => "the values are texts, which have no order".to_owned(),
        NoMeasure::NoAnswers => format!("{first} records no text that it read from an answer"),
    }
}

fn sample(id: &str, epoch: Epoch) -> String {
    if epoch > 1 { format!("{id} (epoch {epoch})") } else { id.to_owned() }
}

fn differing_pairs(agreement: &Agreement) -> Table {
    let of_pair = |pair: &PairAgreement| {
        let group = names(pair);
        let rows = pair.differing.iter().map(move |one| Row {
            group: group.clone(),
            name: sample(&one.id, one.epoch),
            cells: vec![
                format!("{:.3}", one.first),
                format!("{:.1}", one.first_rank * 100.0),
                format!("{:.3}", one.second),
                format!("{:.1}", one.second_rank * 100.0),
            ],
            intervals: Vec::new(),
        });
        rows.collect::<Vec<_>>()
    };
    Table {
        title: "Samples that differ most".to_owned(),
        group: "scorers",
        name: "sample",
        heads: ["first", "rank", "second", "rank"].map(str::to_owned).to_vec(),
        rows: agreement.pairs.iter().flat_map(of_pair).collect(),
        notes: vec![
            "rank: the share of answers with a lower score, in %; equal scores count half.".to_owned(),
        ],
    }
}

fn people(agreement: &Agreement, labels: &LabelAgreement) -> Table {
    let has_value = |column: &&Column<EntryAgreement>| {
        labels.entries.iter().any(|entry| (column.measure)(entry).value.is_some())
    };
    let columns: Vec<_> = PEOPLE.iter().filter(has_value).collect();
    let of_entry =
        |entry: &EntryAgreement| row([labels.column.clone(), entry.entry.clone()], &columns, entry, entry.n);
    let rows: Vec<Row> = labels.entries.iter().map(of_entry).collect();
    let mut notes = brackets(agreement, &rows);
    let compared = match labels.compared {
        LabelledSide::Scores => "the scores",
        LabelledSide::Answers => "the texts that the scorers read",
    };
    notes.push(format!(
        "{} of {} compared with {compared}.",
        counted(labels.labelled, "label"),
        shown_source(labels)
    ));
    labels.entries.iter().for_each(|entry| notes.extend(notes_of(entry)));
    notes.extend(unmatched_notes(labels));
    Table {
        title: "Scorers and labels".to_owned(),
        group: "labels",
        name: "scorer",
        heads: heads(&columns),
        rows,
        notes,
    }
}

fn shown_source(labels: &LabelAgreement) -> String {
    match labels.source.as_str() {
        "record" | "data" => format!("the column {}", labels.column),
        file => file.to_owned(),
    }
}

/// Why measures of an entry are absent, each reason once.
fn notes_of(entry: &EntryAgreement) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut add = |note: String| {
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    for reason in PEOPLE.iter().filter_map(|column| (column.measure)(entry).absent) {
        // That texts have no order needs no note: their columns are absent, or another entry has them.
        if reason != NoMeasure::Texts {
            add(format!("{}: {}.", entry.entry, in_words(reason, &entry.entry, "the labels")));
        }
    }
    if entry.unscored.count > 0 {
        let answers = counted(entry.unscored.count, "labelled answer");
        add(format!("{}: {answers} without a value: {}.", entry.entry, ids(&entry.unscored)));
    }
    notes
}

/// What could not be matched.
fn unmatched_notes(labels: &LabelAgreement) -> Vec<String> {
    let mut notes = Vec::new();
    if labels.unlabelled.count > 0 {
        let unit = if labels.unlabelled.epochs.is_empty() { "sample" } else { "answer" };
        let answers = counted(labels.unlabelled.count, unit);
        notes.push(format!("{answers} without a label: {}.", ids(&labels.unlabelled)));
    }
    if labels.unknown.count > 0 {
        let count = counted(labels.unknown.count, "label");
        notes.push(format!("{count} of samples that the run does not have: {}.", ids(&labels.unknown)));
    }
    if labels.unknown_epochs.count > 0 {
        let count = counted(labels.unknown_epochs.count, "label");
        notes.push(format!("{count} of epochs that the run does not have: {}.", ids(&labels.unknown_epochs)));
    }
    if labels.repeated > 0 {
        let count = counted(labels.repeated, "label");
        notes.push(format!("{count} replaced by a later line with the same id."));
    }
    if let Some(first) = &labels.first_bad_line {
        notes.push(format!("{} left out, such as {first}.", counted(labels.bad_lines, "line")));
    }
    notes
}

/// The first ids, and how many more there are.
fn ids(unmatched: &Unmatched) -> String {
    let more = unmatched.count - unmatched.ids.len();
    let name = |(at, id): (usize, &String)| match unmatched.epochs.get(at) {
        Some(epoch) => format!("{id} (epoch {epoch})"),
        None => id.clone(),
    };
    let listed = unmatched.ids.iter().enumerate().map(name).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

fn differing_from_people(labels: &LabelAgreement) -> Table {
    let of_entry = |entry: &EntryAgreement| {
        let group = entry.entry.clone();
        let rows = entry.differing.iter().map(move |one| Row {
            group: group.clone(),
            name: sample(&one.id, one.epoch),
            cells: vec![one.found.clone(), one.label.clone()],
            intervals: Vec::new(),
        });
        rows.collect::<Vec<_>>()
    };
    Table {
        title: "Samples that differ from their label".to_owned(),
        group: "scorer",
        name: "sample",
        heads: ["found", "label"].map(str::to_owned).to_vec(),
        rows: labels.entries.iter().flat_map(of_entry).collect(),
        notes: Vec::new(),
    }
}

/// One measure per line. Samples that differ are only in the other formats.
fn as_csv(agreement: &Agreement) -> String {
    let heads = ["first", "second", "measure", "value", "low", "high", "level", "n", "clusters", "absent"];
    let mut rows = vec![heads.map(str::to_owned)];
    let mut add = |sides: [&str; 2], name: &str, measure: &Measure, [n, clusters]: [usize; 2]| {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        rows.push([
            sides[0].to_owned(),
            sides[1].to_owned(),
            name.to_owned(),
            number(measure.value),
            number(measure.low),
            number(measure.high),
            agreement.level.to_string(),
            n.to_string(),
            clusters.to_string(),
            measure.absent.map(NoMeasure::name).unwrap_or_default().to_owned(),
        ]);
    };
    for pair in &agreement.pairs {
        for column in &PAIRS {
            let counts = [pair.n, pair.clusters];
            add([&pair.first, &pair.second], column.name, (column.measure)(pair), counts);
        }
    }
    if let Some(labels) = &agreement.labels {
        for entry in &labels.entries {
            for column in &PEOPLE {
                let counts = [entry.n, entry.clusters];
                add([&entry.entry, &labels.column], column.name, (column.measure)(entry), counts);
            }
        }
    }
    written(rows)
}
