//! Properties of characters that depend on the script: words without spaces, full-width forms, currency signs.

/// Returns whether the script of the character does not separate words by spaces, or attaches particles to words: Thai,
/// Lao, Myanmar, Khmer, Chinese, Japanese, Korean.
pub(super) fn is_unseparated(character: char) -> bool {
    matches!(character,
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ecd}' | '\u{1000}'..='\u{103f}'
        | '\u{1780}'..='\u{17d3}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        && character != '・'
}

/// Returns the half-width form of a full-width character; other characters are returned unchanged.
pub(super) fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{ffe0}' => '¢',
        '\u{ffe1}' => '£',
        '\u{ffe5}' => '¥',
        _ => character,
    }
}

/// Returns whether the character is a currency sign.
pub(super) fn is_currency(character: char) -> bool {
    matches!(character, '$' | '¢'..='¥' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}')
}
