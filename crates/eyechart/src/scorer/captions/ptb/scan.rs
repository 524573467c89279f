//! A text as the rules see it: characters by place, their classes, and the shapes that several rules share.
//!
//! Every function takes a place and returns the place where a shape ends. The text goes on with line feeds beyond its
//! end, so no rule has to look after the end. This file knows nothing of tokens.

use std::cell::Cell;

use super::unicode::{DIGITS, LETTERS, MARKS, SYMBOLS};

/// The hyphen that shows only at a line's end. It counts as a letter and is removed from words.
pub(super) const SOFT_HYPHEN: char = '\u{ad}';

/// The longest markup tag, in characters. The reference has no limit; this one keeps the time linear.
const LONGEST_TAG: usize = 4096;

/// A text under the lexer.
pub(super) struct Scan {
    chars: Vec<char>,
    /// The answer of the last [`Scan::next_of`] for `>`.
    next_angle: Cell<Known>,
    /// The last answer of [`Scan::dotted_run`].
    dotted: Cell<Known>,
    /// The last e-mail address that a rule looked for.
    pub(super) mail: Cell<Known>,
    /// The last host with `www.` that a rule looked for.
    pub(super) www: Cell<Known>,
    /// The last host with a well-known domain that a rule looked for.
    pub(super) site: Cell<Known>,
}

/// What is known of a stretch of text, so that it is not scanned once for each of its tokens.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// Places from `from` to before `until` have the same answer.
    pub(super) from: usize,
    pub(super) until: usize,
    /// The last place at which the shape may still begin, plus one; 0 if it does not occur.
    pub(super) last_start: usize,
    /// Where the shape ends.
    pub(super) end: usize,
}

impl Known {
    /// Whether the answer is for `place`.
    pub(super) fn covers(self, place: usize) -> bool {
        (self.from..self.until).contains(&place)
    }
}

fn within(ranges: &[(u16, u16)], c: char) -> bool {
    let Ok(code) = u16::try_from(u32::from(c)) else { return false };
    let after = ranges.partition_point(|&(first, _)| first <= code);
    after > 0 && code <= ranges[after - 1].1
}

/// Whether `c` is a letter or ideograph, or a soft hyphen.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c == SOFT_HYPHEN || within(&LETTERS, c) }
}

/// Whether `c` is a decimal digit of any script.
pub(super) fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { within(&DIGITS, c) }
}

/// Whether `c` is a combining mark or a letter-like modifier.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && within(&MARKS, c)
}

/// Whether `c` is a sign that makes a token of its own.
pub(super) fn is_symbol(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_punctuation() } else { within(&SYMBOLS, c) }
}

/// Whether `c` is an apostrophe. U+0092 is that of Windows' code page 1252.
pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{92}' | '’')
}

/// Whether `c` is a space within a line.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{3000}')
}

impl Scan {
    pub(super) fn new(text: &str) -> Scan {
        // A line's end within a caption makes the reference lose its place; here it is a space.
        let plain = |c| if matches!(c, '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c };
        Scan {
            chars: text.chars().map(plain).collect(),
            next_angle: Cell::default(),
            dotted: Cell::default(),
            mail: Cell::default(),
            www: Cell::default(),
            site: Cell::default(),
        }
    }

    /// Number of characters.
    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// The character at `place`; a line feed beyond the end.
    pub(super) fn at(&self, place: usize) -> char {
        self.chars.get(place).copied().unwrap_or('\n')
    }

    /// The characters from `from` to before `until`.
    pub(super) fn slice(&self, from: usize, until: usize) -> &[char] {
        self.chars.get(from..until.min(self.chars.len())).unwrap_or_default()
    }

    /// Where the run of characters for which `belongs` holds ends.
    pub(super) fn run(&self, from: usize, belongs: impl Fn(char) -> bool) -> usize {
        let mut place = from;
        while place < self.chars.len() && belongs(self.chars[place]) {
            place += 1;
        }
        place
    }

    /// As [`Scan::run`], but of at most `most` characters.
    pub(super) fn run_up_to(&self, from: usize, most: usize, belongs: impl Fn(char) -> bool) -> usize {
        let mut place = from;
        while place < from + most && place < self.chars.len() && belongs(self.chars[place]) {
            place += 1;
        }
        place
    }

    /// Where `word` (lower case, ASCII) ends if it is at `from`, in any case.
    pub(super) fn literal(&self, from: usize, word: &str) -> Option<usize> {
        let mut place = from;
        for expected in word.chars() {
            if self.at(place).to_ascii_lowercase() != expected {
                return None;
            }
            place += 1;
        }
        Some(place)
    }

    /// Where the first of `words` that is at `from` ends. A longer word stands before its prefixes.
    pub(super) fn any_literal(&self, from: usize, words: &[&str]) -> Option<usize> {
        words.iter().find_map(|word| self.literal(from, word))
    }

    /// Where an apostrophe at `from` ends: one character or the entity.
    pub(super) fn apostrophe(&self, from: usize) -> Option<usize> {
        match self.at(from) {
            c if is_apostrophe(c) => Some(from + 1),
            '&' => self.literal(from, "&apos;"),
            _ => None,
        }
    }

    /// Where a letter at `from` ends: one character, or an entity of an accented vowel.
    pub(super) fn letter(&self, from: usize) -> Option<usize> {
        match self.at(from) {
            '&' => {
                let end = self.any_literal(from + 2, &["acute;", "grave;", "uml;"])?;
                matches!(self.at(from + 1).to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u').then_some(end)
            }
            c => is_letter(c).then_some(from + 1),
        }
    }

    /// As [`Scan::apostrophe`], or an opening quotation mark that is used as one.
    pub(super) fn loose_apostrophe(&self, from: usize) -> Option<usize> {
        let is_quote = matches!(self.at(from), '`' | '‘' | '‛' | '\u{91}');
        if is_quote { Some(from + 1) } else { self.apostrophe(from) }
    }

    /// Where a run of ASCII letters, digits, points and commas ends.
    pub(super) fn dotted_run(&self, from: usize) -> usize {
        let known = self.dotted.get();
        if known.covers(from) {
            return known.end;
        }
        let end = self.run(from, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | ',' | SOFT_HYPHEN));
        self.dotted.set(Known { from, until: end, last_start: 0, end });
        end
    }

    /// Where a number without sign ends: digits, with single points, commas and colons before further digits.
    pub(super) fn digits_grouped(&self, from: usize) -> Option<usize> {
        let separates = |c| matches!(c, '.' | ',' | ':' | SOFT_HYPHEN | '\u{66b}' | '\u{66c}');
        let mut end = self.run(from, is_digit);
        while separates(self.at(end)) && is_digit(self.at(end + 1)) {
            end = self.run(end + 1, is_digit);
        }
        (end > from).then_some(end)
    }

    /// The place of the next `>` at or after `from`, if a tag can reach so far.
    pub(super) fn next_angle(&self, from: usize) -> Option<usize> {
        let known = self.next_angle.get();
        let end = if known.covers(from) {
            known.end
        } else {
            let end = self.run(from, |c| c != '>');
            self.next_angle.set(Known { from, until: end + 1, last_start: 0, end });
            end
        };
        (self.at(end) == '>' && end - from <= LONGEST_TAG).then_some(end)
    }

    /// The furthest place that a tag from `from` may reach.
    pub(super) fn tag_limit(from: usize) -> usize {
        from + LONGEST_TAG
    }
}
