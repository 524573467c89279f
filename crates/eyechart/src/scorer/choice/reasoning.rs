//! Finds the reasoning of the model in an answer. Reasoning does not commit the answer to an option.

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

/// The reasoning in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// Byte ranges including the marks, in order and without overlaps.
    pub spans: Vec<Range<usize>>,
    /// Whether the last span has no closing mark: the answer was cut off while the model was still reasoning.
    pub is_unclosed: bool,
}

/// Finds the reasoning in an answer by the marks of all model families that eyechart supports.
///
/// If a closing mark has no opening mark, everything before it is reasoning.
#[must_use]
pub fn reasoning(answer: &str) -> Reasoning {
    let mut found = Reasoning::default();
    let mut open: Option<(usize, &'static str)> = None;
    let mut at = 0;
    while let Some(offset) = answer.as_bytes()[at..].iter().position(|&b| matches!(b, b'<' | b'[' | 0xE2)) {
        at += offset;
        let rest = &answer.as_bytes()[at..];
        match open {
            Some((start, close)) => {
                if starts_with(rest, close) {
                    found.spans.push(start..at + close.len());
                    open = None;
                    at += close.len();
                    continue;
                }
            }
            None => {
                if let Some(marks) = MARKS.iter().find(|marks| starts_with(rest, marks.open)) {
                    open = Some((at, marks.close));
                    at += marks.open.len();
                    continue;
                }
                if let Some(marks) = MARKS.iter().find(|marks| starts_with(rest, marks.close)) {
                    at += marks.close.len();
                    found.spans.clear();
                    found.spans.push(0..at);
                    continue;
                }
            }
        }
        at += 1;
    }
    if let Some((start, _)) = open {
        found.spans.push(start..answer.len());
        found.is_unclosed = true;
    }
    found
}

fn starts_with(text: &[u8], mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark.as_bytes()))
}
