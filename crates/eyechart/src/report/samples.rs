//! Samples as text or JSON: prompt, answer, references and scores.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::scorer::choice::Options;
use crate::text::{counted, wrapped};
use crate::types::{Epoch, Figure, SampleRecord, Score, ScoreValue, Status, named_row};

/// Maximum number of characters of a text without `full`.
const SHOWN: usize = 600;

/// A run's samples with their scores.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    records: Vec<SampleRecord>,
    scores: HashMap<(String, Epoch), Vec<Score>>,
}

/// The choice of samples.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    /// All samples.
    All,
    /// Samples with the score 0 in the entry of this figure.
    Wrong(&'a Figure),
    /// The `count` samples with the worst scores in the entry of this figure, the worst first.
    Worst {
        /// The figure.
        figure: &'a Figure,
        /// Number of samples.
        count: usize,
    },
    /// Samples without an answer.
    Failed,
    /// The sample with this id, or of the row in `row:17`.
    Id(&'a str),
}

/// A sample with its scores.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SampleView<'a> {
    /// The sample.
    #[serde(flatten)]
    pub record: &'a SampleRecord,
    /// Its scores, in the order of the task's entries.
    pub scores: &'a [Score],
}

impl Samples {
    /// Joins the samples of a record with their scores.
    #[must_use]
    pub fn new(records: Vec<SampleRecord>, scores: Vec<Score>) -> Self {
        let mut of_sample: HashMap<_, Vec<Score>> = HashMap::new();
        for score in scores {
            of_sample.entry((score.id.clone(), score.epoch)).or_default().push(score);
        }
        Self { records, scores: of_sample }
    }

    /// The selected samples, in the order of the record, or of their scores for [`Selection::Worst`].
    #[must_use]
    pub fn select(&self, selection: Selection<'_>) -> Vec<SampleView<'_>> {
        let views = self.records.iter().map(|record| self.view(record));
        match selection {
            Selection::All => views.collect(),
            Selection::Failed => views.filter(|view| view.record.status == Status::Failed).collect(),
            Selection::Id(id) => {
                let has_id = self.records.iter().any(|record| record.id == id);
                let row = named_row(id).filter(|_| !has_id);
                views.filter(|view| view.record.id == id || Some(view.record.row) == row).collect()
            }
            Selection::Wrong(figure) => {
                views.filter(|view| view.values(figure).any(|value| value == 0.0)).collect()
            }
            Selection::Worst { figure, count } => {
                let mut valued: Vec<_> =
                    views.filter_map(|view| Some((view.worst_value(figure)?, view))).collect();
                valued.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                valued.into_iter().take(count).map(|(_, view)| view).collect()
            }
        }
    }

    fn view<'a>(&'a self, record: &'a SampleRecord) -> SampleView<'a> {
        let scores = self.scores.get(&(record.id.clone(), record.epoch));
        SampleView { record, scores: scores.map_or(&[], Vec::as_slice) }
    }
}

impl SampleView<'_> {
    fn values<'a>(&'a self, figure: &'a Figure) -> impl Iterator<Item = f64> + 'a {
        let is_of = |score: &&Score| {
            score.name == figure.name && score.part == figure.part && score.target == figure.target
        };
        self.scores.iter().filter(is_of).filter_map(Score::number)
    }

    /// The worst score, negated if a lower one is better.
    fn worst_value(&self, figure: &Figure) -> Option<f64> {
        let turned = |value: f64| match figure.direction {
            crate::types::Direction::Higher | crate::types::Direction::Neither => value,
            crate::types::Direction::Lower => -value,
        };
        self.values(figure).map(turned).min_by(f64::total_cmp)
    }
}

