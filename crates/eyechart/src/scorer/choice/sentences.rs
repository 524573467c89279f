//! Splits a text into sentences: they end at full stops, question marks and line ends, but not at decimal points,
//! abbreviations, the dot of "B. blue", or between a heading such as "Final answer" and the line below it.

use super::lexicon::Roles;
use super::mentions::Mention;
use super::tokens::{Token, TokenKind};

/// The position of a sentence in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentence {
    /// The first token, and the token after the last.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the sentence is the first of its line.
    pub(super) starts_line: bool,
    pub(super) is_question: bool,
    /// The number of the line, counting only lines with tokens.
    pub(super) line: usize,
}

/// Returns the sentences of a text, in order. Every token except line breaks belongs to a sentence.
pub(super) fn split_sentences(tokens: &[Token], mentions: &[Mention]) -> Vec<Sentence> {
    let mut found: Vec<Sentence> = Vec::new();
    let mut mentions = mentions.iter().peekable();
    let mut start = 0;
    let mut line = 0;
    let mut starts_line = true;
    for (at, token) in tokens.iter().enumerate() {
        while mentions.peek().is_some_and(|mention| mention.last <= at) {
            mentions.next();
        }
        let is_inside = mentions.peek().is_some_and(|mention| mention.first < at && at <= mention.last);
        let is_break = token.kind == TokenKind::LineBreak;
        if is_break && is_heading(&tokens[start..at]) && starts_line {
            continue;
        }
        if is_inside || !(is_break || ends_sentence(tokens, at)) {
            continue;
        }
        let end = if is_break { at } else { at + 1 };
        if end > start {
            found.push(Sentence { start, end, starts_line, is_question: is_question(tokens, end), line });
        }
        start = at + 1;
        starts_line = is_break || (starts_line && end == start && end <= start.saturating_sub(1));
        line += usize::from(is_break);
    }
    if start < tokens.len() {
        let end = tokens.len();
        found.push(Sentence { start, end, starts_line, is_question: is_question(tokens, end), line });
    }
    found
}

fn is_question(tokens: &[Token], end: usize) -> bool {
    end > 0 && tokens[end - 1].is_mark('?')
}

/// Returns whether a line only announces the next line: "Final answer", "The correct option is:", "**Answer:**".
pub(super) fn is_heading(line: &[Token]) -> bool {
    const WORDS: Roles = Roles::ANSWER
        .with(Roles::FINAL)
        .with(Roles::RIGHT)
        .with(Roles::OPTION)
        .with(Roles::COPULA)
        .with(Roles::CONCLUSION)
        .with(Roles::PERSON)
        .with(Roles::FILLER)
        .with(Roles::CORRECTION)
        .with(Roles::ARTICLE);
    let announces = line.iter().any(|token| token.is(Roles::ANSWER.with(Roles::CONCLUSION)))
        || (line.iter().any(|token| token.is(Roles::RIGHT.with(Roles::FINAL)))
            && line.iter().any(|token| token.is(Roles::OPTION)));
    let ends_open = line.last().is_some_and(|last| last.is_mark(':') || last.is(Roles::COPULA));
    let is_short = line.len() <= 8
        && line
            .iter()
            .all(|token| matches!(token.kind, TokenKind::Mark(':' | '-' | ']' | '[')) || token.is(WORDS));
    announces && (is_short || (ends_open && line.len() <= 30))
}

pub(super) fn ends_sentence(tokens: &[Token], at: usize) -> bool {
    let next = tokens.get(at + 1);
    let is_wide = tokens[at].end - tokens[at].start > 1;
    let is_loose = is_wide
        || next.is_none_or(|next| {
            !next.is_glued
                || next.kind == TokenKind::LineBreak
                || matches!(next.kind, TokenKind::Mark(')' | ']'))
        });
    match tokens[at].kind {
        TokenKind::Mark('!' | '?') => is_loose,
        TokenKind::Mark('.') => is_loose && !continues_after_dot(tokens, at),
        // A dot without a space, as in "The answer is A.The bar …".
        _ => false,
    }
}

fn continues_after_dot(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| tokens.get(before)) else { return false };
    let next = tokens.get(at + 1);
    if before.is_mark('.') || before.is_mark('…') {
        return next.is_some_and(|next| next.kind == TokenKind::Word && !next.is_upper);
    }
    let is_initials =
        before.letter.is_some() && at >= 2 && tokens[at - 2].is_mark('.') && tokens[at - 1].is_glued;
    let is_list_number =
        before.kind == TokenKind::Number && (at < 2 || tokens[at - 2].kind == TokenKind::LineBreak);
    (before.is(Roles::ABBREVIATION) && next.is_some_and(|next| next.kind != TokenKind::LineBreak))
        || is_initials
        || is_list_number
}
