//! The section with the figures: one table per benchmark and scorer, one group per scored part, one row per model.
//! It depends on the kinds of metrics and names no scorer.

use super::Entry;
use super::controls;
use super::table::{ABSENT, Row, Table};
use crate::text::counted;
use crate::types::{EncoderSpec, Figure, MetricKind, Published, Results, ScoreEntry};
use crate::weights::Model;

/// Prefix of the names of published rows and of the notes on them.
const PUBLISHED: &str = "published:";

/// The name of the share of similarities above the threshold in the published comparison.
const WIN_RATE: &str = "win rate";

/// The tables of all benchmarks among `entries`, in their order.
pub(super) fn tables(entries: &[Entry]) -> Vec<Table> {
    let mut tables = Vec::new();
    for benchmark in distinct(entries.iter().map(benchmark_of)) {
        let of_it: Vec<&Entry> = entries.iter().filter(|entry| benchmark_of(entry) == benchmark).collect();
        let names = of_it.iter().flat_map(|entry| entry.task.score.iter().map(ScoreEntry::name));
        tables.extend(distinct(names).into_iter().map(|name| Section::new(name, &of_it).table(benchmark)));
    }
    tables
}

fn benchmark_of(entry: &Entry) -> &str {
    entry.task.table.as_deref().unwrap_or(&entry.task.name)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// A metric as a column of a table.
struct Column {
    scorer: String,
    metric: String,
    head: String,
    meaning: String,
    unit: Unit,
}

/// The unit of a figure.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// In percent, with one digit after the point.
    Percent,
    /// As it is, with this number of digits after the point.
    Plain(usize),
}

/// The runs of a benchmark, and the `[[score]]` entries with one name.
struct Section<'a> {
    name: &'a str,
    entries: &'a [&'a Entry],
    columns: Vec<Column>,
}

impl<'a> Section<'a> {
    fn new(name: &'a str, entries: &'a [&'a Entry]) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        for entry in entries {
            for figure in entry.results.figures.iter().filter(|figure| figure.name == name) {
                if is_shown(figure, entry) && !columns.iter().any(|column| column.is_of(figure)) {
                    columns.push(Column::new(figure, entry));
                }
            }
        }
        // The published comparison reports its win rate first.
        columns.sort_by_key(|column| column.head != WIN_RATE);
        let heads: Vec<String> = columns.iter().map(|column| column.head.clone()).collect();
        for column in &mut columns {
            // Entries of one name can have different scorers.
            if heads.iter().filter(|head| **head == column.head).count() > 1 {
                column.head = format!("{} ({})", column.head, column.scorer);
            }
        }
        Self { name, entries, columns }
    }

    fn table(&self, benchmark: &str) -> Table {
        let heads = self.columns.iter().map(|column| column.head.clone()).chain(["n".to_owned()]);
        let mut table = Table {
            title: format!("{benchmark}, {}{}", self.name, if self.is_in_percent() { " in %" } else { "" }),
            group: "scored",
            name: "model",
            heads: heads.collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        };
        let mut seen: Vec<&ScoreEntry> = Vec::new();
        for entry in self.entries.iter().flat_map(|entry| &entry.task.score) {
            if entry.name() == self.name && !seen.contains(&entry) {
                seen.push(entry);
                self.add_rows(&mut table, entry);
            }
        }
        if !table.rows.is_empty() {
            table.notes.splice(0..0, self.meanings().into_iter().chain(self.intervals()));
            table.notes.extend(controls::notes(self.entries));
            self.add_bounds(&mut table);
            self.add_unscored(&mut table);
            self.add_encoders(&mut table);
        }
        table
    }

    fn is_in_percent(&self) -> bool {
        self.columns.iter().all(|column| column.unit == Unit::Percent)
    }

    /// One line per metric with its meaning; metrics with the same meaning share a line.
    fn meanings(&self) -> Vec<String> {
        let distinct = distinct(self.columns.iter().map(|column| column.meaning.as_str()));
        let line = |meaning: &str| {
            let of_it = self.columns.iter().filter(|column| column.meaning == meaning);
            let is_odd = |column: &Column| !self.is_in_percent() && column.unit == Unit::Percent;
            let unit = if of_it.clone().any(is_odd) { " (in %)" } else { "" };
            let heads: Vec<&str> = of_it.map(|column| column.head.as_str()).collect();
            format!("{}{unit}: {meaning}.", heads.join(", "))
        };
        distinct.into_iter().map(line).collect()
    }

    /// What the brackets and the mark behind a figure mean, if there are any.
    fn intervals(&self) -> Vec<String> {
        let figures = self.entries.iter().flat_map(|entry| &entry.results.figures);
        interval_notes(figures.filter(|figure| self.columns.iter().any(|column| column.is_of(figure))))
    }

