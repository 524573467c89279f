//! Positions in texts, counted in characters.

use std::ops::Range;

/// The bytes `span` of `text` as `[start, end)` in Unicode characters. Bytes that are not at the border of a character
/// count as the border before them.
#[must_use]
pub fn character_span(text: &str, span: Range<usize>) -> [usize; 2] {
    let border = |at: usize| text.char_indices().take_while(|(start, _)| *start < at.min(text.len())).count();
    [border(span.start), border(span.end)]
}

#[cfg(test)]
mod tests {
    use super::character_span;

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert_eq!(character_span("Größe: B", 9..10), [7, 8]);
        assert_eq!(character_span("B", 0..1), [0, 1]);
        assert_eq!(character_span("", 0..0), [0, 0]);
        assert_eq!(character_span("é", 0..9), [0, 1]);
    }
}
