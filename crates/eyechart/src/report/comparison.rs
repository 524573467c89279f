//! A comparison of runs as text, Markdown, CSV or JSON. The runs are called A, B, … in the order of the call.

mod data;

use super::figures::{Unit, number};
use super::table::{Row, Table};
use super::{Format, markdown, text};
use crate::compare::{
    ChangedSample, Comparison, FigureComparison, LackingScore, LackingScores, NoComparison, RunPair,
    SIGNIFICANCE, Verdict,
};
use crate::text::{counted, shown_value, wrapped};

/// Scores that a note lists at most. JSON has all of them.
const LISTED: usize = 5;

/// The comparison in a format.
#[must_use]
pub fn render_comparison(comparison: &Comparison, format: Format) -> String {
    match format {
        Format::Json => data::as_json(comparison),
        Format::Csv => data::as_csv(comparison),
        Format::Table { .. } | Format::Markdown => {
            let mut blocks = vec![lines(&runs(comparison), format)];
            blocks.push(lines(&differing(comparison), format));
            for pair in pairs(comparison) {
                let table = Page { comparison, pair }.table();
                blocks.push(match format {
                    Format::Table { width } => text::render(&table, width),
                    _ => markdown::render(&table),
                });
            }
            blocks.push(lines(&unbeaten(comparison), format));
            blocks.push(lines(&meanings(comparison), format));
            blocks.retain(|block| !block.is_empty());
            blocks.join("\n")
        }
    }
}

/// Lines of text, or a list in Markdown.
fn lines(lines: &[String], format: Format) -> String {
    let line = |line: &String| match format {
        Format::Table { width } => format!("{}\n", wrapped(line, width, 2)),
        _ => format!("- {}\n", markdown::escaped(line)),
    };
    lines.iter().map(line).collect()
}

/// The letter of a run.
fn letter(run: usize) -> String {
    match u8::try_from(run) {
        Ok(run @ 0..26) => char::from(b'A' + run).to_string(),
        _ => format!("R{}", run + 1),
    }
}

fn runs(comparison: &Comparison) -> Vec<String> {
    let line = |(at, run): (usize, &crate::compare::ComparedRun)| {
        let samples = &run.results.samples;
        let missing = [(samples.failed, "failed"), (samples.unasked(), "not asked")];
        let missing = missing.iter().filter(|(count, _)| *count > 0);
        let of_answers = |count: usize| match samples.epochs {
            Some(_) => counted(count, "answer"),
            None => count.to_string(),
        };
        let missing: String = missing.map(|(count, how)| format!(", {} {how}", of_answers(*count))).collect();
        let epochs = samples.epochs.map(|epochs| format!(", {}", counted(epochs as usize, "epoch")));
        let asked = counted(samples.picked(), "sample") + &epochs.unwrap_or_default();
        let model = run.results.shown_model();
        format!("{}: {model}, {asked}{missing}, {}", letter(at), run.folder.path().display())
    };
    comparison.runs.iter().enumerate().map(line).collect()
}

fn differing(comparison: &Comparison) -> Vec<String> {
    let value = |(at, value): (usize, &Option<String>)| {
        format!("{} {}", letter(at), value.as_deref().unwrap_or("without"))
    };
    let settings = comparison.differing.iter().map(|setting| {
        let values: Vec<String> = setting.values.iter().enumerate().map(value).collect();
        format!("differs: {}: {}", setting.name, values.join(" | "))
    });
    let settings: Vec<String> = settings.collect();
    match settings.is_empty() {
        true => vec!["The runs have the same settings.".to_owned()],
        false => settings,
    }
}

