//! Splits the reasoning of a model from its answer, where both are in one text.

use std::ops::Range;

/// The marks that open and close the reasoning of a model.
struct Marks {
    open: &'static str,
    close: &'static str,
}

/// The marks in lower case. A closing mark without an opening one counts too: chat templates may put the opening mark
/// into the prompt.
const MARKS: [Marks; 16] = [
    Marks { open: "<think>", close: "</think>" },
    Marks { open: "<thinking>", close: "</thinking>" },
    Marks { open: "<thought>", close: "</thought>" },
    Marks { open: "<thoughts>", close: "</thoughts>" },
    Marks { open: "<reasoning>", close: "</reasoning>" },
    Marks { open: "<reason>", close: "</reason>" },
    Marks { open: "<analysis>", close: "</analysis>" },
    Marks { open: "<reflection>", close: "</reflection>" },
    Marks { open: "<scratchpad>", close: "</scratchpad>" },
    Marks { open: "<seed:think>", close: "</seed:think>" },
    Marks { open: "[think]", close: "[/think]" },
    Marks { open: "◁think▷", close: "◁/think▷" },
    Marks { open: "<|begin_of_thought|>", close: "<|end_of_thought|>" },
    Marks { open: "<|start_thinking|>", close: "<|end_thinking|>" },
    Marks { open: "<unused94>", close: "<unused95>" },
    // The channels of gpt-oss: everything up to the final channel's message is reasoning.
    Marks { open: "<|channel|>analysis<|message|>", close: "<|channel|>final<|message|>" },
];

/// A text of a model, divided into the answer and the reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitAnswer {
    /// The text without the reasoning and without the white space before the answer.
    pub answer: String,
    /// The reasoning without its marks, if there is any.
    pub reasoning: Option<String>,
    /// Whether the text ends within the reasoning.
    pub is_cut_off: bool,
    /// The parts of the whole text that form the answer, as byte ranges in order.
    parts: Vec<Range<usize>>,
}

impl SplitAnswer {
    /// The range of the whole text for a range of the answer.
    #[must_use]
    pub fn in_whole_text(&self, range: Range<usize>) -> Range<usize> {
        let mut before = 0;
        let mut found = None;
        for part in &self.parts {
            let (start, end) = (before, before + part.len());
            if found.is_none() && range.start < end {
                found = Some(part.start + (range.start - start));
            }
            if range.end <= end {
                let to = part.start + (range.end - start);
                return found.unwrap_or(to)..to;
            }
            before = end;
        }
        let end = self.parts.last().map_or(0, |last| last.end);
        end..end
    }
}

/// Splits the reasoning of a model from its answer by the marks of all model families that eyechart supports.
///
/// Text between an opening and a closing mark is reasoning. If a closing mark has no opening mark, everything before it
/// is reasoning; if an opening mark has no closing mark, everything after it. A mark in quotation marks or backticks is text.
#[must_use]
pub fn split_reasoning(text: &str) -> SplitAnswer {
    let Found { spans, is_unclosed } = find(text);
    let mut parts = Vec::new();
    let mut end = 0;
    for span in &spans {
        parts.push(end..span.whole.start);
        end = span.whole.end;
    }
    parts.push(end..text.len());
    if !spans.is_empty() {
        skip_white_space(text, &mut parts);
    }
    let reasoning =
        spans.iter().map(|span| text[span.inner.clone()].trim()).filter(|inner| !inner.is_empty());
    let reasoning = reasoning.collect::<Vec<_>>().join("\n\n");
    SplitAnswer {
        answer: parts.iter().map(|part| &text[part.clone()]).collect(),
        reasoning: (!reasoning.is_empty()).then_some(reasoning),
        is_cut_off: is_unclosed,
        parts,
    }
}

/// Removes the white space at the start of the text that `parts` form.
fn skip_white_space(text: &str, parts: &mut [Range<usize>]) {
    for part in parts {
        part.start = part.end - text[part.clone()].trim_start().len();
        if part.start < part.end {
            return;
        }
    }
}

/// The reasoning in a text.
#[derive(Default)]
struct Found {
    /// In order and without overlaps.
    spans: Vec<ReasoningSpan>,
    /// Whether the last span has no closing mark.
    is_unclosed: bool,
}

/// One stretch of reasoning, in bytes of the text.
struct ReasoningSpan {
    /// With the marks.
    whole: Range<usize>,
    /// Without the marks.
    inner: Range<usize>,
}

