//! Values from data in messages: short, on one line.

/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// The start of a value for a message: at most 80 characters, without control characters.
#[must_use]
pub(crate) fn shown_value(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(SHOWN).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Whether [`shown_value`] leaves a part of the value out.
#[must_use]
pub(crate) fn is_too_long_to_show(value: &str) -> bool {
    value.chars().nth(SHOWN).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_after_80_characters_and_has_one_line() {
        assert_eq!(shown_value("a\n\u{1b}b"), "a  b");
        assert_eq!(shown_value(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(shown_value(&"é".repeat(81)), format!("{}…", "é".repeat(79)));
        assert!(!is_too_long_to_show(&"é".repeat(80)) && is_too_long_to_show(&"é".repeat(81)));
    }
}