    fn add_rows(&self, table: &mut Table, scored: &ScoreEntry) {
        let group = scored.shown_title();
        let with = || self.entries.iter().filter(|entry| entry.task.score.contains(scored));
        for row in with().filter_map(|entry| self.measured(entry, scored, &group)) {
            // A recorded column has the same figures in all runs with the same samples.
            if scored.column.is_none() || !table.rows.contains(&row) {
                table.rows.push(row);
            }
        }
        let mut published: Vec<&Published> = Vec::new();
        for figures in with().flat_map(|entry| &entry.task.published) {
            if figures.is_for(scored) && !published.contains(&figures) {
                published.push(figures);
            }
        }
        for figures in published.into_iter().filter(|figures| self.has_column_of(figures)) {
            table.rows.push(self.published_row(figures, &group));
            add_notes(table, figures, &group);
        }
    }

    fn has_column_of(&self, published: &Published) -> bool {
        self.columns.iter().any(|column| published.figures.contains_key(&column.metric))
    }

    /// The row of a run. A recorded column that is scored in place of a model is named as a column.
    fn measured(&self, entry: &Entry, scored: &ScoreEntry, group: &str) -> Option<Row> {
        let figures = || entry.results.figures.iter().filter(|figure| is_of(figure, scored));
        let n = figures().next()?.n;
        let figure = |column: &Column| figures().find(|figure| column.is_of(figure));
        let cell = |column: &Column| column.unit.show(figure(column).and_then(|figure| figure.value));
        let interval =
            |column: &Column| figure(column).map_or_else(String::new, |figure| column.unit.interval(figure));
        let intervals = self.columns.iter().map(interval).collect();
        let cells = self.columns.iter().map(cell).chain([n.to_string()]).collect();
        let name = match &scored.column {
            Some(column) => format!("column {column}"),
            None => entry.results.shown_model(),
        };
        Some(Row { group: group.to_owned(), name, cells, intervals })
    }

    fn published_row(&self, published: &Published, group: &str) -> Row {
        let cell = |column: &Column| column.unit.show(published.figures.get(&column.metric).copied());
        let cells = self.columns.iter().map(cell).chain([ABSENT.to_owned()]).collect();
        let name = format!("{PUBLISHED} {}", published.model);
        Row { group: group.to_owned(), name, cells, intervals: Vec::new() }
    }

    /// Adds the lowest and the highest value that a share could have, depending on failed samples and unreadable answers.
    fn add_bounds(&self, table: &mut Table) {
        for entry in self.entries {
            for figure in entry.results.figures.iter().filter(|figure| figure.name == self.name) {
                let (Some(worst), Some(best)) = (figure.worst, figure.best) else { continue };
                // Each figure has them in `results.json`; tables show those of shares.
                if worst != best && figure.kind == MetricKind::Share && figure.threshold.is_none() {
                    table.notes.push(format!(
                        "{}, {}: from {:.1} to {:.1}, depending on failed samples and unreadable answers.",
                        self.model_and_part(entry, &figure.part, figure.target.as_ref()),
                        figure.title,
                        worst * 100.0,
                        best * 100.0
                    ));
                }
            }
        }
    }

    fn add_unscored(&self, table: &mut Table) {
        for entry in self.entries {
            for unscored in entry.results.unscored.iter().filter(|unscored| unscored.name == self.name) {
                table.notes.push(format!(
                    "{}: {} missing: {}.",
                    self.model_and_part(entry, &unscored.part, unscored.target.as_ref()),
                    counted(unscored.n as u64, "score"),
                    unscored.reason
                ));
            }
        }
    }

    /// The model, and the scored part if the section has several.
    fn model_and_part(&self, entry: &Entry, part: &str, target: Option<&String>) -> String {
        let named = || entry.task.score.iter().filter(|scored| scored.name() == self.name);
        let is_it = |scored: &&ScoreEntry| scored.part == part && scored.target.as_ref() == target;
        let model = entry.results.shown_model();
        match named().find(is_it).filter(|_| named().count() > 1) {
            Some(scored) => format!("{model}, {}", scored.shown_title()),
            None => model,
        }
    }

    /// Adds the encoder of each run, unless all runs have that of the published figures.
    fn add_encoders(&self, table: &mut Table) {
        let usual = Model::minilm();
        let is_usual = |encoder: &EncoderSpec| {
            encoder.precision.is_some()
                && encoder.sha256.as_deref().is_some_and(|sha256| usual.has_weights(sha256))
        };
        let embedded = || {
            let by = |results: &'a Results| Some((results, results.encoder.as_ref()?));
            self.entries
                .iter()
                .filter(|entry| self.is_embedded(&entry.results))
                .filter_map(move |entry| by(&entry.results))
        };
        if embedded().all(|(_, encoder)| is_usual(encoder)) {
            return;
        }
        for (results, encoder) in embedded() {
            let note = format!("{}: similarity by {}.", results.shown_model(), in_words(encoder));
            if !table.notes.contains(&note) {
                table.notes.push(note);
            }
        }
        if table.rows.iter().any(|row| row.name.starts_with(PUBLISHED)) {
            table.notes.push(format!("{PUBLISHED} similarity by {}.", usual.name));
        }
    }

