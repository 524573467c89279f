//! Decides whether a single letter is the letter of an option, or an article, a pronoun, a unit or a name.

use super::lexicon::{Roles, key_of_bytes};
use super::mentions::Source;
use super::tokens::{Token, TokenKind};

/// How the letter of an option is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterForm {
    /// `(B)`, `[B]`
    Bracketed,
    /// `B)`
    Closed,
    /// `**B**`, `"B"`, `Ⓑ`
    Emphasised,
    /// `B`
    Bare,
}

/// Returns how the letter at a token is written; `None` if it does not name an option.
pub(super) fn letter_form(source: &Source, at: usize) -> Option<LetterForm> {
    let token = source.token(at)?;
    let before = source.before(at);
    let after = source.token(at + 1);
    if is_inside_word(source, at) {
        return None;
    }
    let is_open = before.is_some_and(|before| matches!(before.kind, TokenKind::Mark('(' | '[')));
    let is_closed =
        after.is_some_and(|after| after.is_glued && matches!(after.kind, TokenKind::Mark(')' | ']')));
    if is_open && is_closed {
        // "point (A)" and "f(x)" are names.
        let is_call = before.is_some_and(|before| before.is_glued)
            && at >= 2
            && source.tokens[at - 2].kind == TokenKind::Word
            && !source.is_unspaced(&source.tokens[at - 2]);
        let is_name = at >= 2 && is_named(&source.tokens[at - 2]);
        return (!is_call && !is_name).then_some(LetterForm::Bracketed);
    }
    let starts = starts_statement(before);
    if is_closed && !is_open && (starts || before.is_some_and(|before| !is_unknown(before))) {
        return Some(LetterForm::Closed);
    }
    let is_possible = match (token.letter, token.is_upper) {
        (_, false) => starts_payload(before) && ends_statement(source, after),
        (Some(8), true) => {
            starts_payload(before)
                && ends_statement(source, after)
                && !after.is_some_and(|after| after.is_mark(','))
        }
        _ if token.is_emphasised => !before.is_some_and(is_named),
        (Some(0), true) => is_free(source, at) && !is_article(source, after),
        _ => is_free(source, at),
    };
    is_possible.then_some(if token.is_emphasised { LetterForm::Emphasised } else { LetterForm::Bare })
}

/// Things in pictures that have letters as names.
const THINGS: [u64; 36] = {
    const WORDS: [&str; 36] = [
        "point", "points", "line", "lines", "bar", "bars", "curve", "region", "area", "panel", "box", "node",
        "object", "label", "labelled", "labeled", "marked", "arrow", "arrows", "needle", "hand", "dial",
        "pointer", "compass", "sign", "column", "columns", "row", "rows", "axis", "segment", "angle", "side",
        "circle", "team", "player",
    ];
    keys(WORDS)
};

/// Words for pictures, which have letters as names too ("chart C"). "The chart indicates C" still picks an option.
const PICTURES: [u64; 9] =
    keys(["chart", "charts", "figure", "fig", "graph", "image", "picture", "plot", "photo"]);

const fn keys<const N: usize>(words: [&str; N]) -> [u64; N] {
    let mut keys = [0; N];
    let mut at = 0;
    while at < N {
        keys[at] = key_of_bytes(words[at].as_bytes());
        at += 1;
    }
    keys
}

/// Returns whether a word is a thing in a picture that may have a letter as its name.
pub(super) fn names_thing(token: &Token) -> bool {
    THINGS.contains(&token.key)
}

/// Returns whether a letter after the word is a name: "point A", "chart C".
fn is_named(token: &Token) -> bool {
    is_unknown(token) && (names_thing(token) || PICTURES.contains(&token.key))
}

