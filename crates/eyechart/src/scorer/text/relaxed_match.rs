//! `relaxed_match`: numbers within 5%, other texts equal, as in ChartQA. It compares an answer with one reference.

use super::python_str::{ascii_digit, is_space, strip};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, right_or_wrong};
use crate::scorer::measure::Measure;
use crate::types::ScoreEntry;

/// Largest allowed difference of a number, as a share of the reference (Methani et al. 2020).
const TOLERANCE: f64 = 0.05;

/// Returns whether the answer matches the reference: numbers within 5% of the reference, other texts equal in any case.
///
/// Both texts are trimmed. A text is a number if the `float` of Python reads it as a finite number. A `%` at the end
/// divides it by 100. A reference of 0 and texts that are not numbers must be equal as texts, so `1,000` does not match
/// `1000`. Source: Masry et al. 2022, as `relaxed_correctness` of pix2struct computes it.
#[must_use]
pub fn relaxed_match(answer: &str, reference: &str) -> bool {
    let (answer, reference) = (strip(answer), strip(reference));
    match (number(answer), number(reference)) {
        (Some(value), Some(target)) if target != 0.0 => (value - target).abs() / target.abs() <= TOLERANCE,
        _ => answer.to_lowercase() == reference.to_lowercase(),
    }
}

fn number(text: &str) -> Option<f64> {
    let value = match text.strip_suffix('%') {
        Some(percent) => python_float(percent)? / 100.0,
        None => python_float(text)?,
    };
    value.is_finite().then_some(value)
}

/// Returns the number that `float(text)` returns in Python; `None` for `inf`, `nan` and texts that are not numbers.
///
/// Decimal digits of all scripts are accepted, and an underscore between two digits is skipped.
fn python_float(text: &str) -> Option<f64> {
    // Python trims only ASCII white space if the whole text is ASCII.
    let trimmed = if text.is_ascii() {
        text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
    } else {
        text.trim_matches(is_space)
    };
    let mut plain = String::new();
    let mut previous = '_';
    let mut characters = trimmed.chars().map(|c| ascii_digit(c).unwrap_or(c)).peekable();
    while let Some(character) = characters.next() {
        match character {
            '_' => {
                let is_between_digits =
                    previous.is_ascii_digit() && characters.peek().is_some_and(char::is_ascii_digit);
                is_between_digits.then_some(())?;
            }
            '0'..='9' | '+' | '-' | '.' | 'e' | 'E' => plain.push(character),
            _ => return None,
        }
        previous = character;
    }
    plain.parse().ok()
}

/// The scorer `relaxed_match`.
pub(in crate::scorer) const RELAXED_MATCH: Declaration = Declaration::new("relaxed_match", build);

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let metrics =
        vec![right_or_wrong(entry, "share of answers equal to a reference, or numbers within 5% of it")];
    Ok(ConfiguredScorer::plain(metrics, Measure::right_or_wrong(relaxed_match)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_five_percent_off() {
        assert!(relaxed_match("42", "40"));
        assert!(!relaxed_match("42.1", "40"));
        assert!(relaxed_match("-38", "-40"));
        assert!(!relaxed_match("40", "-40"));
    }

    #[test]
    fn a_percent_sign_divides_by_one_hundred() {
        assert!(relaxed_match("40 %", "0.4"));
        assert!(!relaxed_match("40%", "40"));
    }

    #[test]
    fn a_reference_of_zero_is_compared_as_text() {
        assert!(relaxed_match("0", "0"));
        assert!(!relaxed_match("0.0", "0"));
    }

    #[test]
    fn texts_are_equal_in_any_case() {
        assert!(relaxed_match(" Dark Green", "dark green "));
        assert!(!relaxed_match("dark green.", "dark green"));
        assert!(relaxed_match("Infinity", "infinity"));
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, value) in [("1_000", 1000.0), ("+.5e1", 5.0), ("٤٢", 42.0), ("5.", 5.0), ("1E-2", 0.01)]
        {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in
            ["", ".", "_1", "1_", "1__0", "1_.5", "1e", "0x10", "1,000", "1 000", "inf", "NaN", "1e999"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
