//! Finds where a text names options: by letter, by number ("option 2", "the second option"), or by their text.
//!
//! Other modules decide whether the answer commits to an option that it names.

use super::labels::drop_lists;
use super::letters::{LetterForm, ends_statement, letter_form};
use super::lexicon::Roles;
use super::options::{OptionText, Options};
use super::tokens::{Token, TokenKind};

/// A set of options, one bit per option.
pub(super) type Set = u64;

/// How a mention names an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MentionKind {
    /// By the letter or the number of the option.
    Letter,
    /// By the text of the option.
    Text,
    /// "None of these", if this is not an option of its own.
    Nothing,
}

/// A place in the text that names one or more options.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mention {
    /// The options that the mention names. A mention that contradicts itself names several ("B. red" when red is A).
    pub(super) set: Set,
    pub(super) kind: MentionKind,
    /// Whether the letter is in brackets or after "option", so that it cannot be another word.
    pub(super) is_explicit: bool,
    /// The first and the last token, inclusive.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// The text in which mentions are searched, and the options.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) options: &'a Options,
}

/// Finds all mentions in the tokens, in order and without overlaps.
pub(super) fn find_mentions(source: &Source) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    let mut at = 0;
    while at < source.tokens.len() {
        let mention = match source.tokens[at].kind {
            TokenKind::Word | TokenKind::Number | TokenKind::Sign => {
                source.next_number(found.last(), at).or_else(|| source.mention_at(at))
            }
            TokenKind::Mark(_) | TokenKind::LineBreak => None,
        };
        match mention {
            Some(mention) => {
                at = mention.last + 1;
                found.push(mention);
            }
            None => at += 1,
        }
    }
    drop_lists(source, &mut found);
    found
}

