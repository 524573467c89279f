//! Applies a scorer to a run: takes the text to score from each record, scores it, and returns the scores with what
//! was read.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::command::Program;
use super::declaration::{ConfiguredScorer, Declaration, KeyFault, ScorerError, Target, Tools};
use super::extract::Extractor;
use super::measure::{Item, Measure, Outcome, Pair};
use super::{SCORERS, names};
use crate::types::{
    Answers, Direction, Metric, READABLE, References, SampleRecord, Score, ScoreEntry, ScoreValue,
    ScorerSpec, Unparsed, character_span, did_you_mean, readable_metric,
};

/// A scorer, configured by one `[[score]]` entry of a task.
pub struct Scorer {
    entry: ScoreEntry,
    declaration: &'static Declaration,
    configured: ConfiguredScorer,
    extract: Option<Extractor>,
}

/// The text of one sample that is scored.
struct Reading<'a> {
    text: &'a str,
    /// The offset of the text in `output.text`, in bytes; absent for a recorded column.
    start: Option<usize>,
    /// The rule of `extract` that found the text; absent if the whole text is scored.
    rule: Option<&'static str>,
    /// Whether `extract` found an answer. If it did not, scorers of items get the empty text.
    is_found: bool,
}

/// How one sample is handled.
enum Step<'a> {
    /// The text is scored.
    Score(Reading<'a>),
    /// The sample is unscored; the text says why.
    Unscored(&'static str),
    /// `extract` found no answer.
    Unreadable,
    /// The sample has no answer and counts as failed.
    NoAnswer,
}

/// The scores that one scorer gives to a run.
pub struct RunScores {
    /// The scores of each record, in the order of the records.
    pub scores: Vec<Vec<Score>>,
    /// The scorer as `results.json` records it: [`Scorer::spec`], and the files of the program if one was started.
    pub spec: ScorerSpec,
    /// Number of failed samples that could have had a score.
    pub failed: usize,
}

/// A score for one reference, or for all references together (`reference` is `None`).
struct ReferenceScore {
    reference: Option<usize>,
    outcome: Outcome,
}

impl Scorer {
    /// Configures the scorer that `entry` names.
    ///
    /// # Errors
    /// [`KeyFault`] for an unknown scorer, an unknown key, or a value that is not allowed.
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
        Ok(Self { entry: entry.clone(), declaration, configured: (declaration.build)(entry)?, extract })
    }

    /// Returns the entry that configures the scorer.
    #[must_use]
    pub fn entry(&self) -> &ScoreEntry {
        &self.entry
    }

    /// Returns whether the scorer needs an embedder.
    #[must_use]
    pub fn needs_encoder(&self) -> bool {
        self.declaration.needs_encoder
    }

    /// Returns whether the scorer reads the options of a multiple-choice question.
    #[must_use]
    pub fn needs_choices(&self) -> bool {
        self.declaration.target == Target::Choices
    }

    /// Returns whether the scorer compares objects, and not only texts.
    #[must_use]
    pub fn compares_objects(&self) -> bool {
        self.declaration.target == Target::Optional
    }

    /// Returns whether the answers that the scorer reads are letters of the question's options.
    #[must_use]
    pub fn picks_options(&self) -> bool {
        self.declaration.target == Target::Choices
    }

    /// Returns whether the scorer needs the cluster of each sample.
    #[must_use]
    pub fn needs_cluster(&self) -> bool {
        self.declaration.needs_cluster
    }

    /// Returns the columns that the record must have, besides the target and the recorded column.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.configured.columns
    }

    /// Returns the metrics. The first one is the main figure of the entry.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = self.configured.metrics.clone();
        if self.extract.is_some() && !self.finds_answer_itself() {
            metrics.push(readable_metric("share of answers in which `extract` finds an answer"));
        }
        metrics
    }

    /// Returns the scorer as `results.json` records it, except for what only scoring finds out ([`RunScores::spec`]).
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

    /// Returns the program of the scorer `command`; `None` for other scorers.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match &self.configured.measure {
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
        parameters.extend(self.configured.parameters.clone());
        parameters
    }

    fn can_be_unreadable(&self) -> bool {
        self.extract.is_some() || self.finds_answer_itself()
    }

    /// Returns whether the scorer itself looks for an answer in the text, and may find none.
    fn finds_answer_itself(&self) -> bool {
        self.configured.metrics.iter().any(|metric| metric.id == READABLE)
    }

    fn references(&self) -> References {
        self.entry.references.unwrap_or(References::Best)
    }

    /// Returns whether an answer to the sample could have had a score: the record has the target or the label.
    fn could_score(&self, record: &SampleRecord) -> bool {
        let is_given = |references: &Vec<String>| references.iter().any(|text| !text.trim().is_empty());
        let target = self.entry.target.as_ref().and_then(|target| record.targets.get(target));
        let choices = record.choices.as_ref().filter(|_| self.needs_choices());
        target.is_none_or(is_given) && choices.is_none_or(|choices| choices.label.is_some())
    }

    /// Returns the number of scores that an answer to the sample would have: one per reference that is not blank, if each
    /// has its own score, else 1; 0 if no answer could be scored.
    #[must_use]
    pub fn possible_scores(&self, record: &SampleRecord) -> usize {
        let has_one_each = !self.declaration.reads_all_references && self.references() == References::Each;
        match self.could_score(record) {
            false => 0,
            true if has_one_each => {
                self.targets(record).iter().filter(|reference| !reference.trim().is_empty()).count()
            }
            true => 1,
        }
    }

    /// Returns how an answer is scored in which `extract` finds nothing. For a program such an answer is always
    /// unscored: the program does not see it, and 0 may be outside the range of the program.
    fn unparsed(&self) -> Unparsed {
        self.program().map_or(self.entry.unparsed, |_| Unparsed::Unscored)
    }

    /// Returns the scores of each record, in the order of `records`. A failed sample has no scores.
    ///
    /// # Errors
    /// [`ScorerError`] if the run cannot be scored at all.
    pub fn score(
        &self,
        records: &[SampleRecord],
        answers: &Answers,
        tools: &Tools<'_>,
    ) -> Result<RunScores, ScorerError> {
        let failed = records.iter().filter(|record| record.answer().is_none());
        let failed = failed.filter(|record| self.could_score(record)).count();
        // A recorded column always matches itself, so a score would mean nothing.
        if matches!(answers, Answers::Column(column) if self.entry.target.as_ref() == Some(column)) {
            return Ok(RunScores { scores: vec![Vec::new(); records.len()], spec: self.spec(), failed });
        }
        let steps: Vec<Step<'_>> = records.iter().map(|record| self.step(record)).collect();
        let items: Vec<Item<'_>> =
            records.iter().zip(&steps).filter_map(|(record, step)| self.item(record, step)).collect();
        let mut spec = self.spec();
        let parts = match &self.configured.measure {
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
        match (extract.find(text), &self.configured.measure) {
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

    /// Scores all pairs in one call, so that a scorer can process each distinct text once.
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

    /// Returns one score per reference, in the order of the dataset. A blank reference is unscored.
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

    /// Returns the best outcome, or the first of several equally good ones.
    fn best(&self, outcomes: Vec<Outcome>) -> Outcome {
        let is_better = |a: f64, b: f64| if self.declaration.higher_is_better { a > b } else { a < b };
        let better = |best: Outcome, next: Outcome| match (&best.value, &next.value) {
            (ScoreValue::Value(a), ScoreValue::Value(b)) if is_better(*b, *a) => next,
            (ScoreValue::Unscored(_), ScoreValue::Value(_)) => next,
            _ => best,
        };
        outcomes.into_iter().reduce(better).unwrap_or_else(|| Outcome::unscored("the target is empty"))
    }

    /// Returns the scores of an answer in which `extract` finds nothing: as many scores as for a readable answer.
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

    /// Returns the references of the target, including blank ones.
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
        // The answer that the scorer found takes precedence over the answer that `extract` found.
        let extracted = reading.filter(|reading| reading.rule.is_some());
        let rule = extracted.and_then(|reading| reading.rule);
        let span = outcome.span.or_else(|| extracted.map(|reading| 0..reading.text.len()));
        let mut counts = outcome.counts;
        if rule.is_some() && !self.finds_answer_itself() {
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
    /// Checks that each key of the entry is one that the scorer accepts.
    fn check(&self, entry: &ScoreEntry) -> Result<(), KeyFault> {
        if let Some(unknown) = entry.own.keys().find(|key| !self.keys.contains(&key.as_str())) {
            let shared = SHARED_KEYS.into_iter().filter(|key| self.accepts(key));
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

    /// Returns whether the scorer accepts a shared key.
    fn accepts(&self, key: &str) -> bool {
        match key {
            "references" => !self.reads_all_references,
            "target" => self.target != Target::Choices,
            _ => true,
        }
    }
}

/// The keys that all scorers share.
const SHARED_KEYS: [&str; 10] =
    ["scorer", "name", "part", "take", "extract", "unparsed", "column", "target", "title", "references"];

/// Turns each outcome into a score for all references together.
fn of_all(outcomes: Vec<Outcome>) -> Vec<Vec<ReferenceScore>> {
    outcomes.into_iter().map(|outcome| vec![ReferenceScore::of_all(outcome)]).collect()
}

/// Returns the first outcome with the mean of all values; the first outcome itself if all are unscored.
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

/// Converts a span of the reading into `[start, end)` in characters of `output.text`; absent for a recorded column.
fn in_characters(record: &SampleRecord, reading: &Reading<'_>, span: Range<usize>) -> Option<[usize; 2]> {
    let start = reading.start?;
    Some(character_span(record.answer()?, start + span.start..start + span.end))
}