/// The compared pairs, also those of which no figure could be compared.
fn pairs(comparison: &Comparison) -> Vec<RunPair> {
    let mut pairs: Vec<RunPair> = Vec::new();
    let compared = comparison.pairs.iter().map(|pair| pair.runs);
    for pair in compared.chain(comparison.not_compared.iter().map(|figure| figure.runs)) {
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

/// The table of one pair of runs.
struct Page<'a> {
    comparison: &'a Comparison,
    pair: RunPair,
}

impl Page<'_> {
    fn figures(&self) -> impl Iterator<Item = &FigureComparison> {
        self.comparison.pairs.iter().filter(|figure| figure.runs == self.pair)
    }

    fn table(&self) -> Table {
        let (own, other) = (letter(self.pair.baseline), letter(self.pair.other));
        let heads = [&own, &other, "difference", "verdict", "p", "won", "lost", "n"];
        Table {
            title: format!("{other} against {own}"),
            group: "",
            name: "figure",
            heads: heads.map(str::to_owned).to_vec(),
            rows: self.figures().flat_map(rows).collect(),
            notes: self.notes(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let comparison = self.comparison;
        let of_pair = |runs: RunPair| runs == self.pair;
        let mut notes: Vec<String> = comparison
            .notes
            .iter()
            .filter(|note| of_pair(note.runs))
            .map(|note| self.named(&note.text))
            .collect();
        notes.extend(self.clusters());
        for lacking in comparison.lacking.iter().filter(|lacking| of_pair(lacking.runs)) {
            notes.extend(self.lacking(lacking));
        }
        notes.extend(self.not_compared());
        notes.extend(self.figures().find(|figure| self.is_main(figure)).and_then(changed));
        notes
    }

    /// The figures that are not compared. Those that a run lacks are in one line.
    fn not_compared(&self) -> Vec<String> {
        let mut of_reasons: Vec<(NoComparison, Vec<&str>)> = Vec::new();
        for figure in self.comparison.not_compared.iter().filter(|figure| figure.runs == self.pair) {
            let is_lacking = figure.reason != NoComparison::TopK;
            let alike = of_reasons.iter_mut().find(|(reason, _)| is_lacking && *reason == figure.reason);
            match alike {
                Some((_, figures)) => figures.push(&figure.figure),
                None => of_reasons.push((figure.reason, vec![&figure.figure])),
            }
        }
        let line = |(reason, figures): (NoComparison, Vec<&str>)| {
            format!("{}: not compared: {}.", figures.join(", "), self.named(reason.in_words()))
        };
        of_reasons.into_iter().map(line).collect()
    }

    /// The number of clusters, where some have several scores.
    fn clusters(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for figure in self.figures().filter(|figure| figure.clusters < figure.n) {
            let (n, clusters) = (counted(figure.n, "score"), counted(figure.clusters, "cluster"));
            let note = format!("{n} in {clusters}: those of one cluster are not independent.");
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }

    /// Whether the changed samples of this figure are listed: those of the primary figure, else of the first one.
    fn is_main(&self, figure: &FigureComparison) -> bool {
        self.comparison.primary.as_ref().is_none_or(|primary| figure.figure == *primary)
    }

    /// The text with the letters of the runs in place of their roles.
    fn named(&self, text: &str) -> String {
        let (own, other) = (letter(self.pair.baseline), letter(self.pair.other));
        text.replace("the baseline", &own).replace("the other run", &other)
    }

    fn lacking(&self, lacking: &LackingScores) -> Vec<String> {
        let target = lacking.target.iter().map(|target| format!(" ↔ {target}"));
        let entry = format!("{}, {}{}", lacking.name, lacking.part, target.collect::<String>());
        let (own, other) = (letter(self.pair.baseline), letter(self.pair.other));
        let line = |scores: &[LackingScore], has: &str, lacks: &str| {
            let listed: Vec<String> = scores.iter().take(LISTED).map(lacking_score).collect();
            (!scores.is_empty()).then(|| {
                format!(
                    "{entry}: {lacks} lacks {} that {has} has: {}{}.",
                    counted(scores.len(), "score"),
                    listed.join(", "),
                    and_more(scores.len() - listed.len())
                )
            })
        };
        let only_baseline = line(&lacking.only_baseline, &own, &other);
        only_baseline.into_iter().chain(line(&lacking.only_other, &other, &own)).collect()
    }
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}

fn lacking_score(score: &LackingScore) -> String {
    format!("{} ({})", sample_name(&score.id, score.epoch, score.reference), score.reason.in_words())
}

/// The id with its epoch and reference, if the sample has several.
fn sample_name(id: &str, epoch: u32, reference: Option<u32>) -> String {
    let epoch = if epoch > 1 { format!(" epoch {epoch}") } else { String::new() };
    let reference = reference.map(|reference| format!(" reference {reference}")).unwrap_or_default();
    format!("{}{epoch}{reference}", shown_value(id))
}

/// The line of the samples that changed most; absent if none changed.
fn changed(figure: &FigureComparison) -> Option<String> {
    let shown = |sample: &ChangedSample| {
        let name = sample_name(&sample.id, sample.epoch, sample.reference);
        format!("{name} {} → {}", score(sample.baseline), score(sample.other))
    };
    let listed: Vec<String> = figure.changed.iter().map(shown).collect();
    let more = (figure.won + figure.lost).saturating_sub(listed.len());
    (!listed.is_empty())
        .then(|| format!("Changed in {}: {}{}.", figure.figure, listed.join(", "), and_more(more)))
}

/// A score with three digits at most.
fn score(value: f64) -> String {
    number((value * 1e3).round() / 1e3)
}

/// The row of a figure, and the one with its failed samples.
fn rows(figure: &FigureComparison) -> Vec<Row> {
    let unit = Unit::of(figure.range);
    let row = |name: String, values: [f64; 3], interval: Option<(f64, f64)>, rest: [String; 5]| {
        let [own, other, difference] = values;
        let numbers = [unit.show(Some(own)), unit.show(Some(other)), unit.show_difference(difference)];
        let interval = interval
            .map(|(low, high)| format!("[{}, {}]", unit.show_difference(low), unit.show_difference(high)));
        Row {
            group: String::new(),
            name,
            cells: numbers.into_iter().chain(rest).collect(),
            intervals: vec![String::new(), String::new(), interval.unwrap_or_default()],
        }
    };
    let [won, lost] = [figure.won, figure.lost].map(|count| count.to_string());
    let mut rows = vec![row(
        figure.figure.clone(),
        [figure.baseline_value, figure.other_value, figure.difference],
        figure.low.zip(figure.high),
        [figure.verdict.in_words().to_owned(), p_value(figure.p_adjusted), won, lost, figure.n.to_string()],
    )];
    if let Some(failures) = &figure.with_failures {
        rows.push(row(
            format!("failed as {}", unit.show(Some(failures.bottom))),
            [failures.baseline_value, failures.other_value, failures.difference],
            failures.low.zip(failures.high),
            [
                failures.verdict.in_words().to_owned(),
                p_value(failures.p_adjusted),
                String::new(),
                String::new(),
                failures.n.to_string(),
            ],
        ));
    }
    rows
}

fn p_value(p: Option<f64>) -> String {
    match p {
        None => super::table::ABSENT.to_owned(),
        Some(p) if p < 0.001 => "<0.001".to_owned(),
        Some(p) => format!("{p:.3}"),
    }
}

fn unbeaten(comparison: &Comparison) -> Vec<String> {
    let line = |unbeaten: &crate::compare::Unbeaten| {
        let letters: Vec<String> = unbeaten.runs.iter().map(|run| letter(*run)).collect();
        let names = if letters.is_empty() { "none".to_owned() } else { letters.join(", ") };
        format!("no other run beats, in {}: {names}", unbeaten.figure)
    };
    comparison.unbeaten.iter().map(line).collect()
}

/// What the figures and the columns mean.
fn meanings(comparison: &Comparison) -> Vec<String> {
    let figures = &comparison.pairs;
    let mut lines: Vec<String> = Vec::new();
    for figure in figures {
        let direction = match figure.direction {
            crate::types::Direction::Higher => "",
            crate::types::Direction::Lower => "; lower is better",
            crate::types::Direction::Neither => "; no better side, so it is not tested",
        };
        let line = format!("{}: {}{direction}.", figure.figure, figure.meaning);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if figures.iter().any(|figure| Unit::of(figure.range) == Unit::Percent) {
        lines.push("Figures within -1 and 1 are in %, their differences in percentage points.".to_owned());
    }
    lines.push(format!(
        "difference: the later run less the baseline, over the n scores that both have; [low, high]: {}% confidence \
         interval (docs/compare.md).",
        number(comparison.level * 100.0)
    ));
    lines.push(p_meaning(comparison));
    lines.push(
        "won, lost: scores that are better or worse than in the baseline; the others are equal.".to_owned(),
    );
    lines.push(format!("verdict: about the later run, at p < {SIGNIFICANCE}."));
    if figures.iter().any(|figure| figure.with_failures.is_some()) {
        lines.push(
            "failed as …: the same with each failed sample, and each unreadable answer without a score, at the worst \
             end of the range."
                .to_owned(),
        );
    }
    if figures.iter().any(|figure| figure.verdict == Verdict::DependsOnFailures) {
        lines
            .push("depends on failures: with them the verdict is another one, so neither counts.".to_owned());
    }
    lines
}

fn p_meaning(comparison: &Comparison) -> String {
    let is_primary = |figure: &&FigureComparison| Some(&figure.figure) == comparison.primary.as_ref();
    let tested = comparison.pairs.iter().filter(|figure| figure.p_adjusted.is_some());
    let (primary, others): (Vec<_>, Vec<_>) = tested.partition(is_primary);
    let tests = |count: usize| counted(count, "test");
    match &comparison.primary {
        Some(figure) => format!(
            "p: of no difference; {figure} is adjusted for its {} alone, the other figures for their {} (Holm).",
            tests(primary.len()),
            tests(others.len())
        ),
        None => format!("p: of no difference, adjusted for {} (Holm).", tests(others.len())),
    }
}
