//! Finds numbers in digits, with their sign, currency, scale and percent sign. It knows no number words, except words
//! of scale after digits.

use super::super::python_str::{ascii_digit, is_space};
use super::super::script::{half_width, is_currency, is_unseparated};
use super::numeral::read_numeral;
use super::words::is_number_word;
use super::{Decimal, Found};

/// Currency codes that are written directly before an amount.
const CURRENCY_CODES: [&str; 16] = [
    "usd", "eur", "gbp", "jpy", "cny", "rmb", "inr", "chf", "aud", "cad", "krw", "rm", "rp", "rs", "kr",
    "idr",
];

/// Texts between two numbers that make them an expression or a range.
const CONNECTIVES: [&str; 18] =
    ["+", "-", "–", "−", "—", "x", "×", "*", "·", "/", "÷", ":", "&", "to", "or", "and", "of", "out of"];

/// Finds all numbers in digits; `None` if one of them has more than one reading.
pub(super) fn find_numbers(text: &str) -> Option<Vec<Found>> {
    let characters = Characters::of(text);
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        if !character.is_ascii_digit() {
            // `½`, `②` and `Ⅷ` are not readable here. In `m²` and `CO₂` the digit belongs to a unit or a name.
            let is_numeral = character.is_numeric() && !characters.is_letter_before(at);
            if is_numeral && !is_unseparated(character) {
                return None;
            }
            at += 1;
        } else if characters.is_in_name(at) {
            at = characters.name_end(at);
        } else {
            let (number, end) = characters.read_number(at)?;
            let between = found.last().and_then(|last| text.get(last.span.end..number.span.start));
            if between.is_some_and(|text| CONNECTIVES.contains(&text.trim().to_lowercase().as_str())) {
                return None;
            }
            found.push(number);
            at = end;
        }
    }
    Some(found)
}

/// The sign and the currency before the digits of a number.
struct Prefix {
    is_negative: bool,
    has_currency: bool,
    start: usize,
}

/// The characters of a text. Digits of all scripts and full-width forms are converted to ASCII.
struct Characters {
    folded: Vec<char>,
    /// The byte offset of each character, and the length of the text.
    bytes: Vec<usize>,
}

impl Characters {
    fn of(text: &str) -> Self {
        let folded = text.chars().map(|c| ascii_digit(c).unwrap_or_else(|| half_width(c))).collect();
        let bytes = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self { folded, bytes }
    }

    fn get(&self, at: usize) -> Option<char> {
        self.folded.get(at).copied()
    }

    fn before(&self, at: usize) -> Option<char> {
        self.get(at.checked_sub(1)?)
    }

    fn is_digit(&self, at: usize) -> bool {
        self.get(at).is_some_and(|c| c.is_ascii_digit())
    }

    fn is_letter(&self, at: usize) -> bool {
        self.get(at).is_some_and(|c| c.is_alphabetic() && !is_unseparated(c))
    }

