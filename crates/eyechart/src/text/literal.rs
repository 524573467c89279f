//! Reads the notation of Python for lists, dictionaries, texts and numbers, as `str(value)` and NumPy write them, and texts as
//! people write them in code: with the prefixes `u`, `r` and `b`, and in triple quotes.

use serde_json::{Map, Value};

/// Nesting beyond this depth is not read.
const MAX_DEPTH: usize = 32;

/// The value that `text` writes in the notation of Python; `None` if it is not such a value.
///
/// Items of a list may be separated by white space only, as NumPy prints them. `None`, `nan` and infinities are null. An
/// integer that JSON cannot hold is a text with all its digits.
pub(crate) fn parse_python(text: &str) -> Option<Value> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.skip_space();
    (parser.at == text.len()).then_some(value)
}

/// What the letters before a quote mean.
#[derive(Clone, Copy, Default)]
struct Prefix {
    /// Backslashes are characters.
    is_raw: bool,
    /// The characters are bytes.
    is_bytes: bool,
}

/// The text whose bytes in UTF-8 are the characters of `bytes`.
fn as_utf8(bytes: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> =
        bytes.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    String::from_utf8(bytes?).ok()
}

struct Parser<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes `sign` and the white space before it.
    fn takes(&mut self, sign: char) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len_utf8() } else { 0 };
        is_next
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.rest().chars().next()? {
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            '{' => self.dictionary(depth),
            '\'' | '"' => self.string(Prefix::default()).map(Value::String),
            _ => match self.prefix() {
                Some(prefix) => self.string(prefix).map(Value::String),
                None => self.word(),
            },
        }
    }

    fn list(&mut self, end: char, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        while !self.takes(end) {
            let before = self.at;
            items.push(self.value(depth + 1)?);
            let has_space = self.rest().starts_with(char::is_whitespace);
            let is_separated = self.takes(',') || has_space || self.rest().starts_with(end);
            if !is_separated || self.at == before {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut fields = Map::new();
        while !self.takes('}') {
            self.skip_space();
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                key @ (Value::Number(_) | Value::Bool(_)) => key.to_string(),
                _ => return None,
            };
            if !self.takes(':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            fields.insert(key, value);
            if !self.takes(',') && !self.rest().starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(fields))
    }

    /// Takes the letters before a quote, if they are those of a text.
    fn prefix(&mut self) -> Option<Prefix> {
        let rest = self.rest();
        let length = rest.find(['\'', '"']).filter(|length| (1..=2).contains(length))?;
        let letters = rest[..length].to_ascii_lowercase();
        let (is_raw, is_bytes) = match letters.as_str() {
            "u" => (false, false),
            "r" | "ur" => (true, false),
            "b" => (false, true),
            "br" | "rb" => (true, true),
            _ => return None,
        };
        self.at += length;
        Some(Prefix { is_raw, is_bytes })
    }

    /// A text in single or triple quotes.
    fn string(&mut self, prefix: Prefix) -> Option<String> {
        let quote = &self.rest()[..1];
        let triple = quote.repeat(3);
        let end = if self.rest().starts_with(&triple) { triple.as_str() } else { quote };
        self.at += end.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(end) {
                self.at += end.len();
                return if prefix.is_bytes { as_utf8(&text) } else { Some(text) };
            }
            let character = self.next_character()?;
            match character {
                '\\' if prefix.is_raw => text.extend(['\\', self.next_character()?]),
                '\\' => self.escaped(&mut text)?,
                _ => text.push(character),
            }
        }
    }

    fn next_character(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.at += character.len_utf8();
        Some(character)
    }

    /// Reads what follows a backslash.
    fn escaped(&mut self, text: &mut String) -> Option<()> {
        let escaped = self.next_character()?;
        let digits = match escaped {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits > 0 {
            let code = self.rest().get(..digits)?;
            if !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            self.at += digits;
            text.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
            return Some(());
        }
        match escaped {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            '\n' => {}
            '\\' | '\'' | '"' => text.push(escaped),
            other => text.extend(['\\', other]),
        }
        Some(())
    }

    /// A number, or a name with a fixed meaning.
    fn word(&mut self) -> Option<Value> {
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, ',' | ']' | ')' | '}' | ':' | '(' | '[' | '{');
        let length = self.rest().find(is_end).unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        self.at += length;
        let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
        match word {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            "None" | "null" | "nan" | "NaN" | "inf" | "-inf" => Some(Value::Null),
            _ if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                let number =
                    word.parse::<i64>().map(Value::from).or_else(|_| word.parse::<u64>().map(Value::from));
                Some(number.unwrap_or_else(|_| Value::from(word)))
            }
            _ if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                word.parse::<f64>().ok().map(Value::from)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_read_as_python_and_numpy_write_them() {
        for (text, expected) in [
            (r#"['A cat', "B's dog"]"#, json!(["A cat", "B's dog"])),
            (r"['it\'s', 'a\\b', 'x\ny', '\u00e9\x41', '\d']", json!(["it's", "a\\b", "x\ny", "éA", "\\d"])),
            ("[1, -2.5, 1e3, True, None, nan]", json!([1, -2.5, 1000.0, true, null, null])),
            ("[123456789012345678901234567890]", json!(["123456789012345678901234567890"])),
            ("['a' 'b'\n 'c']", json!(["a", "b", "c"])),
            ("[0.1 2.  3]", json!([0.1, 2.0, 3])),
            (
                r"[u'caf\u00e9', U'b', r'a\nb', R'\'', b'caf\xc3\xa9', Rb'x\d']",
                json!(["café", "b", "a\\nb", "\\'", "café", "x\\d"]),
            ),
            (
                "['''it's \"so\"''', \"\"\"two\nlines\"\"\", '', u\"\"\"\"\"\"]",
                json!(["it's \"so\"", "two\nlines", "", ""]),
            ),
            ("[]", json!([])),
            ("[('a', 1), {'k': ['v'], 2: None}, ]", json!([["a", 1], {"k": ["v"], "2": null}])),
            ("{'text': ['yes'], 'n': 1}", json!({"text": ["yes"], "n": 1})),
        ] {
            assert_eq!(parse_python(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_values() {
        for text in [
            "",
            "[",
            "]",
            "['a'",
            "['a]",
            "[a, b]",
            "['a'] x",
            "[1 1",
            "['a''b']",
            "{'a'}",
            "{'a': }",
            "[,]",
            "[1,,2]",
            "['\\x4']",
            "[f'a']",
            "[uu'a']",
            "[b'\\xff']",
            "['''a'']",
            "[r'\\']",
            "['\\x+1']",
            "hello",
            "[see above]",
        ] {
            assert_eq!(parse_python(text), None, "{text}");
        }
        assert_eq!(parse_python(&"[".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\[\\](){}'\",: 0-9a-zé\\\\.\n-]{0,30}") {
            let _ = parse_python(&text);
        }
    }
}
