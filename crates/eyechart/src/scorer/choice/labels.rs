//! Reads letters next to texts: "B. blue", "blue (B)", and the list of all options.
//!
//! If a letter and a text name different options, they contradict each other and the mention names both.

use super::lexicon::Roles;
use super::mentions::{Mention, MentionKind, Set, Source};
use super::tokens::TokenKind;

const EQUALS: u64 = super::lexicon::key_of_bytes(b"=");

impl Source<'_> {
    /// Extends the mention of a letter by the text of its option after it: "B. blue", "B (blue)". The text of another
    /// option is included too, if a sign joins it to the letter and the statement ends after the text.
    pub(super) fn with_text_after(&self, mention: Mention) -> Mention {
        let mut next = mention.last + 1;
        let mut is_joined = matches!(self.tokens[mention.last].kind, TokenKind::Mark(_));
        let mut is_open = false;
        while let Some(token) = self.token(next) {
            match token.kind {
                TokenKind::Mark('.' | ':' | ')' | ',' | '(' | '-' | '—' | '|' | '"') | TokenKind::Sign
                    if next < mention.last + 3 =>
                {
                    is_joined = true;
                    is_open |= token.is_mark('(');
                    next += 1;
                }
                _ if token.is(Roles::ARTICLE) && next < mention.last + 4 => next += 1,
                _ => break,
            }
        }
        if self.token(next).is_none_or(|token| !token.is_content()) {
            return mention;
        }
        let Some(text) = self.text_at(next) else { return mention };
        // "B (the green one)"
        let has_one = is_open && self.token(text.last + 1).is_some_and(|after| after.value == 1.0);
        let text = Mention { last: text.last + usize::from(has_one), ..text };
        let is_closed = self.token(text.last + 1).is_some_and(|after| after.is_mark(')'));
        let last = text.last + usize::from(is_closed);
        if text.set & mention.set != 0 {
            return Mention { last, ..mention };
        }
        let ends = (is_open && is_closed) || self.ends_statement_at(text.last + 1);
        match is_joined && ends && !self.options.are_letters() {
            true if self.contradicts(mention.set, &text) => {
                Mention { set: mention.set | text.set, last, ..mention }
            }
            true => Mention { last, ..mention },
            false => mention,
        }
    }

    /// Extends the mention of a text by the letter after it: "Blue (B)", "blue, option B", "blue = B".
    pub(super) fn with_letter_after(&self, mention: Mention) -> Mention {
        let is_sign = |signs: [char; 2]| {
            self.token(mention.last + 1).is_some_and(|token| signs.iter().any(|&sign| token.is_mark(sign)))
        };
        let open = is_sign(['(', '[']);
        let mut at = mention.last + 2;
        if self.token(at).is_some_and(|token| token.is(Roles::OPTION)) {
            at += 1;
        }
        let equals =
            self.token(mention.last + 1).is_some_and(|token| token.key == EQUALS) || is_sign(['→', '→']);
        if equals || (is_sign([',', '-']) && at > mention.last + 2) {
            return self.with_appended_letter(mention, at);
        }
        let token = self.token(at);
        let letter = token.and_then(|token| token.letter).and_then(|letter| self.options.by_letter(letter));
        let close = self.token(at + 1).is_some_and(|token| matches!(token.kind, TokenKind::Mark(')' | ']')));
        match letter.filter(|_| open && close && self.options.has_letters()) {
            Some(option) => self.add_letter(mention, option, (at, at + 1)),
            None => mention,
        }
    }

    /// Reads "Blue, option B" or "blue = B" at the end of a statement.
    fn with_appended_letter(&self, mention: Mention, at: usize) -> Mention {
        let letter = self.token(at).and_then(|token| token.letter);
        match letter.and_then(|letter| self.options.by_letter(letter)) {
            Some(option) if self.options.has_letters() && self.ends_statement_at(at + 1) => {
                self.add_letter(mention, option, (at, at))
            }
            _ => mention,
        }
    }

    /// Adds the letter at the token `at` to the mention of a text, which then ends at the token `last`.
    fn add_letter(&self, mention: Mention, option: usize, (at, last): (usize, usize)) -> Mention {
        let own: Set = 1 << option;
        let is_same = mention.set & own != 0;
        let is_upper = self.token(at).is_some_and(|token| token.is_upper);
        if is_same || (is_upper && self.contradicts(own, &mention)) {
            let set = if is_same { mention.set } else { mention.set | own };
            return Mention { set, kind: MentionKind::Letter, is_explicit: true, last, ..mention };
        }
        mention
    }

    /// Returns whether a text names other options than a letter. A part of the text of the same option does not.
    fn contradicts(&self, letter: Set, text: &Mention) -> bool {
        if self.options.are_letters() || letter.count_ones() != 1 {
            return false;
        }
        let texts = self.options.texts();
        let named = texts.iter().filter(|other| text.set & (1 << other.option) != 0);
        let own = texts.iter().filter(|own| letter & (1 << own.option) != 0);
        let is_part =
            |part: &[u64]| own.clone().any(|own| own.keys.windows(part.len()).any(|keys| keys == part));
        !named.map(|other| other.keys.as_slice()).any(is_part)
    }

    fn ends_statement_at(&self, at: usize) -> bool {
        self.token(at).is_none_or(|token| match token.kind {
            TokenKind::LineBreak | TokenKind::Mark('!' | ';') => true,
            TokenKind::Mark('.') => {
                self.token(at + 1).is_none_or(|next| !next.is_glued || next.kind == TokenKind::LineBreak)
            }
            _ => false,
        })
    }

    /// Reads the "B) blue" of "A) red B) blue". A word is before the letter, so the text must be that of the option.
    pub(super) fn label_inside_line(&self, at: usize, option: usize) -> Option<Mention> {
        let sign = self.token(at + 1).filter(|next| next.is_glued)?;
        let is_upper = self.tokens[at].is_upper;
        let is_label = sign.is_mark(')') || (is_upper && (sign.is_mark('.') || sign.is_mark(':')));
        let text = is_label.then(|| self.text_at(at + 2)).flatten()?;
        let set = 1 << option;
        (text.set & set != 0).then_some(Mention {
            set,
            kind: MentionKind::Letter,
            is_explicit: false,
            first: at,
            last: text.last,
        })
    }

    /// Returns whether a mention is a letter with the text of its option: "B) blue".
    fn is_labelled(&self, mention: &Mention) -> bool {
        mention.kind == MentionKind::Letter
            && mention.set.count_ones() == 1
            && self.tokens[mention.first].letter.is_some()
            && self.tokens[mention.last].kind != TokenKind::Mark(')')
            && mention.last > mention.first + 1
    }
}

/// Removes the mentions of a list that repeats all options in one line: "A) red B) blue C) green". Such a list commits
/// to no option.
pub(super) fn drop_lists(source: &Source, mentions: &mut Vec<Mention>) {
    let count = source.options.count();
    if count < 2 || mentions.len() < count {
        return;
    }
    let joins = |pair: &[Mention]| {
        let is_ascending = pair[0].set < pair[1].set;
        let is_joint = |at: usize| {
            let token = &source.tokens[at];
            matches!(token.kind, TokenKind::Mark(',' | ';' | '.' | '(' | '[' | '|' | '-' | '/'))
                || token.is(Roles::AND.with(Roles::OR))
        };
        is_ascending && (pair[0].last + 1..pair[1].first).all(is_joint)
    };
    let mut is_listed = vec![false; mentions.len()];
    let mut start = 0;
    for at in 0..mentions.len() {
        if !source.is_labelled(&mentions[at]) {
            start = at + 1;
            continue;
        }
        if at > start && !joins(&mentions[at - 1..=at]) {
            start = at;
        }
        if at + 1 - start == count {
            is_listed[start..=at].fill(true);
        }
    }
    let mut listed = is_listed.into_iter();
    mentions.retain(|_| !listed.next().unwrap_or(false));
}
