//! The key `choices` of a task: where the options of a multiple-choice question are, and how the right one is given.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The options of a multiple-choice question, and the right one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// The column (or path into one) with the list of options, a list of columns with one option each, or `"in_text"`: the
    /// options are lines of the prompt, such as `A. Red`. Empty options, nulls and `nan` are dropped.
    #[cfg_attr(test, schemars(with = "TextOrTexts"))]
    pub options: ChoiceOptions,
    /// The column with the right option.
    pub label: String,
    /// How the label gives the right option; a letter or a text, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<LabelForm>,
    /// With `form = "position"`: the number of the first option; 0, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
}

/// Where the options of a question are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ChoiceOptions {
    /// In the list of this column, or in the text of the prompt if it is [`ChoiceOptions::IN_TEXT`].
    Column(String),
    /// In one column each.
    Columns(Vec<String>),
}

/// The form of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LabelForm {
    /// A letter, with or without a text after it: `A`, `B)`, `(C)`, `A. Red`.
    Letter,
    /// A number: the position in the list of options, counted from `first`.
    Position,
    /// The text of the option.
    Text,
}

/// A name, or a list of names.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum TextOrTexts {
    Text(String),
    Texts(Vec<String>),
}

impl Choices {
    /// Whether the options are in the text of the prompt.
    #[must_use]
    pub fn are_in_text(&self) -> bool {
        matches!(&self.options, ChoiceOptions::Column(column) if column == ChoiceOptions::IN_TEXT)
    }

    /// The column whose cells are lists of options; absent if there is no such column.
    #[must_use]
    pub fn list_column(&self) -> Option<&String> {
        match &self.options {
            ChoiceOptions::Column(column) if !self.are_in_text() => Some(column),
            _ => None,
        }
    }

    /// The columns with options, without the label.
    #[must_use]
    pub fn option_columns(&self) -> &[String] {
        match &self.options {
            ChoiceOptions::Column(_) if self.are_in_text() => &[],
            ChoiceOptions::Column(column) => std::slice::from_ref(column),
            ChoiceOptions::Columns(columns) => columns,
        }
    }

    /// All columns.
    pub fn columns(&self) -> impl Iterator<Item = &String> {
        self.option_columns().iter().chain([&self.label])
    }
}

impl ChoiceOptions {
    /// The word in place of a column for options in the text of the prompt.
    pub const IN_TEXT: &str = "in_text";
}

impl<'de> Deserialize<'de> for ChoiceOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OptionsVisitor)
    }
}

struct OptionsVisitor;

impl<'de> Visitor<'de> for OptionsVisitor {
    type Value = ChoiceOptions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: Error>(self, column: &str) -> Result<ChoiceOptions, E> {
        Ok(ChoiceOptions::Column(column.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ChoiceOptions, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = items.next_element()? {
            columns.push(column);
        }
        Ok(ChoiceOptions::Columns(columns))
    }
}
