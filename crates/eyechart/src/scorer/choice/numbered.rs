//! Finds options that are named by a number or after the word "option": "option 2", "the second option", "choice B".

use super::letters::letter_form;
use super::lexicon::{Roles, key_of_bytes};
use super::mentions::{Mention, MentionKind, Set, Source, percent_key};
use super::normalise::is_circled_digit;
use super::tokens::{Token, TokenKind};

impl Source<'_> {
    /// Reads "Option 2", "option B", "the second option", "the last option", "2番".
    pub(super) fn named_at(&self, at: usize) -> Option<Mention> {
        let token = &self.tokens[at];
        if token.is(Roles::OPTION.with(Roles::ANSWER)) {
            return self.named_after(at);
        }
        if let Some(number) = self.counted_at(at) {
            return Some(number);
        }
        let follows = self.token(at + 1)?;
        let counts = follows.is(Roles::OPTION.with(Roles::ANSWER))
            || (follows.value == 1.0 && follows.kind == TokenKind::Word);
        let number = match token.kind {
            _ if token.is(Roles::LAST) && counts && !token.is(Roles::OPTION) => self.options.count(),
            TokenKind::Word if token.is(Roles::ORDINAL) && counts => token.value as usize,
            TokenKind::Number
                if follows.is_glued && self.is_unspaced(follows) && follows.is(Roles::OPTION) =>
            {
                token.value as usize
            }
            TokenKind::Number if follows.is_glued && is_ordinal_ending(self.text, follows) => {
                self.token(at + 2).filter(|next| next.is(Roles::OPTION)).map(|_| token.value as usize)?
            }
            _ => return None,
        };
        let is_ending = token.kind == TokenKind::Number && !follows.is(Roles::OPTION);
        let mut last = if is_ending { at + 2 } else { at + 1 };
        if follows.is(Roles::OPTION)
            && self.token(at + 2).is_some_and(|next| next.is(Roles::OPTION) && self.is_unspaced(next))
        {
            last = at + 2;
        }
        self.numbered(number, at, last)
    }

    fn named_after(&self, at: usize) -> Option<Mention> {
        let mut next = at + 1;
        while self.token(next).is_some_and(|token| matches!(token.kind, TokenKind::Mark('(' | '[' | '#'))) {
            next += 1;
        }
        let is_open = matches!(self.tokens[next - 1].kind, TokenKind::Mark('(' | '['));
        // "Option number 2", "option no. 2"
        if self.token(next).is_some_and(is_number_word) {
            next += 1 + usize::from(self.token(next + 1).is_some_and(|token| token.is_mark('.')));
        }
        let token = self.token(next).filter(|_| next <= at + 3)?;
        let is_after_answer = self.tokens[at].is(Roles::ANSWER) && !self.tokens[at].is(Roles::OPTION);
        if let Some(letter) = token.letter {
            let is_read = match self.tokens[at].is(Roles::OPTION) && !is_after_answer {
                true => self.is_option_letter(next),
                false => token.is_upper && letter_form(self, next).is_some(),
            };
            let option = self.options.by_letter(letter).filter(|_| is_read)?;
            let close = self
                .token(next + 1)
                .is_some_and(|after| is_open && matches!(after.kind, TokenKind::Mark(')' | ']')));
            let mention = Mention {
                set: 1 << option,
                kind: MentionKind::Letter,
                is_explicit: true,
                first: at,
                last: next + usize::from(close),
            };
            return Some(self.with_text_after(mention));
        }
        if !is_integer(token)
            || is_after_answer
            || self.token(next + 1).is_some_and(|after| after.key == percent_key())
        {
            return None;
        }
        self.numbered(token.value as usize, at, next)
    }

    /// Reads "Number 2", if no option is a number and no word makes it the number of a thing ("bus number 2").
    fn counted_at(&self, at: usize) -> Option<Mention> {
        const LEADS: Roles = Roles::COPULA
            .with(Roles::CHOOSE)
            .with(Roles::CONCLUSION)
            .with(Roles::BUT)
            .with(Roles::NOT)
            .with(Roles::OPTION)
            .with(Roles::AND);
        let number = self.token(at + 1).filter(|next| is_integer(next))?;
        let before = match self.before(at) {
            Some(with) if with.is(Roles::FILLER) && !with.is(Roles::OF) => self.before(at - 1),
            before => before,
        };
        let is_led = before.is_none_or(|before| before.kind != TokenKind::Word || before.is(LEADS));
        if !(is_number_word(&self.tokens[at]) && is_led) || self.has_number_texts() {
            return None;
        }
        self.numbered(number.value as usize, at, at + 1)
    }

    fn has_number_texts(&self) -> bool {
        self.options.texts().iter().any(|text| text.number.is_some())
    }

    /// Reads the 3 of "options 1 and 3": another number after a mention that ends with a number.
    pub(super) fn next_number(&self, last: Option<&Mention>, at: usize) -> Option<Mention> {
        let last = last.filter(|last| last.is_explicit && is_integer(&self.tokens[last.last]))?;
        let between = self.tokens.get(last.last + 1..at).filter(|between| matches!(between.len(), 1 | 2))?;
        let joins = |token: &Token| {
            matches!(token.kind, TokenKind::Mark(',' | '/')) || token.is(Roles::AND.with(Roles::OR))
        };
        let has_unit =
            self.token(at + 1).is_some_and(|next| next.is_glued && next.kind != TokenKind::LineBreak)
                && !self.token(at + 1).is_some_and(|next| matches!(next.kind, TokenKind::Mark(_)));
        if !is_integer(&self.tokens[at]) || !between.iter().all(joins) || has_unit {
            return None;
        }
        self.numbered(self.tokens[at].value as usize, at, at)
    }

    /// Returns whether the letter after "option" is a letter and not an article: "option a" but not "option a few
    /// people".
    fn is_option_letter(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        let is_inside = self.token(at + 1).is_some_and(|next| {
            next.is_glued
                && matches!(next.kind, TokenKind::Word | TokenKind::Number)
                && !self.is_unspaced(next)
        });
        let is_article = !token.is_upper && token.is(Roles::ARTICLE);
        !is_inside && !is_article
    }

    /// Returns the option with a number, from 1. If the options are numbers too, the mention names both readings.
    fn numbered(&self, number: usize, first: usize, last: usize) -> Option<Mention> {
        if number == 0 || number > self.options.count() {
            return None;
        }
        let same = self
            .options
            .texts()
            .iter()
            .filter(|text| text.number == Some(number as f64) && text.keys.len() == 1);
        let set = same.fold(1 << (number - 1), |set: Set, text| set | 1 << text.option);
        let mention = Mention { set, kind: MentionKind::Letter, is_explicit: true, first, last };
        // "The second option, blue"
        Some(if self.has_number_texts() { mention } else { self.with_text_after(mention) })
    }

    /// Reads a number on its own: the number before the text of an option, or options whose text is this number with a
    /// unit. A circled number (③) is the number of an option.
    pub(super) fn number_at(&self, at: usize) -> Option<Mention> {
        let token = &self.tokens[at];
        let is_number = token.kind == TokenKind::Number || token.is(Roles::NUMBER);
        if is_number && self.is_inside_number(at, at) {
            return self.range_at(at);
        }
        if !is_number || !self.stands_apart(at) {
            return None;
        }
        let is_hashed = token.start > 0 && self.text.as_bytes()[token.start - 1] == b'#';
        let is_option_number =
            self.options.has_numbers() || self.is_circled(token) || (is_hashed && !self.has_number_texts());
        if is_option_number && token.value.fract() == 0.0 && token.value > 0.0 {
            return self.numbered(token.value as usize, at, at);
        }
        let same = self.options.texts().iter().filter(|text| text.number == Some(token.value));
        let set = same.fold(0, |set: Set, text| set | 1 << text.option);
        (set != 0).then_some(Mention {
            set,
            kind: MentionKind::Text,
            is_explicit: false,
            first: at,
            last: at,
        })
    }

    /// Returns whether a token is a number in a circle: ③.
    pub(super) fn is_circled(&self, token: &Token) -> bool {
        token.kind == TokenKind::Number
            && self.text.get(token.start..).and_then(|rest| rest.chars().next()).is_some_and(is_circled_digit)
    }

    /// Reads "2018-2019" as a whole statement, which names two options.
    fn range_at(&self, at: usize) -> Option<Mention> {
        let [from, dash, to] = self.tokens.get(at..at + 3)? else { return None };
        let option_of = |number: &Token| {
            self.options.texts().iter().find(|text| text.keys == [number.key]).map(|text| text.option)
        };
        let is_range = from.kind == TokenKind::Number && dash.is_mark('-') && to.kind == TokenKind::Number;
        if !is_range || !self.starts_apart(at) || !self.ends_apart(at + 2) {
            return None;
        }
        let set = 1 << option_of(from)? | 1 << option_of(to)?;
        Some(Mention { set, kind: MentionKind::Text, is_explicit: false, first: at, last: at + 2 })
    }
}

fn is_integer(token: &Token) -> bool {
    (token.kind == TokenKind::Number || token.is(Roles::NUMBER)) && token.value.fract() == 0.0
}

/// Returns whether the token is "number" or one of its short forms.
fn is_number_word(token: &Token) -> bool {
    const WORDS: [u64; 7] = [
        key_of_bytes(b"number"),
        key_of_bytes(b"numbers"),
        key_of_bytes(b"no"),
        key_of_bytes(b"nr"),
        key_of_bytes(b"nummer"),
        key_of_bytes("número".as_bytes()),
        key_of_bytes("numéro".as_bytes()),
    ];
    WORDS.contains(&token.key)
}

fn is_ordinal_ending(text: &str, token: &Token) -> bool {
    matches!(
        text.get(token.start..token.end),
        Some("st" | "nd" | "rd" | "th" | "e" | "ème" | "er" | "ª" | "ª.")
    )
}
