//! Where a group of mentions stands in its sentence: at the start of a line, on its own, at the end of a clause.

use super::groups::Group;
use super::letters::names_thing;
use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::mentions::{Means, Mention, Set};
use super::sentences::Sentence;
use super::tokens::{Kind, Token};

/// Whether a sign or "because" follows, as in "B - the canopy …".
pub(super) fn leads(tokens: &[Token], group: &Group) -> bool {
    tokens.get(group.last + 1).is_none_or(|next| match next.kind {
        Kind::LineBreak => true,
        Kind::Mark(mark) => matches!(mark, '.' | ',' | ':' | '-' | '—' | '(' | ';' | '!' | ')' | ']'),
        _ => {
            next.is(R::BECAUSE)
                || contrasts(tokens, group.last + 1)
                || (group.means == Means::Letter
                    && (matches!(tokens[group.last].kind, Kind::Mark(_)) || is_labelled_text(tokens, group)))
        }
    })
}

/// "B. blue": a letter and its option's text.
pub(super) fn is_labelled_text(tokens: &[Token], group: &Group) -> bool {
    !group.is_list
        && tokens[group.first].letter.is_some()
        && tokens[group.first..group.last]
            .iter()
            .any(|token| matches!(token.kind, Kind::Mark('.' | ')' | ':')))
}

pub(super) fn starts_line(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    sentence.starts_line
        && tokens[sentence.start..group.first]
            .iter()
            .all(|token| matches!(token.kind, Kind::Mark(_)) || token.is(R::ARTICLE))
}

/// "B: yes": a sentence that starts with a group and a colon.
pub(super) fn heads_sentence(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    let starts = tokens[sentence.start..group.first].iter().all(|token| matches!(token.kind, Kind::Mark(_)));
    starts && tokens.get(group.last + 1).is_some_and(|next| next.is_mark(':'))
}

/// The B of "A: no, B: yes": a group between a comma and a colon or a dash.
pub(super) fn heads_clause(tokens: &[Token], group: &Group) -> bool {
    let before =
        tokens[..group.first].iter().rev().find(|token| !matches!(token.kind, Kind::Mark('(' | '[')));
    let after = tokens.get(group.last + 1);
    before.is_some_and(|before| matches!(before.kind, Kind::Mark(',' | ';' | '|')))
        && after.is_some_and(|after| matches!(after.kind, Kind::Mark(':' | '-' | '—' | '→' | '(')))
}

/// Whether the sentence has no words of weight but the group.
pub(super) fn is_alone(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    const WEIGHTLESS: Roles = R::FILLER
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
        tokens[at].kind == Kind::Number
            && tokens.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Mark('.' | ')' | '|')))
    };
    let is_light = |token: &Token| {
        matches!(token.kind, Kind::Mark(_) | Kind::LineBreak | Kind::Sign)
            || (token.is(WEIGHTLESS) && !token.is(R::NOT))
    };
    (sentence.start..group.first).all(|at| is_light(&tokens[at]) || is_number(at))
        && tokens[group.last + 1..sentence.end.max(group.last + 1)].iter().all(is_light)
}

/// Whether no word follows before the next sign: "Therefore, blue." but not "Therefore blue light …".
pub(super) fn ends_clause(tokens: &[Token], at: usize, end: usize) -> bool {
    at >= end
        || tokens.get(at).is_none_or(|next| {
            matches!(next.kind, Kind::Mark(_) | Kind::LineBreak)
                || next.is(R::BECAUSE.with(R::BUT))
                || contrasts(tokens, at)
        })
}

/// "And not C", "but certainly not C".
fn contrasts(tokens: &[Token], at: usize) -> bool {
    let is_not = |token: &Token| token.is(R::NOT.with(R::EXCLUDE));
    tokens[at].is(R::AND.with(R::BUT)) && tokens[at..tokens.len().min(at + 4)].iter().any(is_not)
}

/// The options whose letters label lines: "A) Red …", "B) Blue …".
pub(super) fn find_labels(tokens: &[Token], mentions: &[Mention]) -> Set {
    let starts_line = |mention: &&Mention| {
        let mut at = mention.first;
        while at > 0 && matches!(tokens[at - 1].kind, Kind::Mark('(' | '[' | '-' | '•' | '·')) {
            at -= 1;
        }
        at == 0 || tokens[at - 1].kind == Kind::LineBreak
    };
    mentions
        .iter()
        .filter(|mention| mention.means == Means::Letter && mention.set.count_ones() == 1)
        .filter(starts_line)
        .fold(0, |set, mention| set | mention.set)
}

/// "Most likely B": only words without weight before the group.
pub(super) fn starts_hedged(tokens: &[Token], group: &Group, sentence: &Sentence) -> bool {
    const LIGHT: Roles = R::FILLER.with(R::ARTICLE).with(R::CONCLUSION);
    let is_light =
        |token: &Token| matches!(token.kind, Kind::Mark(_)) || (token.is(LIGHT) && !token.is(R::NOT));
    sentence.starts_line && tokens[sentence.start..group.first].iter().all(is_light)
}

/// Whether the phrase ends after a group; a verb may still follow, as it does in Japanese and Korean.
pub(super) fn ends_phrase(tokens: &[Token], at: usize, end: usize) -> bool {
    let has_verb = tokens.get(at).is_some_and(|next| next.is(R::COPULA));
    ends_clause(tokens, at, end) || (has_verb && ends_clause(tokens, at + 1, end))
}

/// "According to the key, C.": the sentence ends with the letter, after a comma. "The size decides: D.": so does the
/// text, after a colon.
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

/// The 15 of "10 + 15 = 25".
pub(super) fn is_operand(tokens: &[Token], group: &Group) -> bool {
    let is_number = tokens[group.last].kind == Kind::Number;
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
