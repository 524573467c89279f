//! The scanner that produces the tokens in one pass over the characters.

use std::ops::Range;

use super::lexicon::{self, LONGEST_PHRASE, Roles, key_of};
use super::normalise::{is_invisible, is_unspaced, plain};
use super::tokens::{Token, TokenKind, apply_entry, key_of_value};

/// Returns the tokens of a byte range of `text` outside the `hidden` ranges. Each hidden range ends a line.
pub(super) fn scan(text: &str, range: Range<usize>, hidden: &[Range<usize>]) -> Vec<Token> {
    let mut scanner = Scanner {
        text,
        at: 0,
        end: 0,
        tokens: Vec::with_capacity(range.len() / 4 + 4),
        scratch: String::new(),
        is_glued: false,
        is_emphasised: false,
    };
    let mut from = range.start;
    for gap in hidden {
        scanner.scan(from, gap.start);
        scanner.break_line();
        from = gap.end.max(from);
    }
    scanner.scan(from, range.end);
    scanner.tokens
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    tokens: Vec<Token>,
    scratch: String,
    is_glued: bool,
    is_emphasised: bool,
}

impl Scanner<'_> {
    fn peek_at(&self, at: usize) -> Option<char> {
        self.text[at..self.end].chars().next()
    }

    fn byte(&self, at: usize) -> u8 {
        if at < self.end { self.text.as_bytes()[at] } else { b' ' }
    }

    fn scan(&mut self, from: usize, end: usize) {
        self.at = from;
        self.end = end.max(from);
        while let Some(raw) = self.peek_at(self.at) {
            if raw.is_ascii_alphabetic() && self.ascii_word() {
                continue;
            }
            let c = plain(raw);
            let after = self.at + raw.len_utf8();
            if c.is_ascii_digit() || (c == '.' && self.is_fraction_start(after)) {
                self.number(self.at, 1.0);
            } else if c == '-' && self.is_minus(after) {
                self.number(after, -1.0);
            } else if is_unspaced(c) {
                self.unspaced();
            } else if c.is_alphabetic() {
                self.word(raw != c && !('\u{FF01}'..='\u{FF5E}').contains(&raw));
            } else {
                self.sign(c, after);
            }
        }
    }

    fn push(&mut self, kind: TokenKind, range: Range<usize>, key: u64) -> &mut Token {
        let token = Token {
            kind,
            start: range.start,
            end: range.end,
            key,
            roles: Roles::NONE,
            value: f64::NAN,
            is_glued: self.is_glued,
            is_emphasised: self.is_emphasised,
            is_upper: false,
            letter: None,
        };
        self.at = range.end;
        self.is_glued = true;
        self.is_emphasised = false;
        let last = self.tokens.len();
        self.tokens.push(token);
        &mut self.tokens[last]
    }

    fn break_line(&mut self) {
        let at = self.at;
        if self.tokens.last().is_some_and(|last| last.kind != TokenKind::LineBreak) {
            self.push(TokenKind::LineBreak, at..at, 0);
        }
        self.is_glued = false;
        self.is_emphasised = false;
    }

    /// Returns whether a dot before `after` starts a number such as `.5`.
    fn is_fraction_start(&self, after: usize) -> bool {
        self.byte(after).is_ascii_digit() && !self.is_after_word()
    }

    fn is_after_word(&self) -> bool {
        self.is_glued
            && self.tokens.last().is_some_and(|last| matches!(last.kind, TokenKind::Word | TokenKind::Number))
    }

    fn is_minus(&self, after: usize) -> bool {
        let is_closed =
            self.is_glued && self.tokens.last().is_some_and(|last| last.is_mark(')') || last.is_mark(']'));
        self.byte(after).is_ascii_digit() && !self.is_after_word() && !is_closed
    }

    fn number(&mut self, digits_at: usize, sign: f64) {
        let start = self.at;
        let (value, end) = self.decimal(digits_at);
        let mut value = value * sign;
        let mut end = end;
        // A fraction such as 3/4, but not a date such as 3/4/2020.
        if self.byte(end) == b'/' && self.byte(end + 1).is_ascii_digit() && !self.is_glued_to_slash() {
            let (divisor, divisor_end) = self.decimal(end + 1);
            if self.byte(divisor_end) != b'/' && divisor != 0.0 {
                value /= divisor;
                end = divisor_end;
            }
        }
        self.push_number(start..end, value);
    }

    fn is_glued_to_slash(&self) -> bool {
        self.is_glued && self.tokens.last().is_some_and(|last| last.is_mark('/'))
    }

    fn push_number(&mut self, range: Range<usize>, value: f64) {
        let token = self.push(TokenKind::Number, range, key_of_value(value));
        token.value = value;
    }

    /// Reads the digits at `from`, with thousands separators and decimals. Returns the value and the end.
    fn decimal(&mut self, from: usize) -> (f64, usize) {
        self.scratch.clear();
        let mut at = from;
        let mut has_point = false;
        while let Some(raw) = (at < self.end).then(|| self.peek_at(at)).flatten() {
            let c = plain(raw);
            let after = at + raw.len_utf8();
            if c.is_ascii_digit() {
                self.scratch.push(c);
            } else if c == '.' && !has_point && self.byte(after).is_ascii_digit() {
                has_point = true;
                self.scratch.push('.');
            } else if !(c == ',' && !has_point && self.is_group(after)) {
                break;
            }
            at = after;
        }
        (self.scratch.parse().unwrap_or(0.0), at)
    }

    /// Returns whether exactly three digits start at `at`: a group after a thousands separator.
    fn is_group(&self, at: usize) -> bool {
        (at..at + 3).all(|at| self.byte(at).is_ascii_digit()) && !self.byte(at + 3).is_ascii_digit()
    }

    /// Reads the common case of a word: ASCII letters that no apostrophe or other letter follows. Returns `false` for
    /// other words, which [`Self::word`] reads.
    fn ascii_word(&mut self) -> bool {
        let bytes = &self.text.as_bytes()[self.at..self.end];
        let mut hash = lexicon::OFFSET;
        let mut length = 0;
        for byte in bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()) {
            hash = lexicon::extend_key(hash, byte.to_ascii_lowercase());
            length += 1;
        }
        if bytes.get(length).is_some_and(|&next| next == b'\'' || !next.is_ascii()) {
            return false;
        }
        let first = bytes[0];
        let start = self.at;
        let token = self.push(TokenKind::Word, start..start + length, hash);
        token.is_upper = first.is_ascii_uppercase();
        if length == 1 {
            token.letter = Some(first.to_ascii_lowercase() - b'a');
        }
        apply_entry(token, hash);
        true
    }

    fn word(&mut self, is_enclosed: bool) {
        let start = self.at;
        self.scratch.clear();
        let mut at = start;
        let mut letters = 0;
        let mut first = ' ';
        while let Some(raw) = self.peek_at(at) {
            let c = plain(raw);
            let after = at + raw.len_utf8();
            if c.is_alphabetic() && !is_unspaced(c) {
                if letters == 0 {
                    first = c;
                }
                letters += 1;
                if c.is_ascii() {
                    self.scratch.push(c.to_ascii_lowercase());
                } else {
                    self.scratch.extend(c.to_lowercase());
                }
            } else if c == '\'' && self.peek_at(after).is_some_and(|next| plain(next).is_ascii_alphabetic()) {
                // French "l'option" is two words; English "isn't" is one.
                if letters == 1
                    && matches!(self.scratch.as_str(), "l" | "n" | "d" | "c" | "j" | "s" | "m" | "t")
                    || self.scratch == "qu"
                {
                    break;
                }
            } else if !is_invisible(raw) && !is_combining(raw) {
                break;
            }
            at = after;
            // An enclosed letter (Ⓑ) is a separate word.
            if is_enclosed && is_enclosing(raw) {
                break;
            }
        }
        let key = key_of(&self.scratch);
        let is_emphasised = self.is_emphasised || (is_enclosed && letters == 1);
        let token = self.push(TokenKind::Word, start..at, key);
        token.is_upper = first.is_uppercase();
        token.is_emphasised = is_emphasised;
        if letters == 1 && first.is_ascii_alphabetic() {
            token.letter = Some(first.to_ascii_lowercase() as u8 - b'a');
        }
        apply_entry(token, key);
        if self.byte(at) == b'\'' {
            self.at = at + 1;
        }
    }

    /// Reads a phrase of the lexicon, or else one character, in a script without spaces.
    fn unspaced(&mut self) {
        let start = self.at;
        let mut ends = [start; LONGEST_PHRASE];
        let mut count = 0;
        let mut end = start;
        for c in self.text[start..self.end].chars().take(LONGEST_PHRASE).take_while(|&c| is_unspaced(c)) {
            end += c.len_utf8();
            ends[count] = end;
            count += 1;
        }
        let phrase = ends[..count].iter().rev().find_map(|&end| {
            let key = key_of(&self.text[start..end]);
            lexicon::look_up(key).map(|_| (end, key))
        });
        let (end, key) = phrase.unwrap_or_else(|| (ends[0], key_of(&self.text[start..ends[0]])));
        let token = self.push(TokenKind::Word, start..end, key);
        apply_entry(token, key);
    }

    fn sign(&mut self, c: char, after: usize) {
        if let Some(length) = struck_out_length(&self.text[self.at..self.end]) {
            self.at += length;
            self.is_glued = false;
            return;
        }
        let range = self.at..after;
        match c {
            '\n' | '\r' => {
                self.break_line();
                self.at = after;
            }
            _ if c.is_whitespace() => {
                self.at = after;
                self.is_glued = false;
            }
            '*' | '_' | '`' | '"' | '\'' | '~' => {
                self.at = after;
                self.is_emphasised = true;
            }
            '{' | '}' | '$' | '^' => self.at = after,
            '#' if !self.is_after_word() => self.at = after,
            '\\' => self.command(after),
            '<' => self.tag_or_sign(after),
            '|' => {
                self.push(TokenKind::Mark('|'), range, 0);
                self.is_glued = false;
            }
            '&' => self.push(TokenKind::Word, range, key_of("and")).roles = Roles::AND,
            '%' | '°' | '+' | '=' | '>' | '√' | '×' | '÷' | '±' | '≤' | '≥' | '≠' | '∞' | '#' | '✓' | '✔'
            | '✅' | '☑' | '✗' | '✘' | '❌' | '✖' | '❎' => {
                let key = key_of(c.encode_utf8(&mut [0; 4]));
                let token = self.push(TokenKind::Sign, range, key);
                apply_entry(token, key);
            }
            _ if is_invisible(c) || is_combining(c) => self.at = after,
            _ => {
                self.push(TokenKind::Mark(c), range, 0);
            }
        }
    }

    /// Reads `<`: either the start of a tag, which is skipped and ends the line, or a sign.
    fn tag_or_sign(&mut self, after: usize) {
        let bytes = &self.text.as_bytes()[after..self.end.min(after + 40)];
        let is_tag = bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'|'));
        match bytes.iter().position(|&b| matches!(b, b'>' | b'\n' | b' ')) {
            Some(offset) if is_tag && bytes[offset] == b'>' => {
                self.break_line();
                self.at = after + offset + 1;
            }
            _ => {
                let key = key_of("<");
                let at = self.at;
                self.push(TokenKind::Sign, at..after, key);
            }
        }
    }

    /// Reads a LaTeX command. Fonts and spacing are skipped, `\frac` becomes a number, other commands a word or a sign.
    fn command(&mut self, after: usize) {
        let bytes = self.text.as_bytes();
        let length = bytes[after..self.end].iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let name = &self.text[after..after + length];
        let end = after + length;
        match name {
            "" => {
                self.at = after;
                // An escaped sign such as `\%` is read next; spacing such as `\,` is skipped.
                if matches!(self.byte(after), b',' | b';' | b'!' | b':' | b'(' | b')' | b'[' | b']' | b'\\') {
                    self.at = after + 1;
                }
            }
            "frac" | "dfrac" | "tfrac" => self.fraction(end),
            "circ" => self.named_sign(after - 1..end, "°"),
            "times" | "cdot" => self.named_sign(after - 1..end, "×"),
            "sqrt" | "pi" | "alpha" | "beta" | "gamma" | "theta" | "infty" | "pm" | "leq" | "geq" | "neq"
            | "le" | "ge" => {
                let key = lexicon::look_up(key_of(name)).map_or_else(|| key_of(name), |entry| entry.key);
                self.push(TokenKind::Word, after - 1..end, key);
            }
            "n" => {
                self.break_line();
                self.at = end;
            }
            _ => self.at = end,
        }
    }

    fn named_sign(&mut self, range: Range<usize>, sign: &str) {
        self.push(TokenKind::Sign, range, key_of(sign));
    }

    fn fraction(&mut self, end: usize) {
        let parts = self.group(end).and_then(|(above, next)| Some((above, self.group(next)?)));
        match parts {
            Some((above, (below, end))) if below != 0.0 => {
                let start = self.at;
                self.push_number(start..end, above / below);
            }
            _ => self.at = end,
        }
    }

    /// Returns the number in braces at `at`, and the end of the braces.
    fn group(&self, at: usize) -> Option<(f64, usize)> {
        let inner = self.text.get(at..self.end)?.strip_prefix('{')?;
        let length = inner.bytes().take(24).position(|b| b == b'}')?;
        Some((inner[..length].trim().parse().ok()?, at + length + 2))
    }
}

/// The opening and closing marks of crossed-out text.
const STRIKES: [(&str, &str); 4] =
    [("~~", "~~"), ("<s>", "</s>"), ("<del>", "</del>"), ("<strike>", "</strike>")];

/// Returns the length in bytes of the crossed-out text at the start of `text` (`~~A~~`), including its marks.
pub(super) fn struck_out_length(text: &str) -> Option<usize> {
    const MOST_BYTES: usize = 200;
    if !text.starts_with(['~', '<']) {
        return None;
    }
    let (open, close) = STRIKES.iter().find(|(open, _)| text.starts_with(open))?;
    let mut ends = text.bytes().enumerate().skip(open.len()).take(MOST_BYTES);
    let (at, _) = ends.find(|&(at, byte)| {
        byte == b'\n' || (byte == close.as_bytes()[0] && text.as_bytes()[at..].starts_with(close.as_bytes()))
    })?;
    (text.as_bytes()[at] != b'\n').then_some(at + close.len())
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn is_enclosing(raw: char) -> bool {
    matches!(u32::from(raw), 0x249C..=0x24E9 | 0x1F110..=0x1F189)
}
