//! Splits a sentence into parts that commit to options and parts that do not: conditions, doubts, first impressions.

use std::ops::Range;

use super::groups::Group;
use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::lexicon::key_of_bytes;
use super::sentences::Sentence;
use super::tokens::{Token, TokenKind};

/// A part of a sentence between words such as "but" and "therefore".
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segment {
    pub(super) end: usize,
    is_conditional: bool,
    /// Whether the part has an "if" that is not a condition: "if you look closely, …".
    pub(super) is_tentative: bool,
    is_unsure: bool,
    is_earlier: bool,
}

impl Segment {
    /// Returns whether statements in this part count.
    pub(super) fn commits(&self) -> bool {
        !(self.is_conditional || self.is_unsure || self.is_earlier)
    }
}

/// Returns the segments of a sentence, in order; none if the sentence has no groups. Words of an option text are not
/// read, because "It cannot be determined" may be an option.
pub(super) fn split_segments(tokens: &[Token], sentence: &Sentence, groups: &[Group]) -> Vec<Segment> {
    let mut found = Vec::new();
    if groups.is_empty() {
        return found;
    }
    let mut start = sentence.start;
    for at in sentence.start..sentence.end {
        let token = &tokens[at];
        let is_reason = token.is(R::BECAUSE) && !token.is(R::FILLER) && at > 0 && tokens[at - 1].is_mark(',');
        let is_boundary = (token.is(R::BUT) && !token.is(R::EXCLUDE))
            || token.is_mark(';')
            || token.is(R::CONCLUSION)
            || is_reason;
        if is_boundary && at > start {
            found.push(read_segment(tokens, start..at, groups));
            start = at;
        }
    }
    found.push(read_segment(tokens, start..sentence.end, groups));
    found
}

fn read_segment(tokens: &[Token], range: Range<usize>, groups: &[Group]) -> Segment {
    let Range { start, end } = range;
    let part = &tokens[start..end];
    let mut roles = Roles::NONE;
    let mut from = start;
    let first = groups.partition_point(|group| group.last < start);
    for group in groups[first..].iter().take_while(|group| group.first < end) {
        roles =
            tokens[from..group.first.max(from)].iter().fold(roles, |roles, token| roles.with(token.roles));
        from = (group.last + 1).min(end).max(from);
    }
    roles = tokens[from..end].iter().fold(roles, |roles, token| roles.with(token.roles));
    let knows = roles.any(R::KNOW);
    let cannot = roles.any(R::DIFFICULT) || (roles.any(R::NOT) && roles.any(R::CAN)) || has_dont_know(part);
    let has_condition = roles.any(R::IF) && is_conditional(part, roles);
    Segment {
        end,
        is_conditional: has_condition || is_counterfactual(part),
        is_tentative: roles.any(R::IF) && !has_condition,
        is_unsure: roles.any(R::UNSURE) || (knows && cannot),
        is_earlier: roles.any(R::EARLIER) && !has_second_thought(part) && !corrects_by_colon(part, roles),
    }
}

/// Returns whether the part contains "on second thought".
pub(super) fn has_second_thought(part: &[Token]) -> bool {
    part.windows(2).any(|pair| pair[0].is(R::ORDINAL) && pair[1].is(R::EARLIER))
}

/// Reads "Oops, I misread the axis: B."
fn corrects_by_colon(part: &[Token], roles: Roles) -> bool {
    roles.any(R::CORRECTION) && part.iter().any(|token| token.is_mark(':'))
}

/// Reads "I don't know" and "not sure".
fn has_dont_know(part: &[Token]) -> bool {
    part.windows(2).any(|pair| pair[0].is(R::NOT) && pair[1].is(R::KNOW))
}

/// Words that introduce an assumption of the answer.
const ASSUMING: [u64; 2] = [key_of_bytes(b"assuming"), key_of_bytes(b"provided")];

/// Returns whether an "if" is a condition. It is a condition with "would", or after the words that it qualifies, or if
/// it is not about looking. "If you look closely, …" and "assuming the chart is to scale, …" are not conditions.
fn is_conditional(part: &[Token], roles: Roles) -> bool {
    let guesses =
        |pair: &[Token]| pair[0].is(R::PERSON) && pair[1].is(R::AUXILIARY.with(R::COPULA).with(R::NOT));
    let is_guess = part.windows(3).any(|three| three[0].is(R::IF) && guesses(&three[1..]));
    if is_guess && part.iter().any(|token| token.is(R::CHOOSE.with(R::THINK).with(R::WRONG).with(R::RIGHT))) {
        return false;
    }
    if roles.any(R::SUBJUNCTIVE) {
        return true;
    }
    let Some(at) = part.iter().position(|token| token.is(R::IF)) else { return false };
    let is_first = part[..at].iter().all(|token| {
        matches!(token.kind, TokenKind::Mark(_))
            || token.is(R::FILLER.with(R::BUT).with(R::CONCLUSION).with(R::AND))
    });
    let is_about_looking = part.get(at + 1).is_some_and(|next| next.is(R::PERSON));
    let is_assumption = ASSUMING.contains(&part[at].key);
    !(is_first && (is_about_looking || is_assumption))
}

/// Reads "Had it been darker, …" and "would have been B".
fn is_counterfactual(part: &[Token]) -> bool {
    const HAVE: u64 = super::lexicon::key_of_bytes(b"have");
    const HAD: u64 = super::lexicon::key_of_bytes(b"had");
    const WERE: u64 = super::lexicon::key_of_bytes(b"were");
    let has_would = part.iter().any(|token| token.is(R::SUBJUNCTIVE));
    let starts_inverted = part.first().is_some_and(|first| first.key == HAD || first.key == WERE);
    let would_have = part.windows(2).any(|pair| pair[0].is(R::SUBJUNCTIVE) && pair[1].key == HAVE);
    (has_would && starts_inverted) || would_have
}
