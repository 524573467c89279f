//! Finds the marked final answer in any text, without options: "Answer: 2019", `\boxed{4}`, "The answer is **Paris**."

use std::ops::Range;

use super::fields::find_fields;
use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::merge;
use super::scanner::struck_out_length;
use super::sentences::{ends_sentence, is_heading};
use super::tokens::{Token, TokenKind, tokenise_range};

/// Returns the bytes of the last marked answer in a text, without surrounding markup, quotes and full stop; `None` if
/// the text marks no answer.
///
/// Marks are `\boxed{}`, a JSON field, `<answer>`, "Answer:", "The answer is", "The correct option is" and their
/// counterparts in Chinese, French, German, Spanish, Japanese and Korean. Questions, conditions and negated marks
/// ("the answer is not 5") are ignored. The answer ends at the end of the sentence or line, or before "because".
/// Decimal points and abbreviations do not end it.
#[must_use]
pub fn final_answer(answer: &str) -> Option<Range<usize>> {
    let fields = find_fields(answer);
    let gaps = merge(&fields);
    let tokens = tokenise_range(answer, 0..answer.len(), &gaps);
    let marked = last_marked(answer, &tokens);
    let field =
        fields.iter().rev().map(|field| trim(answer, field.content.clone())).find(|range| !range.is_empty());
    match (marked, field) {
        (Some(marked), Some(field)) => Some(if marked.start > field.start { marked } else { field }),
        (marked, field) => marked.or(field),
    }
}

/// Returns the last answer after words such as "answer:" or "the answer is".
fn last_marked(text: &str, tokens: &[Token]) -> Option<Range<usize>> {
    (0..tokens.len()).rev().filter(|&at| is_marker(tokens, at)).find_map(|at| {
        let connector = find_connector(tokens, at)?;
        is_valid_marker(tokens, at, connector).then(|| payload(text, tokens, connector)).flatten()
    })
}

/// Returns whether the word is "answer", or "option" in "the correct option".
fn is_marker(tokens: &[Token], at: usize) -> bool {
    let token = &tokens[at];
    let is_chosen =
        || tokens[at.saturating_sub(2)..at].iter().any(|before| before.is(R::RIGHT.with(R::FINAL)));
    token.is(R::ANSWER) || (token.is(R::OPTION) && is_chosen())
}

/// Returns the position of the "is" or ":" that belongs to a marker, or of the end of a heading.
fn find_connector(tokens: &[Token], marker: usize) -> Option<usize> {
    /// "The answer to the second question is".
    const REACH: usize = 8;
    // Korean "정답은" is marker and connector in one word.
    if tokens[marker].is(R::COPULA) {
        return Some(marker);
    }
    for at in marker + 1..tokens.len().min(marker + 1 + REACH) {
        let token = &tokens[at];
        match token.kind {
            TokenKind::Mark(':' | '→') => return Some(at),
            TokenKind::Sign => return Some(at).filter(|_| token.key == super::lexicon::key_of_bytes(b"=")),
            TokenKind::Mark('-' | '—') if at == marker + 1 => return Some(at),
            TokenKind::Mark('(' | ')' | ',' | '|') => {}
            TokenKind::Mark(_) => return None,
            TokenKind::LineBreak => {
                let line = tokens[..at]
                    .iter()
                    .rposition(|token| token.kind == TokenKind::LineBreak)
                    .map_or(0, |found| found + 1);
                return is_heading(&tokens[line..at]).then_some(at);
            }
            _ if token.is(R::COPULA) => return Some(at),
            _ if token.is(R::ANSWER) => return None,
            _ => {}
        }
    }
    None
}

/// Returns whether the marker is valid: not in a question, a condition or a negation.
fn is_valid_marker(tokens: &[Token], marker: usize, connector: usize) -> bool {
    const REACH: usize = 12;
    const VOID: Roles = R::IF.with(R::NOT).with(R::UNSURE).with(R::EARLIER);
    let is_negation = |token: &Token| token.is(R::NOT) && !token.is(R::COPULA);
    let start = (marker.saturating_sub(REACH)..marker)
        .rev()
        .find(|&at| {
            tokens[at].kind == TokenKind::LineBreak
                || ends_sentence(tokens, at)
                || tokens[at].is(R::BUT.with(R::CONCLUSION))
                || matches!(tokens[at].kind, TokenKind::Mark(',' | ';'))
        })
        .map_or(marker.saturating_sub(REACH), |at| at + 1);
    let is_cancelled = tokens[start..marker].iter().any(|token| token.is(R::DOUBT));
    let is_void = tokens[start..=connector].iter().any(|token| token.is(VOID)) && !is_cancelled;
    let follows = tokens
        .get(connector + 1)
        .is_some_and(|next| is_negation(next) && is_followed_by_word(tokens, connector + 1));
    let end = (connector..tokens.len().min(connector + 60))
        .find(|&at| ends_sentence(tokens, at) || tokens[at].kind == TokenKind::LineBreak && at > connector);
    let is_question = end.is_some_and(|end| tokens[end].is_mark('?'));
    let is_condition = tokens[connector..end.unwrap_or(connector)].iter().any(|token| token.is(R::IF));
    let is_verb = tokens[connector].is(R::COPULA);
    let is_disclaimed = is_verb && (follows || is_condition);
    !(is_void || is_question || is_disclaimed)
}

