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

/// The text with all its escapes decoded.
pub(crate) fn decoded(text: &str) -> String {
    Layer::all_of(text).last().map_or_else(|| text.to_owned(), |layer| layer.text.into_owned())
}

/// A text, decoded some times.
pub(super) struct Layer<'a> {
    pub(super) text: Cow<'a, str>,
    /// Where each byte of the text begins in the original text, and the end of that; absent if nothing was decoded.
    starts: Option<Vec<usize>>,
}

impl<'a> Layer<'a> {
    /// The text, and then the text with its escapes decoded once, twice and so on, as long as there are any.
    pub(super) fn all_of(text: &'a str) -> impl Iterator<Item = Self> {
        let first = Layer { text: Cow::Borrowed(text), starts: None };
        std::iter::successors(Some(first), Self::decoded).take(DEPTH + 1)
    }

    /// Where the bytes of `range` come from in the original text.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        self.start(range.start)..self.start(range.end)
    }

    fn start(&self, at: usize) -> usize {
        self.starts.as_ref().map_or(at, |starts| starts[at])
    }

    /// The text with its escapes decoded once; absent if there are none.
    fn decoded(&self) -> Option<Self> {
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
