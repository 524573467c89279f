//! Tokenizes a caption in the style of the Penn Treebank, with the same result as the tokenizer of pycocoevalcap.
//!
//! The reference is the lexer of Stanford CoreNLP 3.4.1 with `-preserveLines -lowerCase`, followed by a list of
//! punctuation tokens that are dropped. The rules and tables here were written from scratch and compared with the
//! output of that lexer.

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

/// Tokens that pycocoevalcap drops. Its list also has `-LRB-` and other upper-case names, which never match because the
/// tokens are in lower case. `-lrb-` is therefore kept here too.
const DROPPED: [&str; 13] = ["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"];

/// Returns the tokens of `text`, in lower case, without punctuation.
///
/// A text without words has no tokens. A token may contain a no-break space: in a telephone number, a mixed fraction or
/// a markup tag. A line feed, carriage return, U+0085, U+2028 or U+2029 counts as a space.
pub fn ptb_tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    lexer::tokens(text, |token| tokens.push(token.to_lowercase()));
    // pycocoevalcap trims the end of the line before it drops punctuation.
    if let Some(last) = tokens.last_mut() {
        last.truncate(last.trim_end_matches(is_white_space).len());
    }
    tokens.retain(|token| !token.is_empty() && !DROPPED.contains(&token.as_str()));
    tokens
}

/// Returns whether Python treats a character as white space: as Unicode does, and the four separators of ASCII.
pub(super) fn is_white_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