fn find(text: &str) -> Found {
    let mut found = Found::default();
    let mut open: Option<OpenMark> = None;
    let mut at = 0;
    while let Some(offset) = text.as_bytes()[at..].iter().position(|&b| matches!(b, b'<' | b'[' | 0xE2)) {
        at += offset;
        let start = at;
        match &open {
            Some(mark) if has_mark(text, at, mark.close) => {
                at += mark.close.len();
                found.spans.push(ReasoningSpan { whole: mark.start..at, inner: mark.end..start });
                open = None;
            }
            Some(_) => at += 1,
            None => {
                if let Some(marks) = MARKS.iter().find(|marks| has_mark(text, at, marks.open)) {
                    at += marks.open.len();
                    open = Some(OpenMark { start, end: at, close: marks.close });
                } else if let Some(marks) = MARKS.iter().find(|marks| has_mark(text, at, marks.close)) {
                    at += marks.close.len();
                    found.spans.clear();
                    found.spans.push(ReasoningSpan { whole: 0..at, inner: 0..start });
                } else {
                    at += 1;
                }
            }
        }
    }
    if let Some(mark) = open {
        found.spans.push(ReasoningSpan { whole: mark.start..text.len(), inner: mark.end..text.len() });
        found.is_unclosed = true;
    }
    found
}

/// An opening mark whose closing mark was not found yet.
struct OpenMark {
    /// First byte of the mark.
    start: usize,
    /// First byte after the mark.
    end: usize,
    close: &'static str,
}

/// Whether the mark is at the byte `at` of the text and not quoted.
fn has_mark(text: &str, at: usize, mark: &str) -> bool {
    let end = at + mark.len();
    let found = text.as_bytes().get(at..end);
    found.is_some_and(|found| found.eq_ignore_ascii_case(mark.as_bytes())) && !is_quoted(text, at..end)
}

/// The signs before and after a quoted word.
const QUOTES: [(char, char); 7] =
    [('`', '`'), ('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('«', '»'), ('「', '」')];

fn is_quoted(text: &str, range: Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    before.zip(after).is_some_and(|signs| QUOTES.contains(&signs))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> (String, Option<String>, bool) {
        let split = split_reasoning(text);
        (split.answer, split.reasoning, split.is_cut_off)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn reasoning_is_split_from_the_answer_by_the_marks_of_several_model_families() {
        for text in [
            "<think>a</think>B",
            "<think>\na\n</think>\n\nB",
            "a</think>B",
            "a\n</THINK>\nB",
            "[THINK]a[/THINK]B",
            "◁think▷a◁/think▷B",
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>B",
        ] {
            let (answer, reasoning, is_cut_off) = split(text);
            assert_eq!((answer.as_str(), is_cut_off), ("B", false), "{text}");
            assert!(reasoning.unwrap().starts_with('a'), "{text}");
        }
        assert_eq!(split("<think></think>\nB"), ("B".to_owned(), None, false));
        assert_eq!(split("<think>a<think>b</think>c</think>B").0, "B");
    }

    #[test]
    fn an_answer_before_and_between_reasoning_stays() {
        let two = split("x <think>a</think> y <think>b</think>");
        assert_eq!(two, ("x  y ".to_owned(), some("a\n\nb"), false));
        assert_eq!(split("Red. <think>Is it"), ("Red. ".to_owned(), some("Is it"), true));
    }

    #[test]
    fn a_mark_in_quotes_is_text() {
        for text in [
            "The answer is B, as the `<think>` tag shows.",
            "\"<think>\" opens it, “</think>” closes it: B",
            "B. Not '<think>' but «[THINK]».",
            "Use `</think>`: B",
        ] {
            assert_eq!(split(text), (text.to_owned(), None, false));
        }
        let quoted = split("<think>Shall I write `</think>`? No.</think>B");
        assert_eq!(quoted, ("B".to_owned(), some("Shall I write `</think>`? No."), false));
        assert_eq!(split("\"<think>a</think>B\"").0, "\"B\"");
    }

    #[test]
    fn reasoning_that_never_ends_leaves_no_answer() {
        assert_eq!(split("<think>\nThe sky"), (String::new(), some("The sky"), true));
        assert_eq!(split("<think>"), (String::new(), None, true));
    }

    #[test]
    fn a_text_without_marks_is_unchanged() {
        for text in ["", "  a < b [c] ", "“</thin” ", "\n<b>x</b>"] {
            assert_eq!(split(text), (text.to_owned(), None, false));
        }
    }

    #[test]
    fn a_range_of_the_answer_is_found_in_the_whole_text() {
        let text = "x <think>a</think> y <think>b</think>";
        let split = split_reasoning(text);
        let at = split.answer.find('y').unwrap();
        assert_eq!(&text[split.in_whole_text(at..at + 1)], "y");
        assert_eq!(&text[split.in_whole_text(0..at + 1)], "x <think>a</think> y");
        assert_eq!(split_reasoning("").in_whole_text(0..0), 0..0);
    }

    proptest! {
        #[test]
        fn any_text_is_split_without_a_panic_and_ranges_lie_inside(
            parts in prop::collection::vec(prop::sample::select(vec!["<think>", "</think>", " é ", "[/think]", "◁", "a"]), 0..9),
        ) {
            let text = parts.concat();
            let split = split_reasoning(&text);
            let whole = split.in_whole_text(0..split.answer.len());
            prop_assert!(text.get(whole).is_some());
        }
    }
}
