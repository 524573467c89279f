//! The position of a group in its sentence: at the start of a line, on its own, at the end of a clause.

use super::groups::Group;
use super::letters::names_thing;
use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::mentions::{Mention, MentionKind, Set};
use super::sentences::Sentence;
use super::tokens::{Token, TokenKind};

/// Returns whether a sign or "because" follows the group, as in "B - the canopy …".
pub(super) fn leads(tokens: &[Token], group: &Group) -> bool {
    tokens.get(group.last + 1).is_none_or(|next| match next.kind {
        TokenKind::LineBreak => true,
        TokenKind::Mark(mark) => matches!(mark, '.' | ',' | ':' | '-' | '—' | '(' | ';' | '!' | ')' | ']'),
        _ => {
            next.is(R::BECAUSE)
                || contrasts(tokens, group.last + 1)
                || (group.kind == MentionKind::Letter
                    && (matches!(tokens[group.last].kind, TokenKind::Mark(_))
                        || is_labelled_text(tokens, group)))
        }
    })
}

/// Returns whether the group is a letter with the text of its option: "B. blue".
pub(super) fn is_labelled_text(tokens: &[Token], group: &Group) -> bool {
    !group.is_list
        && tokens[group.first].letter.is_some()
        && tokens[group.first..group.last]
            .iter()
            .any(|token| matches!(token.kind, TokenKind::Mark('.' | ')' | ':')))
}

pub(super) fn starts_line(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    sentence.starts_line
        && tokens[sentence.start..group.first]
            .iter()
            .all(|token| matches!(token.kind, TokenKind::Mark(_)) || token.is(R::ARTICLE))
}

/// Returns whether the sentence starts with the group and a colon: "B: yes".
pub(super) fn heads_sentence(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    let starts =
        tokens[sentence.start..group.first].iter().all(|token| matches!(token.kind, TokenKind::Mark(_)));
    starts && tokens.get(group.last + 1).is_some_and(|next| next.is_mark(':'))
}

/// Returns whether the group is between a comma and a colon or a dash, as the B of "A: no, B: yes".
pub(super) fn heads_clause(tokens: &[Token], group: &Group) -> bool {
    let before =
        tokens[..group.first].iter().rev().find(|token| !matches!(token.kind, TokenKind::Mark('(' | '[')));
    let after = tokens.get(group.last + 1);
    before.is_some_and(|before| matches!(before.kind, TokenKind::Mark(',' | ';' | '|')))
        && after.is_some_and(|after| matches!(after.kind, TokenKind::Mark(':' | '-' | '—' | '→' | '(')))
}

/// Returns whether the sentence has only light words besides the group.
pub(super) fn is_alone(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    const LIGHT: Roles = R::FILLER
        .with(R::ARTICLE)
        .with(R::OPTION)
        .with(R::PRONOUN)
        .with(R::COPULA)
        .with(R::THINK)
        .with(R::PERSON)
        .with(R::CONCLUSION)
        .with(R::CORRECTION)
        .with(R::ANSWER)
        .with(R::ALL);
    let is_number = |at: usize| {
        tokens[at].kind == TokenKind::Number
            && tokens.get(at + 1).is_some_and(|next| matches!(next.kind, TokenKind::Mark('.' | ')' | '|')))
    };
    let is_light = |token: &Token| {
        matches!(token.kind, TokenKind::Mark(_) | TokenKind::LineBreak | TokenKind::Sign)
            || (token.is(LIGHT) && !token.is(R::NOT))
    };
    (sentence.start..group.first).all(|at| is_light(&tokens[at]) || is_number(at))
        && tokens[group.last + 1..sentence.end.max(group.last + 1)].iter().all(is_light)
}

/// Returns whether no word follows before the next sign: "Therefore, blue." but not "Therefore blue light …".
pub(super) fn ends_clause(tokens: &[Token], at: usize, end: usize) -> bool {
    at >= end
        || tokens.get(at).is_none_or(|next| {
            matches!(next.kind, TokenKind::Mark(_) | TokenKind::LineBreak)
                || next.is(R::BECAUSE.with(R::BUT))
                || contrasts(tokens, at)
        })
}

/// Returns whether a contrast such as "and not C" or "but certainly not C" is at `at`.
fn contrasts(tokens: &[Token], at: usize) -> bool {
    let is_not = |token: &Token| token.is(R::NOT.with(R::EXCLUDE));
    tokens[at].is(R::AND.with(R::BUT)) && tokens[at..tokens.len().min(at + 4)].iter().any(is_not)
}

/// Returns the options whose letters label lines: "A) Red …", "B) Blue …".
pub(super) fn find_labels(tokens: &[Token], mentions: &[Mention]) -> Set {
    let starts_line = |mention: &&Mention| {
        let mut at = mention.first;
        while at > 0 && matches!(tokens[at - 1].kind, TokenKind::Mark('(' | '[' | '-' | '•' | '·')) {
            at -= 1;
        }
        at == 0 || tokens[at - 1].kind == TokenKind::LineBreak
    };
    mentions
        .iter()
        .filter(|mention| mention.kind == MentionKind::Letter && mention.set.count_ones() == 1)
        .filter(starts_line)
        .fold(0, |set, mention| set | mention.set)
}

/// Returns whether only light words are before the group, as in "Most likely B".
pub(super) fn starts_hedged(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    const LIGHT: Roles = R::FILLER.with(R::ARTICLE).with(R::CONCLUSION);
    let is_light =
        |token: &Token| matches!(token.kind, TokenKind::Mark(_)) || (token.is(LIGHT) && !token.is(R::NOT));
    sentence.starts_line && tokens[sentence.start..group.first].iter().all(is_light)
}

/// Returns whether the phrase ends at `at`. A verb may still follow, as in Japanese and Korean.
pub(super) fn ends_phrase(tokens: &[Token], at: usize, end: usize) -> bool {
    let has_verb = tokens.get(at).is_some_and(|next| next.is(R::COPULA));
    ends_clause(tokens, at, end) || (has_verb && ends_clause(tokens, at + 1, end))
}

/// Returns whether the sentence ends with the letter after a comma ("According to the key, C."), or the text ends with
/// the letter after a colon ("The size decides: D.").
pub(super) fn closes_sentence(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    let words = &tokens[sentence.start..group.first];
    let is_last = sentence.end == tokens.len();
    let is_apart = words.last().is_some_and(|last| {
        last.is_mark(',')
            || (last.is_mark(':') && is_last && words.len() > 1 && !words.iter().any(names_thing))
    });
    let rest = &tokens[(group.last + 1).min(sentence.end)..sentence.end];
    is_apart && !group.is_list && rest.iter().all(|token| token.is_mark('.') || token.is_mark('!'))
}

/// Returns whether the group is an operand, as the 15 of "10 + 15 = 25".
pub(super) fn is_operand(tokens: &[Token], group: &Group) -> bool {
    let is_number = tokens[group.last].kind == TokenKind::Number;
    let is_operator = |next: &Token| {
        const SIGNS: [u64; 3] = [
            super::lexicon::key_of_bytes(b"+"),
            super::lexicon::key_of_bytes(b"="),
            super::lexicon::key_of_bytes("×".as_bytes()),
        ];
        SIGNS.contains(&next.key)
    };
    is_number && tokens.get(group.last + 1).is_some_and(is_operator)
}
