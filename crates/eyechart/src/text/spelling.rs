//! Words in every spelling that formats have for a character: `\/` and `\u002B` of JSON, `%2B` of addresses, `&#43;` of
//! pages, and one of these inside another.

use std::borrow::Cow;
use std::ops::Range;

/// Escapes inside escapes that are looked through. Three formats in each other are more than servers write.
const DEPTH: usize = 4;

/// Names that pages have for punctuation.
const NAMED: [(&str, u8); 27] = [
    ("amp", b'&'),
    ("apos", b'\''),
    ("ast", b'*'),
    ("bsol", b'\\'),
    ("colon", b':'),
    ("comma", b','),
    ("commat", b'@'),
    ("dollar", b'$'),
    ("equals", b'='),
    ("excl", b'!'),
    ("grave", b'`'),
    ("gt", b'>'),
    ("hyphen", b'-'),
    ("lbrace", b'{'),
    ("lowbar", b'_'),
    ("lpar", b'('),
    ("lt", b'<'),
    ("num", b'#'),
    ("percnt", b'%'),
    ("period", b'.'),
    ("plus", b'+'),
    ("quest", b'?'),
    ("quot", b'"'),
    ("rpar", b')'),
    ("semi", b';'),
    ("sol", b'/'),
    ("verbar", b'|'),
];

/// A text with `replacement` in place of each of `words`, however the text spells it. A word that the end of the text cuts
/// off is replaced too if at least `shortest` bytes of it are left.
pub(crate) fn replaced_in_any_spelling(
    text: String,
    words: &[&str],
    shortest: usize,
    replacement: &str,
) -> String {
    let mut found = Vec::new();
    let mut layer = Layer::of(&text);
    for _ in 0..=DEPTH {
        words.iter().for_each(|word| layer.find(word, shortest, &mut found));
        match layer.decoded() {
            Some(next) => layer = next,
            None => break,
        }
    }
    if found.is_empty() {
        return text;
    }
    found.sort_unstable_by_key(|range| range.start);
    let (mut changed, mut end) = (String::with_capacity(text.len()), 0);
    for range in found {
        if range.start >= end {
            changed.push_str(&text[end..range.start]);
            changed.push_str(replacement);
        }
        end = end.max(range.end);
    }
    changed.push_str(&text[end..]);
    changed
}

/// The text with all its escapes decoded.
pub(crate) fn decoded(text: &str) -> String {
    let mut layer = Layer::of(text);
    for _ in 0..DEPTH {
        match layer.decoded() {
            Some(next) => layer = next,
            None => break,
        }
    }
    layer.text.into_owned()
}

/// A text, decoded some times.
struct Layer<'a> {
    text: Cow<'a, str>,
    /// Where each byte of the text begins in the original text, and the end of that; absent if nothing was decoded.
    starts: Option<Vec<usize>>,
}

impl<'a> Layer<'a> {
    fn of(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), starts: None }
    }

    fn start(&self, at: usize) -> usize {
        self.starts.as_ref().map_or(at, |starts| starts[at])
    }

    fn find(&self, word: &str, shortest: usize, found: &mut Vec<Range<usize>>) {
        let mut range = |start: usize, end: usize| found.push(self.start(start)..self.start(end));
        self.text.match_indices(word).for_each(|(at, _)| range(at, at + word.len()));
        let is_cut = |end: &usize| word.is_char_boundary(*end) && self.text.ends_with(&word[..*end]);
        if let Some(length) = (shortest..word.len()).rev().find(is_cut) {
            range(self.text.len() - length, self.text.len());
        }
    }

    /// The text with its escapes decoded once; absent if there are none.
    fn decoded(&self) -> Option<Layer<'static>> {
        let bytes = self.text.as_bytes();
        let is_mark = |byte: &u8| matches!(byte, b'\\' | b'%' | b'&');
        bytes.iter().any(is_mark).then_some(())?;
        let (mut text, mut starts) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(bytes.len() + 1));
        let mut at = 0;
        while at < bytes.len() {
            let escape = is_mark(&bytes[at]).then(|| escape(&self.text[at..])).flatten();
            let (byte, length) = escape.unwrap_or((bytes[at], 1));
            text.push(byte);
            starts.push(self.start(at));
            at += length;
        }
        (text.len() < bytes.len()).then_some(())?;
        starts.push(self.start(bytes.len()));
        // Only ASCII is put in place of ASCII, so this is UTF-8 still.
        Some(Layer { text: Cow::Owned(String::from_utf8(text).ok()?), starts: Some(starts) })
    }
}

