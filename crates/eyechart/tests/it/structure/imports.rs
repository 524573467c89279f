//! Reads from a Rust file's tokens which modules of the crate it names. Knows nothing of layers.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The first module of a path that begins at the crate's root.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub module: String,
    pub line: usize,
}

/// The imports of a file whose module is `depth` steps below the crate's root: all paths in `use` declarations,
/// code, tests and the links of documentation.
pub fn imports(text: &str, depth: usize) -> Vec<Import> {
    let mut tokens = Vec::new();
    flatten(text.parse().unwrap(), &mut tokens);
    let mut found = Vec::new();
    // One entry for each open bracket: how deep the module is that the code in it belongs to.
    let mut depths = vec![depth];
    for (at, token) in tokens.iter().enumerate() {
        let current = *depths.last().unwrap();
        match token.text.as_str() {
            "{" | "(" | "[" => {
                let is_module = at >= 2 && tokens[at - 2].text == "mod";
                depths.push(current + usize::from(is_module));
            }
            "}" | ")" | "]" => drop(depths.pop()),
            text if text.contains('"') => found.extend(links(token)),
            _ if at > 0 && tokens[at - 1].text == ":" => {}
            _ => found.extend(after_root(&tokens[at..], current).into_iter().flat_map(first_names)),
        }
    }
    found
}

/// A token, with brackets as tokens of their own: looking ahead is easy.
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn import(&self) -> Import {
        Import { module: self.text.clone(), line: self.line }
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for token in stream {
        let line = token.span().start().line;
        let TokenTree::Group(group) = token else {
            tokens.push(Token { text: token.to_string(), line });
            continue;
        };
        let [open, close] = match group.delimiter() {
            Delimiter::Brace => ["{", "}"],
            Delimiter::Bracket => ["[", "]"],
            Delimiter::Parenthesis | Delimiter::None => ["(", ")"],
        };
        tokens.push(Token { text: open.to_owned(), line });
        flatten(group.stream(), tokens);
        tokens.push(Token { text: close.to_owned(), line });
    }
}

/// `[`crate::a::B`]` in documentation, which reaches a macro as a string.
fn links(literal: &Token) -> impl Iterator<Item = Import> {
    literal.text.split("crate::").skip(1).map(|link| {
        let end = link.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(link.len());
        Import { module: link[..end].to_owned(), line: literal.line }
    })
}

/// What follows `crate::`, `eyechart::`, or as many `super::` as lead to the crate's root.
fn after_root(tokens: &[Token], depth: usize) -> Option<&[Token]> {
    let is_step =
        |step: &[Token], name: &str| step[0].text == name && step[1].text == ":" && step[2].text == ":";
    let mut steps = tokens.chunks_exact(3);
    if steps.clone().next().is_some_and(|step| is_step(step, "crate") || is_step(step, "eyechart")) {
        return Some(&tokens[3..]);
    }
    let supers = steps.by_ref().take_while(|step| is_step(step, "super")).count();
    (supers > 0 && supers >= depth).then(|| &tokens[3 * supers..])
}

/// `a` of `a::b`; `a` and `c` of `{a::b, c::{d, e}}`.
fn first_names(path: &[Token]) -> Vec<Import> {
    if path[0].text != "{" {
        return vec![path[0].import()];
    }
    let mut names = Vec::new();
    let mut open = 0;
    for pair in path.windows(2) {
        let (before, token) = (pair[0].text.as_str(), &pair[1]);
        open += usize::from(before == "{");
        open -= usize::from(before == "}");
        if open == 0 {
            break;
        }
        let is_first = open == 1 && (before == "{" || before == ",");
        if is_first && token.text != "self" && token.text != "}" {
            names.push(token.import());
        }
    }
    names
}

#[test]
fn paths_are_found_in_groups_over_several_lines_and_behind_inline_tests() {
    let text = "//! See [`crate::types::Row`].
        use crate::report::Entry;
        #[cfg(test)]
        use crate::{
            cli::{X, Y}, self,
            log,
        };
        fn f() { eyechart::run::g(crate::task::pick()); my_crate::x(); name_of(crate_name::y) }
        pub(in crate::stats) struct S;
        mod tests { use super::super::super::hub::H; use super::super::own; }";
    let found: Vec<_> = imports(text, 2).into_iter().map(|import| (import.module, import.line)).collect();
    let expected = [
        ("types", 1),
        ("report", 2),
        ("cli", 5),
        ("log", 6),
        ("run", 8),
        ("task", 8),
        ("stats", 9),
        ("hub", 10),
    ];
    assert_eq!(found, expected.map(|(module, line)| (module.to_owned(), line)));
}
