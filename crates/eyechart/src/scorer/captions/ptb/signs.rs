//! Rules of signs: brackets, quotation marks, dashes, ellipses, smileys and runs of one sign.

use super::lexer::{Form, Match};
use super::scan::{Scan, is_symbol};

/// A smiley such as `:-)`.
pub(super) fn smiley(text: &Scan, from: usize) -> Option<Match> {
    let eyes = from + usize::from(matches!(text.at(from), '<' | '>'));
    if !matches!(text.at(eyes), ':' | ';' | '=') {
        return None;
    }
    let nose = eyes + 1 + usize::from(matches!(text.at(eyes + 1), '-' | 'o' | '*' | '\''));
    let is_mouth =
        |c| matches!(c, '(' | ')' | 'D' | 'P' | 'd' | 'p' | 'O' | '\\' | '{' | '@' | '|' | '[' | ']');
    let free = |c: char| !c.is_ascii_alphanumeric();
    [nose, eyes + 1]
        .into_iter()
        .find(|&mouth| is_mouth(text.at(mouth)) && free(text.at(mouth + 1)))
        .map(|mouth| Match::before(mouth + 1, mouth + 2, Form::Spaced))
}

/// A face such as `^_^` or `(>.<)`.
pub(super) fn face(text: &Scan, from: usize) -> Option<Match> {
    if text.at(from) == '(' {
        return bracketed_face(text, from);
    }
    let is_face = is_eye(text.at(from)) && text.at(from + 1) == '_' && is_eye(text.at(from + 2));
    is_face.then_some(Match::new(from + 3, Form::Spaced))
}

fn is_eye(c: char) -> bool {
    matches!(c, '-' | '^' | 'x' | '=' | '~' | '<' | '>' | '\'')
}

fn bracketed_face(text: &Scan, from: usize) -> Option<Match> {
    let (left, middle, right) = (text.at(from + 1), text.at(from + 2), text.at(from + 3));
    let closes = |place| (text.at(place) == ')').then_some(Match::new(place + 1, Form::Spaced));
    let is_around = |mouth| match mouth {
        '_' | '.' => is_eye(left) && is_eye(right),
        '-' => is_eye(left) && left != '-' && (is_eye(right) && right != '-' || right == '`'),
        _ => false,
    };
    let with_mouth = is_around(middle).then(|| closes(from + 4)).flatten();
    with_mouth.or_else(|| (is_eye(left) && is_eye(middle)).then(|| closes(from + 3)).flatten())
}

/// Three points or more, with or without spaces between, or the character.
pub(super) fn ellipsis(text: &Scan, from: usize) -> Option<Match> {
    let end = match text.at(from) {
        '…' => from + 1,
        '.' => {
            let close = text.run_up_to(from, 5, |c| c == '.');
            let mut spaced = from + 1;
            let mut points = 1;
            while points < 5 && matches!(text.at(spaced), ' ' | '\u{a0}') && text.at(spaced + 1) == '.' {
                spaced += 2;
                points += 1;
            }
            if points < 3 {
                spaced = 0;
            }
            let end = spaced.max(if close >= from + 3 { close } else { 0 });
            if end == 0 {
                return None;
            }
            end
        }
        _ => return None,
    };
    Some(Match::new(end, Form::Fixed("...")))
}

/// Hyphens and dashes. Up to four hyphens are one dash; more stay as they are.
pub(super) fn dash(text: &Scan, from: usize) -> Option<Match> {
    if matches!(text.at(from), '–' | '—' | '―' | '\u{96}' | '\u{97}') {
        return Some(Match::new(from + 1, Form::Fixed("--")));
    }
    let end = text.run(from, |c| c == '-');
    match end - from {
        0 => None,
        1 | 5.. => Some(Match::new(end, Form::Plain)),
        2..=4 => Some(Match::new(end, Form::Fixed("--"))),
    }
}

/// A bracket.
pub(super) fn bracket(text: &Scan, from: usize) -> Option<Match> {
    let form = match text.at(from) {
        '(' => "-lrb-",
        ')' => "-rrb-",
        '[' => "-lsb-",
        ']' => "-rsb-",
        '{' => "-lcb-",
        '}' => "-rcb-",
        _ => return None,
    };
    Some(Match::new(from + 1, Form::Fixed(form)))
}

/// The name of a bracket, as in texts that were tokenized before.
pub(super) fn bracket_name(text: &Scan, from: usize) -> Option<Match> {
    text.any_literal(from, &["-lrb-", "-rrb-", "-lsb-", "-rsb-", "-lcb-", "-rcb-"])
        .map(|end| Match::new(end, Form::Plain))
}

/// Quotation marks. Two typographic ones or backticks are one token, as are two straight apostrophes.
pub(super) fn quotes(text: &Scan, from: usize) -> Option<Match> {
    let is_typographic = |c| matches!(c, '`' | '«' | '»' | '\u{91}'..='\u{94}' | '‘'..='‟' | '‹' | '›');
    match text.at(from) {
        '"' => Some(Match::new(from + 1, Form::Fixed("''"))),
        '\'' => Some(Match::new(text.run_up_to(from, 2, |c| c == '\''), Form::Plain)),
        c if is_typographic(c) => Some(Match::new(text.run_up_to(from, 2, is_typographic), Form::Quotes)),
        _ => None,
    }
}

/// Stars with a backslash before each.
pub(super) fn escaped(text: &Scan, from: usize) -> Option<Match> {
    let mut end = from;
    while text.at(end) == '\\' && text.at(end + 1) == '*' {
        end += 2;
    }
    (end > from).then_some(Match::new(end, Form::Plain))
}

/// A run of `!` and `?`, or of one of `*`, `#`, `@`, `_`.
pub(super) fn repeated(text: &Scan, from: usize) -> Option<Match> {
    let first = text.at(from);
    let end = match first {
        '!' | '?' => text.run(from, |c| matches!(c, '!' | '?')),
        '*' | '#' | '@' | '_' => text.run(from, |c| c == first),
        '<' | '>' => text.run_up_to(from, 2, |c| c == first),
        _ => return None,
    };
    Some(Match::new(end, Form::Plain))
}

/// Any other sign.
pub(super) fn sign(text: &Scan, from: usize) -> Option<Match> {
    is_symbol(text.at(from)).then_some(Match::new(from + 1, Form::Plain))
}
