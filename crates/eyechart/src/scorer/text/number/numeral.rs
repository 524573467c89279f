//! Reads digits with separators, and decides which separator is the decimal separator.

use super::decimal::Decimal;

/// Reads ASCII digits with separators between them: `1,234.5`, `1.234,5`, `1 234,5`, `1'234.5`, `12,34,567`; `None`
/// for anything else.
///
/// If there are two kinds of separators, the last one is the decimal separator. A comma before exactly three digits
/// separates thousands, unless the digits start with 0. A single point is a decimal point.
pub(super) fn read_numeral(text: &str) -> Option<Decimal> {
    let mut kinds: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).map(separator_kind).collect();
    let separators = kinds.len();
    kinds.dedup();
    if !kinds.iter().all(|kind| matches!(kind, '.' | ',' | '\'' | ' ')) {
        return None;
    }
    let last_separator = text.rfind(|c: char| !c.is_ascii_digit());
    match (kinds.as_slice(), last_separator) {
        ([], _) => Some(Decimal::new(text, "", 0)),
        ([kind], Some(at)) => read_with_one_kind(text, *kind, separators, at),
        ([group, point @ (',' | '.')], Some(at)) if group != point => {
            let (whole, fraction) = split_around(text, at)?;
            let is_single_point = whole.chars().all(|c| c.is_ascii_digit() || separator_kind(c) == *group);
            let whole = is_single_point.then(|| join_groups(whole, *group)).flatten()?;
            Some(Decimal::new(&whole, fraction, 0))
        }
        _ => None,
    }
}

fn read_with_one_kind(text: &str, kind: char, separators: usize, at: usize) -> Option<Decimal> {
    let grouped = || join_groups(text, kind).map(|whole| Decimal::new(&whole, "", 0));
    let with_fraction = || split_around(text, at).map(|(whole, fraction)| Decimal::new(whole, fraction, 0));
    match (kind, separators) {
        ('.', 1) => with_fraction(),
        (',', 1) => grouped().or_else(with_fraction),
        _ => grouped(),
    }
}

/// Returns the texts before and after the character at byte `at`.
fn split_around(text: &str, at: usize) -> Option<(&str, &str)> {
    let separator = text[at..].chars().next()?;
    Some((&text[..at], &text[at + separator.len_utf8()..]))
}

/// Returns the digits without the separators; `None` if the groups are not well formed. The first group has one to
/// three digits and does not start with 0, the others have three. With commas, Indian groups of two before the last
/// three digits are allowed too.
fn join_groups(text: &str, kind: char) -> Option<String> {
    let groups: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
    let (first, others) = groups.split_first()?;
    let (last, middle) = others.split_last()?;
    let has_middle = |length: usize| middle.iter().all(|group| group.len() == length);
    let is_indian = kind == ',' && first.len() <= 2 && !middle.is_empty() && has_middle(2);
    let is_grouped = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && last.len() == 3
        && (has_middle(3) || is_indian);
    is_grouped.then(|| groups.concat())
}

/// Maps each separator to its kind: separators that are used in the same way have the same kind.
fn separator_kind(separator: char) -> char {
    match separator {
        '’' => '\'',
        character if character.is_whitespace() => ' ',
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_of_thousands_are_dropped() {
        for (text, plain) in [
            ("1,234", "1234"),
            ("1,234,567.50", "1234567.5"),
            ("1.234,50", "1234.5"),
            ("1.234.567", "1234567"),
            ("1 234,50", "1234.5"),
            ("1\u{202f}234\u{a0}567", "1234567"),
            ("1'234.5", "1234.5"),
            ("1’234", "1234"),
            ("12,34,567", "1234567"),
        ] {
            assert_eq!(read_numeral(text), Decimal::from_plain(plain), "{text}");
        }
    }

    #[test]
    fn a_lone_point_and_a_comma_before_other_than_three_digits_are_decimal() {
        for (text, plain) in [
            ("1.234", "1.234"),
            ("12,5", "12.5"),
            ("0,125", "0.125"),
            ("3,1416", "3.1416"),
            ("1234,567", "1234.567"),
        ] {
            assert_eq!(read_numeral(text), Decimal::from_plain(plain), "{text}");
        }
    }

    #[test]
    fn other_shapes_are_not_numbers() {
        for text in [
            "1,2,3",
            "1.2.3",
            "12.05.2024",
            "10:30",
            "3/4",
            "1,234.5.6",
            "1,23.4",
            "1 23",
            "1.234,567,8",
            "0,1,234",
            "1_000",
            "10:345",
            "10/345",
        ] {
            assert_eq!(read_numeral(text), None, "{text}");
        }
    }
}