/// The printable ASCII character that the escape at the beginning of `rest` stands for, and the bytes of the escape.
fn escape(rest: &str) -> Option<(u8, usize)> {
    let hex = |from: usize, digits: usize| {
        let code = u32::from_str_radix(rest.get(from..from + digits)?, 16).ok()?;
        Some((u8::try_from(code).ok()?, from + digits))
    };
    let read = match rest.as_bytes() {
        [b'%', ..] => hex(1, 2),
        [b'\\', b'u', ..] => hex(2, 4),
        [b'\\', b'x', ..] => hex(2, 2),
        [b'\\', sign, ..] if sign.is_ascii_punctuation() => Some((*sign, 2)),
        [b'&', ..] => entity(rest),
        _ => None,
    };
    read.filter(|(byte, _)| byte.is_ascii_graphic())
}

/// The character of `&#43;`, `&#x2B;` or `&plus;`.
fn entity(rest: &str) -> Option<(u8, usize)> {
    // The longest name has six letters.
    let end = rest.bytes().take(10).position(|byte| byte == b';')?;
    let name = &rest[1..end];
    let byte = match name.strip_prefix('#') {
        Some(code) => match code.strip_prefix(['x', 'X']) {
            Some(code) => u8::from_str_radix(code, 16).ok()?,
            None => code.parse().ok()?,
        },
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((byte, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: &str = "sk/9a+B\"3==&x%41\\n";

    fn hidden(text: &str) -> String {
        replaced_in_any_spelling(text.to_owned(), &[WORD, &decoded(WORD)], 8, "[key]")
    }

    fn spelled(spell: impl Fn(char) -> String) -> String {
        WORD.chars().map(spell).collect()
    }

    #[test]
    fn a_word_is_found_in_the_spelling_of_each_format() {
        let json = |text: &str| {
            let quoted = serde_json::to_string(text).unwrap();
            quoted[1..quoted.len() - 1].to_owned()
        };
        let percent = |c: char| format!("%{:02x}", u32::from(c));
        let signs = |c: char| if c.is_alphanumeric() { c.to_string() } else { percent(c).to_uppercase() };
        let once = [
            WORD.to_owned(),
            json(WORD),
            json(WORD).replace('/', "\\/"),
            spelled(|c| format!("\\u{:04X}", u32::from(c))),
            spelled(|c| format!("\\x{:02x}", u32::from(c))),
            spelled(percent),
            spelled(signs),
            spelled(|c| format!("&#{};", u32::from(c))),
            spelled(|c| format!("&#x{:X};", u32::from(c))),
            WORD.replace('&', "&amp;").replace('"', "&quot;").replace('+', "&plus;"),
        ];
        for spelling in once {
            assert_eq!(hidden(&format!("bad key {spelling}.")), "bad key [key].", "{spelling}");
            let twice = json(&json(&spelling)).replace('/', "\\/");
            assert_eq!(hidden(&format!("{{\"{twice}\"}}")), "{\"[key]\"}", "{twice}");
            let in_address = twice.replace('%', "%25").replace('\\', "%5C");
            assert_eq!(hidden(&in_address), "[key]", "{in_address}");
        }
    }

    #[test]
    fn a_word_that_is_cut_off_is_found_and_other_text_stays_as_it_is() {
        assert_eq!(hidden("bad key sk\\/9a\\u002BB\\\"3"), "bad key [key]");
        assert_eq!(hidden("bad key sk/9a+"), "bad key sk/9a+", "a beginning that tells little");
        for text in ["", "100 % of a\\b & c; \\u00e9 %zz &#999; é%", "\\", "%", "&", "&#;", "\\u12"] {
            assert_eq!(hidden(text), text);
        }
        assert_eq!(hidden(&format!("{WORD}{WORD} \\frac{{a}}{{b}}")), "[key][key] \\frac{a}{b}");
    }
}