/// Returns whether a word follows, so that a "no" is not the answer itself.
fn is_followed_by_word(tokens: &[Token], at: usize) -> bool {
    tokens.get(at + 1).is_some_and(|next| matches!(next.kind, TokenKind::Word | TokenKind::Number))
}

/// Returns the text after the connector, up to the end of the sentence or the line.
fn payload(text: &str, tokens: &[Token], connector: usize) -> Option<Range<usize>> {
    let mut first = connector + 1;
    while tokens.get(first).is_some_and(|token| token.kind == TokenKind::LineBreak || token.is_mark(':')) {
        first += 1;
    }
    let start = tokens.get(first - 1)?.end;
    let mut last = first;
    while let Some(token) = tokens.get(last) {
        let is_reason =
            token.is(R::BECAUSE) && last > first && !token.is(R::FILLER) && tokens[connector].is(R::COPULA);
        if token.kind == TokenKind::LineBreak
            || is_reason
            || (ends_sentence(tokens, last) && !is_initial(tokens, last))
        {
            break;
        }
        last += 1;
    }
    let end = tokens.get(last).map_or(text.len(), |token| token.start);
    let range = trim(text, start..end.max(start));
    (!range.is_empty()).then_some(range)
}

/// Returns whether the dot at `at` belongs to an initial ("J. K. Rowling") or a label ("B. blue") of a short answer.
fn is_initial(tokens: &[Token], at: usize) -> bool {
    let is_letter =
        at > 0 && tokens[at - 1].letter.is_some() && tokens[at - 1].is_upper && tokens[at].is_mark('.');
    let rest = tokens[at + 1..].iter().take(5).position(|token| token.kind == TokenKind::LineBreak);
    is_letter && rest.unwrap_or(tokens.len() - at - 1) <= 4
}

/// Removes white space, markup, quotes and a full stop from the ends of a range.
fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(mut inner) = text.get(range.clone()) else { return range.start..range.start };
    loop {
        let before = inner;
        inner = inner.trim_start();
        inner = struck_out_length(inner).map_or(inner, |length| &inner[length..]);
        inner = inner
            .trim()
            .trim_start_matches(['*', '_', '`', '~', '"', '“', '”', '«', '»', '„', '「', '」', ':', '：']);
        inner =
            inner.trim_end_matches(['*', '_', '`', '~', '"', '“', '”', '«', '»', '「', '」', '。', ',', ';']);
        inner = unwrap_latex(inner);
        inner = ["입니다", "이다", "です", "である"]
            .iter()
            .find_map(|verb| inner.strip_suffix(verb))
            .unwrap_or(inner);
        if !ends_with_abbreviation(inner) {
            inner = inner.strip_suffix('.').unwrap_or(inner);
        }
        if inner.len() >= 2 && inner.starts_with(['\'', '‘']) && inner.ends_with(['\'', '’']) {
            inner = inner.trim_matches(['\'', '‘', '’']);
        }
        if inner == before {
            break;
        }
    }
    // `inner` is a slice of `text`, so the difference of the addresses is its offset.
    let start = inner.as_ptr() as usize - text.as_ptr() as usize;
    start..start + inner.len()
}

/// Returns whether the dot at the end belongs to an abbreviation: "U.S.", "a.m."
fn ends_with_abbreviation(text: &str) -> bool {
    let mut tail = text.chars().rev();
    let dot = tail.next() == Some('.');
    let letter = tail.next().is_some_and(char::is_alphabetic);
    dot && letter && tail.next() == Some('.')
}

/// Returns the content of `\text{…}`, `$…$`, `\(…\)` and similar LaTeX. A "$" without a closing "$" is a currency.
fn unwrap_latex(text: &str) -> &str {
    const COMMANDS: [&str; 7] =
        ["\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\textit{", "\\boldsymbol{", "\\boxed{"];
    const PAIRS: [(&str, &str); 4] = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")];
    let paired = PAIRS.iter().find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    if let Some(inner) = paired {
        return inner;
    }
    let inner = COMMANDS
        .iter()
        .find_map(|command| text.strip_prefix(command))
        .and_then(|inner| inner.strip_suffix('}'));
    inner.filter(|inner| !inner.contains(['{', '}'])).unwrap_or(text)
}
