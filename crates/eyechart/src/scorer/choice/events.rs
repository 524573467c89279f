//! What an answer states about options, in order: commitments, exclusions, corrections. Decides which option it picks.

use std::ops::Range;

use super::mentions::Set;

/// How strong a commitment is, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// "Both A and C are shown", or the only letter of an answer if it is at the end.
    Hint,
    /// The text of an option in running text.
    Text,
    /// "This matches B".
    Fits,
    /// A letter or an option on the first or the last line.
    Lone,
    /// A marked answer.
    Marked,
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    /// Commits to the options in the set, or to none of the options if the set is empty.
    Commit(Strength),
    /// Excludes the options in the set.
    Exclude,
    /// Retracts the last commitment.
    Retract,
    /// Announces that the next commitment replaces the previous one.
    Turn(Turn),
}

/// Words that announce another answer, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// "But", "however".
    Contrast,
    /// "Wait", "actually", "edit".
    Correction,
}

/// One statement of an answer about options.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) kind: EventKind,
    pub(super) set: Set,
    /// The bytes of the evidence.
    pub(super) span: Range<usize>,
    /// The number of the sentence in the answer.
    pub(super) sentence: usize,
    /// Whether the answer presents it as final: after "therefore", after "final answer", or in a box.
    pub(super) is_final: bool,
    /// Whether it is hedged: with "would be", after "if one counts …", in a row of a table, or as "C or D". A plain
    /// commitment replaces it.
    pub(super) is_tentative: bool,
    /// Whether it names the option by letter or number, and not only by its text.
    pub(super) is_letter: bool,
    pub(super) explanation: &'static str,
}

/// All statements of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// The events in the order of the answer.
    pub(super) events: Vec<Event>,
    /// Whether the answer marks a text that is not an option as its answer.
    pub(super) has_foreign_answer: bool,
}

/// The options that the answer picks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The picked options; empty if the answer picks none of the options.
    pub(super) set: Set,
    pub(super) span: Option<Range<usize>>,
    pub(super) explanation: &'static str,
}

pub(super) const SEVERAL: &str = "two or more options";
const NOTHING: &str = "none of the options";

/// Decides by the strongest evidence, in this order: marked answers, an option on the first or the last line,
/// "matches B", the exclusion of all other options, option texts, hints. `None` if there is no evidence.
pub(super) fn decide(evidence: &Evidence, count: usize) -> Option<Decision> {
    let by_strength = |strength| last_commitment(&evidence.events, strength);
    let all_but_one = || by_exclusion(&evidence.events, count);
    let text = || if evidence.has_foreign_answer { None } else { by_strength(Strength::Text) };
    by_strength(Strength::Marked)
        .or_else(|| by_strength(Strength::Lone))
        .or_else(|| by_strength(Strength::Fits))
        .or_else(all_but_one)
        .or_else(text)
        .or_else(|| by_strength(Strength::Hint))
}

/// Returns the commitment of one strength that is still valid at the end of the answer.
fn last_commitment(events: &[Event], strength: Strength) -> Option<Decision> {
    let mut state = CommitmentState { current: None, turn: None };
    for event in events {
        match event.kind {
            EventKind::Commit(found) if state.counts(event, found, strength) => state.add(event),
            EventKind::Exclude if event.is_letter || strength <= Strength::Text => state.exclude(event.set),
            EventKind::Retract => state.current = None,
            EventKind::Turn(turn) => state.turn = state.turn.max(Some(turn)),
            EventKind::Commit(_) | EventKind::Exclude => {}
        }
    }
    let current = state.current?;
    let explanation = match current.set.count_ones() {
        0 => NOTHING,
        1 => current.explanation,
        _ => SEVERAL,
    };
    Some(Decision { set: current.set, span: Some(current.span), explanation })
}

/// What an answer has committed to so far.
struct CommitmentState {
    current: Option<Event>,
    /// The strongest turn since the last commitment.
    turn: Option<Turn>,
}

impl CommitmentState {
    /// Returns whether a commitment counts among those of `strength`: it has the same strength, or it corrects them.
    fn counts(&self, event: &Event, found: Strength, strength: Strength) -> bool {
        let is_firmer =
            !event.is_tentative && self.current.as_ref().is_some_and(|current| current.is_tentative);
        let corrects = match found {
            Strength::Marked | Strength::Hint => false,
            // A letter on its own after a marked answer may correct or contradict the marked answer.
            Strength::Lone => strength == Strength::Marked && event.set != 0,
            // "Edit: the legend indicates B."
            Strength::Fits => strength > Strength::Fits && (self.turn == Some(Turn::Correction) || is_firmer),
            // "Wait, it is blue."
            Strength::Text => strength > Strength::Fits && self.turn.is_some() && event.is_final,
        };
        found == strength || (self.current.is_some() && corrects)
    }

    fn add(&mut self, event: &Event) {
        let turn = self.turn.take();
        let Some(current) = self.current.as_mut().filter(|current| current.set != event.set) else {
            self.current = Some(event.clone());
            return;
        };
        // "The values are 10 and 30, so the total is 40."
        let is_result = event.kind == EventKind::Commit(Strength::Text) && !current.is_final;
        let concludes = event.is_final && (current.sentence != event.sentence || is_result);
        // "None of these" and an option: the later commitment explains the earlier one and replaces it.
        let explains = current.set == 0 || event.set == 0;
        if event.is_tentative && !current.is_tentative && event.set.count_ones() == 1 {
            return;
        }
        // "Between A and B, I would choose B."
        let narrows = current.is_tentative && event.set.count_ones() == 1 && current.set & event.set != 0;
        if turn.is_some() || concludes || explains || narrows || current.is_tentative && !event.is_tentative {
            *current = event.clone();
        } else {
            current.set |= event.set;
            current.span = current.span.start.min(event.span.start)..current.span.end.max(event.span.end);
        }
    }

    fn exclude(&mut self, set: Set) {
        if let Some(current) = &mut self.current {
            let rest = current.set & !set;
            // A commitment to none of the options remains.
            if rest != current.set {
                current.set = rest;
                self.current.take_if(|_| rest == 0);
            }
        }
    }
}

/// Returns the option that remains if all other options are excluded.
fn by_exclusion(events: &[Event], count: usize) -> Option<Decision> {
    let excludes = |event: &&Event| event.kind == EventKind::Exclude;
    let excluded = events.iter().filter(excludes).fold(0, |set: Set, event| set | event.set);
    let all: Set = if count >= 64 { Set::MAX } else { (1 << count) - 1 };
    let rest = all & !excluded;
    if count < 2 || rest.count_ones() != 1 {
        return None;
    }
    let start = events.iter().find(excludes)?.span.start;
    let end = events.iter().rfind(excludes)?.span.end;
    Some(Decision {
        set: rest,
        span: Some(start..end.max(start)),
        explanation: "all other options are excluded",
    })
}