impl Source<'_> {
    pub(super) fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    pub(super) fn before(&self, at: usize) -> Option<&Token> {
        at.checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    fn mention_at(&self, at: usize) -> Option<Mention> {
        let token = &self.tokens[at];
        if let Some(mention) = self.nothing_at(at) {
            return Some(mention);
        }
        let text = self.text_at(at).map(|mention| self.with_letter_after(mention));
        if text.is_some_and(|mention| mention.last > at) {
            return text;
        }
        let letter = if self.options.has_letters() {
            self.named_at(at).or_else(|| self.letter_at(at)).or_else(|| self.number_at(at))
        } else {
            None
        };
        match (letter, text) {
            (Some(letter), Some(_)) if token.letter.is_some() || self.is_circled(token) => Some(letter),
            (Some(letter), Some(text)) if letter.last > text.last => Some(letter),
            (letter, None) => letter,
            (_, text) => text,
        }
    }

    /// Finds the longest option text that starts at a token.
    pub(super) fn text_at(&self, at: usize) -> Option<Mention> {
        let token = self.token(at)?;
        if !token.is_content() && !token.is(Roles::ARTICLE) {
            return None;
        }
        let mut set = 0;
        let mut last = at;
        let mut length = 0;
        for text in self.options.texts() {
            if text.keys.len() < length {
                break;
            }
            let Some(end) = (text.keys[0] == token.key).then(|| self.match_text(text, at)).flatten() else {
                continue;
            };
            set |= 1 << text.option;
            last = end;
            length = text.keys.len();
        }
        (set != 0).then_some(Mention { set, kind: MentionKind::Text, is_explicit: false, first: at, last })
    }

    /// Returns the last token of an option text that starts at `at`; `None` if the text is not there.
    fn match_text(&self, text: &OptionText, at: usize) -> Option<usize> {
        let mut last = at;
        for key in &text.keys[1..] {
            last = self.next_content(last)?;
            if self.tokens[last].key != *key {
                return None;
            }
        }
        if self.is_inside_number(at, last) || self.is_inside_word(at, last) {
            return None;
        }
        if text.is_common_word && !self.stands_apart(at) {
            return None;
        }
        if text.is_shared
            && self.text.get(self.tokens[at].start..self.tokens[last].end) != Some(text.raw.as_str())
        {
            // The original text may start with an article or end with a sign, which the comparison of keys ignores.
            let around = self.text.get(self.tokens[at].start.saturating_sub(6)..self.tokens[last].end);
            if !around.is_some_and(|around| around.ends_with(text.raw.as_str())) {
                return None;
            }
        }
        Some(last)
    }

    fn next_content(&self, at: usize) -> Option<usize> {
        for (offset, token) in self.tokens.get(at + 1..)?.iter().enumerate().take(8) {
            if token.kind == TokenKind::LineBreak {
                return None;
            }
            if token.is_content() {
                return Some(at + 1 + offset);
            }
        }
        None
    }

    /// Returns whether the tokens are a part of a longer number, time, range or ratio: the 30 of 10:30.
    pub(super) fn is_inside_number(&self, first: usize, last: usize) -> bool {
        let is_join = |token: Option<&Token>| {
            token.is_some_and(|token| {
                (token.is_glued || token.is_mark('-'))
                    && matches!(token.kind, TokenKind::Mark(':' | '/' | '-' | ',' | '.') | TokenKind::Sign)
                    && !matches!(token.kind, TokenKind::Sign if token.is(Roles::RIGHT.with(Roles::WRONG)))
            })
        };
        let is_number = |token: Option<&Token>| token.is_some_and(|token| token.kind == TokenKind::Number);
        let is_dash = |token: Option<&Token>| token.is_some_and(|token| token.is_mark('-'));
        let starts_inside = is_number(self.token(first))
            && (self.tokens[first].is_glued || is_dash(self.before(first)))
            && is_join(self.before(first))
            && first >= 2
            && is_number(self.token(first - 2));
        let ends_inside = is_number(self.token(last))
            && is_join(self.token(last + 1))
            && self.token(last + 2).is_some_and(|next| {
                (next.is_glued || is_dash(self.token(last + 1))) && next.kind == TokenKind::Number
            });
        let is_percent =
            is_number(self.token(last)) && self.token(last + 1).is_some_and(|next| next.key == percent_key());
        starts_inside || ends_inside || (is_percent && !self.whole_line(first, last))
    }

    /// Returns whether the tokens are a part of a word: the "linear" of "non-linear" and "non linear", the "5" of "A5".
    fn is_inside_word(&self, first: usize, last: usize) -> bool {
        let is_latin = |token: &Token| {
            token.kind == TokenKind::Word && token.end - token.start < 3 * 40 && !self.is_unspaced(token)
        };
        let is_hyphen =
            |token: Option<&Token>| token.is_some_and(|token| token.is_mark('-') && token.is_glued);
        let glued_before = self.tokens[first].is_glued
            && self.before(first).is_some_and(|before| {
                let is_alike = (self.tokens[first].kind == TokenKind::Word
                    && before.kind == TokenKind::Number)
                    || (self.tokens[first].kind == TokenKind::Number && is_latin(before));
                is_alike && !before.is(Roles::ARTICLE)
            });
        let hyphen_before = self.tokens[first].is_glued
            && is_hyphen(self.before(first))
            && first >= 2
            && is_latin(&self.tokens[first - 2])
            && self.tokens[first].kind == TokenKind::Word
            && self.tokens[first - 2].letter.is_none();
        let follows_non =
            self.before(first).is_some_and(is_non) && self.tokens[first].kind == TokenKind::Word;
        let hyphen_after = is_hyphen(self.token(last + 1))
            && self.tokens[last].kind == TokenKind::Word
            && self.token(last + 2).is_some_and(|next| next.is_glued && next.kind == TokenKind::Word);
        glued_before || hyphen_before || hyphen_after || follows_non
    }

    pub(super) fn is_unspaced(&self, token: &Token) -> bool {
        self.text
            .get(token.start..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(super::normalise::is_unspaced)
    }

    /// Returns whether a common word is a statement of its own: "No, …", "The answer is one."
    pub(super) fn stands_apart(&self, at: usize) -> bool {
        self.starts_apart(at) && self.ends_apart(at)
    }

    pub(super) fn starts_apart(&self, at: usize) -> bool {
        let is_after_article = self.before(at).is_some_and(|before| before.is(Roles::ARTICLE));
        match self.before(at - usize::from(is_after_article)) {
            None => true,
            Some(before) => match before.kind {
                TokenKind::LineBreak => true,
                TokenKind::Mark(',') => at >= 2 && self.tokens[at - 2].is(Roles::CORRECTION),
                TokenKind::Mark(mark) => {
                    matches!(mark, '.' | '!' | '?' | ':' | '(' | '[' | ')' | '-' | '—' | '|')
                }
                TokenKind::Sign => true,
                _ => before.is(Roles::COPULA.with(Roles::CHOOSE).with(Roles::ANSWER).with(Roles::CONCLUSION)),
            },
        }
    }

    pub(super) fn ends_apart(&self, at: usize) -> bool {
        match self.token(at + 1) {
            None => true,
            Some(after) => match after.kind {
                TokenKind::LineBreak => true,
                TokenKind::Mark(mark) => !matches!(mark, '-' | '/' | '&'),
                _ => {
                    (self.is_unspaced(after) && !self.tokens[at].is(Roles::COPULA))
                        || after.is(Roles::BECAUSE)
                }
            },
        }
    }

    pub(super) fn whole_line(&self, first: usize, last: usize) -> bool {
        let is_end = |token: Option<&Token>| token.is_none_or(|token| token.kind == TokenKind::LineBreak);
        is_end(self.before(first)) && is_end(self.token(last + 1))
    }

    fn letter_at(&self, at: usize) -> Option<Mention> {
        let option = self.options.by_letter(self.tokens[at].letter?)?;
        let Some(form) = letter_form(self, at) else {
            return self.label_inside_line(at, option).or_else(|| self.named_thing(at, option));
        };
        let last = at + usize::from(matches!(form, LetterForm::Bracketed | LetterForm::Closed));
        let mention = Mention {
            set: 1 << option,
            kind: MentionKind::Letter,
            is_explicit: matches!(form, LetterForm::Bracketed | LetterForm::Emphasised),
            first: at,
            last,
        };
        Some(self.with_text_after(mention))
    }

    /// Reads "Point B", if the options are the letters of things in the picture.
    fn named_thing(&self, at: usize, option: usize) -> Option<Mention> {
        let before =
            self.before(at).filter(|before| before.kind == TokenKind::Word && before.roles.is_none())?;
        let counts = self.options.are_letters()
            && self.tokens[at].is_upper
            && !self.tokens[at].is_glued
            && before.letter.is_none();
        let mention = Mention {
            set: 1 << option,
            kind: MentionKind::Letter,
            is_explicit: false,
            first: at - 1,
            last: at,
        };
        let after = self.token(at + 1);
        let has_verb = after.is_some_and(|after| after.is(Roles::COPULA.with(Roles::AUXILIARY)));
        let is_pronoun = self.tokens[at].letter == Some(8);
        (counts && (!is_pronoun || has_verb || ends_statement(self, after))).then_some(mention)
    }

    fn is_noun(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        token.kind == TokenKind::Word && token.roles.is_none() && !self.is_unspaced(token)
    }

    /// Reads "None of these", "none of the above", "all of the above", or "none" as a whole statement.
    fn nothing_at(&self, at: usize) -> Option<Mention> {
        let token = &self.tokens[at];
        let is_all = token.is(Roles::ALL);
        if !is_all && !token.is(Roles::NOTHING) {
            return None;
        }
        let mut last = at;
        let mut has_of = self.is_unspaced(token) && !is_all;
        let mut has_these = has_of;
        for next in at + 1..self.tokens.len().min(at + 8) {
            let token = &self.tokens[next];
            let is_option =
                token.is_upper && token.letter.and_then(|at| self.options.by_letter(at)).is_some();
            // "None of the others", "none of the options A and B", "all of these clues".
            if token.is(Roles::OTHER) || (is_option && has_of) || (is_all && has_these && self.is_noun(next))
            {
                return None;
            }
            if token.is(Roles::THESE) {
                has_these = true;
                last = next;
            } else if token.is(Roles::OF) {
                has_of = true;
            } else {
                let is_noun =
                    has_of && !has_these && token.kind == TokenKind::Word && !token.is(Roles::COPULA);
                if !is_noun && !token.is(Roles::ARTICLE) {
                    break;
                }
            }
        }
        let is_whole = !is_all && self.stands_apart(at);
        let is_phrase = has_of && has_these;
        if !is_phrase && !is_whole {
            return None;
        }
        let last = if is_phrase { last } else { at };
        let option = if is_all { self.options.all_option() } else { self.options.none_option() };
        let (set, kind) = match option {
            Some(option) => (1 << option, MentionKind::Text),
            None if is_all && self.options.count() < 2 => return None,
            None if is_all => ((1 << self.options.count().min(63)) - 1, MentionKind::Text),
            None => (0, MentionKind::Nothing),
        };
        // A longer option text that starts here takes precedence: "All of the people".
        match self.text_at(at) {
            Some(text) if text.last > last || (text.last == last && text.set != set) => Some(text),
            _ => Some(Mention { set, kind, is_explicit: false, first: at, last }),
        }
    }
}

pub(super) fn percent_key() -> u64 {
    const { super::lexicon::key_of_bytes(b"%") }
}

fn is_non(token: &Token) -> bool {
    token.key == const { super::lexicon::key_of_bytes(b"non") }
}
