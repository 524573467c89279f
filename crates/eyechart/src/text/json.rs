//! JSON as programs write it: mistakes in one line of it, and what strict parsers refuse.

use std::borrow::Cow;

/// The words of the parser with the column, and without the number of the line, which is 1 for every line of a file.
#[must_use]
pub fn json_mistake(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => format!("{} (column {})", &text[..end], error.column()),
        None => text,
    }
}

/// JSON with null in place of `NaN` and `Infinity`, which Python's `json.dumps` writes.
#[must_use]
pub(crate) fn json_without_nan(text: &str) -> String {
    outside_strings(text, |rest| {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| rest.starts_with(word))?;
        Some((word.len(), "null"))
    })
}

/// Bytes of the longest text that is repaired: each repair copies it.
const MOST_REPAIRED: usize = 1 << 20;

/// Levels of lists and objects in each other that are kept: the parser reads 127, and no reply needs more.
const DEEPEST: usize = 64;

/// JSON that servers send, made readable: null in place of `NaN`, `Infinity`, numbers beyond the range of 64-bit floats and
/// values below 64 levels; U+FFFD in place of half a surrogate pair. Absent if the text is longer than 1 MiB or not UTF-8.
#[must_use]
pub(crate) fn repaired_json(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MOST_REPAIRED)?;
    let text = json_without_nan(text);
    let text = without_deep_values(&text);
    let text = outside_strings(&text, |rest| {
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let length = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
        let number: Option<f64> = rest[..length].parse().ok();
        number.map(|number| (length, if number.is_finite() { &rest[..length] } else { "null" }))
    });
    Some(without_half_surrogates(&text))
}

/// Digits of the longest integer that always fits into 64 bits.
const SAFE_DIGITS: usize = 18;

/// JSON in which integers beyond 64 bits are texts, so that they keep all their digits.
#[must_use]
pub(crate) fn with_long_integers_quoted(text: &str) -> Cow<'_, str> {
    let is_long = |digits: &[u8]| digits.len() > SAFE_DIGITS;
    if !text.as_bytes().split(|byte| !byte.is_ascii_digit()).any(is_long) {
        return Cow::Borrowed(text);
    }
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    let (mut changed, mut rest) = (String::with_capacity(text.len() + 2), text);
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                in_string = !in_string;
                1
            }
            '\\' if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ if !in_string && is_number(first) => rest.find(|c| !is_number(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let token = &rest[..length];
        match !in_string && is_beyond_64_bits(token) {
            true => changed.extend(["\"", token, "\""]),
            false => changed.push_str(token),
        }
        rest = &rest[length..];
    }
    Cow::Owned(changed)
}

fn is_beyond_64_bits(token: &str) -> bool {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let is_integer = digits.len() > SAFE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_integer && token.parse::<i64>().is_err() && token.parse::<u64>().is_err()
}

/// The text with replacements outside its JSON strings. `replace` returns how many bytes it replaces at the start of the
/// rest, and by what.
fn outside_strings<'a>(text: &'a str, replace: impl Fn(&'a str) -> Option<(usize, &'a str)>) -> String {
    let mut changed = String::with_capacity(text.len());
    let (mut in_string, mut is_escaped) = (false, false);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !in_string && let Some((length, replacement)) = replace(rest) {
            changed.push_str(replacement);
            rest = &rest[length..];
            continue;
        }
        in_string ^= first == '"' && !is_escaped;
        is_escaped = in_string && first == '\\' && !is_escaped;
        changed.push(first);
        rest = &rest[first.len_utf8()..];
    }
    changed
}

/// The text with null in place of each list and object below [`DEEPEST`] levels.
fn without_deep_values(text: &str) -> String {
    let mut changed = String::with_capacity(text.len());
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for c in text.chars() {
        let was_deep = depth > DEEPEST;
        if !in_string {
            match c {
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
        match (was_deep, depth > DEEPEST) {
            (false, false) => changed.push(c),
            (false, true) => changed.push_str("null"),
            _ => {}
        }
    }
    changed
}

/// The text with U+FFFD in place of each `\uD800` to `\uDFFF` that is not part of a pair.
fn without_half_surrogates(text: &str) -> String {
    let code = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut changed = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        changed.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = match code(rest) {
            Some(0xD800..=0xDBFF) if matches!(code(&rest[6..]), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                changed.push('\u{FFFD}');
                rest = &rest[6..];
                continue;
            }
            // An escape is at least two characters: the second one may be a backslash too.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        changed.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    changed.push_str(rest);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn repaired(text: &str) -> Value {
        serde_json::from_str(&repaired_json(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn what_servers_write_beside_json_becomes_readable() {
        assert_eq!(
            repaired(r#"{"a":NaN,"b":-Infinity,"c":"NaN"}"#),
            json!({"a": null, "b": null, "c": "NaN"})
        );
        assert_eq!(repaired(r#"[1e999,-1e999,1e9,"1e999"]"#), json!([null, null, 1e9, "1e999"]));
        assert_eq!(
            repaired(r#"["B \ud83d","\ude00 \ud83d\ude00","\\ud83d"]"#),
            json!(["B \u{FFFD}", "\u{FFFD} 😀", "\\ud83d"])
        );
        assert_eq!(repaired_json(b"[\"\xFF\",NaN]"), None);
        let deep = format!("{{\"a\":{}\"]\"{},\"b\":1}}", "[".repeat(1000), "]".repeat(1000));
        let flat: Value = serde_json::from_str(&repaired_json(deep.as_bytes()).unwrap()).unwrap();
        assert_eq!(flat["b"], 1);
    }

    #[test]
    fn text_that_is_cut_anywhere_is_no_panic() {
        let text = r#"{"a":-Infinity,"b":[1e999,"\ud83d\ude00\\"]}"#;
        for end in 0..=text.len() {
            let _ = repaired_json(&text.as_bytes()[..end]);
        }
    }

    #[test]
    fn integers_beyond_64_bits_become_texts_and_nothing_else_changes() {
        let changed =
            r#"{"a":123456789012345678901,"b":[-99999999999999999999],"c":"12345678901234567890123 \"1"}"#;
        let expected = r#"{"a":"123456789012345678901","b":["-99999999999999999999"],"c":"12345678901234567890123 \"1"}"#;
        assert_eq!(with_long_integers_quoted(changed), expected);
        for same in [
            "18446744073709551615",
            "[-9223372036854775808]",
            "1234567890123456789012.5",
            "1e30",
            "123456789012345678901234567890e2",
            "",
        ] {
            assert_eq!(with_long_integers_quoted(same), same);
        }
    }

    #[test]
    fn a_mistake_has_its_column_and_no_line() {
        let error = serde_json::from_str::<serde_json::Value>("{\"a\" 1}").unwrap_err();
        assert_eq!(json_mistake(&error), "expected `:` (column 6)");
        let error = serde_json::from_value::<bool>(1.into()).unwrap_err();
        assert_eq!(json_mistake(&error), "invalid type: integer `1`, expected a boolean");
    }
}
