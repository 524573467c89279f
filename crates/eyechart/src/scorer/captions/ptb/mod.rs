//! Tokens of a caption as in the Penn Treebank, as the tokenizer of pycocoevalcap gives them.
//!
//! The reference is the lexer of Stanford CoreNLP 3.4.1 with `-preserveLines -lowerCase`, and then a list of
//! punctuation that is dropped. The rules and tables here were written anew and measured against that
//! lexer's output. This folder knows nothing of scores.

mod abbreviations;
mod lexer;
mod numbers;
mod scan;
mod signs;
mod unicode;
mod web;
mod words;

#[cfg(test)]
mod tests;

/// Tokens that pycocoevalcap drops. Its `-LRB-` and the like never match, because the tokens are lower-case by then;
/// so `-lrb-` stays, here too.
const DROPPED: [&str; 13] = ["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"];

/// The tokens of `text`, in lower case, without punctuation.
///
/// A text without words gives no token. A token may hold a no-break space: in a telephone number, a mixed fraction or
/// a markup tag. A line feed, carriage return, U+0085, U+2028 or U+2029 counts as a space.
pub fn ptb_tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    lexer::tokens(text, |token| tokens.push(token.to_lowercase()));
    // pycocoevalcap removes white space from the line's end before it drops punctuation.
    if let Some(last) = tokens.last_mut() {
        last.truncate(last.trim_end_matches(is_white_space).len());
    }
    tokens.retain(|token| !token.is_empty() && !DROPPED.contains(&token.as_str()));
    tokens
}

/// White space as Python has it: Unicode's, and the four separators of ASCII.
pub(super) fn is_white_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