/// The samples as text, in lines of at most `width` columns. Long texts are cut with a mark, unless `full`.
#[must_use]
pub fn samples_as_text(views: &[SampleView<'_>], full: bool, width: usize) -> String {
    let mut text = String::new();
    for view in views {
        if !text.is_empty() {
            text.push('\n');
        }
        Page { text: &mut text, full, width }.sample(view);
    }
    text
}

/// The samples as a JSON list.
#[must_use]
pub fn samples_as_json(views: &[SampleView<'_>]) -> String {
    serde_json::to_string_pretty(views).expect("plain data with text keys always serializes") + "\n"
}

/// The text under construction.
struct Page<'a> {
    text: &'a mut String,
    full: bool,
    width: usize,
}

impl Page<'_> {
    fn sample(&mut self, view: &SampleView<'_>) {
        let record = view.record;
        let epoch = if record.epoch > 1 { format!(", epoch {}", record.epoch) } else { String::new() };
        let status = match record.status {
            Status::Completed => "completed",
            Status::Failed => "failed",
        };
        self.line(&format!("sample {} (row {}{epoch}): {status}", one_line(&record.id), record.row));
        if let Some(system) = &record.system {
            self.field("system", system);
        }
        self.field("prompt", &record.prompt);
        for image in &record.images {
            self.field("picture", &image.source);
        }
        if let (true, Some(cluster)) = (record.images.is_empty(), &record.cluster) {
            self.field("cluster", cluster);
        }
        if let Some(choices) = &record.choices {
            let letters = Options::new(&choices.options);
            let lettered = |(at, option): (usize, &String)| format!("{}: {option}", letters.letter(at));
            let options: Vec<String> = choices.options.iter().enumerate().map(lettered).collect();
            self.field("options", &options.join("\n"));
            self.field(
                "label",
                choices.label.as_deref().unwrap_or("matches none of the options, or several"),
            );
        }
        for (column, references) in &record.targets {
            for (index, reference) in references.iter().enumerate() {
                self.field(&format!("reference {index} ({column})"), reference);
            }
        }
        if let Some(output) = &record.output {
            self.field("answer", &output.text);
        }
        if let Some(error) = &record.error {
            self.field("error", &format!("{}: {}", error.kind.name(), error.message));
        }
        view.scores.iter().for_each(|score| self.score(score, record));
    }

    fn field(&mut self, name: &str, text: &str) {
        let shown = if self.full { text.to_owned() } else { cut(text) };
        self.line(&format!("  {name}"));
        shown.trim_end().lines().for_each(|line| self.line(&format!("    {line}")));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(&wrapped(line.trim_end(), self.width, 4));
        self.text.push('\n');
    }

    fn score(&mut self, score: &Score, record: &SampleRecord) {
        let target = score.target.iter().map(|target| format!(" ↔ {target}"));
        let reference = score.reference.iter().map(|index| format!(", reference {index}"));
        let entry: String = std::iter::once(score.part.clone()).chain(target).chain(reference).collect();
        let mut line = match &score.value {
            ScoreValue::Value(value) => {
                format!("{:.3}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            ScoreValue::Unscored(reason) => format!("no score: {reason}"),
        };
        if let Some(answer) = &score.answer {
            let _ = write!(line, "\nread: {}", cut(&one_line(answer)));
        }
        if let Some(explanation) = &score.explanation {
            let _ = write!(line, "\nrule: {explanation}");
        }
        if let Some(span) = score.span {
            let quoted = quoted(record, span).unwrap_or_default();
            let _ =
                write!(line, "\nspan: characters {} to {}: {}", span[0], span[1], cut(&one_line(&quoted)));
        }
        self.field(&format!("score {} ({entry})", score.name), &line);
    }
}

/// The characters `[start, end)` of the answer.
fn quoted(record: &SampleRecord, [start, end]: [usize; 2]) -> Option<String> {
    Some(record.answer()?.chars().skip(start).take(end.saturating_sub(start)).collect())
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The beginning of a long text, and how much follows.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((at, _)) => {
            let more = counted(text[at..].chars().count(), "more character");
            format!("{} […] ({more})", &text[..at])
        }
    }
}
