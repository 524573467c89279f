//! Finds the JSON object of an answer.

use serde_json::{Deserializer, Map, Value};

/// The reason why an answer has no JSON object to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableJson {
    /// The answer has no JSON object.
    #[error("the answer has no JSON object")]
    NoObject,
    /// An object starts but is not valid JSON, for example because the answer was cut off.
    #[error("the JSON object in the answer is not valid")]
    Invalid,
    /// The answer has several objects with different values.
    #[error("the answer has several different JSON objects")]
    SeveralObjects,
}

/// Reads the JSON object of an answer: on its own, in a code fence, in a list or inside prose. The same object may
/// occur several times.
///
/// A brace starts an object if a quotation mark or a closing brace follows it; other braces are prose.
///
/// # Errors
/// [`UnreadableJson`] if there is not exactly one object.
pub(super) fn find_object(answer: &str) -> Result<Map<String, Value>, UnreadableJson> {
    let mut found: Option<Map<String, Value>> = None;
    let mut rest = answer;
    while let Some(start) = rest.find('{') {
        rest = &rest[start..];
        if !starts_object(rest) {
            rest = &rest[1..];
            continue;
        }
        let mut values = Deserializer::from_str(rest).into_iter::<Map<String, Value>>();
        let Some(Ok(object)) = values.next() else { return Err(UnreadableJson::Invalid) };
        rest = &rest[values.byte_offset()..];
        if found.as_ref().is_some_and(|first| *first != object) {
            return Err(UnreadableJson::SeveralObjects);
        }
        found = Some(object);
    }
    found.ok_or(UnreadableJson::NoObject)
}

/// Returns whether the brace at the start is followed by a key or a closing brace.
fn starts_object(text: &str) -> bool {
    text[1..].trim_start().starts_with(['"', '}'])
}