/// Returns whether the letter is a part of a longer text: `C++`, `A5`, `T-shirt`, `U.S.`, `°C`.
fn is_inside_word(source: &Source, at: usize) -> bool {
    let token = &source.tokens[at];
    let is_solid = |token: &Token| {
        matches!(token.kind, TokenKind::Word | TokenKind::Number)
            && !source.is_unspaced(token)
            && !token.is(Roles::ARTICLE)
    };
    let is_sign = |token: &Token| {
        token.kind == TokenKind::Sign
            && !token.is(Roles::RIGHT.with(Roles::WRONG))
            && token.key != super::lexicon::key_of_bytes(b"=")
    };
    let before =
        token.is_glued && source.before(at).is_some_and(|before| is_solid(before) || is_sign(before));
    let next = source.token(at + 1).filter(|next| next.is_glued);
    let after = next.is_some_and(|next| is_solid(next) || is_sign(next));
    let joins = |mark: Option<&Token>, other: Option<&Token>, is_glued: bool| {
        is_glued
            && mark.is_some_and(|mark| matches!(mark.kind, TokenKind::Mark('-' | '.')))
            && other.is_some_and(|other| {
                matches!(other.kind, TokenKind::Word | TokenKind::Number) && !source.is_unspaced(other)
            })
    };
    let follows = source.token(at + 2);
    let is_joined_after =
        joins(next, follows, follows.is_some_and(|follows| follows.is_glued) && next.is_some());
    let is_joined_before = at >= 2
        && joins(source.before(at), source.token(at - 2), token.is_glued && source.tokens[at - 1].is_glued);
    // "A.The" and "B.blue" lack a space; "U.S" and "e.g" are abbreviations.
    let is_abbreviation = |other: Option<&Token>| other.is_some_and(|other| other.letter.is_some());
    let joined_after =
        is_joined_after && (!next.is_some_and(|next| next.is_mark('.')) || is_abbreviation(follows));
    let joined_before =
        is_joined_before && (!source.tokens[at - 1].is_mark('.') || is_abbreviation(source.token(at - 2)));
    before || after || joined_after || joined_before
}

/// Returns whether the word before allows the letter of an option: "is B", "not B", but not "chart B".
fn is_free(source: &Source, at: usize) -> bool {
    let Some(before) = source.before(at) else { return true };
    // "B B B"
    if before.key == source.tokens[at].key {
        return true;
    }
    if before.kind == TokenKind::Number || is_unknown(before) {
        return false;
    }
    // "Chart A and B": if the first letter is a name, the second letter is a name too.
    let is_joined =
        before.is(Roles::AND.with(Roles::OR)) || matches!(before.kind, TokenKind::Mark(',' | '/'));
    if is_joined && at >= 2 && source.tokens[at - 2].letter.is_some() && source.tokens[at - 2].is_upper {
        return at < 3 || !is_unknown(&source.tokens[at - 3]);
    }
    true
}

fn is_unknown(token: &Token) -> bool {
    token.kind == TokenKind::Word && token.roles.is_none()
}

/// Returns whether the word after "A" makes it an article.
fn is_article(source: &Source, after: Option<&Token>) -> bool {
    const VERBS: Roles = Roles::COPULA
        .with(Roles::AND)
        .with(Roles::OR)
        .with(Roles::BUT)
        .with(Roles::BECAUSE)
        .with(Roles::AUXILIARY)
        .with(Roles::NOT_BEFORE)
        .with(Roles::MATCH)
        .with(Roles::EXCLUDE)
        .with(Roles::IF);
    after.is_some_and(|after| match after.kind {
        TokenKind::Word if source.is_unspaced(after) => false,
        TokenKind::Word | TokenKind::Number => !after.is(VERBS.with(Roles::ONLY).with(Roles::NOT)),
        _ => false,
    })
}

fn starts_statement(before: Option<&Token>) -> bool {
    before.is_none_or(|before| {
        matches!(
            before.kind,
            TokenKind::LineBreak | TokenKind::Mark('.' | '!' | '?' | ':' | '-' | '—' | '|' | '(' | '[')
        )
    })
}

fn starts_payload(before: Option<&Token>) -> bool {
    const LEADS: Roles = Roles::COPULA
        .with(Roles::CHOOSE)
        .with(Roles::ANSWER)
        .with(Roles::RIGHT)
        .with(Roles::CONCLUSION)
        .with(Roles::OPTION);
    starts_statement(before)
        || before.is_some_and(|before| before.is(LEADS) || before.kind == TokenKind::Sign)
}

pub(super) fn ends_statement(source: &Source, after: Option<&Token>) -> bool {
    after.is_none_or(|after| match after.kind {
        TokenKind::LineBreak => true,
        TokenKind::Mark(mark) => matches!(mark, '.' | ')' | ']' | ',' | '!' | ':' | ';' | '|' | '-'),
        _ => source.is_unspaced(after) || after.is(Roles::BECAUSE),
    })
}
