//! What a group of mentions amounts to: a commitment and how strong it is, an exclusion, or nothing.

use super::events::{Kind as EventKind, Strength};
use super::groups::Group;
use super::left::{Left, Marker};
use super::lexicon::Roles as R;
use super::lexicon::key_of_bytes as key;
use super::mentions::Means;
use super::position::{
    closes_sentence, ends_clause, ends_phrase, is_alone, is_operand, leads, starts_hedged, starts_line,
};
use super::predicate::Predicate;
use super::prose::Reader;
use super::sentences::Sentence;
use super::tokens::Kind;

/// What a group turned out to be, for the group after it.
#[derive(Clone, Copy, Default)]
pub(super) struct Status {
    is_excluded: bool,
    /// Whether a reason follows: "A is wrong because …".
    has_reason: bool,
    marker: Option<Marker>,
}

/// A commitment, before it is recorded.
#[derive(Clone, Copy)]
struct Ruling {
    strength: Strength,
    explanation: &'static str,
}

impl Ruling {
    const fn marked(explanation: &'static str) -> Self {
        Self { strength: Strength::Marked, explanation }
    }
}

/// Where a group stands.
pub(super) struct Place<'a> {
    /// The number of the sentence.
    pub(super) number: usize,
    pub(super) sentence: &'a Sentence,
    /// The token after the group before.
    pub(super) after: usize,
    /// The first token of the group after, or the end of the sentence.
    pub(super) end: usize,
    pub(super) is_only: bool,
    /// The first "therefore" or "final" of the sentence; the end of the sentence if there is none.
    pub(super) concluded_at: usize,
    /// Whether the sentence is a row of a table, or its part has an "if" that is no condition.
    pub(super) is_tentative: bool,
}

impl Place<'_> {
    /// Whether no other group stands before in the sentence.
    pub(super) fn is_first(&self) -> bool {
        self.after == self.sentence.start
    }
}

/// What the words around a group say of it.
pub(super) struct Around {
    pub(super) left: Left,
    pub(super) predicate: Predicate,
}

