//! `contains`: whether the reference occurs in the answer as whole words. It compares an answer with one reference.
//!
//! The words of the reference must occur in the answer one after another. Case, white space and punctuation are
//! ignored, but `%`, `°` and currency signs are words. A number is one word with its sign, decimal point, and date or
//! time separators, and without thousands commas. In scripts that do not separate words, each character is a word.

use super::script::{half_width, is_currency, is_unseparated};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, right_or_wrong};
use crate::scorer::measure::Measure;
use crate::types::ScoreEntry;

/// Separates words. No word contains a line feed.
const BOUNDARY: char = '\n';

/// Returns whether the words of the reference occur in the answer, one after another.
///
/// `12` does not occur in `112`, `12.5`, `-12` or `12:30`, and `3` does not occur in `3,000`. A reference without
/// words occurs only in an answer that is equal to it after trimming.
#[must_use]
pub fn contains(answer: &str, reference: &str) -> bool {
    let words = words(reference);
    if words.len() <= BOUNDARY.len_utf8() {
        return answer.trim() == reference.trim();
    }
    self::words(answer).contains(&words)
}

/// Returns the words of a text, with a boundary before, between and after them.
fn words(text: &str) -> String {
    let characters: Vec<char> = text.to_lowercase().chars().map(half_width).collect();
    let mut words = String::with_capacity(text.len() + 2);
    words.push(BOUNDARY);
    let mut at = 0;
    while at < characters.len() {
        let length = word_length(&characters, at);
        let word = &characters[at..at + length];
        if length > 0 {
            push_word(word, &mut words);
        }
        at += length.max(1);
    }
    words
}

fn push_word(word: &[char], words: &mut String) {
    let has_thousands = has_thousands_commas(word);
    let kept = word.iter().filter(|character| !(has_thousands && **character == ','));
    words.extend(kept.map(|character| if *character == '−' { '-' } else { *character }));
    words.push(BOUNDARY);
}

/// Returns the number of characters of the word that starts at `at`; 0 if no word starts there.
fn word_length(characters: &[char], at: usize) -> usize {
    let before = at.checked_sub(1).map(|before| characters[before]);
    let first = characters[at];
    let next = characters.get(at + 1).copied();
    if is_minus(first) {
        let is_sign = next.is_some_and(|next| next.is_ascii_digit() || next == '.' || is_currency(next))
            && !before.is_some_and(is_word_character);
        return if is_sign { 1 + word_length(characters, at + 1) } else { 0 };
    }
    if is_symbol(first) || is_unseparated(first) {
        return 1;
    }
    let rest = &characters[at..];
    let is_point = first == '.' && next.is_some_and(|next| next.is_ascii_digit());
    if is_point && !before.is_some_and(is_word_character) {
        return 1 + word_length(characters, at + 1);
    }
    let end = (0..rest.len()).find(|index| !is_inside_word(rest, *index)).unwrap_or(rest.len());
    if end == 0 { 0 } else { end + trailing_marks(&rest[end - 1..]) }
}

/// Returns whether the character at `index` belongs to a word that starts at 0.
fn is_inside_word(characters: &[char], index: usize) -> bool {
    let is_digit = |index: usize| characters.get(index).is_some_and(char::is_ascii_digit);
    match characters[index] {
        '.' | ',' | ':' | '/' | '\'' | '’' => index > 0 && is_digit(index - 1) && is_digit(index + 1),
        character => is_word_character(character) && !is_unseparated(character),
    }
}

/// Returns the number of plus or number signs after a letter, as in `C++`, `C#` and `A+`; 0 before another word
/// character.
fn trailing_marks(characters: &[char]) -> usize {
    let Some((last, after)) = characters.split_first() else { return 0 };
    let marks = after.iter().take_while(|character| matches!(character, '+' | '#')).count();
    let is_end = !after.get(marks).copied().is_some_and(is_word_character);
    if last.is_alphabetic() && is_end { marks } else { 0 }
}