    /// Whether the section's figures depend on the encoder.
    fn is_embedded(&self, results: &Results) -> bool {
        results.scorers.iter().any(|scorer| scorer.name == self.name && scorer.uses_encoder)
    }
}

impl Column {
    /// Whether the figure belongs in the column. Figures of different scorers or thresholds have different columns.
    fn is_of(&self, figure: &Figure) -> bool {
        self.metric == figure.metric && self.meaning == figure.method
    }

    fn new(figure: &Figure, entry: &Entry) -> Self {
        let is_win_rate = figure.threshold.is_some() && entry.task.is_of_published_suite();
        Self {
            scorer: figure.scorer.clone(),
            metric: figure.metric.clone(),
            head: if is_win_rate { WIN_RATE.to_owned() } else { figure.title.clone() },
            meaning: figure.method.clone(),
            unit: Unit::of(figure.range),
        }
    }
}

impl Unit {
    pub(super) fn of([lowest, highest]: [f64; 2]) -> Self {
        match lowest.abs().max(highest.abs()) {
            ..=1.0 => Self::Percent,
            ..=10.0 => Self::Plain(3),
            _ => Self::Plain(1),
        }
    }

    /// The interval, such as `[77.1, 88.2]`; empty if there is none.
    pub(super) fn interval(self, figure: &Figure) -> String {
        let (Some(low), Some(high)) = (figure.low, figure.high) else { return String::new() };
        let mark = if figure.few_distinct { "~" } else { "" };
        format!("[{}, {}]{mark}", self.show(Some(low)), self.show(Some(high)))
    }

    pub(super) fn show(self, value: Option<f64>) -> String {
        match (value, self) {
            (None, _) => ABSENT.to_owned(),
            (Some(value), Self::Percent) => format!("{:.1}", value * 100.0),
            (Some(value), Self::Plain(digits)) => format!("{value:.digits$}"),
        }
    }

    /// The difference of two figures, always with its sign.
    pub(super) fn show_difference(self, difference: f64) -> String {
        let shown = self.show(Some(difference));
        if shown.starts_with('-') { shown } else { format!("+{shown}") }
    }
}

/// What the brackets and the mark behind the `shown` figures mean, if there are any.
pub(super) fn interval_notes<'a>(shown: impl Iterator<Item = &'a Figure> + Clone) -> Vec<String> {
    let levels =
        shown.clone().filter_map(|figure| figure.level).map(|level| format!("{}%", number(level * 100.0)));
    let mut levels: Vec<String> = levels.collect();
    levels.sort_unstable();
    levels.dedup();
    let brackets = (!levels.is_empty())
        .then(|| format!("[low, high]: {} confidence interval (docs/statistics.md).", levels.join(" or ")));
    let is_rough = shown.clone().any(|figure| figure.few_distinct);
    let mark = is_rough.then(|| {
        "~: fewer than 10 samples differ from the commonest score, so the interval is rough.".to_owned()
    });
    brackets.into_iter().chain(mark).collect()
}

/// Whether tables show the figure. Means of the highest scores grow with the number of samples, so they are shown only
/// if the task asks for them or belongs to the published comparison.
fn is_shown(figure: &Figure, entry: &Entry) -> bool {
    let is_asked_for = |scored: &ScoreEntry| is_of(figure, scored) && !scored.is_compare;
    match figure.kind {
        MetricKind::TopK => entry.task.is_of_published_suite() || entry.task.score.iter().any(is_asked_for),
        // The published comparison does not have it.
        MetricKind::TopShare => {
            !entry.task.is_of_published_suite() && entry.task.score.iter().any(is_asked_for)
        }
        // These have a table of their own.
        MetricKind::PerSample => false,
        _ => true,
    }
}

/// A number without needless digits.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    rounded.to_string()
}

fn is_of(figure: &Figure, scored: &ScoreEntry) -> bool {
    figure.name == scored.name() && figure.part == scored.part && figure.target == scored.target
}

fn in_words(encoder: &EncoderSpec) -> String {
    match (&encoder.base_url, &encoder.precision) {
        (Some(base_url), _) => format!("{} at {base_url}", encoder.name),
        (None, Some(precision)) => format!("{} ({precision})", encoder.name),
        (None, None) => encoder.name.clone(),
    }
}

fn add_notes(table: &mut Table, published: &Published, group: &str) {
    let source = format!("{PUBLISHED} figures of {}, not measured by eyechart.", published.source);
    if !table.notes.contains(&source) {
        table.notes.push(source);
    }
    table.notes.extend(published.note.iter().map(|note| format!("published, {group}: {note}.")));
}
