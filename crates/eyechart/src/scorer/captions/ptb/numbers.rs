//! Rules of numbers: amounts, dates, fractions, telephone numbers, currency signs.

use super::lexer::{Form, Match};
use super::scan::{Scan, is_digit};

/// A number with an optional sign.
pub(super) fn number(text: &Scan, from: usize) -> Option<Match> {
    let first = if matches!(text.at(from), '+' | '-') { from + 1 } else { from };
    let digits = || text.digits_grouped(first);
    digits().map(|end| Match::new(end, Form::Word))
}

/// Superscript or subscript digits.
pub(super) fn raised(text: &Scan, from: usize) -> Option<Match> {
    let belongs = |c| matches!(c, '⁰' | '¹' | '²' | '³' | '\u{2074}'..='\u{2079}' | '\u{2080}'..='\u{2089}');
    let end = text.run(from, belongs);
    (end > from).then_some(Match::new(end, Form::Plain))
}

/// Returns the ends of runs of `least` to `most` digits, the longest run first.
fn digits(text: &Scan, from: usize, least: usize, most: usize) -> impl Iterator<Item = usize> {
    let end = text.run_up_to(from, most, is_digit);
    (from + least..=end).rev()
}

/// A date such as `12/25/99`.
pub(super) fn date(text: &Scan, from: usize) -> Option<Match> {
    let separates = |place| matches!(text.at(place), '-' | '/');
    let end = digits(text, from, 1, 2)
        .filter(|&day| separates(day))
        .flat_map(|day| digits(text, day + 1, 1, 2))
        .filter(|&month| separates(month))
        .flat_map(|month| digits(text, month + 1, 2, 4))
        .max()?;
    Some(Match::new(end, Form::Plain))
}

/// A fraction such as `1/2` or `1 1/2`; a space within becomes a no-break space.
pub(super) fn fraction(text: &Scan, from: usize) -> Option<Match> {
    let slash = |place| match text.at(place) {
        '/' | '⁄' => Some(place + 1),
        '\\' if text.at(place + 1) == '/' => Some(place + 2),
        _ => None,
    };
    let simple = |place| {
        digits(text, place, 1, 4)
            .filter_map(slash)
            .flat_map(|denominator| digits(text, denominator, 1, 4))
            .max()
    };
    let mixed = digits(text, from, 1, 4)
        .filter(|&whole| is_gap(text.at(whole)))
        .filter_map(|whole| simple(whole + 1))
        .max();
    let end = mixed.into_iter().chain(simple(from)).max()?;
    Some(Match::new(end, Form::Spaced))
}

/// A fraction that is one character.
pub(super) fn vulgar_fraction(text: &Scan, from: usize) -> Option<Match> {
    let form = match text.at(from) {
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        '⅓' => "1/3",
        '⅔' => "2/3",
        _ => return None,
    };
    Some(Match::new(from + 1, Form::Fixed(form)))
}

/// A telephone number; spaces within become no-break spaces.
pub(super) fn telephone(text: &Scan, from: usize) -> Option<Match> {
    if !matches!(text.at(from), '(' | '+' | '0'..='9') {
        return None;
    }
    let end = parenthesised_area(text, from).into_iter().chain(plain_telephone(text, from)).max();
    end.map(|end| Match::new(end, Form::Spaced))
}

fn is_gap(c: char) -> bool {
    matches!(c, '-' | ' ' | '\u{a0}')
}

/// Seven digits or so, in two groups with an optional gap.
fn subscriber(text: &Scan, from: usize) -> Option<usize> {
    digits(text, from, 3, 4)
        .flat_map(|exchange| digits(text, exchange + usize::from(is_gap(text.at(exchange))), 3, 5))
        .max()
}

fn parenthesised_area(text: &Scan, from: usize) -> Option<usize> {
    if text.at(from) != '(' {
        return None;
    }
    let close = digits(text, from + 1, 2, 3).find(|&end| text.at(end) == ')')?;
    let after = close + 1;
    let gap = usize::from(matches!(text.at(after), ' ' | '\u{a0}' | '-'));
    subscriber(text, after + gap)
}

fn plain_telephone(text: &Scan, from: usize) -> Option<usize> {
    let first = text.run_up_to(from, 2, |c| c == '+');
    let area = |place| digits(text, place, 2, 4).filter(|&end| is_gap(text.at(end))).map(|end| end + 1);
    let point = |place, least, most| {
        digits(text, place, least, most).filter(|&end| text.at(end) == '.').map(|end| end + 1)
    };
    let gapped = area(first).flat_map(|after| {
        area(after).filter_map(|after| subscriber(text, after)).chain(subscriber(text, after))
    });
    let dotted_tail = |place| point(place, 3, 4).flat_map(|last| digits(text, last, 3, 5)).max();
    let dotted = point(first, 2, 4).flat_map(|after| {
        point(after, 2, 4).filter_map(dotted_tail).chain(dotted_tail(after)).collect::<Vec<_>>()
    });
    gapped.chain(dotted).max()
}

/// A currency sign, or capital letters and a dollar sign: `US$`.
pub(super) fn currency(text: &Scan, from: usize) -> Option<Match> {
    let form = match text.at(from) {
        '$' => Form::Plain,
        '€' | '\u{80}' | '¤' | '₠' => Form::Fixed("$"),
        '£' => Form::Fixed("#"),
        '¢' => Form::Fixed("cents"),
        'A'..='Z' => {
            let sign = text.run(from, |c| c.is_ascii_uppercase());
            return (text.at(sign) == '$').then_some(Match::new(sign + 1, Form::Plain));
        }
        _ => return None,
    };
    Some(Match::new(from + 1, form))
}
