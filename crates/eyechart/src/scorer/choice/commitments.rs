//! Decides whether a group of mentions is a commitment, how strong the commitment is, or whether it is an exclusion.

use super::events::{EventKind, Strength};
use super::groups::Group;
use super::lexicon::Roles as R;
use super::lexicon::key_of_bytes as key;
use super::mentions::MentionKind;
use super::position::{
    closes_sentence, ends_clause, ends_phrase, is_alone, is_operand, leads, starts_hedged, starts_line,
};
use super::preceding::{Marker, Preceding};
use super::predicate::Predicate;
use super::prose::Reader;
use super::sentences::Sentence;
use super::tokens::TokenKind;

/// What is known about a group when the next group is read.
#[derive(Clone, Copy, Default)]
pub(super) struct GroupStatus {
    is_excluded: bool,
    /// Whether a reason follows: "A is wrong because …".
    has_reason: bool,
    marker: Option<Marker>,
}

/// The strength of a commitment, and the rule that decided.
#[derive(Clone, Copy)]
struct Commitment {
    strength: Strength,
    explanation: &'static str,
}

impl Commitment {
    const fn marked(explanation: &'static str) -> Self {
        Self { strength: Strength::Marked, explanation }
    }
}

/// The position of a group in the answer.
pub(super) struct GroupPosition<'a> {
    /// The number of the sentence.
    pub(super) number: usize,
    pub(super) sentence: &'a Sentence,
    /// The token after the previous group, or the start of the sentence.
    pub(super) after: usize,
    /// The first token of the next group, or the end of the sentence.
    pub(super) end: usize,
    pub(super) is_only: bool,
    /// The position of the first "therefore" or "final" in the sentence, or the end of the sentence.
    pub(super) concluded_at: usize,
    /// Whether the sentence is a row of a table, or its part has an "if" that is not a condition.
    pub(super) is_tentative: bool,
}

impl GroupPosition<'_> {
    /// Returns whether the group is the first in its sentence.
    pub(super) fn is_first(&self) -> bool {
        self.after == self.sentence.start
    }
}

/// What the words before and after a group state about it.
pub(super) struct Context {
    pub(super) preceding: Preceding,
    pub(super) predicate: Predicate,
}

