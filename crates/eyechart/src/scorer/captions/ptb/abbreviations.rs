//! Abbreviations that keep their point: initials, words of a list, and words before a number.

use super::lexer::{Form, Match};
use super::scan::{Scan, is_digit, is_space};
use super::{web, words};

/// Abbreviations that often end a sentence. In the reference they win over words with a point, unless the word reaches
/// more than one character beyond the abbreviation ("Inc.-b").
const BEFORE_END: [&str; 80] = [
    "al", "ala", "apr", "ariz", "assn", "aug", "bancorp", "bhd", "bldg", "blvd", "bros", "calif", "co",
    "colo", "conn", "corp", "cos", "ct", "dak", "dec", "esq", "est", "etc", "ext", "feb", "fla", "fri", "ga",
    "inc", "ind", "intl", "jan", "jr", "jul", "jun", "kan", "kans", "ky", "ltd", "mar", "md", "mich", "minn",
    "mo", "mon", "mont", "neb", "nev", "nov", "oct", "okla", "penn", "plc", "ppte", "ppty", "pte", "ptes",
    "pty", "ptys", "rd", "rt", "sep", "sept", "seq", "sq", "sr", "sys", "tel", "tenn", "thu", "thurs", "tue",
    "tues", "univ", "va", "vt", "wed", "wis", "wisc", "wyo",
];

/// Like [`BEFORE_END`], but only with a capital first letter.
const CAPITAL_BEFORE_END: [&str; 11] =
    ["ark", "az", "del", "ill", "la", "mass", "miss", "ore", "pa", "tex", "wash"];

/// Abbreviations within a sentence, mostly titles.
const WITHIN: [&str; 65] = [
    "adj", "adm", "adv", "alex", "assoc", "asst", "atty", "attys", "ave", "brig", "capt", "cf", "cie",
    "cmdr", "col", "comdr", "cpl", "dept", "det", "dr", "drs", "elec", "ens", "ft", "gen", "gov", "govs",
    "hon", "insp", "invt", "jos", "lieut", "lt", "maj", "messrs", "mfg", "mlle", "mme", "mr", "mrs", "ms",
    "msgr", "mt", "mtg", "natl", "pfc", "ph", "pres", "prof", "profs", "pvt", "rep", "reps", "rev", "sen",
    "sens", "sfc", "sgt", "spc", "st", "ste", "supt", "treas", "vs", "wm",
];

/// Words that are abbreviations only before a number.
const BEFORE_NUMBER: [&str; 9] = ["art", "ca", "fig", "figs", "no", "nos", "op", "pp", "prop"];

/// Words that often begin a sentence.
const FIRST_WORDS: [&str; 46] = [
    "a",
    "about",
    "according",
    "additionally",
    "after",
    "an",
    "as",
    "at",
    "but",
    "earlier",
    "he",
    "her",
    "here",
    "however",
    "if",
    "in",
    "it",
    "last",
    "many",
    "more",
    "mr.",
    "ms.",
    "now",
    "once",
    "one",
    "other",
    "our",
    "she",
    "since",
    "so",
    "some",
    "such",
    "that",
    "the",
    "their",
    "then",
    "there",
    "these",
    "they",
    "this",
    "we",
    "what",
    "when",
    "while",
    "yet",
    "you",
];

/// Returns the end of two or more initials, each followed by a point: `U.S.`.
pub(super) fn initials(text: &Scan, from: usize) -> Option<usize> {
    let end = points(text, from);
    (end >= from + 4).then_some(end)
}

fn points(text: &Scan, from: usize) -> usize {
    let mut end = from;
    while text.at(end).is_ascii_alphabetic() && text.at(end + 1) == '.' {
        end += 2;
    }
    end
}

/// One or more initials, each followed by a point.
pub(super) fn acronym(text: &Scan, from: usize) -> Option<Match> {
    let end = points(text, from);
    (end > from).then_some(Match::new(end, Form::Plain))
}

/// A single letter that ends a sentence. Its point is a separate token if the next word often begins a sentence or is a
/// markup tag.
pub(super) fn letter_before_sentence(text: &Scan, from: usize) -> Option<Match> {
    if !text.at(from).is_ascii_alphabetic() || text.at(from + 1) != '.' {
        return None;
    }
    let next = text.run(from + 2, is_space);
    if next == from + 2 {
        return None;
    }
    if let Some(tag) = web::tag(text, next) {
        return ends_word(text, tag.end).then_some(Match::before(from + 1, tag.end + 1, Form::Plain));
    }
    if !text.at(next).is_ascii_uppercase() {
        return None;
    }
    let end =
        FIRST_WORDS.iter().filter_map(|word| text.literal(next, word)).find(|&end| ends_word(text, end))?;
    Some(Match::before(from + 1, end + 1, Form::Plain))
}

fn ends_word(text: &Scan, place: usize) -> bool {
    is_space(text.at(place)) || text.at(place) == '\n'
}

/// Writes the word of ASCII letters at `from` into the buffer, in lower case, and returns its length. `None` if no
/// point follows or the word is longer than every abbreviation.
fn word_before_point(text: &Scan, from: usize, buffer: &mut [u8; 8]) -> Option<usize> {
    let end = text.run_up_to(from, buffer.len(), |c| c.is_ascii_alphabetic());
    if end == from || text.at(end) != '.' {
        return None;
    }
    for (slot, c) in buffer.iter_mut().zip(text.slice(from, end)) {
        *slot = u8::try_from(c.to_ascii_lowercase()).unwrap_or_default();
    }
    Some(end - from)
}

/// An abbreviation from the lists.
pub(super) fn abbreviation(text: &Scan, from: usize) -> Option<Match> {
    let mut buffer = [0; 8];
    let length = word_before_point(text, from, &mut buffer)?;
    let word = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
    let end = from + length + 1;
    if BEFORE_END.contains(&word) || text.at(from).is_ascii_uppercase() && CAPITAL_BEFORE_END.contains(&word)
    {
        return Some(Match::before(end, end + 2, Form::Plain));
    }
    if WITHIN.contains(&word) {
        return Some(Match::new(end, Form::Plain));
    }
    if BEFORE_NUMBER.contains(&word) {
        let digit = if is_space(text.at(end)) { end + 1 } else { end };
        return is_digit(text.at(digit)).then_some(Match::before(end, digit + 1, Form::Plain));
    }
    None
}

/// `Ph.D.` and `Ed.D.`, the only abbreviations of words with points within.
pub(super) fn degree(text: &Scan, from: usize) -> Option<Match> {
    text.any_literal(from, &["ph.d.", "ed.d."]).map(|end| Match::before(end, end + 2, Form::Plain))
}

/// A word or number whose point comes before `,`, `;` or `:` and so does not end the sentence.
pub(super) fn before_comma(text: &Scan, from: usize) -> Option<Match> {
    let word = words::plain_word(text, from);
    let compounds =
        [words::compound(text, from), words::dotted_compound(text, from), words::joined_capitals(text, from)];
    let point = word.into_iter().chain(compounds.into_iter().flatten().map(|found| found.end)).max()?;
    let is_inside = text.at(point) == '.' && matches!(text.at(point + 1), ',' | ';' | ':' | '、');
    is_inside.then_some(Match::before(point + 1, point + 2, Form::Word))
}
