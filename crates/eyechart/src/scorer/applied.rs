//! A scorer applied to a run: takes the scored text out of each answer, scores it, and writes down what was read.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::command::Program;
use super::declaration::{Built, Declaration, KeyFault, ScorerError, Target, Tools};
use super::extract::Extractor;
use super::measure::{Item, Measure, Outcome, Pair};
use super::{SCORERS, names};
use crate::types::{
    Answers, Direction, Metric, READABLE, References, SampleRecord, Score, ScoreEntry, ScoreValue,
    ScorerSpec, Unparsed, character_span, did_you_mean, readable_metric,
};

/// A scorer with the entry of the task that asks for it.
pub struct Scorer {
    entry: ScoreEntry,
    declaration: &'static Declaration,
    built: Built,
    extract: Option<Extractor>,
}

/// The text of a sample that is scored.
struct Reading<'a> {
    text: &'a str,
    /// Where it begins in `output.text`, in bytes; absent for a recorded column.
    start: Option<usize>,
    /// The rule of `extract` that found it.
    rule: Option<&'static str>,
    /// Whether `extract` found anything. Scorers that read all references are given the empty text where it did not.
    is_found: bool,
}

/// What is to be done with a sample.
enum Step<'a> {
    /// The reading is scored.
    Score(Reading<'a>),
    /// No score, with the reason.
    Unscored(&'static str),
    /// `extract` found nothing.
    Unreadable,
    /// The sample has no answer: it is counted as failed.
    NoAnswer,
}

/// The scores of a run by one scorer.
pub struct RunScores {
    /// The scores of each record, in the order of the records.
    pub scores: Vec<Vec<Score>>,
    /// The scorer as `results.json` records it: [`Scorer::spec`], and the files of the program if one was started.
    pub spec: ScorerSpec,
    /// Failed samples that could have had a score.
    pub failed: usize,
}

/// A score of one reference, or of all of them.
struct ReferenceScore {
    reference: Option<usize>,
    outcome: Outcome,
}

impl Scorer {
    /// The scorer that `entry` names, with its keys.
    ///
    /// # Errors
    /// [`KeyFault`] for an unknown scorer, an unknown key, or a value that makes no sense.
    pub fn new(entry: &ScoreEntry) -> Result<Self, KeyFault> {
        let declaration = SCORERS.iter().find(|known| known.name == entry.scorer).ok_or_else(|| {
            let hint = did_you_mean(&entry.scorer, names());
            let known = names().collect::<Vec<_>>().join(", ");
            KeyFault::new(
                "scorer",
                format!("unknown scorer {:?}{hint}: expected one of {known}", entry.scorer),
            )
        })?;
        declaration.check(entry)?;
        let extract = entry.extract.as_ref().map(Extractor::new).transpose()?;
        Ok(Self { entry: entry.clone(), declaration, built: (declaration.build)(entry)?, extract })
    }

    /// The entry.
    #[must_use]
    pub fn entry(&self) -> &ScoreEntry {
        &self.entry
    }

    /// Whether texts must be embedded.
    #[must_use]
    pub fn needs_encoder(&self) -> bool {
        self.declaration.needs_encoder
    }

    /// Whether it reads the options of a multiple-choice question.
    #[must_use]
    pub fn needs_choices(&self) -> bool {
        self.declaration.target == Target::Choices
    }

    /// Whether it needs to know which samples belong together.
    #[must_use]
    pub fn needs_cluster(&self) -> bool {
        self.declaration.needs_cluster
    }

    /// Columns, besides target and recorded column, that the record must have.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.built.columns
    }

    /// Its metrics; the first one is the entry's main figure.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = self.built.metrics.clone();
        if self.extract.is_some() && !self.reads_by_itself() {
            metrics.push(readable_metric("share of answers in which `extract` finds an answer"));
        }
        metrics
    }

    /// The scorer as `results.json` records it, without what is known only after scoring ([`RunScores::spec`]).
    #[must_use]
    pub fn spec(&self) -> ScorerSpec {
        ScorerSpec {
            name: self.entry.name().to_owned(),
            scorer: self.declaration.name.to_owned(),
            part: self.entry.part.clone(),
            target: self.entry.target.clone(),
            version: self.declaration.version,
            parameters: self.parameters(),
            range: self.program().map_or(self.declaration.range, Program::range),
            direction: match self.program() {
                Some(program) => program.direction(),
                None => Direction::of(self.declaration.higher_is_better),
            },
            uses_encoder: self.declaration.needs_encoder,
        }
    }

    /// The program that scores, where one does.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match &self.built.measure {
            Measure::Program(program) => Some(program),
            Measure::Pairs(_) | Measure::Items(_) => None,
        }
    }

    fn parameters(&self) -> Map<String, Value> {
        let entry = &self.entry;
        let mut parameters = Map::new();
        parameters.insert("take".to_owned(), json!(entry.take));
        if let Some(extract) = &entry.extract {
            parameters.insert("extract".to_owned(), json!(extract));
        }
        if self.can_be_unreadable() {
            parameters.insert("unparsed".to_owned(), json!(self.unparsed()));
        }
        if let Some(column) = &entry.column {
            parameters.insert("column".to_owned(), json!(column));
        }
        if !self.declaration.reads_all_references {
            parameters.insert("references".to_owned(), json!(self.references()));
        }
        parameters.extend(self.built.parameters.clone());
        parameters
    }

    fn can_be_unreadable(&self) -> bool {
        self.extract.is_some() || self.reads_by_itself()
    }

    /// Whether the scorer itself reads an answer out of the text, and may find none.
    fn reads_by_itself(&self) -> bool {
        self.built.metrics.iter().any(|metric| metric.id == READABLE)
    }

    fn references(&self) -> References {
        self.entry.references.unwrap_or(References::Best)
    }

    /// Whether an answer to the sample could have had a score, as far as the record says what it needs.
    fn could_score(&self, record: &SampleRecord) -> bool {
        let is_given = |references: &Vec<String>| references.iter().any(|text| !text.trim().is_empty());
        let target = self.entry.target.as_ref().and_then(|target| record.targets.get(target));
        let choices = record.choices.as_ref().filter(|_| self.needs_choices());
        target.is_none_or(is_given) && choices.is_none_or(|choices| choices.label.is_some())
    }

    /// What an answer is worth in which nothing is found. A program is never asked for it, and 0 may be outside its
    /// range.
    fn unparsed(&self) -> Unparsed {
        self.program().map_or(self.entry.unparsed, |_| Unparsed::Unscored)
    }

    /// The scores of each record, in the order of `records`. A failed sample has none.
    ///
    /// # Errors
    /// [`ScorerError`] where the run cannot be scored at all.
    pub fn score(
        &self,
        records: &[SampleRecord],
        answers: &Answers,
        tools: &Tools<'_>,
    ) -> Result<RunScores, ScorerError> {
        let failed = records.iter().filter(|record| record.answer().is_none());
        let failed = failed.filter(|record| self.could_score(record)).count();
        // A recorded column compared with itself always matches.
        if matches!(answers, Answers::Column(column) if self.entry.target.as_ref() == Some(column)) {
            return Ok(RunScores { scores: vec![Vec::new(); records.len()], spec: self.spec(), failed });
        }
        let steps: Vec<Step<'_>> = records.iter().map(|record| self.step(record)).collect();
        let items: Vec<Item<'_>> =
            records.iter().zip(&steps).filter_map(|(record, step)| self.item(record, step)).collect();
        let mut spec = self.spec();
        let parts = match &self.built.measure {
            Measure::Items(score) => of_all(score(&items, tools)?),
            Measure::Program(program) => {
                let scored = program.score(&items, tools.commands);
                spec.parameters.extend(scored.files.map(|files| ("files".to_owned(), json!(files))));
                of_all(scored.outcomes)
            }
            Measure::Pairs(score) => self.by_pairs(&items, |pairs| score(pairs, tools))?,
        };
        let mut parts = parts.into_iter();
        let scores = records.iter().zip(steps).map(|(record, step)| match step {
            Step::NoAnswer => Vec::new(),
            Step::Unscored(reason) => {
                vec![self.to_score(record, None, ReferenceScore::of_all(Outcome::unscored(reason)))]
            }
            Step::Unreadable => {
                let scored = self.unreadable(record).into_iter();
                scored.map(|scored| self.to_score(record, None, scored)).collect()
            }
            Step::Score(reading) => {
                let mut parts = parts.next().unwrap_or_default();
                if !reading.is_found {
                    parts.iter_mut().for_each(|part| self.mark_unreadable(&mut part.outcome));
                }
                parts.into_iter().map(|part| self.to_score(record, Some(&reading), part)).collect()
            }
        });
        Ok(RunScores { scores: scores.collect(), spec, failed })
    }

    fn step<'a>(&self, record: &'a SampleRecord) -> Step<'a> {
        let Some(answer) = record.answer() else { return Step::NoAnswer };
        let (text, start) = match &self.entry.column {
            None => {
                let range = self.entry.take.range(answer);
                (&answer[range.clone()], Some(range.start))
            }
            Some(column) => match record.fields.get(column).map(|text| text.trim()) {
                None | Some("") => return Step::Unscored("the recorded column is empty"),
                Some(text) => (text, None),
            },
        };
        let is_empty = |reference: &String| reference.trim().is_empty();
        if self.entry.target.is_some() && self.targets(record).iter().all(is_empty) {
            return Step::Unscored("the target is empty");
        }
        let whole = Reading { text, start, rule: None, is_found: true };
        let Some(extract) = &self.extract else { return Step::Score(whole) };
        match (extract.find(text), &self.built.measure) {
            (Some(found), _) => Step::Score(Reading {
                text: &text[found.span.clone()],
                start: start.map(|start| start + found.span.start),
                rule: Some(found.rule),
                ..whole
            }),
            (None, Measure::Pairs(_) | Measure::Program(_)) => Step::Unreadable,
            (None, Measure::Items(_)) => {
                Step::Score(Reading { text: "", start: None, is_found: false, ..whole })
            }
        }
    }

    fn item<'a>(&self, record: &'a SampleRecord, step: &Step<'a>) -> Option<Item<'a>> {
        let Step::Score(reading) = step else { return None };
        let references = self.targets(record).iter().map(String::as_str);
        let references = references.filter(|reference| !reference.trim().is_empty()).collect();
        Some(Item { record, text: reading.text, references })
    }

    /// All pairs at once, so that a scorer sees each distinct text once.
    fn by_pairs(
        &self,
        items: &[Item<'_>],
        score: impl Fn(&[Pair<'_>]) -> Result<Vec<Outcome>, ScorerError>,
    ) -> Result<Vec<Vec<ReferenceScore>>, ScorerError> {
        let pairs: Vec<Pair<'_>> = items
            .iter()
            .flat_map(|item| item.references.iter().map(|reference| Pair { text: item.text, reference }))
            .collect();
        let mut outcomes = score(&pairs)?.into_iter();
        let of_items = items.iter().map(|item| {
            let outcomes: Vec<Outcome> = outcomes.by_ref().take(item.references.len()).collect();
            match self.references() {
                References::Each => self.each(item.record, outcomes),
                References::Best => vec![ReferenceScore::of_all(self.best(outcomes))],
                References::Mean => vec![ReferenceScore::of_all(mean(outcomes))],
            }
        });
        Ok(of_items.collect())
    }

    /// One score for each reference as the dataset has them: empty ones have none.
    fn each(&self, record: &SampleRecord, outcomes: Vec<Outcome>) -> Vec<ReferenceScore> {
        let mut outcomes = outcomes.into_iter();
        let references = self.targets(record).iter().enumerate();
        let scores = references.filter_map(|(index, reference)| {
            let outcome = match reference.trim().is_empty() {
                true => Outcome::unscored("the reference is empty"),
                false => outcomes.next()?,
            };
            Some(ReferenceScore { reference: Some(index), outcome })
        });
        scores.collect()
    }

    /// The first of the best ones.
    fn best(&self, outcomes: Vec<Outcome>) -> Outcome {
        let is_better = |a: f64, b: f64| if self.declaration.higher_is_better { a > b } else { a < b };
        let better = |best: Outcome, next: Outcome| match (&best.value, &next.value) {
            (ScoreValue::Value(a), ScoreValue::Value(b)) if is_better(*b, *a) => next,
            (ScoreValue::Unscored(_), ScoreValue::Value(_)) => next,
            _ => best,
        };
        outcomes.into_iter().reduce(better).unwrap_or_else(|| Outcome::unscored("the target is empty"))
    }

    /// The scores of an answer that `extract` cannot read, for scorers of pairs: as many as a readable answer has.
    fn unreadable(&self, record: &SampleRecord) -> Vec<ReferenceScore> {
        let mut outcome = Outcome::value(0.0);
        self.mark_unreadable(&mut outcome);
        match self.references() {
            References::Each => {
                let references = self.targets(record).len();
                self.each(record, vec![outcome; references])
            }
            References::Best | References::Mean => vec![ReferenceScore::of_all(outcome)],
        }
    }

    /// The references of the entry's target, empty ones included.
    fn targets<'a>(&self, record: &'a SampleRecord) -> &'a [String] {
        let target = self.entry.target.as_ref().and_then(|target| record.targets.get(target));
        target.map_or(&[][..], Vec::as_slice)
    }

    fn mark_unreadable(&self, outcome: &mut Outcome) {
        if self.unparsed() == Unparsed::Unscored {
            *outcome = Outcome::unscored("no answer could be read");
        }
        outcome.explanation = Some("`extract` found no answer".to_owned());
        outcome.counts.insert(READABLE.to_owned(), 0.0);
    }

    fn to_score(
        &self,
        record: &SampleRecord,
        reading: Option<&Reading<'_>>,
        scored: ReferenceScore,
    ) -> Score {
        let ReferenceScore { reference, outcome } = scored;
        // Scorers read their answer out of the text that they are given; else `extract` has read it.
        let extracted = reading.filter(|reading| reading.rule.is_some());
        let rule = extracted.and_then(|reading| reading.rule);
        let span = outcome.span.or_else(|| extracted.map(|reading| 0..reading.text.len()));
        let mut counts = outcome.counts;
        if rule.is_some() && !self.reads_by_itself() {
            counts.insert(READABLE.to_owned(), 1.0);
        }
        Score {
            id: record.id.clone(),
            epoch: record.epoch,
            name: self.entry.name().to_owned(),
            scorer: self.declaration.name.to_owned(),
            part: self.entry.part.clone(),
            target: self.entry.target.clone(),
            reference,
            value: outcome.value,
            answer: outcome.answer.or_else(|| extracted.map(|reading| reading.text.to_owned())),
            explanation: outcome.explanation.or_else(|| rule.map(str::to_owned)),
            span: span.and_then(|span| in_characters(record, reading?, span)),
            counts,
        }
    }
}

