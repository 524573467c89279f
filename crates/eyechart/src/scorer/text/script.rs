//! Properties of characters that depend on the script: words without spaces, full-width forms, currency signs. This
//! file does not know any metric.

/// Whether the script of the character does not separate words by spaces, or attaches particles to them: Thai, Lao,
/// Myanmar, Khmer, Chinese, Japanese, Korean.
pub(super) fn is_unseparated(character: char) -> bool {
    matches!(character,
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ecd}' | '\u{1000}'..='\u{103f}'
        | '\u{1780}'..='\u{17d3}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        && character != '・'
}

/// The ASCII character that a full-width character stands for; other characters unchanged.
pub(super) fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{ffe0}' => '¢',
        '\u{ffe1}' => '£',
        '\u{ffe5}' => '¥',
        _ => character,
    }
}

/// Whether the character is a sign of a currency.
pub(super) fn is_currency(character: char) -> bool {
    matches!(character, '$' | '¢'..='¥' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}')
}
