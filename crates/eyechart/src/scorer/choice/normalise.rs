//! Maps characters that mean the same in an answer to one plain form.

/// Returns the plain form of a character. Full-width, mathematical, circled and squared letters and digits become
/// ASCII. Quotes, dashes and the punctuation of Chinese and Japanese become their ASCII counterparts. Case is kept.
///
/// Letters of other alphabets that look like Latin letters (Cyrillic А) are not changed.
pub(super) fn plain(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let code = u32::from(c);
    let letter = |offset: u32, base: u8| char::from(base + u8::try_from(offset % 26).unwrap_or(0));
    match code {
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        0x1D400..=0x1D6A3 => {
            let offset = (code - 0x1D400) % 52;
            letter(offset, if offset < 26 { b'A' } else { b'a' })
        }
        0x1D7CE..=0x1D7FF => char::from_digit((code - 0x1D7CE) % 10, 10).unwrap_or(c),
        0x24B6..=0x24CF => letter(code - 0x24B6, b'A'),
        0x24D0..=0x24E9 => letter(code - 0x24D0, b'a'),
        0x249C..=0x24B5 => letter(code - 0x249C, b'a'),
        0x1F110..=0x1F129 => letter(code - 0x1F110, b'A'),
        0x1F130..=0x1F149 => letter(code - 0x1F130, b'A'),
        0x1F150..=0x1F169 => letter(code - 0x1F150, b'A'),
        0x1F170..=0x1F189 => letter(code - 0x1F170, b'A'),
        0x2460..=0x2468 => char::from_digit(code - 0x245F, 10).unwrap_or(c),
        0x2776..=0x277E => char::from_digit(code - 0x2775, 10).unwrap_or(c),
        0x2780..=0x2788 => char::from_digit(code - 0x277F, 10).unwrap_or(c),
        0x278A..=0x2792 => char::from_digit(code - 0x2789, 10).unwrap_or(c),
        _ => plain_sign(c),
    }
}

/// Returns whether a character is a digit from 1 to 9 in a circle, as used to number options: ③, ❸.
pub(super) fn is_circled_digit(c: char) -> bool {
    matches!(c, '\u{2460}'..='\u{2468}' | '\u{2776}'..='\u{277e}' | '\u{2780}'..='\u{2788}' | '\u{278a}'..='\u{2792}')
}

fn plain_sign(c: char) -> char {
    match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => ' ',
        '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '‘' | '’' | 'ʼ' | '´' | '‚' => '\'',
        '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』' | '《' | '》' => '"',
        '‐' | '‑' | '‒' | '–' | '−' => '-',
        '。' | '｡' => '.',
        '、' => ',',
        '【' | '〔' | '〖' => '[',
        '】' | '〕' | '〗' => ']',
        '…' => '…',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        'ℬ' => 'B',
        'ℂ' | 'ℭ' => 'C',
        'ℰ' => 'E',
        'ℱ' => 'F',
        'ℋ' | 'ℌ' | 'ℍ' => 'H',
        'ℐ' | 'ℑ' => 'I',
        'ℒ' => 'L',
        'ℳ' => 'M',
        'ℕ' => 'N',
        'ℙ' => 'P',
        'ℚ' => 'Q',
        'ℛ' | 'ℜ' | 'ℝ' => 'R',
        'ℤ' | 'ℨ' => 'Z',
        'ℎ' => 'h',
        'ℯ' => 'e',
        'ℊ' => 'g',
        'ℴ' => 'o',
        other => other,
    }
}

/// Returns whether a character is invisible and has no meaning: joiners, direction marks, variation selectors.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{20e3}' | '\u{ad}')
}

/// Returns whether a character belongs to a script without spaces between words, or with endings that attach to words:
/// Chinese, Japanese, Korean.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{3005}')
}
