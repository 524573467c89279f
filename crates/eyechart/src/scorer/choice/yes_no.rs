//! Reads yes or no: uses the reader of options with two options that have no letters.

use std::ops::Range;
use std::sync::LazyLock;

use super::lexicon::Roles as R;
use super::options::Options;
use super::tokens::{Token, TokenKind, tokenise_range};
use super::{decide_all, final_answer};

/// The answer to a yes-or-no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YesNo {
    /// The answer is yes.
    Yes,
    /// The answer is no.
    No,
}

/// What was read from an answer to a yes-or-no question, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YesNoReading {
    /// The answer; `None` if it is neither yes nor no, both, or cannot be read.
    pub verdict: Option<YesNo>,
    /// The rule that decided, as a short fixed phrase.
    pub explanation: &'static str,
    /// The bytes of the answer with the evidence; `None` if there is no evidence.
    pub span: Option<Range<usize>>,
}

const YES: &[&str] = &["yes", "yeah", "yep", "ja", "oui", "sí", "是", "是的", "对", "有", "はい", "예", "네"];
const NO: &[&str] =
    &["no", "nope", "nein", "non", "否", "不是", "不", "没有", "不对", "いいえ", "아니요", "아니오", "아니"];

/// The words of labels that are true or false, which answers may use too.
const TRUE: &str = "true";
const FALSE: &str = "false";

static TRUE_OPTIONS: LazyLock<Options> =
    LazyLock::new(|| Options::of_words(&[&[YES, &[TRUE]].concat(), &[NO, &[FALSE]].concat()]));

static OPTIONS: LazyLock<Options> = LazyLock::new(|| Options::of_words(&[YES, NO]));

/// Reads whether an answer is yes or no, in the languages of [`read`](super::read). An answer with both is neither.
///
/// If the answer has neither word, a first sentence "There is a dog" counts as yes and "There is no dog" as no.
#[must_use]
pub fn read_yes_no(answer: &str) -> YesNoReading {
    read_with(answer, &OPTIONS)
}

/// As [`read_yes_no`], but `true` also counts as yes and `false` as no.
#[must_use]
pub(crate) fn read_true_or_false(answer: &str) -> YesNoReading {
    read_with(answer, &TRUE_OPTIONS)
}

/// Whether a label is `true` or `false`.
pub(crate) fn is_true_or_false(label: &str) -> bool {
    [TRUE, FALSE].iter().any(|word| label.trim().eq_ignore_ascii_case(word))
}

fn read_with(answer: &str, options: &Options) -> YesNoReading {
    if let Some(decision) = decide_all(answer, options) {
        let verdict = match decision.set {
            1 => Some(YesNo::Yes),
            2 => Some(YesNo::No),
            _ => None,
        };
        return YesNoReading { verdict, explanation: decision.explanation, span: decision.span };
    }
    let range = final_answer(answer).unwrap_or(0..answer.len());
    let tokens = tokenise_range(answer, range, &[]);
    let tokens =
        tokens.split(|token| token.kind == TokenKind::LineBreak).find(|line| !line.is_empty()).unwrap_or(&[]);
    let found = first_word(tokens, options).or_else(|| existence(tokens));
    found.unwrap_or(YesNoReading { verdict: None, explanation: "neither yes nor no", span: None })
}

/// Reads the first word if no comma follows: "Yes there is".
fn first_word(line: &[Token], options: &Options) -> Option<YesNoReading> {
    let at = line.iter().position(|token| matches!(token.kind, TokenKind::Word | TokenKind::Number))?;
    let first = &line[at];
    // "Yes and no" is neither.
    if line.get(at + 1).is_some_and(|next| next.is(R::AND.with(R::OR))) {
        return None;
    }
    let text = options.texts().iter().find(|text| text.keys == [first.key])?;
    let verdict = Some(if text.option == 0 { YesNo::Yes } else { YesNo::No });
    Some(YesNoReading { verdict, explanation: "first word", span: Some(first.start..first.end) })
}

/// Reads a statement about existence without "but": "There is a dog", "there are no dogs".
fn existence(line: &[Token]) -> Option<YesNoReading> {
    const THERE: u64 = super::lexicon::key_of_bytes(b"there");
    let end = line
        .iter()
        .position(|token| matches!(token.kind, TokenKind::Mark('.' | '!' | '?')))
        .unwrap_or(line.len());
    let sentence = &line[..end];
    let [there, verb, rest @ ..] = sentence else { return None };
    if there.key != THERE || !verb.is(R::COPULA) || line.get(end).is_some_and(|token| token.is_mark('?')) {
        return None;
    }
    let unclear = R::BUT.with(R::UNSURE).with(R::IF).with(R::OR);
    if sentence.iter().any(|token| token.is(unclear)) {
        return None;
    }
    let negates = |token: &Token| token.is(R::NOT);
    let is_negative = negates(verb) || rest.iter().take(2).any(negates);
    if !is_negative && rest.iter().any(negates) {
        return None;
    }
    Some(YesNoReading {
        verdict: Some(if is_negative { YesNo::No } else { YesNo::Yes }),
        explanation: "statement of existence",
        span: Some(there.start..sentence[end - 1].end),
    })
}