/// Returns whether the word is digits with a comma before each group of three, and an optional decimal part.
fn has_thousands_commas(word: &[char]) -> bool {
    let unsigned = word.strip_prefix(&['-']).or_else(|| word.strip_prefix(&['−'])).unwrap_or(word);
    let whole = unsigned.split(|character| *character == '.').next().unwrap_or_default();
    let is_plain = unsigned.iter().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.'))
        && unsigned.iter().filter(|c| **c == '.').count() <= 1
        && !unsigned[whole.len()..].contains(&',');
    let mut groups = whole.split(|character| *character == ',').map(<[char]>::len);
    let first = groups.next().unwrap_or_default();
    let others: Vec<usize> = groups.collect();
    is_plain && (1..=3).contains(&first) && !others.is_empty() && others.iter().all(|length| *length == 3)
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || is_combining_mark(character)
}

fn is_combining_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{fe20}'..='\u{fe2f}')
}

fn is_minus(character: char) -> bool {
    matches!(character, '-' | '−')
}

fn is_symbol(character: char) -> bool {
    matches!(character, '%' | '°') || is_currency(character)
}

/// The scorer `contains`.
pub(in crate::scorer) const CONTAINS: Declaration = Declaration::new("contains", build);

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let metrics = vec![right_or_wrong(entry, "share of answers that contain a reference as whole words")];
    Ok(ConfiguredScorer::plain(metrics, Measure::right_or_wrong(contains)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_space_and_punctuation_between_words_do_not_count() {
        assert!(contains("It is a **Golden-Retriever**, I think.", "golden retriever"));
        assert!(contains("state of the\n art", "State-of-the-art"));
        assert!(contains("The owner is Anna's brother", "anna"));
        assert!(contains("The owner is Ａｎｎａ．", "anna"));
    }

    #[test]
    fn only_whole_words_in_their_order_occur() {
        assert!(!contains("a redder car", "red"));
        assert!(!contains("car red", "red car"));
        assert!(!contains("red sports car", "red car"));
        assert!(!contains("cafe\u{301}s", "cafe"));
        assert!(!contains("B2", "B"));
    }

    #[test]
    fn a_number_is_one_word_with_its_separators() {
        for answer in
            ["112", "12.5", "3,012", "-12", "−12", "12:30", "12/25", "12.05.2024", "12kg", ".12", "-.12"]
        {
            assert!(!contains(answer, "12"), "{answer}");
        }
        for answer in ["12.", "(12)", "12, 13", "12%", "$12", "10-12", "x=12", "12-13", "no.12"] {
            assert!(contains(answer, "12"), "{answer}");
        }
        assert!(!contains("3,000", "3"));
        assert!(!contains("3,000", "000"));
        assert!(contains("at 12:30 sharp", "12:30"));
    }

    #[test]
    fn thousands_commas_do_not_count_and_decimal_commas_do() {
        assert!(contains("about 3,000 people", "3000"));
        assert!(contains("costs $1,234,567.50", "1234567.50"));
        assert!(contains("at -3,000 m", "−3000"));
        assert!(!contains("3,00", "300"));
        assert!(!contains("1234,567", "1234567"));
        assert!(contains("3,5 kg", "3,5"));
    }

    #[test]
    fn percent_and_currency_signs_are_words() {
        assert!(contains("it fell by 12 % in May", "12%"));
        assert!(!contains("112%", "12%"));
        assert!(!contains("12", "12%"));
        assert!(contains("€5", "5"));
        assert!(!contains("-$5", "$5"));
        assert!(!contains("€5", "$5"));
    }

    #[test]
    fn a_plus_after_a_letter_belongs_to_the_word() {
        assert!(!contains("written in C++", "C"));
        assert!(!contains("written in C", "C#"));
        assert!(contains("written in C++.", "c++"));
        assert!(contains("x+y", "x y"));
    }

    #[test]
    fn each_character_is_a_word_where_words_are_not_separated() {
        assert!(contains("答案是东京。", "东京"));
        assert!(contains("정답은 서울입니다", "서울"));
        assert!(contains("共12个", "12"));
        assert!(!contains("答案是东京。", "京东"));
    }

    #[test]
    fn a_reference_without_words_must_be_the_whole_answer() {
        assert!(contains(" + ", "+"));
        assert!(!contains("a + b", "+"));
        assert!(!contains("anything", ""));
        assert!(contains("", " "));
    }

    #[test]
    fn a_long_answer_is_searched_in_linear_time() {
        let answer = "a ".repeat(400_000);
        assert!(!contains(&answer, &format!("{}b", "a ".repeat(100_000))));
    }
}
