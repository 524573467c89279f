//! The options of a question, prepared for reading answers: their letters, and their texts as tokens.

use super::lexicon::Roles;
use super::tokens::{Token, TokenKind, tokenise};

/// Maximum number of options that can be picked. Later options are ignored.
pub(super) const MOST_OPTIONS: usize = 64;

/// The options of a question, prepared once for many answers.
#[derive(Debug, Clone)]
pub struct Options {
    letters: Vec<String>,
    /// The option of each letter of the alphabet.
    by_letter: [Option<u8>; 26],
    /// The texts of the options, longest first.
    texts: Vec<OptionText>,
    count: usize,
    /// The option "none of the above", if there is one.
    none_option: Option<usize>,
    /// The option "all of the above", if there is one.
    all_option: Option<usize>,
    has_letters: bool,
    are_letters: bool,
    /// Whether the texts of the options start with the numbers 1, 2, 3, ….
    has_numbers: bool,
}

/// A text by which an answer can pick an option.
#[derive(Debug, Clone)]
pub(super) struct OptionText {
    pub(super) option: usize,
    pub(super) keys: Vec<u64>,
    /// Whether the text is a word too common to count in running text: "no", "I", "one".
    pub(super) is_common_word: bool,
    /// The original text.
    pub(super) raw: String,
    /// Whether another option has the same keys. If so, only the original text counts.
    pub(super) is_shared: bool,
    /// The number that the text starts with, if the rest is at most a unit.
    pub(super) number: Option<f64>,
}

impl Options {
    /// Prepares the options of a question. Only the first 64 options can be picked, and at most 26 have letters.
    #[must_use]
    pub fn new(texts: &[String]) -> Self {
        let labelled: Vec<_> = texts.iter().map(|text| split_label(text)).collect();
        let own = own_letters(&labelled);
        let numbered = !own && are_numbered(texts);
        let mut options = Self {
            letters: Vec::new(),
            by_letter: [None; 26],
            texts: Vec::new(),
            count: texts.len().min(MOST_OPTIONS),
            none_option: None,
            all_option: None,
            has_letters: true,
            are_letters: false,
            has_numbers: numbered,
        };
        for (at, text) in texts.iter().enumerate() {
            let (letter, text) = match &labelled[at] {
                Some(label) if own => (Some(label.letter), label.text),
                _ if numbered => {
                    (position_letter(at), split_number(text).map_or(text.as_str(), |(_, rest)| rest))
                }
                _ => (position_letter(at), text.as_str()),
            };
            options
                .letters
                .push(letter.map_or_else(|| (at + 1).to_string(), |at| char::from(b'A' + at).to_string()));
            if at < MOST_OPTIONS {
                if let Some(letter) = letter {
                    options.by_letter[usize::from(letter)].get_or_insert(at as u8);
                }
                options.add_text(at, text);
            }
        }
        options.finish();
        options
    }

    /// Prepares options without letters, each with several texts.
    pub(super) fn of_words(words: &[&[&str]]) -> Self {
        let mut options = Self::new(&[]);
        options.count = words.len();
        options.has_letters = false;
        for (at, texts) in words.iter().enumerate() {
            options.letters.push((at + 1).to_string());
            for text in *texts {
                options.add_text(at, text);
            }
        }
        options.finish();
        options
    }

    /// Returns the letter of the option at `index`: the letter in the text if all options have one ("B) Red"), else the
    /// letter of the position. After the 26th option it is the position as a number. It is empty if there is no such
    /// option.
    #[must_use]
    pub fn letter(&self, index: usize) -> String {
        self.letters.get(index).cloned().unwrap_or_default()
    }

    /// Returns the index of the option with this letter, in upper or lower case; `None` if no option has it.
    #[must_use]
    pub fn index_of(&self, letter: &str) -> Option<usize> {
        self.letters.iter().position(|own| own.eq_ignore_ascii_case(letter))
    }

