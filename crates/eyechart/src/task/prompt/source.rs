//! Reads the tokens of a template before it is compiled: the columns that it names by `row["name"]`, the texts that it
//! spells out, and the values that it uses as lists.
//!
//! The compiler of minijinja is recursive. A tag with very many tokens would overflow its stack, so such a tag is refused
//! here.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// Maximum length of a template in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Maximum number of tokens in one tag. The compiler uses less than 2 KB of stack for each in an unoptimised build.
const MAX_TOKENS: usize = 500;

/// The filter that every value passes before it is used as a list.
pub(super) const LIST_CHECK: &str = "eyechart_list_check";

/// Filters that take a list apart or put it together. On a text, they would do so letter by letter.
const LIST_FILTERS: [&str; 9] =
    ["join", "list", "batch", "slice", "map", "select", "reject", "sort", "unique"];

/// The variable with all columns of the row.
pub(super) const ROW: &str = "row";

/// A template with what its tokens say.
pub(super) struct Source {
    /// The template, in which every value passes the filter [`LIST_CHECK`] before it is used as a list.
    pub(super) text: String,
    /// The columns in `row["name"]` and `row.name`.
    pub(super) row_columns: BTreeSet<String>,
    /// Whether `row` is used in another way.
    pub(super) has_bare_row: bool,
    /// The texts that the template spells out.
    pub(super) literals: BTreeSet<String>,
}

impl Source {
    /// Reads `template`.
    ///
    /// # Errors
    /// A text that says what is wrong, with the line.
    pub(super) fn read(template: &str) -> Result<Self, String> {
        if template.len() > MAX_BYTES {
            return Err(format!("it has {} bytes; at most {MAX_BYTES} are allowed", template.len()));
        }
        let mut source = Self {
            text: String::new(),
            row_columns: BTreeSet::new(),
            has_bare_row: false,
            literals: BTreeSet::new(),
        };
        let mut insertions: Vec<Insertion> = Vec::new();
        let mut tag: Vec<(Token<'_>, Span)> = Vec::new();
        for token in tokenize(template, false, SyntaxConfig::default()) {
            let (token, span) = token.map_err(|error| format!("{error:#}"))?;
            let is_end = matches!(token, Token::VariableEnd | Token::BlockEnd);
            if !matches!(token, Token::TemplateData(_)) {
                tag.push((token, span));
            }
            if tag.len() > MAX_TOKENS {
                let line = tag[0].1.start_line;
                return Err(format!(
                    "the tag in line {line} has more than {MAX_TOKENS} names, numbers and signs"
                ));
            }
            if is_end {
                source.read_tag(&tag);
                insertions.extend(list_checks(&tag));
                tag.clear();
            }
        }
        insertions.sort_by_key(|insertion| insertion.at);
        source.text = with_insertions(template, &insertions);
        Ok(source)
    }

    fn read_tag(&mut self, tag: &[(Token<'_>, Span)]) {
        for (at, (token, _)) in tag.iter().enumerate() {
            let next = |by: usize| tag.get(at + by).map(|(token, _)| token);
            match token {
                Token::Str(_) | Token::String(_) => self.literals.extend(text_of(token).map(str::to_owned)),
                Token::Ident(ROW) if at == 0 || !matches!(tag[at - 1].0, Token::Dot | Token::Pipe) => {
                    let column = match (next(1), next(2), next(3)) {
                        (Some(Token::BracketOpen), Some(name), Some(Token::BracketClose)) => text_of(name),
                        (Some(Token::Dot), Some(Token::Ident(name)), _) => Some(*name),
                        _ => None,
                    };
                    match column {
                        Some(column) => drop(self.row_columns.insert(column.to_owned())),
                        None => self.has_bare_row = true,
                    }
                }
                _ => {}
            }
        }
    }
}

fn text_of<'a>(token: &'a Token<'_>) -> Option<&'a str> {
    match token {
        Token::Str(text) => Some(text),
        Token::String(text) => Some(text),
        _ => None,
    }
}

/// A text to insert into the template.
struct Insertion {
    /// The byte that it is inserted before.
    at: usize,
    text: String,
}

fn with_insertions(template: &str, insertions: &[Insertion]) -> String {
    let (mut text, mut copied) = (String::with_capacity(template.len()), 0);
    for insertion in insertions {
        text.push_str(&template[copied..insertion.at]);
        text.push_str(&insertion.text);
        copied = insertion.at;
    }
    text.push_str(&template[copied..]);
    text
}

/// The checks of the values that the tag uses as lists.
fn list_checks(tag: &[(Token<'_>, Span)]) -> Vec<Insertion> {
    let mut insertions = Vec::new();
    for pair in tag.windows(2) {
        if let [(Token::Pipe, pipe), (Token::Ident(name), _)] = pair
            && LIST_FILTERS.contains(name)
        {
            insertions.push(Insertion { at: pipe.start_offset as usize, text: format!("| {LIST_CHECK} ") });
        }
    }
    if let Some(looped) = looped(tag) {
        insertions.push(Insertion { at: looped.start, text: "(".to_owned() });
        insertions.push(Insertion { at: looped.end, text: format!(") | {LIST_CHECK}") });
    }
    insertions
}

/// The bytes of what a `for` tag loops over: between `in` and `if`, `recursive` or the end of the tag. `None` for other
/// tags.
fn looped(tag: &[(Token<'_>, Span)]) -> Option<Range<usize>> {
    if !matches!(tag.get(1)?.0, Token::Ident("for")) {
        return None;
    }
    let is_in = |(token, _): &(Token<'_>, Span)| matches!(token, Token::Ident("in"));
    let first = tag.iter().position(is_in)? + 1;
    let mut depth = 0;
    let is_end = |(token, _): &(Token<'_>, Span)| {
        match token {
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => depth += 1,
            Token::BracketClose | Token::ParenClose | Token::BraceClose => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(token, Token::Ident("if" | "recursive") | Token::BlockEnd)
    };
    let end = first + tag[first..].iter().position(is_end)?;
    let last = tag[first..end].last()?;
    Some(tag[first].1.start_offset as usize..last.1.end_offset as usize)
}