    fn is_letter_before(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is_letter(before))
    }

    /// Returns the first index from `at` whose character does not satisfy the predicate.
    fn skip(&self, at: usize, predicate: impl Fn(char) -> bool) -> usize {
        let rest = self.folded.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|c| predicate(**c)).count()
    }

    /// Returns the lowest index such that all characters from there up to `at` satisfy the predicate.
    fn skip_back(&self, at: usize, predicate: impl Fn(char) -> bool) -> usize {
        let rest = self.folded.get(..at).unwrap_or_default();
        at - rest.iter().rev().take_while(|c| predicate(**c)).count()
    }

    fn lowercase(&self, start: usize, end: usize) -> String {
        self.folded.get(start..end).unwrap_or_default().iter().flat_map(|c| c.to_lowercase()).collect()
    }

    /// Returns the word at `at`, or after the white space there, in lower case, and the end of the word.
    fn word_from(&self, at: usize) -> (String, usize) {
        let start = self.skip(at, is_space);
        let end = self.skip(start, |c| c.is_alphabetic() && !is_unseparated(c));
        // No word that matters is longer than 16, and an answer may be one very long word.
        (self.lowercase(start, end.min(start + 16)), end)
    }

    /// Returns the start of the word that ends at `at`, and the word in lower case.
    fn word_until(&self, at: usize) -> (usize, String) {
        let start = self.skip_back(at, |c| c.is_alphabetic() && !is_unseparated(c));
        (start, self.lowercase(start.max(at.saturating_sub(16)), at))
    }

    /// Returns whether the digit at `at` belongs to a name or a unit: `B2`, `COVID-19`, `x_1`, `cm^2`.
    fn is_in_name(&self, at: usize) -> bool {
        let power = if self.before(at) == Some('{') { at - 1 } else { at };
        match self.before(at) {
            Some('_') => true,
            Some('-') => self.is_letter_before(at - 1),
            Some('^' | '{') if self.before(power) == Some('^') => {
                self.is_letter_before(power - 1) || self.before(power - 1) == Some('}')
            }
            _ => self.is_letter_before(at) && !CURRENCY_CODES.contains(&self.word_until(at).1.as_str()),
        }
    }

    fn name_end(&self, at: usize) -> usize {
        let is_part = |at: usize| self.get(at).is_some_and(char::is_alphanumeric);
        let mut end = at;
        while is_part(end)
            || (matches!(self.get(end), Some('.' | ',' | ':' | '/' | '\'' | '-' | '_')) && is_part(end + 1))
        {
            end += 1;
        }
        end
    }

    /// Reads the number whose first digit is at `at`, and returns the index after it.
    fn read_number(&self, at: usize) -> Option<(Found, usize)> {
        let first = if self.is_leading_point(at) { at - 1 } else { at };
        let prefix = self.read_prefix(first)?;
        let mut end = self.numeral_end(at);
        let numeral: String = self.folded.get(at..end)?.iter().collect();
        let mut decimal = if first == at { read_numeral(&numeral)? } else { read_fraction(&numeral)? };
        if let Some(exponent_end) = self.exponent_end(end) {
            let power: String = self.folded.get(end + 1..exponent_end)?.iter().collect();
            decimal = decimal.shifted(power.replace('−', "-").parse().ok()?);
            end = exponent_end;
        }
        self.has_single_reading(end).then_some(())?;
        let (power, end) = self.read_scale(end, prefix.has_currency)?;
        let percent_end = self.percent_end(end);
        let closing = percent_end.unwrap_or(end);
        let is_enclosed = self.before(prefix.start) == Some('(')
            && self.get(closing) == Some(')')
            && !(prefix.start >= 2 && self.get(prefix.start - 2) == Some('\\'))
            && !prefix.is_negative;
        let number = Found {
            decimal: decimal.shifted(power).with_sign(prefix.is_negative),
            is_percent: percent_end.is_some(),
            is_enclosed,
            span: self.bytes[prefix.start]..self.bytes[end],
        };
        Some((number, closing))
    }

    /// Returns whether a point before the digit at `at` is a decimal point: `.5`, but not `No.5` or `...5`.
    fn is_leading_point(&self, at: usize) -> bool {
        self.before(at) == Some('.')
            && !self.before(at - 1).is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | ')'))
    }

    /// Returns the end of the digits and separators that start at `at`.
    fn numeral_end(&self, at: usize) -> usize {
        let mut end = self.skip(at, |c| c.is_ascii_digit());
        if end - at <= 3 && self.get(at) != Some('0') {
            let is_group = |at: usize| {
                self.get(at).is_some_and(|c| c != '\n' && is_space(c))
                    && self.skip(at + 1, |c| c.is_ascii_digit()) == at + 4
            };
            while is_group(end) {
                end += 4;
            }
        }
        while matches!(self.get(end), Some('.' | ',' | ':' | '/' | '\'' | '’' | '_'))
            && self.is_digit(end + 1)
        {
            end = self.skip(end + 1, |c| c.is_ascii_digit());
        }
        end
    }

    /// Returns the end of an exponent such as `e-3` at `at`.
    fn exponent_end(&self, at: usize) -> Option<usize> {
        matches!(self.get(at), Some('e' | 'E')).then_some(())?;
        let digits = if matches!(self.get(at + 1), Some('+' | '-' | '−')) { at + 2 } else { at + 1 };
        let end = self.skip(digits, |c| c.is_ascii_digit());
        (end > digits && !self.is_letter(end)).then_some(end)
    }

    /// Returns whether the digits that end at `at` have one reading: no range, power or name continues them.
    fn has_single_reading(&self, at: usize) -> bool {
        let Some(next) = self.get(at) else { return true };
        let is_range = matches!(next, '-' | '–' | '−' | '—' | '~' | '〜') && self.is_digit(at + 1);
        let is_power = next == '^' && !self.is_degree(at + 1);
        let unit_end = self.skip(at, |c| c.is_alphanumeric() && !is_unseparated(c));
        let has_digit_in_unit = (at..unit_end).any(|at| self.is_digit(at));
        let is_other_numeral = next.is_numeric() && !is_unseparated(next);
        !(is_range || is_power || has_digit_in_unit || is_other_numeral)
    }

    /// Returns whether the degree sign of LaTeX is at `at`.
    fn is_degree(&self, at: usize) -> bool {
        let start = self.skip(at, |c| c == '{');
        self.lowercase(start, start + 5) == "\\circ"
    }

    /// Returns the power of ten of a scale after the number, and the end of the scale; `None` if the scale has more
    /// than one reading.
    fn read_scale(&self, at: usize, has_currency: bool) -> Option<(i64, usize)> {
        if let Some(power) = self.get(at).and_then(power_of_character) {
            return Some((power, at + 1));
        }
        let is_attached = self.is_letter(at);
        let (word, end) = self.word_from(at);
        let power = match word.as_str() {
            "hundred" => 2,
            "thousand" => 3,
            "lakh" | "lakhs" => 5,
            "million" | "mn" => 6,
            "crore" | "crores" => 7,
            "billion" | "bn" => 9,
            "trillion" => 12,
            "dozen" => return None,
            "k" if is_attached && has_currency => 3,
            "m" if is_attached && has_currency => 6,
            "b" if is_attached && has_currency => 9,
            // `5K` is five thousand or five kelvin.
            "k" | "m" | "b" if is_attached && matches!(self.get(at), Some('k' | 'K' | 'M' | 'B')) => {
                return None;
            }
            _ => return Some((0, at)),
        };
        (!is_number_word(&self.word_from(end).0)).then_some((power, end))
    }

    /// Returns the end of a percent sign, or of the word "percent", at `at` or after the white space there.
    fn percent_end(&self, at: usize) -> Option<usize> {
        let sign = self.skip(self.skip(at, is_space), |c| c == '\\');
        if matches!(self.get(sign), Some('%' | '٪')) {
            return Some(sign + 1);
        }
        let (word, end) = self.word_from(at);
        match word.as_str() {
            "percent" | "pct" => Some(end),
            "per" => Some(self.word_from(end)).filter(|(word, _)| word == "cent").map(|(_, end)| end),
            _ => None,
        }
    }

    /// Reads the sign and the currency before the number that starts at `first`; `None` for a bound, as in `< 5`.
    fn read_prefix(&self, first: usize) -> Option<Prefix> {
        let amount = self.currency_start(first);
        let start = amount.unwrap_or(first);
        let gap = self.skip_back(start, is_space);
        let sign = self.before(gap);
        let before_sign = gap.checked_sub(1).and_then(|sign| self.before(sign));
        let is_opening_tag_end = before_sign.is_some_and(|c| !is_space(c));
        let is_bound = matches!(sign, Some('±' | '∓' | '≤' | '≥' | '≠' | '<'))
            || (sign == Some('>') && !is_opening_tag_end);
        if is_bound {
            return None;
        }
        let is_free = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || matches!(c, ')' | '-'));
        let is_minus = match sign {
            Some('-' | '–') => gap == start && is_free(before_sign),
            Some('−') => is_free(self.before(self.skip_back(gap - 1, is_space))),
            _ => false,
        };
        let (word_start, word) = self.word_until(gap);
        let is_word = matches!(word.as_str(), "minus" | "negative");
        let start = if is_minus {
            gap - 1
        } else if is_word {
            word_start
        } else {
            start
        };
        Some(Prefix { is_negative: is_minus || is_word, has_currency: amount.is_some(), start })
    }

    /// Returns the start of a currency sign or code before the number that starts at `first`.
    fn currency_start(&self, first: usize) -> Option<usize> {
        let gap = self.skip_back(first, is_space);
        if self.before(gap).is_some_and(is_currency) {
            let (letters, country) = self.word_until(gap - 1);
            return Some(if country.len() <= 3 { letters } else { gap - 1 });
        }
        let (start, word) = self.word_until(gap);
        CURRENCY_CODES.contains(&word.as_str()).then_some(start)
    }
}

/// Reads the digits after a leading decimal point.
fn read_fraction(digits: &str) -> Option<Decimal> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| Decimal::new("", digits, 0))
}

/// Returns the power of ten of a Chinese or Japanese scale character.
fn power_of_character(character: char) -> Option<i64> {
    match character {
        '百' => Some(2),
        '千' => Some(3),
        '万' | '萬' => Some(4),
        '亿' | '億' => Some(8),
        _ => None,
    }
}