    /// Returns the number of options that can be picked.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn by_letter(&self, letter: u8) -> Option<usize> {
        self.by_letter.get(usize::from(letter)).copied().flatten().map(usize::from)
    }

    pub(super) fn none_option(&self) -> Option<usize> {
        self.none_option
    }

    pub(super) fn all_option(&self) -> Option<usize> {
        self.all_option
    }

    /// Returns whether the texts of the options are single letters, as the names of things in the picture.
    pub(super) fn are_letters(&self) -> bool {
        self.are_letters
    }

    pub(super) fn has_numbers(&self) -> bool {
        self.has_numbers
    }

    pub(super) fn has_letters(&self) -> bool {
        self.has_letters
    }

    /// Returns all texts by which options can be picked, longest first.
    pub(super) fn texts(&self) -> &[OptionText] {
        &self.texts
    }

    fn add_text(&mut self, option: usize, text: &str) {
        let tokens = tokenise(text);
        let mut content: Vec<&Token> = tokens.iter().filter(|token| token.is_content()).collect();
        if content.is_empty() {
            content = tokens.iter().filter(|token| matches!(token.kind, TokenKind::Word)).collect();
        }
        if content.first().is_some_and(|first| first.is(Roles::NOTHING)) && is_sweeping(&content) {
            self.none_option.get_or_insert(option);
        }
        if content.first().is_some_and(|first| first.is(Roles::ALL))
            && content.len() > 1
            && is_sweeping(&content)
        {
            self.all_option.get_or_insert(option);
        }
        if content.is_empty() {
            return;
        }
        let only = (content.len() == 1).then(|| content[0]);
        self.texts.push(OptionText {
            option,
            keys: content.iter().map(|token| token.key).collect(),
            is_common_word: only.is_some_and(|only| only.letter.is_some() || is_common(only)),
            raw: text.trim().to_owned(),
            is_shared: false,
            number: leading_number(&content),
        });
    }

    fn finish(&mut self) {
        let is_letter = |text: &OptionText| {
            text.raw.len() == 1 && text.raw.starts_with(|c: char| c.is_ascii_alphabetic())
        };
        self.are_letters = !self.texts.is_empty() && self.texts.iter().all(is_letter);
        self.texts.sort_by_key(|text| std::cmp::Reverse(text.keys.len()));
        for at in 0..self.texts.len() {
            let is_same = |other: &OptionText| {
                other.option != self.texts[at].option && other.keys == self.texts[at].keys
            };
            self.texts[at].is_shared = self.texts.iter().any(is_same);
        }
    }
}

fn is_common(word: &Token) -> bool {
    const COMMON: Roles = Roles::NOT
        .with(Roles::AND)
        .with(Roles::OR)
        .with(Roles::BUT)
        .with(Roles::FILLER)
        .with(Roles::PRONOUN)
        .with(Roles::COPULA)
        .with(Roles::AUXILIARY)
        .with(Roles::ARTICLE)
        .with(Roles::ALL)
        .with(Roles::NOTHING)
        .with(Roles::ONLY)
        .with(Roles::PERSON);
    word.is(COMMON)
}

/// Returns whether a text has only words such as "of the above" after its first word.
fn is_sweeping(content: &[&Token]) -> bool {
    const REST: Roles = Roles::OF
        .with(Roles::THESE)
        .with(Roles::ARTICLE)
        .with(Roles::NOTHING)
        .with(Roles::ALL)
        .with(Roles::FILLER)
        .with(Roles::ANSWER)
        .with(Roles::OPTION);
    content.iter().skip(1).all(|token| token.is(REST))
}

/// Returns the number at the start of a text, if at most two words of a unit follow.
fn leading_number(content: &[&Token]) -> Option<f64> {
    let first = content.first()?;
    let is_unit =
        |token: &&&Token| matches!(token.kind, TokenKind::Word | TokenKind::Sign) && token.value.is_nan();
    let is_number = first.kind == TokenKind::Number || first.is(Roles::NUMBER);
    (is_number && content.len() <= 3 && content[1..].iter().filter(is_unit).count() == content.len() - 1)
        .then_some(first.value)
}