impl ReferenceScore {
    fn of_all(outcome: Outcome) -> Self {
        Self { reference: None, outcome }
    }
}

impl Declaration {
    /// Checks the shared keys against the declaration and refuses unknown keys.
    fn check(&self, entry: &ScoreEntry) -> Result<(), KeyFault> {
        if let Some(unknown) = entry.own.keys().find(|key| !self.keys.contains(&key.as_str())) {
            let shared = SHARED_KEYS.into_iter().filter(|key| self.takes(key));
            let known: Vec<&str> = shared.chain(self.keys.iter().copied()).collect();
            let hint = did_you_mean(unknown, known.iter().copied());
            let what = format!(
                "unknown key `{unknown}` in [[score]] with scorer = {:?}{hint}: the keys are {}",
                self.name,
                known.join(", ")
            );
            return Err(KeyFault::new(unknown, what));
        }
        let name = self.name;
        match (self.target, &entry.target) {
            (Target::Required, None) => Err(KeyFault::new(
                "scorer",
                format!("{name} needs a `target`: the column with the reference, or a list of them"),
            )),
            (Target::Choices, Some(_)) => Err(KeyFault::new(
                "target",
                format!(
                    "{name} has no `target`: it reads the options and the label that `choices` in [dataset] names"
                ),
            )),
            _ if self.reads_all_references && entry.references.is_some() => Err(KeyFault::new(
                "references",
                format!("{name} reads all references at once: leave `references` out"),
            )),
            _ => Ok(()),
        }
    }

