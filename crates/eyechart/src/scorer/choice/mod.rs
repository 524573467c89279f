//! Which option of a multiple-choice question an answer picked.
//!
//! Pure functions from texts to readings: no figures, no files, and no labels. The reader never guesses: an answer that
//! commits to two options is ambiguous, and one that commits to no option has no verdict.
//!
//! An answer is read in this order:
//!
//! 1. [`reasoning`]: what the model thought aloud is left out.
//! 2. `fields`: boxes, JSON fields and answer tags are taken out and read each on its own.
//! 3. `tokens`, with the words of the `lexicon`; `mentions` of options with their `labels`; `sentences`, their
//!    `segments` and `groups`.
//! 4. `left`, `predicate`, `position` and `views`: what the words around a group make of it. `rulings` says how
//!    strong that is; `prose` and `references` turn it into events.
//! 5. `events`: the strongest evidence decides, and a later commitment replaces an earlier one if it corrects it.

mod events;
mod fields;
mod final_answer;
mod groups;
mod labels;
mod left;
mod letters;
mod lexicon;
mod mentions;
mod normalise;
mod numbered;
mod options;
mod position;
mod predicate;
mod prose;
mod reasoning;
mod references;
mod rulings;
mod scanner;
mod scorer;
mod segments;
mod sentences;
#[cfg(test)]
mod tests;
mod tokens;
mod views;
mod yes_no;

use std::ops::Range;

use events::{Decision, Event, Evidence, Kind, Strength, decide};
use fields::{Field, find_fields};
pub use final_answer::final_answer;
use mentions::Source;
pub use options::Options;
pub use reasoning::{Reasoning, reasoning};
pub(super) use scorer::CHOICE;
use tokens::tokenise_range;
pub use yes_no::{YesNo, YesNoReading, read_yes_no};

/// What an answer commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The option at this position.
    Option(usize),
    /// Two or more options.
    Ambiguous,
    /// No option: a refusal, "none of these" where that is no option, or nothing readable.
    None,
}

/// How an answer was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The option that the answer picked.
    pub verdict: Verdict,
    /// The rule that decided, as a short phrase that stays the same: "marked answer", "option text".
    pub explanation: &'static str,
    /// The bytes of the answer that the rule rests on; `None` if there is no evidence.
    pub span: Option<Range<usize>>,
}

const UNFINISHED: &str = "unfinished reasoning";

/// Reads which of the options an answer picked.
#[must_use]
pub fn read(answer: &str, options: &Options) -> Reading {
    let nothing = |explanation| Reading { verdict: Verdict::None, explanation, span: None };
    let reasoning = reasoning(answer);
    if reasoning.is_unclosed {
        return nothing(UNFINISHED);
    }
    let Some(decision) = decide_all(answer, &reasoning.spans, options) else {
        return nothing("no option named");
    };
    let verdict = match decision.set.count_ones() {
        0 => Verdict::None,
        1 => Verdict::Option(decision.set.trailing_zeros() as usize),
        _ => Verdict::Ambiguous,
    };
    Reading { verdict, explanation: decision.explanation, span: decision.span }
}

/// Fields and prose together.
fn decide_all(answer: &str, hidden: &[Range<usize>], options: &Options) -> Option<Decision> {
    let fields = find_fields(answer, hidden);
    let gaps = merge(hidden, &fields);
    let tokens = tokenise_range(answer, 0..answer.len(), &gaps);
    let mut evidence = prose::read_prose(&Source { text: answer, tokens: &tokens, options });
    if !fields.is_empty() {
        add_fields(answer, &fields, options, &mut evidence);
    }
    decide(&evidence, options.count())
}

/// Byte ranges that are not read as prose, in order and without overlaps.
fn merge(hidden: &[Range<usize>], fields: &[Field]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> =
        hidden.iter().cloned().chain(fields.iter().map(|field| field.whole.clone())).collect();
    all.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(all.len());
    for range in all {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Each field is a final answer; two that follow each other directly are one sentence.
fn add_fields(answer: &str, fields: &[Field], options: &Options, evidence: &mut Evidence) {
    let mut before: Option<usize> = None;
    for (number, field) in fields.iter().enumerate() {
        let tokens = tokenise_range(answer, field.content.clone(), &[]);
        let source = Source { text: answer, tokens: &tokens, options };
        let decision = decide(&prose::read_prose(&source), options.count());
        let is_joined = before
            .and_then(|end| answer.get(end..field.whole.start))
            .is_some_and(|gap| gap.len() < 16 && !gap.contains(['.', '\n']));
        let set = decision.as_ref().map_or(0, |decision| decision.set);
        let span = decision.and_then(|decision| decision.span).unwrap_or_else(|| field.content.clone());
        evidence.events.push(Event {
            kind: Kind::Commit(Strength::Marked),
            set,
            span,
            sentence: usize::MAX - number,
            is_final: !is_joined,
            is_tentative: false,
            is_letter: true,
            explanation: field.explanation,
        });
        before = Some(field.whole.end);
    }
    evidence.events.sort_by_key(|event| event.span.start);
}
