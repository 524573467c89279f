//! Finds English number words: "three", "twenty-one", "two hundred and five thousand". It reads no digits.

use std::ops::Range;

use super::{Decimal, Found};

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Words after a number that change its value.
const FRACTIONS: [&str; 8] = ["point", "half", "halves", "third", "thirds", "quarter", "quarters", "dozen"];

/// Words before "one" that make it a number and not a pronoun.
const WORDS_BEFORE_ONE: [&str; 6] = ["is", "was", "only", "just", "exactly", "answer"];

/// Maximum number of words of an answer in which "one" at the start is a number: "One red car".
const WORDS_OF_SHORT_ANSWER: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberWord {
    /// 0 to 19.
    Small(u64),
    /// 20, 30, … 90.
    Tens(u64),
    Hundred,
    /// 1,000 and its powers.
    Scale(u64),
}

/// Returns whether the lower-case word is an English number word.
pub(super) fn is_number_word(word: &str) -> bool {
    number_word(word).is_some()
}

fn number_word(word: &str) -> Option<NumberWord> {
    let place = |words: &[&str]| words.iter().position(|candidate| *candidate == word).map(|at| at as u64);
    if let Some(value) = place(&SMALL) {
        return Some(NumberWord::Small(value));
    }
    if let Some(place) = place(&TENS) {
        return Some(NumberWord::Tens(10 * (place + 2)));
    }
    match word {
        "hundred" => Some(NumberWord::Hundred),
        "thousand" => Some(NumberWord::Scale(1_000)),
        "million" => Some(NumberWord::Scale(1_000_000)),
        "billion" => Some(NumberWord::Scale(1_000_000_000)),
        "trillion" => Some(NumberWord::Scale(1_000_000_000_000)),
        _ => None,
    }
}

/// A number whose words are being read. It stays below 1,000 trillion, because each scale must be smaller than the
/// last.
struct Phrase {
    total: u64,
    group: u64,
    /// The value of the next word must be lower than this.
    limit: u64,
    scale: u64,
}

impl Phrase {
    fn new() -> Self {
        Self { total: 0, group: 0, limit: 1_000, scale: u64::MAX }
    }

    /// Adds a word, and returns whether the word fits.
    fn push(&mut self, word: NumberWord) -> bool {
        let is_empty = self.group == 0 && self.total == 0;
        match word {
            NumberWord::Small(value) | NumberWord::Tens(value) => {
                let fits = value < self.limit && (value > 0 || (is_empty && self.limit == 1_000));
                self.group += if fits { value } else { 0 };
                self.limit = if matches!(word, NumberWord::Tens(_)) { 10 } else { 0 };
                fits
            }
            NumberWord::Hundred => {
                let fits = self.group < 100 && (self.group > 0 || self.limit == 1_000);
                self.group = 100 * self.group.max(1);
                self.limit = 100;
                fits
            }
            NumberWord::Scale(scale) => {
                let fits = scale < self.scale
                    && self.group < 1_000
                    && (self.group > 0 || is_empty && self.limit == 1_000);
                self.total = self.total.saturating_add(self.group.max(1).saturating_mul(scale));
                (self.group, self.scale, self.limit) = (0, scale, 1_000);
                fits
            }
        }
    }

    fn value(&self) -> u64 {
        self.total.saturating_add(self.group)
    }
}

/// A word of the text, in lower case.
struct Word {
    text: String,
    span: Range<usize>,
    /// Whether only white space or hyphens separate it from the word before.
    follows_closely: bool,
}

/// Finds all numbers in words; `None` if one of them has more than one reading.
pub(super) fn find_numbers(text: &str) -> Option<Vec<Found>> {
    let words = split_words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if number_word(&words[at].text).is_none() || is_pronoun(&words, at) {
            at += 1;
            continue;
        }
        let (value, end) = read_phrase(&words, at)?;
        found.push(number_of(&words, at..end, value, text));
        at = end;
    }
    Some(found)
}

fn split_words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut end = 0;
    for run in text.split(|c: char| !c.is_alphabetic()) {
        // `run` is a slice of `text`, so the difference of the addresses is its offset.
        let start = run.as_ptr() as usize - text.as_ptr() as usize;
        if run.is_empty() {
            continue;
        }
        let between = &text[end..start];
        let follows_closely =
            !between.is_empty() && between.chars().all(|c| c.is_whitespace() || c == '-' || c == '‑');
        end = start + run.len();
        words.push(Word { text: run.to_lowercase(), span: start..end, follows_closely });
    }
    words
}

/// Reads the number that starts with the word at `at`, and returns its end.
fn read_phrase(words: &[Word], at: usize) -> Option<(u64, usize)> {
    let mut phrase = Phrase::new();
    let mut end = at;
    loop {
        let is_joined = end == at || words.get(end).is_some_and(|word| word.follows_closely);
        let next = words.get(end).filter(|_| is_joined).map_or("", |word| word.text.as_str());
        if let Some(word) = number_word(next) {
            phrase.push(word).then_some(())?;
            end += 1;
        } else if next == "and" && end > at && is_continued(words, end, &phrase) {
            end += 1;
        } else {
            let is_fraction = FRACTIONS.contains(&next) || (next == "and" && has_fraction(words, end));
            return (!is_fraction).then_some((phrase.value(), end));
        }
    }
}

/// Returns whether the "and" at `at` continues the number, as in "one hundred and five".
fn is_continued(words: &[Word], at: usize, phrase: &Phrase) -> bool {
    let next = words.get(at + 1).and_then(|word| number_word(&word.text));
    let follows_hundred_or_scale = phrase.limit == 100 || (phrase.limit == 1_000 && phrase.total > 0);
    follows_hundred_or_scale && matches!(next, Some(NumberWord::Small(1..) | NumberWord::Tens(_)))
}

/// Returns whether a fraction such as "and a half" is at `at`.
fn has_fraction(words: &[Word], at: usize) -> bool {
    words.iter().skip(at + 1).take(2).any(|word| FRACTIONS.contains(&word.text.as_str()))
}

/// Returns whether the word at `at` is "one" but not a number: "no one", "the one on the left", "one of them".
fn is_pronoun(words: &[Word], at: usize) -> bool {
    let next = words.get(at + 1).map_or("", |word| word.text.as_str());
    if words[at].text != "one" || is_number_word(next) {
        return false;
    }
    let is_start = at == 0 && words.len() <= WORDS_OF_SHORT_ANSWER;
    let follows_verb =
        at.checked_sub(1).is_some_and(|before| WORDS_BEFORE_ONE.contains(&words[before].text.as_str()));
    next == "of" || !(is_start || follows_verb)
}

fn number_of(words: &[Word], place: Range<usize>, value: u64, text: &str) -> Found {
    let before = place.start.checked_sub(1).map(|before| &words[before]);
    let sign = before.filter(|word| matches!(word.text.as_str(), "minus" | "negative"));
    let next = |offset: usize| words.get(place.end + offset).map_or("", |word| word.text.as_str());
    let end = words[place.end - 1].span.end;
    let has_percent_sign = text[end..].trim_start().starts_with('%');
    Found {
        decimal: Decimal::new(&value.to_string(), "", 0).with_sign(sign.is_some()),
        is_percent: has_percent_sign || next(0) == "percent" || (next(0) == "per" && next(1) == "cent"),
        is_enclosed: false,
        span: sign.unwrap_or(&words[place.start]).span.start..end,
    }
}
