//! White space, digits and word characters as Python's `str` and `re` define them.
//!
//! The published metrics are Python scripts, and the definitions of Rust differ from those of Python for a few
//! characters.

/// The zero of each run of ten decimal digits: general category Nd in Unicode 14, the version of Python 3.11.
const ZEROS: [u32; 66] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC,
    0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

/// Returns the ASCII digit with the same value as a decimal digit of any script; `None` for other characters.
pub(super) fn ascii_digit(character: char) -> Option<char> {
    if character.is_ascii() {
        return character.is_ascii_digit().then_some(character);
    }
    let code = u32::from(character);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    char::from_digit(code - zero, 10)
}

/// Returns whether `\d` matches the character.
pub(super) fn is_decimal_digit(character: char) -> bool {
    ascii_digit(character).is_some()
}

/// Returns whether `str.split()` and `str.strip()` treat the character as white space.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Returns whether `\w` matches the character. Combining vowel signs of some scripts match here but not in Python.
pub(super) fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the words that `str.split()` returns.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Returns the text that `str.strip()` returns.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Returns the words of the text with one space between them.
pub(super) fn join_white_space(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for word in split(text) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_a_value() {
        assert_eq!(ascii_digit('7'), Some('7'));
        assert_eq!(ascii_digit('٣'), Some('3'));
        assert_eq!(ascii_digit('９'), Some('9'));
        assert_eq!(ascii_digit('\u{1D7FF}'), Some('9'));
        assert_eq!(ascii_digit('½'), None);
        assert_eq!(ascii_digit('x'), None);
        assert_eq!(ascii_digit('\u{1D800}'), None);
    }

    #[test]
    fn the_zeros_are_in_order() {
        assert!(ZEROS.is_sorted());
    }

    #[test]
    fn separator_controls_and_no_break_spaces_are_white_space() {
        assert_eq!(join_white_space("\u{1c}a\u{a0}b \n\t c\u{3000}"), "a b c");
        assert_eq!(strip("\u{1f} x \u{2028}"), "x");
        assert_eq!(join_white_space("a\u{200b}b"), "a\u{200b}b");
    }
}