    fn takes(&self, key: &str) -> bool {
        match key {
            "references" => !self.reads_all_references,
            "target" => self.target != Target::Choices,
            _ => true,
        }
    }
}

/// The keys that scorers have in common.
const SHARED_KEYS: [&str; 10] =
    ["scorer", "name", "part", "take", "extract", "unparsed", "column", "target", "title", "references"];

/// Scores that are of all references.
fn of_all(outcomes: Vec<Outcome>) -> Vec<Vec<ReferenceScore>> {
    outcomes.into_iter().map(|outcome| vec![ReferenceScore::of_all(outcome)]).collect()
}

/// The first outcome with the mean of all values; unscored where none has one.
fn mean(outcomes: Vec<Outcome>) -> Outcome {
    let values: Vec<f64> = outcomes.iter().filter_map(Outcome::number).collect();
    let first = outcomes.into_iter().next().unwrap_or_else(|| Outcome::unscored("the target is empty"));
    match values.is_empty() {
        true => first,
        false => {
            Outcome { value: ScoreValue::Value(values.iter().sum::<f64>() / values.len() as f64), ..first }
        }
    }
}

/// `[start, end)` in characters of `output.text`; absent for a recorded column.
fn in_characters(record: &SampleRecord, reading: &Reading<'_>, span: Range<usize>) -> Option<[usize; 2]> {
    let start = reading.start?;
    Some(character_span(record.answer()?, start + span.start..start + span.end))
}
