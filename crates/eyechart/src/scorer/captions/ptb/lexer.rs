//! Finds the tokens of a text. At each position the rule with the largest reach wins; of several equal ones, the first.
//!
//! The reach of a rule is the end of its token, or the end of the text after the token that the rule requires.

use super::scan::{SOFT_HYPHEN, Scan, is_space};
use super::{abbreviations, numbers, signs, web, words};

/// A token that a rule found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// The end of the token.
    pub(super) end: usize,
    /// The end of the text that the rule requires.
    pub(super) reach: usize,
    /// How the token is written.
    pub(super) form: Form,
}

/// How a token is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// The token is written as in the text.
    Plain,
    /// Soft hyphens are removed, and the entity of `&` is replaced.
    Word,
    /// Like [`Form::Word`], and each apostrophe becomes `'`.
    Contraction,
    /// Spaces become no-break spaces.
    Tag,
    /// Like [`Form::Tag`], and brackets become their names.
    Spaced,
    /// Typographic quotation marks become ASCII quotation marks.
    Quotes,
    /// The token is always this text.
    Fixed(&'static str),
}

impl Match {
    /// Returns a token that ends at `end`.
    pub(super) fn new(end: usize, form: Form) -> Match {
        Match { end, reach: end, form }
    }

    /// Returns a token that ends at `end`, before required text that ends at `reach`.
    pub(super) fn before(end: usize, reach: usize, form: Form) -> Match {
        Match { end, reach, form }
    }
}

type Rule = fn(&Scan, usize) -> Option<Match>;

/// All rules. Of two rules with the same reach, the first wins.
const RULES: [Rule; 48] = [
    words::assimilation,
    words::language,
    web::tag,
    web::entity,
    words::word,
    words::word_before_suffix,
    words::negated_word,
    words::archaic,
    words::apostrophe_word,
    words::you_all,
    words::and,
    words::decade,
    words::short_year,
    words::suffix,
    words::negation,
    web::full_address,
    web::likely_address,
    web::mail,
    words::handle,
    words::capital_name,
    words::vowel_name,
    numbers::date,
    numbers::number,
    numbers::raised,
    numbers::fraction,
    numbers::vulgar_fraction,
    numbers::currency,
    abbreviations::abbreviation,
    abbreviations::degree,
    abbreviations::before_comma,
    abbreviations::acronym,
    abbreviations::letter_before_sentence,
    words::file_name,
    words::prefix,
    words::compound,
    words::dotted_compound,
    words::slashed,
    words::joined_capitals,
    numbers::telephone,
    signs::smiley,
    signs::face,
    signs::escaped,
    signs::ellipsis,
    signs::dash,
    signs::bracket,
    signs::bracket_name,
    signs::quotes,
    signs::repeated,
];

/// Calls `found` with every token of `text`, in order.
pub(super) fn tokens(text: &str, mut found: impl FnMut(&str)) {
    let scan = Scan::new(text);
    let mut buffer = String::new();
    let mut place = 0;
    while place < scan.len() {
        let spaces = scan.run(place, is_space);
        let best = if scan.at(place) == ' ' { None } else { best_match(&scan, place, spaces) };
        let Some(best) = best else {
            place = spaces.max(place + 1);
            continue;
        };
        let end = best.end.clamp(place + 1, scan.len());
        buffer.clear();
        write_token(scan.slice(place, end), best.form, &mut buffer);
        found(&buffer);
        place = end;
    }
}

/// Returns the token at `place`, if the reach of a rule goes beyond the spaces that end at `spaces`.
///
/// A character without a rule is dropped, as is a character that the Unicode version of the reference does not have.
fn best_match(scan: &Scan, place: usize, spaces: usize) -> Option<Match> {
    let mut best: Option<Match> = None;
    let mut reach = spaces;
    for candidate in RULES.iter().filter_map(|rule| rule(scan, place)) {
        if candidate.reach > reach {
            reach = candidate.reach;
            best = Some(candidate);
        }
    }
    best.or_else(|| signs::sign(scan, place))
}

fn write_token(chars: &[char], form: Form, into: &mut String) {
    match form {
        Form::Fixed(written) => into.push_str(written),
        Form::Plain => into.extend(chars),
        Form::Word | Form::Contraction => {
            into.extend(chars.iter().filter(|&&c| c != SOFT_HYPHEN));
            if into.is_empty() {
                into.push('-');
            }
            if chars.contains(&'&') {
                *into = unescape_ampersands(into);
            }
            if matches!(form, Form::Contraction) {
                *into = into.replace("&apos;", "'").replace(['’', '\u{92}'], "'");
            }
        }
        Form::Tag => into.extend(chars.iter().map(|&c| if c == ' ' { '\u{a0}' } else { c })),
        Form::Spaced => {
            for &c in chars {
                match c {
                    '(' => into.push_str("-lrb-"),
                    ')' => into.push_str("-rrb-"),
                    ' ' | '\t' => into.push('\u{a0}'),
                    c => into.push(c),
                }
            }
        }
        Form::Quotes => {
            for &c in chars {
                match c {
                    '“' | '«' | '\u{93}' => into.push_str("``"),
                    '”' | '»' | '\u{94}' => into.push_str("''"),
                    '‘' | '‛' | '‹' | '\u{91}' => into.push('`'),
                    '’' | '›' | '\u{92}' => into.push('\''),
                    c => into.push(c),
                }
            }
        }
    }
}

/// Replaces each entity of `&`, in any case, by `&`.
fn unescape_ampersands(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        plain.push('&');
        let is_entity = after.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("amp;"));
        rest = if is_entity { after.get(4..).unwrap_or_default() } else { after };
    }
    plain.push_str(rest);
    plain
}
