//! Reads which option of a multiple-choice question an answer picks.
//!
//! The functions are pure, and do not know the right option. The reader never guesses: an answer that commits to two
//! options is ambiguous, and an answer that commits to no option has no verdict.
//!
//! An answer is read in this order:
//!
//! 1. `fields`: boxes, JSON fields and answer tags are each read separately.
//! 2. `tokens` splits the text with the words of the `lexicon`; `mentions` and `labels` find the options; `sentences`,
//!    `segments` and `groups` divide the text.
//! 3. `preceding`, `predicate`, `position` and `attribution` read the words around a group. `commitments` decides how
//!    strong a commitment is. `prose` and `references` turn the groups into events.
//! 4. `events` decides by the strongest evidence. A later commitment replaces an earlier one if it corrects it.

mod attribution;
mod commitments;
mod events;
mod fields;
mod final_answer;
mod groups;
mod labels;
mod letters;
mod lexicon;
mod mentions;
mod normalise;
mod numbered;
mod options;
mod position;
mod preceding;
mod predicate;
mod prose;
mod references;
mod scanner;
mod scorer;
mod segments;
mod sentences;
#[cfg(test)]
mod tests;
mod tokens;
mod yes_no;

use std::ops::Range;

use events::{Decision, Event, EventKind, Evidence, Strength, decide};
use fields::{Field, find_fields};
pub use final_answer::final_answer;
use mentions::Source;
pub use options::{Options, relettered};
pub(super) use scorer::CHOICE;
use tokens::tokenise_range;
pub use yes_no::{YesNo, YesNoReading, read_yes_no};
pub(crate) use yes_no::{is_true_or_false, read_true_or_false};

/// The option that an answer commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The option at this position.
    Option(usize),
    /// Two or more options.
    Ambiguous,
    /// No option: a refusal, "none of these" if that is not an option, or nothing readable.
    None,
}

/// The option that was read from an answer, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The option that the answer picks.
    pub verdict: Verdict,
    /// The rule that decided, as a short fixed phrase: "marked answer", "option text".
    pub explanation: &'static str,
    /// The bytes of the answer with the evidence; `None` if there is no evidence.
    pub span: Option<Range<usize>>,
}

/// Reads which of the options an answer picks.
#[must_use]
pub fn read(answer: &str, options: &Options) -> Reading {
    let nothing = |explanation| Reading { verdict: Verdict::None, explanation, span: None };
    let Some(decision) = decide_all(answer, options) else {
        return nothing("no option named");
    };
    let verdict = match decision.set.count_ones() {
        0 => Verdict::None,
        1 => Verdict::Option(decision.set.trailing_zeros() as usize),
        _ => Verdict::Ambiguous,
    };
    Reading { verdict, explanation: decision.explanation, span: decision.span }
}

/// Decides by the fields and the prose of an answer together.
fn decide_all(answer: &str, options: &Options) -> Option<Decision> {
    let fields = find_fields(answer);
    let gaps = merge(&fields);
    let tokens = tokenise_range(answer, 0..answer.len(), &gaps);
    let mut evidence = prose::read_prose(&Source { text: answer, tokens: &tokens, options });
    if !fields.is_empty() {
        add_fields(answer, &fields, options, &mut evidence);
    }
    decide(&evidence, options.count())
}

/// Returns the byte ranges that are not read as prose, in order and without overlaps.
fn merge(fields: &[Field]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = fields.iter().map(|field| field.whole.clone()).collect();
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

/// Adds each field as a final answer. Fields that directly follow each other count as one sentence.
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
            kind: EventKind::Commit(Strength::Marked),
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
