//! Finds the answer in a text, by the `extract` key of a `[[score]]` entry.

use std::ops::Range;

use regex::Regex;

use super::choice::final_answer;
use super::declaration::KeyFault;
use crate::types::{Extract, ExtractRule, PickMatch};

/// The value of an `extract` key, ready for use.
#[derive(Debug, Clone)]
pub(super) enum Extractor {
    FinalAnswer,
    Regex { regex: Regex, group: usize, pick: PickMatch },
    After { marker: String, pick: PickMatch },
}

/// Where an answer was found in a text, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The bytes of the answer.
    pub(super) span: Range<usize>,
    pub(super) rule: &'static str,
}

impl Extractor {
    pub(super) fn new(extract: &Extract) -> Result<Self, KeyFault> {
        let fault = |what: String| KeyFault::new("extract", what);
        match extract {
            Extract::Rule(ExtractRule::FinalAnswer) => Ok(Self::FinalAnswer),
            Extract::After(after) if after.after.trim().is_empty() => {
                Err(fault("`after` is empty: expected the marker before the answer".to_owned()))
            }
            Extract::After(after) => Ok(Self::After { marker: after.after.clone(), pick: after.pick }),
            Extract::Regex(given) => {
                let regex = Regex::new(&given.regex).map_err(|error| {
                    fault(format!("`regex` cannot be read: {}", one_line(&error.to_string())))
                })?;
                let groups = regex.captures_len() - 1;
                let group = given.group.unwrap_or(groups.min(1));
                if group > groups {
                    return Err(fault(format!("`group` is {group}, but the expression has {groups} groups")));
                }
                Ok(Self::Regex { regex, group, pick: given.pick })
            }
        }
    }

    /// Finds the answer in `text`; `None` if the rule finds none.
    pub(super) fn find(&self, text: &str) -> Option<Found> {
        match self {
            Self::FinalAnswer => match final_answer(text) {
                Some(span) => Some(Found { span, rule: "marked answer" }),
                None => Some(Found { span: trimmed(text, 0..text.len(), &[]), rule: "the whole answer" }),
            },
            Self::Regex { regex, group, pick } => {
                let mut matches = regex.captures_iter(text).filter_map(|found| found.get(*group));
                let found = match pick {
                    PickMatch::First => matches.next(),
                    PickMatch::Last => matches.last(),
                };
                let span = trimmed(text, found?.range(), &[]);
                (!span.is_empty()).then_some(Found { span, rule: "regular expression" })
            }
            Self::After { marker, pick } => {
                let at = match pick {
                    PickMatch::First => text.find(marker),
                    PickMatch::Last => text.rfind(marker),
                };
                let start = at? + marker.len();
                let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
                let span = trimmed(text, start..end, &['*', '_', '`']);
                (!span.is_empty()).then_some(Found { span, rule: "text after the marker" })
            }
        }
    }
}

/// Removes white space and `marks` from both ends of `range`.
fn trimmed(text: &str, range: Range<usize>, marks: &[char]) -> Range<usize> {
    let is_margin = |c: char| c.is_whitespace() || marks.contains(&c);
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start_matches(is_margin).len());
    start..start + part.trim_matches(is_margin).len()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(extract: serde_json::Value, text: &str) -> Option<String> {
        let extract: Extract = serde_json::from_value(extract).unwrap();
        Extractor::new(&extract).unwrap().find(text).map(|found| text[found.span].to_owned())
    }

    #[test]
    fn the_last_match_counts_unless_the_first_is_picked() {
        use serde_json::json;
        let text = "It is 12, no: 15.";
        assert_eq!(found(json!({"regex": "[0-9]+"}), text).as_deref(), Some("15"));
        assert_eq!(found(json!({"regex": "[0-9]+", "pick": "first"}), text).as_deref(), Some("12"));
        assert_eq!(found(json!({"regex": "is ([0-9]+)"}), text).as_deref(), Some("12"));
        assert_eq!(found(json!({"regex": "is ([0-9]+)", "group": 0}), text).as_deref(), Some("is 12"));
        assert_eq!(found(json!({"regex": "[a-z]{9}"}), text), None);
        assert_eq!(found(json!({"regex": "(x)?It"}), text), None, "the group took no part in the match");
    }

    #[test]
    fn the_text_after_a_marker_ends_with_its_line_and_loses_marks_of_emphasis() {
        use serde_json::json;
        let text = "Answer: red\n**Answer:** `dark blue` \nI am sure.";
        assert_eq!(found(json!({"after": "Answer:"}), text).as_deref(), Some("dark blue"));
        assert_eq!(found(json!({"after": "Answer:", "pick": "first"}), text).as_deref(), Some("red"));
        assert_eq!(found(json!({"after": "Result:"}), text), None);
        assert_eq!(found(json!({"after": "sure."}), text), None, "nothing follows");
    }

    #[test]
    fn a_marked_answer_is_read_and_else_the_whole_text() {
        use serde_json::json;
        for text in ["2019", "Answer: 2019", "The answer is **2019**."] {
            assert_eq!(found(json!("final_answer"), text).as_deref(), Some("2019"), "{text}");
        }
    }

    #[test]
    fn an_expression_that_cannot_be_read_names_its_key() {
        let extract = |regex: &str, group| {
            let given = crate::types::RegexExtract { regex: regex.to_owned(), group, pick: PickMatch::Last };
            Extractor::new(&Extract::Regex(given)).unwrap_err()
        };
        assert!(extract("(", None).what.contains("`regex` cannot be read"));
        assert!(extract("a(b)", Some(2)).what.contains("has 1 groups"));
    }
}