impl Reader<'_> {
    /// Records what a group says. `before` is what became of the group before it in the sentence.
    pub(super) fn judge(&mut self, group: &Group, place: &Place, around: &Around, before: Status) -> Status {
        let Around { left, predicate } = around;
        let is_letter = group.means == Means::Letter;
        let has_reason = self.has_role(R::BECAUSE, group.last + 1, place.end);
        // "A is too large, and C because it is too small."
        let adds_reason = left.continues_series
            && *predicate == Predicate::None
            && self.has_role(R::BECAUSE, group.last + 1, (group.last + 2).min(place.end))
            && (before.has_reason || self.has_role(R::AND, place.after, group.first));
        let continues_exclusion = before.is_excluded
            && left.marker.is_none()
            && (left.continues_list || left.repeats || adds_reason);
        let is_negated = left.is_negated || left.is_excluded || continues_exclusion;
        if group.means == Means::Nothing {
            if !is_negated {
                let strength = if left.marker.is_some() { Strength::Marked } else { Strength::Lone };
                self.commit(group, place, left, Ruling { strength, explanation: "none of the options" });
            }
            return Status::default();
        }
        let is_wrong = *predicate == Predicate::Wrong;
        if left.is_excluded && is_wrong && self.has_role(R::ALL, place.after, group.first) {
            self.commit(group, place, left, Ruling::marked("all other options are excluded"));
            return Status::default();
        }
        // "C (red) is wrong", where red is A: which of the two is not clear.
        if is_wrong != is_negated && group.contradicts {
            return Status::default();
        }
        if is_wrong != is_negated {
            let event = self.push(EventKind::Exclude, group.set, (group.first, group.last), place.number);
            event.is_letter = is_letter || is_wrong;
            return Status { is_excluded: true, has_reason, marker: left.marker.or(before.marker) };
        }
        if is_negated {
            return Status::default();
        }
        let corrects = (left.continues || left.is_elliptic) && before.is_excluded && is_letter;
        // "Although A is also red" is a statement of its own.
        let is_fragment = ends_phrase(self.tokens, group.last + 1, place.sentence.end);
        let carried = if left.continues && is_fragment { before.marker } else { None };
        let marker = left
            .marker
            .or(carried)
            .or(corrects.then_some(Marker::Correction))
            .or((left.repeats && is_letter).then_some(Marker::Answer));
        if let Some(ruling) = self.rule(group, place, around, marker) {
            self.commit(group, place, left, ruling);
        }
        // The reason for an exclusion may name options by their texts.
        if before.has_reason && !is_letter { before } else { Status { marker, ..Status::default() } }
    }

    pub(super) fn has_role(&self, role: R, from: usize, to: usize) -> bool {
        self.tokens[from..to.max(from)].iter().any(|token| token.is(role))
    }

    /// How strong a commitment the words around a group make it, strongest first.
    fn rule(&self, group: &Group, place: &Place, around: &Around, marker: Option<Marker>) -> Option<Ruling> {
        let Around { left, predicate } = around;
        let is_letter = group.means == Means::Letter;
        let stands = is_letter || ends_clause(self.tokens, group.last + 1, place.sentence.end);
        let explanation = match marker {
            _ if *predicate == Predicate::Right => Some("option called correct"),
            Some(Marker::Answer) => Some("marked answer"),
            Some(Marker::Choice) if stands => Some("chosen option"),
            Some(Marker::Correction) if stands => Some("corrected answer"),
            Some(Marker::Conclusion) if stands => Some("conclusion"),
            Some(Marker::Pronoun) if is_letter && !left.is_hedged => Some("marked answer"),
            _ => None,
        };
        if let Some(explanation) = explanation {
            return Some(Ruling::marked(explanation));
        }
        if let Some(found) = self.lone(group, place) {
            return Some(found);
        }
        if left.is_hedged && !group.is_list {
            return None;
        }
        match is_letter {
            true => self.rule_letter(group, place, around, marker),
            // "A violin would be smaller."
            false
                if is_operand(self.tokens, group)
                    || self.has_role(R::SUBJUNCTIVE, group.last + 1, (group.last + 2).min(place.end)) =>
            {
                None
            }
            false => Some(Ruling { strength: Strength::Text, explanation: "option text" }),
        }
    }

    /// A letter that no word marks as the answer.
    fn rule_letter(
        &self,
        group: &Group,
        place: &Place,
        around: &Around,
        marker: Option<Marker>,
    ) -> Option<Ruling> {
        let Around { left, predicate } = around;
        let fits = |explanation| Some(Ruling { strength: Strength::Fits, explanation });
        if marker == Some(Marker::Match) || *predicate == Predicate::Fits {
            return fits("option that fits");
        }
        if left.is_hedged {
            return Some(Ruling::marked("marked answer"));
        }
        if place.is_only && closes_sentence(self.tokens, group, place.sentence) {
            return fits("lone letter at the end of a sentence");
        }
        if self.are_letters {
            // "The tallest bar is C", where the options are the names of the bars.
            let is_named =
                left.follows_copula && ends_clause(self.tokens, group.last + 1, place.sentence.end);
            let strength = if is_named { Strength::Fits } else { Strength::Text };
            return Some(Ruling { strength, explanation: "letter as an option's text" });
        }
        // "Both A and C are shown."
        let is_both =
            group.is_list && group.first.checked_sub(1).is_some_and(|at| self.tokens[at].is(R::ALL));
        is_both.then_some(Ruling { strength: Strength::Hint, explanation: "both of two letters" })
    }

    /// An option on its own, or at the start of the first or of the last line.
    fn lone(&self, group: &Group, place: &Place) -> Option<Ruling> {
        let sentence = place.sentence;
        let is_letter = group.means == Means::Letter;
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
                .all(|token| token.kind != Kind::Word);
        let is_lead = has_lead
            && !is_listing
            && !group.is_list
            && (place.is_only || is_letter || self.tokens.get(group.last + 1).is_some());
        (place.is_only && is_alone(self.tokens, group, sentence) || is_lead)
            .then_some(Ruling { strength: Strength::Lone, explanation })
    }

    fn commit(&mut self, group: &Group, place: &Place, left: &Left, ruling: Ruling) {
        let is_letter = group.means == Means::Letter;
        let is_between = group.first.checked_sub(1).is_some_and(|at| self.tokens[at].key == key(b"between"));
        let is_alternative = group.is_list && (group.has_or || is_between);
        let kind = EventKind::Commit(ruling.strength);
        let event = self.push(kind, group.set, (group.first, group.last), place.number);
        event.explanation = ruling.explanation;
        event.is_final = left.is_conclusion || left.is_correction || place.concluded_at < group.first;
        event.is_tentative = left.is_hedged || place.is_tentative || is_alternative;
        event.is_letter = is_letter;
    }
}
