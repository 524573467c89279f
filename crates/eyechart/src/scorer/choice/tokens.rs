//! Tokens of a text: words, numbers, signs and line breaks, in plain form and with their roles.
//!
//! Markup (emphasis, quotes, LaTeX commands) produces no tokens. This module knows no options.

use std::ops::Range;

use super::lexicon::{self, Roles};
use super::scanner::scan;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Number,
    /// A sign by which option texts can differ: `%`, `+`, `=`.
    Sign,
    /// Any other sign, in its plain form.
    Mark(char),
    LineBreak,
}

/// A token with its position in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// The bytes of the token in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// A hash that is equal for equal tokens: words that differ only in case, numbers with the same value.
    pub(super) key: u64,
    pub(super) roles: Roles,
    /// The value of a number, number word or ordinal; NaN for other tokens.
    pub(super) value: f64,
    /// Whether no white space is between this token and the previous one.
    pub(super) is_glued: bool,
    /// Whether emphasis or a quote opens directly before.
    pub(super) is_emphasised: bool,
    /// Whether the first letter is upper case.
    pub(super) is_upper: bool,
    /// The position in the alphabet, from 0, if the word is a single Latin letter.
    pub(super) letter: Option<u8>,
}

impl Token {
    /// Returns whether the token has one of the roles.
    pub(super) fn is(&self, roles: Roles) -> bool {
        self.roles.any(roles)
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == TokenKind::Mark(mark)
    }

    /// Returns whether the token is compared when texts are compared.
    pub(super) fn is_content(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Number | TokenKind::Sign) && !self.is(Roles::ARTICLE)
    }
}

/// Returns the tokens of `text`.
pub(super) fn tokenise(text: &str) -> Vec<Token> {
    tokenise_range(text, 0..text.len(), &[])
}

/// Returns the tokens of a byte range of `text` outside the `hidden` ranges. All ranges must end at character
/// boundaries, and the hidden ranges must be in order.
pub(super) fn tokenise_range(text: &str, range: Range<usize>, hidden: &[Range<usize>]) -> Vec<Token> {
    let mut tokens = scan(text, range, hidden);
    mark_articles(&mut tokens);
    clear_false_roles(&mut tokens);
    tokens
}

/// Removes the role of articles that are not before a word: "point A", "option a" and "vitamin A" end with letters.
fn mark_articles(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        if !tokens[at].is(Roles::ARTICLE) {
            continue;
        }
        let is_before_word = tokens
            .get(at + 1)
            .is_some_and(|next| matches!(next.kind, TokenKind::Word | TokenKind::Number) && !next.is_glued);
        let is_elided = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Word && next.is_glued);
        let is_name = tokens[at].letter.is_some()
            && tokens[at].is_upper
            && at > 0
            && matches!(tokens[at - 1].kind, TokenKind::Word | TokenKind::Number)
            && tokens[at - 1].roles.is_none();
        if !(is_before_word || is_elided) || is_name {
            tokens[at].roles = Roles::NONE;
        }
    }
}

/// Removes false roles: "non-linear" negates no option, and "the options provided" is not a condition.
fn clear_false_roles(tokens: &mut [Token]) {
    const NON: u64 = lexicon::key_of_bytes(b"non");
    const PROVIDED: u64 = lexicon::key_of_bytes(b"provided");
    for at in 0..tokens.len() {
        let next = tokens.get(at + 1);
        let is_prefix = || next.is_some_and(|next| next.is_mark('-') && next.is_glued);
        let is_condition = || {
            let follows_word = at > 0 && tokens[at - 1].kind == TokenKind::Word;
            let starts_clause = Roles::PRONOUN.with(Roles::ARTICLE).with(Roles::PERSON);
            !follows_word || next.is_some_and(|next| next.is(starts_clause))
        };
        match tokens[at].key {
            NON if is_prefix() => tokens[at].roles = Roles::NONE,
            PROVIDED if !is_condition() => tokens[at].roles = Roles::THESE,
            _ => {}
        }
    }
}

pub(super) fn apply_entry(token: &mut Token, key: u64) {
    if let Some(entry) = lexicon::look_up(key) {
        // "c" is a French word before an apostrophe, but "C" is a letter; "A" and "I" are English words.
        let is_plain_letter = token.is_upper && token.letter.is_some_and(|letter| !matches!(letter, 0 | 8));
        token.roles = if is_plain_letter { Roles::NONE } else { entry.roles };
        token.key = entry.key;
        if entry.roles.any(Roles::NUMBER) {
            token.value = f64::from(entry.value);
            token.key = key_of_value(token.value);
        } else if entry.roles.any(Roles::ORDINAL) {
            token.value = f64::from(entry.value);
        }
    }
}

/// Returns the key of a number, which is equal for equal values.
pub(super) fn key_of_value(value: f64) -> u64 {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return hash_bits(if value == 0.0 { 0.0 } else { value });
    }
    // Rounded to twelve significant digits, so that 0.1 + 0.2 equals 0.3 and -0 equals 0.
    let scale = 10f64.powi(12 - value.abs().max(1e-300).log10().ceil() as i32);
    let digits = (value * scale).round() / scale;
    hash_bits(if digits.is_finite() { digits } else { value })
}

fn hash_bits(value: f64) -> u64 {
    value.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xA5A5
}
