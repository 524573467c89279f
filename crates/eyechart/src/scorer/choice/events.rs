//! What an answer says about options, in order: commitments, exclusions, corrections.

use std::ops::Range;

use super::mentions::Set;

/// How strong the evidence for a commitment is, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// "Both A and C are shown", or the only letter of an answer, at its end.
    Hint,
    /// The option's text in running text.
    Text,
    /// "This matches B".
    Fits,
    /// A letter or an option on the first or the last line.
    Lone,
    /// A marked answer.
    Marked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the options in the set; to none of the options if the set is empty.
    Commit(Strength),
    /// Not the options in the set.
    Exclude,
    /// What was said last is taken back.
    Retract,
    /// A commitment that follows replaces the one before.
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

#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) set: Set,
    /// The bytes of the evidence.
    pub(super) span: Range<usize>,
    /// The sentence, counted over the whole answer.
    pub(super) sentence: usize,
    /// Whether it comes as the final answer: after "therefore", after "final answer", in a box.
    pub(super) is_final: bool,
    /// Whether it is said with "would be", after "if one counts …", in a row of a table or of "C or D": a plain
    /// commitment replaces it.
    pub(super) is_tentative: bool,
    /// Whether it stands on a letter or a number of an option, and not only on words of its text.
    pub(super) is_letter: bool,
    pub(super) explanation: &'static str,
}

/// Everything that an answer says.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// In the order of the answer.
    pub(super) events: Vec<Event>,
    /// Whether there is a marked answer that is no option.
    pub(super) has_foreign_answer: bool,
}

/// What the evidence amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// Empty: no option.
    pub(super) set: Set,
    pub(super) span: Option<Range<usize>>,
    pub(super) explanation: &'static str,
}

pub(super) const SEVERAL: &str = "two or more options";
const NOTHING: &str = "none of the options";

/// Decides by the strongest evidence that there is, in this order: marked answers, an option on the first or the last
/// line, "matches B", the exclusion of all other options, option texts, hints.
pub(super) fn decide(evidence: &Evidence, count: usize) -> Option<Decision> {
    let standing = |strength| current(&evidence.events, strength);
    let all_but_one = || by_exclusion(&evidence.events, count);
    let text = || if evidence.has_foreign_answer { None } else { standing(Strength::Text) };
    standing(Strength::Marked)
        .or_else(|| standing(Strength::Lone))
        .or_else(|| standing(Strength::Fits))
        .or_else(all_but_one)
        .or_else(text)
        .or_else(|| standing(Strength::Hint))
}

/// The commitment of one strength that stands at the end of the answer.
fn current(events: &[Event], strength: Strength) -> Option<Decision> {
    let mut standing = Standing { held: None, turn: None };
    for event in events {
        match event.kind {
            Kind::Commit(found) if standing.counts(event, found, strength) => standing.add(event),
            Kind::Exclude if event.is_letter || strength <= Strength::Text => standing.exclude(event.set),
            Kind::Retract => standing.held = None,
            Kind::Turn(turn) => standing.turn = standing.turn.max(Some(turn)),
            Kind::Commit(_) | Kind::Exclude => {}
        }
    }
    let held = standing.held?;
    let explanation = match held.set.count_ones() {
        0 => NOTHING,
        1 => held.explanation,
        _ => SEVERAL,
    };
    Some(Decision { set: held.set, span: Some(held.span), explanation })
}

/// What an answer committed to so far, read event by event.
struct Standing {
    held: Option<Event>,
    /// The turn since the last commitment.
    turn: Option<Turn>,
}

impl Standing {
    /// Whether a commitment has a say among those of `strength`: one as strong, or a weaker one that corrects them.
    fn counts(&self, event: &Event, found: Strength, strength: Strength) -> bool {
        let is_firmer = !event.is_tentative && self.held.as_ref().is_some_and(|held| held.is_tentative);
        let corrects = match found {
            Strength::Marked | Strength::Hint => false,
            // A lone letter after a marked answer may correct it or contradict it.
            Strength::Lone => strength == Strength::Marked && event.set != 0,
            // "Edit: the legend indicates B."
            Strength::Fits => strength > Strength::Fits && (self.turn == Some(Turn::Correction) || is_firmer),
            // "Wait, it is blue."
            Strength::Text => strength > Strength::Fits && self.turn.is_some() && event.is_final,
        };
        found == strength || (self.held.is_some() && corrects)
    }

    fn add(&mut self, event: &Event) {
        let turn = self.turn.take();
        let Some(held) = self.held.as_mut().filter(|held| held.set != event.set) else {
            self.held = Some(event.clone());
            return;
        };
        // "The values are 10 and 30, so the total is 40."
        let is_result = event.kind == Kind::Commit(Strength::Text) && !held.is_final;
        let concludes = event.is_final && (held.sentence != event.sentence || is_result);
        // "None of these" and an option: the later one, which explains the earlier one.
        let explains = held.set == 0 || event.set == 0;
        if event.is_tentative && !held.is_tentative && event.set.count_ones() == 1 {
            return;
        }
        // "Between A and B, I would choose B."
        let narrows = held.is_tentative && event.set.count_ones() == 1 && held.set & event.set != 0;
        if turn.is_some() || concludes || explains || narrows || held.is_tentative && !event.is_tentative {
            *held = event.clone();
        } else {
            held.set |= event.set;
            held.span = held.span.start.min(event.span.start)..held.span.end.max(event.span.end);
        }
    }

    fn exclude(&mut self, set: Set) {
        if let Some(held) = &mut self.held {
            let rest = held.set & !set;
            // A commitment to no option stays one.
            if rest != held.set {
                held.set = rest;
                self.held.take_if(|_| rest == 0);
            }
        }
    }
}

/// The one option that is left when all others are excluded.
fn by_exclusion(events: &[Event], count: usize) -> Option<Decision> {
    let excludes = |event: &&Event| event.kind == Kind::Exclude;
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
