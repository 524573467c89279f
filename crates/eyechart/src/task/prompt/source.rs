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

/// The filter that every value passes before it is used in a way that has a meaning for lists and for texts, such as an
/// index.
pub(super) const NOTATION_CHECK: &str = "eyechart_notation_check";

/// Filters that take a list apart or put it together. On a text, they would do so letter by letter.
const LIST_FILTERS: [&str; 9] =
    ["join", "list", "batch", "slice", "map", "select", "reject", "sort", "unique"];

/// Filters that have a meaning for lists and for texts.
const ITEM_FILTERS: [&str; 9] = ["first", "last", "length", "count", "reverse", "min", "max", "chain", "zip"];

/// Filters that make a text of any value.
const TEXT_FILTERS: [&str; 13] = [
    "tojson",
    "string",
    "pprint",
    "safe",
    "escape",
    "e",
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "replace",
    "indent",
];

/// Words that end no value: a bracket behind one of them begins a list.
const KEYWORDS: [&str; 12] =
    ["in", "not", "and", "or", "is", "if", "elif", "else", "for", "set", "recursive", "do"];

/// The variable with all columns of the row.
pub(super) const ROW: &str = "row";

/// A token and its place in the template.
type Placed<'a> = (Token<'a>, Span);

/// A template with what its tokens say.
pub(super) struct Source {
    /// The template, in which every value passes the filter [`LIST_CHECK`] before it is used as a list, and the filter
    /// [`NOTATION_CHECK`] before it is used as a list or a text.
    pub(super) text: String,
    /// A template with the same variables, for the compiler to list them: it overlooks those that are only sliced.
    pub(super) with_bases: String,
    /// The columns in `row["name"]` and `row.name`.
    pub(super) row_columns: BTreeSet<String>,
    /// The columns in `row.get("name")` and `"name" in row`, which the data may lack.
    pub(super) tested_columns: BTreeSet<String>,
    /// Whether `row` is used in another way.
    pub(super) has_bare_row: bool,
    /// Whether `row` is made a text as a whole.
    pub(super) prints_row: bool,
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
            with_bases: String::new(),
            row_columns: BTreeSet::new(),
            tested_columns: BTreeSet::new(),
            has_bare_row: false,
            prints_row: false,
            literals: BTreeSet::new(),
        };
        let (mut insertions, mut bases): (Vec<Insertion>, Vec<Insertion>) = (Vec::new(), Vec::new());
        let mut tag: Vec<Placed<'_>> = Vec::new();
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
                insertions.extend(notation_checks(&tag));
                bases.extend(indexed_bases(&tag, template));
                tag.clear();
            }
        }
        insertions.sort_by_key(|insertion| insertion.at);
        source.text = with_insertions(template, &insertions);
        source.with_bases = with_insertions(template, &bases);
        Ok(source)
    }

    fn read_tag(&mut self, tag: &[Placed<'_>]) {
        for (at, (token, _)) in tag.iter().enumerate() {
            match token {
                Token::Str(_) | Token::String(_) => self.literals.extend(text_of(token).map(str::to_owned)),
                Token::Ident(ROW) if at == 0 || !matches!(tag[at - 1].0, Token::Dot | Token::Pipe) => {
                    self.read_row(tag, at);
                }
                _ => {}
            }
        }
    }

    /// Reads how the tag uses `row`, which is its token `at`.
    fn read_row(&mut self, tag: &[Placed<'_>], at: usize) {
        let next = |by: usize| tag.get(at + by).map(|(token, _)| token);
        let before = |by: usize| Some(&tag.get(at.checked_sub(by)?)?.0);
        match (next(1), next(2), next(3)) {
            (Some(Token::BracketOpen), Some(name), Some(Token::BracketClose)) if text_of(name).is_some() => {
                self.row_columns.extend(text_of(name).map(str::to_owned));
            }
            (Some(Token::Dot), Some(Token::Ident("get")), Some(Token::ParenOpen)) => {
                match next(4).and_then(text_of) {
                    Some(name) => drop(self.tested_columns.insert(name.to_owned())),
                    None => self.has_bare_row = true,
                }
            }
            (Some(Token::Dot), Some(Token::Ident(_)), Some(Token::ParenOpen)) => self.has_bare_row = true,
            (Some(Token::Dot), Some(Token::Ident(name)), _) => self.row_columns.extend([(*name).to_owned()]),
            _ => {
                let is_tested = matches!(before(1), Some(Token::Ident("in")));
                let is_not = matches!(before(2), Some(Token::Ident("not")));
                let name = before(if is_not { 3 } else { 2 }).and_then(text_of);
                match name.filter(|_| is_tested && !matches!(next(1), Some(Token::BracketOpen))) {
                    Some(name) => drop(self.tested_columns.insert(name.to_owned())),
                    None => {
                        self.has_bare_row = true;
                        self.prints_row |= match (before(1), next(1), next(2)) {
                            (Some(Token::Tilde), ..) | (_, Some(Token::Tilde), _) => true,
                            (_, Some(Token::Pipe), Some(Token::Ident(name))) => TEXT_FILTERS.contains(name),
                            _ => false,
                        };
                    }
                }
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
fn list_checks(tag: &[Placed<'_>]) -> Vec<Insertion> {
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

/// The checks of the values that the tag uses as lists or as texts: by an index or a slice, by one of [`ITEM_FILTERS`], or
/// behind `in`.
fn notation_checks(tag: &[Placed<'_>]) -> Vec<Insertion> {
    let mut insertions = Vec::new();
    let mut wrap = |start: usize, end: u32| {
        insertions.push(Insertion { at: tag[start].1.start_offset as usize, text: "(".to_owned() });
        insertions.push(Insertion { at: end as usize, text: format!(" | {NOTATION_CHECK})") });
    };
    // The first `in` of a loop is followed by what it loops over, which has a check of its own.
    let is_loop = matches!(tag.get(1), Some((Token::Ident("for"), _)));
    let mut has_seen_in = !is_loop;
    for (at, (token, span)) in tag.iter().enumerate() {
        match token {
            Token::BracketOpen if at > 0 => {
                if let Some(start) = value_start(tag, at - 1) {
                    wrap(start, span.start_offset);
                }
            }
            Token::Ident("in") if !has_seen_in => has_seen_in = true,
            Token::Ident("in") if !matches!(tag[at - 1].0, Token::Dot | Token::Pipe) => {
                if let Some(end) = value_end(tag, at + 1) {
                    wrap(at + 1, tag[end].1.end_offset);
                }
            }
            _ => {}
        }
    }
    for pair in tag.windows(2) {
        if let [(Token::Pipe, pipe), (Token::Ident(name), _)] = pair
            && ITEM_FILTERS.contains(name)
        {
            let at = pipe.start_offset as usize;
            insertions.push(Insertion { at, text: format!("| {NOTATION_CHECK} ") });
        }
    }
    insertions
}

/// What is indexed or sliced, once more behind each bracket: `a[1:]` becomes `a[a or 1:]`.
fn indexed_bases(tag: &[Placed<'_>], template: &str) -> Vec<Insertion> {
    let base = |(at, (token, span)): (usize, &Placed<'_>)| {
        let is_index = matches!(token, Token::BracketOpen) && at > 0;
        let start = value_start(tag, at - usize::from(is_index)).filter(|_| is_index)?;
        let base = &template[tag[start].1.start_offset as usize..span.start_offset as usize];
        let is_last = matches!(tag.get(at + 1), Some((Token::Colon, _)));
        Some(Insertion {
            at: span.end_offset as usize,
            text: format!("{base}{}", if is_last { "" } else { " or " }),
        })
    };
    tag.iter().enumerate().filter_map(base).collect()
}

/// The first token of the value that ends with the token `end`: a name, a text or brackets, with the attributes, indices
/// and calls behind them. `None` if no value ends there.
fn value_start(tag: &[Placed<'_>], end: usize) -> Option<usize> {
    let mut at = end;
    loop {
        let before = |at: usize| at.checked_sub(1).map(|before| &tag[before].0);
        match &tag[at].0 {
            Token::Ident(_) if matches!(before(at), Some(Token::Dot)) => at = at.checked_sub(2)?,
            // The name of a filter or of a test.
            Token::Ident(_) if matches!(before(at), Some(Token::Pipe | Token::Ident("is"))) => return None,
            Token::Ident(name) => return (!KEYWORDS.contains(name)).then_some(at),
            Token::Str(_) | Token::String(_) => return Some(at),
            Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                let open = opening(tag, at)?;
                let is_behind_value = match before(open) {
                    Some(Token::Ident(name)) => !KEYWORDS.contains(name),
                    Some(token) => is_closing(token) || text_of(token).is_some(),
                    None => false,
                };
                if !is_behind_value || matches!(tag[open].0, Token::BraceOpen) {
                    return Some(open);
                }
                at = open - 1;
            }
            _ => return None,
        }
    }
}

/// The last token of the value that begins with the token `start`.
fn value_end(tag: &[Placed<'_>], start: usize) -> Option<usize> {
    let mut end = match &tag.get(start)?.0 {
        Token::Ident(name) if !KEYWORDS.contains(name) => start,
        Token::Str(_) | Token::String(_) => start,
        Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => closing(tag, start)?,
        _ => return None,
    };
    loop {
        match (tag.get(end + 1).map(|(token, _)| token), tag.get(end + 2).map(|(token, _)| token)) {
            (Some(Token::Dot), Some(Token::Ident(_))) => end += 2,
            (Some(Token::BracketOpen | Token::ParenOpen), _) => end = closing(tag, end + 1)?,
            _ => return Some(end),
        }
    }
}

fn is_opening(token: &Token<'_>) -> bool {
    matches!(token, Token::BracketOpen | Token::ParenOpen | Token::BraceOpen)
}

fn is_closing(token: &Token<'_>) -> bool {
    matches!(token, Token::BracketClose | Token::ParenClose | Token::BraceClose)
}

/// The bracket that opens the one at `close`.
fn opening(tag: &[Placed<'_>], close: usize) -> Option<usize> {
    let mut depth = 0;
    (0..=close).rev().find(|at| {
        depth += i32::from(is_closing(&tag[*at].0)) - i32::from(is_opening(&tag[*at].0));
        depth == 0
    })
}

/// The bracket that closes the one at `open`.
fn closing(tag: &[Placed<'_>], open: usize) -> Option<usize> {
    let mut depth = 0;
    (open..tag.len()).find(|at| {
        depth += i32::from(is_opening(&tag[*at].0)) - i32::from(is_closing(&tag[*at].0));
        depth == 0
    })
}

/// The bytes of what a `for` tag loops over: between `in` and `if`, `recursive` or the end of the tag. `None` for other
/// tags.
fn looped(tag: &[Placed<'_>]) -> Option<Range<usize>> {
    if !matches!(tag.get(1)?.0, Token::Ident("for")) {
        return None;
    }
    let is_in = |(token, _): &Placed<'_>| matches!(token, Token::Ident("in"));
    let first = tag.iter().position(is_in)? + 1;
    let mut depth = 0;
    let is_end = |(token, _): &Placed<'_>| {
        depth += i32::from(is_opening(token)) - i32::from(is_closing(token));
        depth == 0 && matches!(token, Token::Ident("if" | "recursive") | Token::BlockEnd)
    };
    let end = first + tag[first..].iter().position(is_end)?;
    let last = tag[first..end].last()?;
    Some(tag[first].1.start_offset as usize..last.1.end_offset as usize)
}