/// The texts in a new order: `order` has for each place the text that is put there. Letters and numbers before all texts
/// ("B) Red", "2. Red") stay at their places.
#[must_use]
pub fn relettered(texts: &[String], order: &[usize]) -> Vec<String> {
    let labelled: Vec<_> = texts.iter().map(|text| split_label(text)).collect();
    let rest = |at: usize| match &labelled[at] {
        Some(label) if own_letters(&labelled) => label.text,
        _ if are_numbered(texts) => split_number(&texts[at]).map_or(&*texts[at], |(_, rest)| rest),
        _ => texts[at].as_str(),
    };
    let own = |at: usize| {
        let text = texts[at].trim_end();
        &text[..text.len() - rest(at).trim_end().len()]
    };
    let is_plain = texts.iter().enumerate().all(|(at, text)| rest(at) == text);
    let moved = |(place, &from): (usize, &usize)| match is_plain {
        true => texts[from].clone(),
        false => format!("{}{}", own(place), rest(from)),
    };
    order.iter().enumerate().map(moved).collect()
}

fn position_letter(at: usize) -> Option<u8> {
    u8::try_from(at).ok().filter(|&at| at < 26)
}

/// A letter before the text of an option: `B) Red`, `(b) Red`, `B. Red`, `B: Red`.
struct Label<'a> {
    /// The position in the alphabet, from 0.
    letter: u8,
    /// Whether a point follows the letter, as after an initial.
    has_point: bool,
    text: &'a str,
}

fn split_label(text: &str) -> Option<Label<'_>> {
    let text = text.trim();
    let (inner, closers): (_, &[char]) = match text.strip_prefix(['(', '（']) {
        Some(inner) => (inner, &[')', '）']),
        None => match text.strip_prefix('[') {
            Some(inner) => (inner, &[']']),
            None => (text, &[')', '.', ':', '）', '．', '：', '、']),
        },
    };
    let letter = inner.chars().next().filter(char::is_ascii_alphabetic)?;
    let closed = inner[1..].trim_start();
    let rest = closed.strip_prefix(closers)?;
    // "a.5" and "e.g." are texts.
    let needs_space = closed.starts_with(['.', ':']);
    if rest.trim().is_empty() || (needs_space && !rest.starts_with(char::is_whitespace)) {
        return None;
    }
    let has_point = closed.starts_with(['.', '．', '、']);
    Some(Label { letter: letter.to_ascii_lowercase() as u8 - b'a', has_point, text: rest.trim() })
}

/// Returns whether all options start with a label, each with a different letter. Letters with points must also be the
/// first letters of the alphabet in any order, or in ascending order. "G. Washington" and "A. Lincoln" are not labels.
fn own_letters(labelled: &[Option<Label>]) -> bool {
    let letters: Vec<u8> = labelled.iter().flatten().map(|label| label.letter).collect();
    if letters.is_empty() || letters.len() < labelled.len() {
        return false;
    }
    let mut sorted = letters.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let is_start_of_alphabet = sorted.iter().enumerate().all(|(at, &letter)| usize::from(letter) == at);
    let has_no_point = labelled.iter().flatten().all(|label| !label.has_point);
    sorted.len() == letters.len() && (has_no_point || is_start_of_alphabet || sorted == letters)
}

/// Splits the number before the text of an option (`2. Red`, `(2) Red`) from the text.
fn split_number(text: &str) -> Option<(usize, &str)> {
    let text = text.trim();
    let inner = text.strip_prefix('(').unwrap_or(text);
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    let number = inner[..digits].parse().ok()?;
    let rest = match inner.len() < text.len() {
        true => inner[digits..].strip_prefix(')')?,
        false => inner[digits..].strip_prefix([')', '.', ':'])?,
    };
    let is_decimal = rest.starts_with(|c: char| c.is_ascii_digit());
    (!is_decimal && !rest.trim().is_empty()).then(|| (number, rest.trim()))
}

fn are_numbered(texts: &[String]) -> bool {
    texts.len() > 1
        && texts
            .iter()
            .enumerate()
            .all(|(at, text)| split_number(text).is_some_and(|(number, _)| number == at + 1))
}
