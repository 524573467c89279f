//! The place of pictures in a message: a task's `place` and `marker`. Does not know how pictures are sent.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::InvalidValue;

/// The place of the pictures in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// All pictures before the text.
    #[default]
    Before,
    /// All pictures after the text.
    After,
    /// Each picture in the place of its marker in the text.
    Markers,
}

impl Place {
    /// The place in runs of format 1, whose task files have no `place`.
    pub const OF_FORMAT_1: Self = Self::After;
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Markers => "markers",
        })
    }
}

/// The text that a picture replaces, such as `<image {n}>`: `{n}` is the number of the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Marker {
    /// The text before the number; not empty.
    before: String,
    /// The text after it.
    after: String,
}

/// A marker in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMarker {
    /// The bytes of the marker.
    pub range: Range<usize>,
    /// The number of the picture; absent if it is too large.
    pub number: Option<usize>,
}

/// The placeholder of the number in `marker`.
const NUMBER: &str = "{n}";

impl Default for Marker {
    fn default() -> Self {
        Self { before: "<image ".to_owned(), after: ">".to_owned() }
    }
}

impl TryFrom<String> for Marker {
    type Error = InvalidValue;

    fn try_from(given: String) -> Result<Self, InvalidValue> {
        let expected =
            format!("expected a text with {NUMBER} for the number, such as \"{}\"", Self::default());
        let Some((before, after)) = given.split_once(NUMBER) else {
            return Err(InvalidValue(format!("the marker {given:?} has no {NUMBER}: {expected}")));
        };
        let is_digit = |letter: char| letter.is_ascii_digit();
        let reason = if after.contains(NUMBER) {
            format!("has {NUMBER} twice")
        } else if before.trim().is_empty() {
            format!("has nothing before {NUMBER}, so any number would be a marker")
        } else if before.ends_with(is_digit) || after.starts_with(is_digit) {
            format!("has a digit beside {NUMBER}")
        } else {
            return Ok(Self { before: before.to_owned(), after: after.to_owned() });
        };
        Err(InvalidValue(format!("the marker {given:?} {reason}: {expected}")))
    }
}

impl From<Marker> for String {
    fn from(marker: Marker) -> Self {
        marker.to_string()
    }
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{NUMBER}{}", self.before, self.after)
    }
}

impl Marker {
    /// The marker of the picture with this number.
    #[must_use]
    pub fn of(&self, number: usize) -> String {
        format!("{}{number}{}", self.before, self.after)
    }

    /// All markers in `text`, in order.
    #[must_use]
    pub fn find_in(&self, text: &str) -> Vec<FoundMarker> {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(offset) = text[at..].find(&self.before) {
            let start = at + offset;
            let digits_start = start + self.before.len();
            let rest = &text[digits_start..];
            let digits = &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()];
            if digits.is_empty() || !rest[digits.len()..].starts_with(&self.after) {
                // The next marker may begin inside this text: `<<1>`.
                at = start + text[start..].chars().next().map_or(1, char::len_utf8);
                continue;
            }
            at = digits_start + digits.len() + self.after.len();
            found.push(FoundMarker { range: start..at, number: digits.parse().ok() });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(text: &str) -> Marker {
        Marker::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn markers_are_found_with_their_numbers_and_nothing_else_is() {
        let numbers = |marker: &Marker, text: &str| -> Vec<_> {
            marker
                .find_in(text)
                .into_iter()
                .map(|found| (text[found.range].to_owned(), found.number))
                .collect()
        };
        let of = |text: &str, number| (text.to_owned(), number);
        let usual = Marker::default();
        assert_eq!(
            numbers(&usual, "<image 2>é<image 12> <image <image 1> <image x> <image > <image 3"),
            [of("<image 2>", Some(2)), of("<image 12>", Some(12)), of("<image 1>", Some(1))]
        );
        let huge = format!("<image {}>", "9".repeat(40));
        assert_eq!(numbers(&usual, &huge), [of(&huge, None)]);
        assert_eq!(numbers(&marker("图{n}"), "图1图10"), [of("图1", Some(1)), of("图10", Some(10))]);
        assert_eq!(usual.of(3), "<image 3>");
    }

    #[test]
    fn a_marker_that_could_not_be_told_from_other_text_is_refused() {
        for (given, reason) in [
            ("<image>", "has no {n}"),
            ("{n}", "nothing before"),
            (" {n}>", "nothing before"),
            ("<{n}:{n}>", "twice"),
            ("<1{n}>", "a digit beside"),
            ("", "has no {n}"),
        ] {
            let error = Marker::try_from(given.to_owned()).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("<image {n}>"), "{given}: {error}");
        }
    }
}
