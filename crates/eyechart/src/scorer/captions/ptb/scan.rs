//! The text for the rules: characters by position, their classes, and the patterns that several rules share.
//!
//! Every function takes a position and returns the position at which a pattern ends. Beyond its end the text continues
//! with line feeds, so no rule has to check for the end.

use std::cell::Cell;

use super::unicode::{DIGITS, LETTERS, MARKS, SYMBOLS};

/// The hyphen that is visible only at the end of a line. It counts as a letter and is removed from words.
pub(super) const SOFT_HYPHEN: char = '\u{ad}';

/// The longest markup tag, in characters. The reference has no limit; this one keeps the time linear.
const LONGEST_TAG: usize = 4096;

/// The text that the lexer reads.
pub(super) struct Scan {
    chars: Vec<char>,
    /// The last result of [`Scan::next_angle`].
    next_angle: Cell<CachedSearch>,
    /// The last result of [`Scan::dotted_run`].
    dotted: Cell<CachedSearch>,
    /// The last result of the search for an e-mail address.
    pub(super) mail: Cell<CachedSearch>,
    /// The last result of the search for a host with `www.`.
    pub(super) www: Cell<CachedSearch>,
    /// The last result of the search for a host with a well-known domain.
    pub(super) site: Cell<CachedSearch>,
}

/// The result of a search, kept so that a part of the text is not searched again for each of its tokens.
#[derive(Clone, Copy, Default)]
pub(super) struct CachedSearch {
    /// The result is valid for positions from `from` to before `until`.
    pub(super) from: usize,
    pub(super) until: usize,
    /// The last position at which the pattern may begin, plus one; 0 if it does not occur.
    pub(super) last_start: usize,
    /// The end of the pattern.
    pub(super) end: usize,
}

impl CachedSearch {
    /// Returns whether the result is valid for `place`.
    pub(super) fn covers(self, place: usize) -> bool {
        (self.from..self.until).contains(&place)
    }
}

fn within(ranges: &[(u16, u16)], c: char) -> bool {
    let Ok(code) = u16::try_from(u32::from(c)) else { return false };
    let after = ranges.partition_point(|&(first, _)| first <= code);
    after > 0 && code <= ranges[after - 1].1
}

/// Returns whether `c` is a letter or ideograph, or a soft hyphen.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c == SOFT_HYPHEN || within(&LETTERS, c) }
}

/// Returns whether `c` is a decimal digit of any script.
pub(super) fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { within(&DIGITS, c) }
}

/// Returns whether `c` is a combining mark or a letter-like modifier.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && within(&MARKS, c)
}

/// Returns whether `c` is a sign that makes a token of its own.
pub(super) fn is_symbol(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_punctuation() } else { within(&SYMBOLS, c) }
}

/// Returns whether `c` is an apostrophe. U+0092 is the apostrophe of the Windows code page 1252.
pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{92}' | '’')
}

/// Returns whether `c` is a space within a line.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{3000}')
}

impl Scan {
    pub(super) fn new(text: &str) -> Scan {
        // The reference reads a line end within a caption as a new caption; here it is a space.
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

    /// Returns the number of characters.
    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// Returns the character at `place`; a line feed beyond the end.
    pub(super) fn at(&self, place: usize) -> char {
        self.chars.get(place).copied().unwrap_or('\n')
    }

    /// Returns the characters from `from` to before `until`.
    pub(super) fn slice(&self, from: usize, until: usize) -> &[char] {
        self.chars.get(from..until.min(self.chars.len())).unwrap_or_default()
    }

    /// Returns the end of the run of characters for which `belongs` holds.
    pub(super) fn run(&self, from: usize, belongs: impl Fn(char) -> bool) -> usize {
        let mut place = from;
        while place < self.chars.len() && belongs(self.chars[place]) {
            place += 1;
        }
        place
    }

    /// Like [`Scan::run`], but for at most `most` characters.
    pub(super) fn run_up_to(&self, from: usize, most: usize, belongs: impl Fn(char) -> bool) -> usize {
        let mut place = from;
        while place < from + most && place < self.chars.len() && belongs(self.chars[place]) {
            place += 1;
        }
        place
    }

    /// Returns the end of `word` (lower case, ASCII) if it is at `from`, in any case.
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

    /// Returns the end of the first of `words` that is at `from`. A longer word must come before its prefixes.
    pub(super) fn any_literal(&self, from: usize, words: &[&str]) -> Option<usize> {
        words.iter().find_map(|word| self.literal(from, word))
    }

    /// Returns the end of an apostrophe at `from`: one character or the entity.
    pub(super) fn apostrophe(&self, from: usize) -> Option<usize> {
        match self.at(from) {
            c if is_apostrophe(c) => Some(from + 1),
            '&' => self.literal(from, "&apos;"),
            _ => None,
        }
    }

    /// Returns the end of a letter at `from`: one character, or an entity of an accented vowel.
    pub(super) fn letter(&self, from: usize) -> Option<usize> {
        match self.at(from) {
            '&' => {
                let end = self.any_literal(from + 2, &["acute;", "grave;", "uml;"])?;
                matches!(self.at(from + 1).to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u').then_some(end)
            }
            c => is_letter(c).then_some(from + 1),
        }
    }

    /// Like [`Scan::apostrophe`], but also accepts an opening quotation mark in the place of an apostrophe.
    pub(super) fn loose_apostrophe(&self, from: usize) -> Option<usize> {
        let is_quote = matches!(self.at(from), '`' | '‘' | '‛' | '\u{91}');
        if is_quote { Some(from + 1) } else { self.apostrophe(from) }
    }

    /// Returns the end of a run of ASCII letters, digits, points and commas.
    pub(super) fn dotted_run(&self, from: usize) -> usize {
        let known = self.dotted.get();
        if known.covers(from) {
            return known.end;
        }
        let end = self.run(from, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | ',' | SOFT_HYPHEN));
        self.dotted.set(CachedSearch { from, until: end, last_start: 0, end });
        end
    }

    /// Returns the end of a number without sign: digits, with single points, commas and colons before further digits.
    pub(super) fn digits_grouped(&self, from: usize) -> Option<usize> {
        let separates = |c| matches!(c, '.' | ',' | ':' | SOFT_HYPHEN | '\u{66b}' | '\u{66c}');
        let mut end = self.run(from, is_digit);
        while separates(self.at(end)) && is_digit(self.at(end + 1)) {
            end = self.run(end + 1, is_digit);
        }
        (end > from).then_some(end)
    }

    /// Returns the position of the next `>` at or after `from`; `None` if it is farther away than the longest tag.
    pub(super) fn next_angle(&self, from: usize) -> Option<usize> {
        let known = self.next_angle.get();
        let end = if known.covers(from) {
            known.end
        } else {
            let end = self.run(from, |c| c != '>');
            self.next_angle.set(CachedSearch { from, until: end + 1, last_start: 0, end });
            end
        };
        (self.at(end) == '>' && end - from <= LONGEST_TAG).then_some(end)
    }

    /// Returns the position beyond which a tag that starts at `from` cannot end.
    pub(super) fn tag_limit(from: usize) -> usize {
        from + LONGEST_TAG
    }
}