impl Reader<'_> {
    /// Records the commitment or the exclusion of a group. `before` is the status of the previous group in the sentence.
    pub(super) fn record_group(
        &mut self,
        group: &Group,
        place: &GroupPosition,
        context: &Context,
        before: GroupStatus,
    ) -> GroupStatus {
        let Context { preceding, predicate } = context;
        let is_letter = group.kind == MentionKind::Letter;
        let has_reason = self.has_role(R::BECAUSE, group.last + 1, place.end);
        // "A is too large, and C because it is too small."
        let adds_reason = preceding.continues_series
            && *predicate == Predicate::None
            && self.has_role(R::BECAUSE, group.last + 1, (group.last + 2).min(place.end))
            && (before.has_reason || self.has_role(R::AND, place.after, group.first));
        let continues_exclusion = before.is_excluded
            && preceding.marker.is_none()
            && (preceding.continues_list || preceding.repeats || adds_reason);
        let is_negated = preceding.is_negated || preceding.is_excluded || continues_exclusion;
        if group.kind == MentionKind::Nothing {
            if !is_negated {
                let strength = if preceding.marker.is_some() { Strength::Marked } else { Strength::Lone };
                self.commit(
                    group,
                    place,
                    preceding,
                    Commitment { strength, explanation: "none of the options" },
                );
            }
            return GroupStatus::default();
        }
        let is_wrong = *predicate == Predicate::Wrong;
        if preceding.is_excluded && is_wrong && self.has_role(R::ALL, place.after, group.first) {
            self.commit(group, place, preceding, Commitment::marked("all other options are excluded"));
            return GroupStatus::default();
        }
        // "C (red) is wrong", when red is A: it is not clear which of the two is wrong.
        if is_wrong != is_negated && group.contradicts {
            return GroupStatus::default();
        }
        if is_wrong != is_negated {
            let event = self.push(EventKind::Exclude, group.set, (group.first, group.last), place.number);
            event.is_letter = is_letter || is_wrong;
            return GroupStatus { is_excluded: true, has_reason, marker: preceding.marker.or(before.marker) };
        }
        if is_negated {
            return GroupStatus::default();
        }
        let corrects = (preceding.continues || preceding.is_elliptic) && before.is_excluded && is_letter;
        // "Although A is also red" is a separate statement.
        let is_fragment = ends_phrase(self.tokens, group.last + 1, place.sentence.end);
        let continued_marker = if preceding.continues && is_fragment { before.marker } else { None };
        let marker = preceding
            .marker
            .or(continued_marker)
            .or(corrects.then_some(Marker::Correction))
            .or((preceding.repeats && is_letter).then_some(Marker::Answer));
        if let Some(commitment) = self.classify_group(group, place, context, marker) {
            self.commit(group, place, preceding, commitment);
        }
        // The reason for an exclusion may name options by their texts.
        if before.has_reason && !is_letter {
            before
        } else {
            GroupStatus { marker, ..GroupStatus::default() }
        }
    }

    pub(super) fn has_role(&self, role: R, from: usize, to: usize) -> bool {
        self.tokens[from..to.max(from)].iter().any(|token| token.is(role))
    }

    /// Returns the commitment that the words around a group make; `None` if they make none.
    fn classify_group(
        &self,
        group: &Group,
        place: &GroupPosition,
        context: &Context,
        marker: Option<Marker>,
    ) -> Option<Commitment> {
        let Context { preceding, predicate } = context;
        let is_letter = group.kind == MentionKind::Letter;
        let is_complete = is_letter || ends_clause(self.tokens, group.last + 1, place.sentence.end);
        let explanation = match marker {
            _ if *predicate == Predicate::Right => Some("option called correct"),
            Some(Marker::Answer) => Some("marked answer"),
            Some(Marker::Choice) if is_complete => Some("chosen option"),
            Some(Marker::Correction) if is_complete => Some("corrected answer"),
            Some(Marker::Conclusion) if is_complete => Some("conclusion"),
            Some(Marker::Pronoun) if is_letter && !preceding.is_hedged => Some("marked answer"),
            _ => None,
        };
        if let Some(explanation) = explanation {
            return Some(Commitment::marked(explanation));
        }
        if let Some(found) = self.classify_lone(group, place) {
            return Some(found);
        }
        if preceding.is_hedged && !group.is_list {
            return None;
        }
        match is_letter {
            true => self.classify_letter(group, place, context, marker),
            // "A violin would be smaller."
            false
                if is_operand(self.tokens, group)
                    || self.has_role(R::SUBJUNCTIVE, group.last + 1, (group.last + 2).min(place.end)) =>
            {
                None
            }
            false => Some(Commitment { strength: Strength::Text, explanation: "option text" }),
        }
    }

    /// Returns the commitment of a letter that no word marks as the answer.
    fn classify_letter(
        &self,
        group: &Group,
        place: &GroupPosition,
        context: &Context,
        marker: Option<Marker>,
    ) -> Option<Commitment> {
        let Context { preceding, predicate } = context;
        let fits = |explanation| Some(Commitment { strength: Strength::Fits, explanation });
        if marker == Some(Marker::Match) || *predicate == Predicate::Fits {
            return fits("option that fits");
        }
        if preceding.is_hedged {
            return Some(Commitment::marked("marked answer"));
        }
        if place.is_only && closes_sentence(self.tokens, group, place.sentence) {
            return fits("lone letter at the end of a sentence");
        }
        if self.are_letters {
            // "The tallest bar is C", when the options are the names of the bars.
            let is_named =
                preceding.follows_copula && ends_clause(self.tokens, group.last + 1, place.sentence.end);
            let strength = if is_named { Strength::Fits } else { Strength::Text };
            return Some(Commitment { strength, explanation: "letter as an option's text" });
        }
        // "Both A and C are shown."
        let is_both =
            group.is_list && group.first.checked_sub(1).is_some_and(|at| self.tokens[at].is(R::ALL));
        is_both.then_some(Commitment { strength: Strength::Hint, explanation: "both of two letters" })
    }

    /// Returns the commitment of an option on its own, or at the start of the first or the last line.
    fn classify_lone(&self, group: &Group, place: &GroupPosition) -> Option<Commitment> {
        let sentence = place.sentence;
        let is_letter = group.kind == MentionKind::Letter;
        let is_first = sentence.line == 0 && sentence.starts_line;
        let is_last = sentence.line == self.last_line;
        if !(is_first || is_last) {
            return None;
        }
        if self.is_enumeration() && place.is_first() && starts_line(self.tokens, group, sentence) {
            let is_all = self.labels.count_ones() as usize >= self.count;
            let is_bare = is_alone(self.tokens, group, sentence);
            if is_all || !is_bare {
                return None;
            }
        }
        let explanation = match (is_letter, is_first, self.only_sentence) {
            (true, _, true) => "lone letter",
            (true, true, _) => "lone letter on the first line",
            (true, false, _) => "lone letter on the last line",
            (false, _, true) => "option text only",
            (false, true, _) => "option text on the first line",
            (false, false, _) => "option text on the last line",
        };
        let starts = place.is_first() && starts_line(self.tokens, group, sentence)
            || (place.is_first() && is_letter && starts_hedged(self.tokens, group, sentence));
        let has_lead = starts && leads(self.tokens, group);
        // "(A) red (B) blue" lists options.
        let is_listing = !place.is_only
            && is_letter
            && self.tokens[(group.last + 1).min(place.end)..place.end]
                .iter()
                .all(|token| token.kind != TokenKind::Word);
        let is_lead = has_lead
            && !is_listing
            && !group.is_list
            && (place.is_only || is_letter || self.tokens.get(group.last + 1).is_some());
        (place.is_only && is_alone(self.tokens, group, sentence) || is_lead)
            .then_some(Commitment { strength: Strength::Lone, explanation })
    }

    fn commit(
        &mut self,
        group: &Group,
        place: &GroupPosition,
        preceding: &Preceding,
        commitment: Commitment,
    ) {
        let is_letter = group.kind == MentionKind::Letter;
        let is_between = group.first.checked_sub(1).is_some_and(|at| self.tokens[at].key == key(b"between"));
        let is_alternative = group.is_list && (group.has_or || is_between);
        let kind = EventKind::Commit(commitment.strength);
        let event = self.push(kind, group.set, (group.first, group.last), place.number);
        event.explanation = commitment.explanation;
        event.is_final =
            preceding.is_conclusion || preceding.is_correction || place.concluded_at < group.first;
        event.is_tentative = preceding.is_hedged || place.is_tentative || is_alternative;
        event.is_letter = is_letter;
    }
}
