//! Letters with texts beside them: "B. blue", "blue (B)", and the list of all options.
//!
//! A letter and a text that name different options contradict each other: the mention names both.

use super::lexicon::Roles;
use super::mentions::{Means, Mention, Set, Source};
use super::tokens::Kind;

const EQUALS: u64 = super::lexicon::key_of_bytes(b"=");

impl Source<'_> {
    /// A letter with its option's text after it ("B. blue", "B (blue)") is one mention. So is a letter with the text of
    /// another option, if a sign joins them and the statement ends after the text.
    pub(super) fn with_text_after(&self, mention: Mention) -> Mention {
        let mut next = mention.last + 1;
        let mut is_joined = matches!(self.tokens[mention.last].kind, Kind::Mark(_));
        let mut is_open = false;
        while let Some(token) = self.token(next) {
            match token.kind {
                Kind::Mark('.' | ':' | ')' | ',' | '(' | '-' | '—' | '|' | '"') | Kind::Sign
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

    /// "Blue (B)", "blue, option B" and "blue = B" are one mention.
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
        let close = self.token(at + 1).is_some_and(|token| matches!(token.kind, Kind::Mark(')' | ']')));
        match letter.filter(|_| open && close && self.options.has_letters()) {
            Some(option) => self.add_letter(mention, option, (at, at + 1)),
            None => mention,
        }
    }

    /// "Blue, option B" or "blue = B" at the end of a statement.
    fn with_appended_letter(&self, mention: Mention, at: usize) -> Mention {
        let letter = self.token(at).and_then(|token| token.letter);
        match letter.and_then(|letter| self.options.by_letter(letter)) {
            Some(option) if self.options.has_letters() && self.ends_statement_at(at + 1) => {
                self.add_letter(mention, option, (at, at))
            }
            _ => mention,
        }
    }

    /// Adds the letter at a token to a text, up to the token `last`.
    fn add_letter(&self, mention: Mention, option: usize, (at, last): (usize, usize)) -> Mention {
        let own: Set = 1 << option;
        let is_same = mention.set & own != 0;
        let is_upper = self.token(at).is_some_and(|token| token.is_upper);
        if is_same || (is_upper && self.contradicts(own, &mention)) {
            let set = if is_same { mention.set } else { mention.set | own };
            return Mention { set, means: Means::Letter, is_explicit: true, last, ..mention };
        }
        mention
    }

    /// Whether a text names other options than a letter does. A part of the option's own text does not.
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
            Kind::LineBreak | Kind::Mark('!' | ';') => true,
            Kind::Mark('.') => {
                self.token(at + 1).is_none_or(|next| !next.is_glued || next.kind == Kind::LineBreak)
            }
            _ => false,
        })
    }

    /// The "B) blue" of "A) red B) blue", whose letter has a word before it: the letter and the text agree.
    pub(super) fn label_inside_line(&self, at: usize, option: usize) -> Option<Mention> {
        let sign = self.token(at + 1).filter(|next| next.is_glued)?;
        let is_upper = self.tokens[at].is_upper;
        let is_label = sign.is_mark(')') || (is_upper && (sign.is_mark('.') || sign.is_mark(':')));
        let text = is_label.then(|| self.text_at(at + 2)).flatten()?;
        let set = 1 << option;
        (text.set & set != 0).then_some(Mention {
            set,
            means: Means::Letter,
            is_explicit: false,
            first: at,
            last: text.last,
        })
    }

    /// Whether a mention is a letter with its option's text: "B) blue".
    fn is_labelled(&self, mention: &Mention) -> bool {
        mention.means == Means::Letter
            && mention.set.count_ones() == 1
            && self.tokens[mention.first].letter.is_some()
            && self.tokens[mention.last].kind != Kind::Mark(')')
            && mention.last > mention.first + 1
    }
}

/// Drops the mentions of a list that repeats all options in one line: "A) red B) blue C) green". Such a list commits to
/// nothing.
pub(super) fn drop_lists(source: &Source, mentions: &mut Vec<Mention>) {
    let count = source.options.count();
    if count < 2 || mentions.len() < count {
        return;
    }
    let joins = |pair: &[Mention]| {
        let is_ascending = pair[0].set < pair[1].set;
        let is_joint = |at: usize| {
            let token = &source.tokens[at];
            matches!(token.kind, Kind::Mark(',' | ';' | '.' | '(' | '[' | '|' | '-' | '/'))
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
