//! Rules of words: plain ones, contractions, words with apostrophes, hyphens, slashes and ampersands.
//!
//! Each rule returns the token that may begin at a position, or `None`. The lexer chooses the longest.

use super::lexer::{Form, Match};
use super::scan::{SOFT_HYPHEN, Scan, is_digit, is_letter, is_mark, is_space};

/// Words that become two tokens, as (word, length of the first token).
const ASSIMILATIONS: [(&str, usize); 6] =
    [("cannot", 3), ("gonna", 3), ("gotta", 3), ("lemme", 3), ("gimme", 3), ("wanna", 3)];

/// Endings that are separate tokens after an apostrophe, if no letter follows.
const SUFFIXES: [&str; 6] = ["ll", "re", "ve", "s", "m", "d"];

/// Words that contain an apostrophe; `'` matches any apostrophe. They are tokens regardless of what follows.
const APOSTROPHE_WORDS: [&str; 24] = [
    "'n'",
    "'em",
    "'till",
    "'til",
    "'cause",
    "dunkin'",
    "somethin'",
    "ol'",
    "c'mon",
    "nor'easter",
    "s'mores",
    "ev'ry",
    "li'l",
    "nat'l",
    "cap'n",
    "o'er",
    "e'er",
    "cont'd.",
    "o'clock",
    "c'est",
    "o'o",
    "d'",
    "j'",
    "l'",
];

/// Endings of file names.
const FILE_ENDINGS: [&str; 35] = [
    "bat", "bmp", "c", "cgi", "class", "cpp", "dll", "doc", "docx", "exe", "gif", "gz", "h", "htm", "html",
    "jar", "java", "jpeg", "jpg", "mov", "mp3", "pdf", "php", "pl", "png", "ppt", "ps", "py", "sql", "tar",
    "txt", "wav", "x", "xml", "zip",
];

/// A plain word: letters, marks and digits, with single `.`, `!` and `?` between letters.
pub(super) fn word(text: &Scan, from: usize) -> Option<Match> {
    plain_word(text, from).map(|end| Match::new(end, Form::Word))
}

/// Returns the end of a plain word.
pub(super) fn plain_word(text: &Scan, from: usize) -> Option<usize> {
    let mut end = word_part(text, from)?;
    while matches!(text.at(end), '.' | '!' | '?')
        && let Some(next) = word_part(text, end + 1)
    {
        end = next;
    }
    Some(end)
}

fn letter_or_mark(text: &Scan, from: usize) -> Option<usize> {
    text.letter(from).or_else(|| is_mark(text.at(from)).then(|| from + 1))
}

fn word_part(text: &Scan, from: usize) -> Option<usize> {
    let mut end = letter_or_mark(text, from)?;
    loop {
        if is_digit(text.at(end)) {
            end += 1;
        } else if let Some(next) = letter_or_mark(text, end) {
            end = next;
        } else {
            break;
        }
    }
    Some(end)
}

/// A plain word before an ending such as `'s`, which is the next token.
pub(super) fn word_before_suffix(text: &Scan, from: usize) -> Option<Match> {
    let end = plain_word(text, from)?;
    Some(Match::before(end, suffix_end(text, end)?, Form::Word))
}

fn suffix_end(text: &Scan, from: usize) -> Option<usize> {
    text.any_literal(text.apostrophe(from)?, &SUFFIXES)
}

/// An ending such as `'s`. If a letter follows the ending, a straight apostrophe is a quotation mark.
pub(super) fn suffix(text: &Scan, from: usize) -> Option<Match> {
    let end = suffix_end(text, from)?;
    let is_quote = text.at(from) == '\'' && text.at(end).is_ascii_alphabetic();
    (!is_quote).then_some(Match::new(end, Form::Contraction))
}

/// The word before `n't`.
pub(super) fn negated_word(text: &Scan, from: usize) -> Option<Match> {
    let end = text.run(from, |c| c.is_ascii_alphabetic() || c == SOFT_HYPHEN);
    // The word before must not end in `n`: "can't" is split, "cann't" is not.
    let before = text.slice(from, end.saturating_sub(1));
    if before.iter().rfind(|&&c| c != SOFT_HYPHEN).is_none_or(|c| c.eq_ignore_ascii_case(&'n')) {
        return None;
    }
    Some(Match::before(end - 1, negation_end(text, end - 1)?, Form::Word))
}

fn negation_end(text: &Scan, from: usize) -> Option<usize> {
    let apostrophe = text.literal(from, "n")?;
    let after = text.apostrophe(apostrophe).or_else(|| text.literal(apostrophe, "`"))?;
    text.literal(after, "t")
}

/// `n't` itself.
pub(super) fn negation(text: &Scan, from: usize) -> Option<Match> {
    negation_end(text, from).map(|end| Match::new(end, Form::Contraction))
}

/// The first half of a word that becomes two tokens.
pub(super) fn assimilation(text: &Scan, from: usize) -> Option<Match> {
    ASSIMILATIONS
        .iter()
        .find_map(|&(word, first)| Some(Match::before(from + first, text.literal(from, word)?, Form::Word)))
}

/// `'t` of "'tis" and "'twas", with a straight apostrophe only.
pub(super) fn archaic(text: &Scan, from: usize) -> Option<Match> {
    let reach = text.any_literal(from, &["'tis", "'twas"])?;
    Some(Match::before(from + 2, reach, Form::Word))
}

/// A word of [`APOSTROPHE_WORDS`].
pub(super) fn apostrophe_word(text: &Scan, from: usize) -> Option<Match> {
    let end = APOSTROPHE_WORDS.iter().filter_map(|word| with_apostrophes(text, from, word)).max()?;
    Some(Match::new(end, Form::Word))
}

fn with_apostrophes(text: &Scan, from: usize, word: &str) -> Option<usize> {
    word.chars().try_fold(from, |place, expected| match expected {
        '\'' => text.apostrophe(place),
        _ => (text.at(place).to_ascii_lowercase() == expected).then_some(place + 1),
    })
}

/// `y'` before a letter.
pub(super) fn you_all(text: &Scan, from: usize) -> Option<Match> {
    let end = text.apostrophe(text.literal(from, "y")?)?;
    Some(Match::before(end, text.letter(end)?, Form::Word))
}

/// `'n`. If no space follows, a straight apostrophe is a quotation mark.
pub(super) fn and(text: &Scan, from: usize) -> Option<Match> {
    let end = text.literal(text.apostrophe(from)?, "n")?;
    let is_quote = text.at(from) == '\'' && !text.at(end).is_whitespace();
    (!is_quote).then_some(Match::new(end, Form::Word))
}

/// A decade such as `'80s`.
pub(super) fn decade(text: &Scan, from: usize) -> Option<Match> {
    let digit = text.apostrophe(from)?;
    let end = text.literal(digit + 1, "0s")?;
    matches!(text.at(digit), '2'..='9').then_some(Match::new(end, Form::Word))
}

/// A year such as `'99` before a space.
pub(super) fn short_year(text: &Scan, from: usize) -> Option<Match> {
    let digit = text.apostrophe(from)?;
    let end = digit + 2;
    let is_year = text.at(digit).is_ascii_digit()
        && text.at(digit + 1).is_ascii_digit()
        && text.at(end).is_whitespace();
    is_year.then_some(Match::before(end, end + 1, Form::Word))
}

/// A name such as `K'ung`: one capital letter (or `n`), an apostrophe and two letters or more.
pub(super) fn capital_name(text: &Scan, from: usize) -> Option<Match> {
    let first = text.at(from);
    if !(first == 'n' || first.is_ascii_uppercase() && first != 'I' && first != 'Y') {
        return None;
    }
    let after = text.loose_apostrophe(from + 1)?;
    let end = text.run(after, |c| c != SOFT_HYPHEN && is_letter(c));
    (end >= after + 2).then_some(Match::new(end, Form::Word))
}

fn is_vowel(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// A word such as `Xi'an`: a vowel on both sides of the apostrophe, or a capital letter after it.
pub(super) fn vowel_name(text: &Scan, from: usize) -> Option<Match> {
    let apostrophe = text.run(from, is_letter);
    if apostrophe < from + 2 || !is_vowel(text.at(apostrophe - 1)) {
        return None;
    }
    let after = text.loose_apostrophe(apostrophe)?;
    matches!(text.at(after), 'a' | 'e' | 'i' | 'o' | 'u' | 'A'..='Z')
        .then(|| Match::new(text.run(after + 1, is_letter), Form::Word))
}

/// Letters and digits, in parts joined by `-` or `_`; a part may begin with `d'`, `l'`, `o'` as in `O'Neil`.
pub(super) fn compound(text: &Scan, from: usize) -> Option<Match> {
    let mut end = compound_part(text, from)?;
    while matches!(text.at(end), '-' | '_' | '\u{58a}' | '\u{2010}' | '\u{2011}')
        && let Some(next) = compound_part(text, end + 1)
    {
        end = next;
    }
    Some(Match::new(end, Form::Word))
}

fn compound_part(text: &Scan, from: usize) -> Option<usize> {
    let is_plain = |c| c != SOFT_HYPHEN && (is_letter(c) || is_digit(c));
    let prefixed = || {
        matches!(text.at(from), 'd' | 'D' | 'o' | 'O' | 'l' | 'L').then_some(())?;
        let first = text.loose_apostrophe(from + 1)?;
        let end = text.run(first, is_plain);
        (end > first + 1).then_some(end)
    };
    let end = prefixed().unwrap_or_else(|| text.run(from, is_plain));
    (end > from).then_some(end)
}

/// ASCII parts joined by hyphens; a part may contain points: `U.S.-based`, `non-U.S.`, `3.5-inch`.
pub(super) fn dotted_compound(text: &Scan, from: usize) -> Option<Match> {
    if !text.at(from).is_ascii_alphanumeric() {
        return None;
    }
    let mut end = text.dotted_run(from);
    let first = end;
    while text.at(end) == '-' {
        let plain = text.run(end + 1, |c| c.is_ascii_alphanumeric() || c == SOFT_HYPHEN);
        let longest = super::abbreviations::initials(text, end + 1).map_or(plain, |dotted| dotted.max(plain));
        if longest == end + 1 {
            break;
        }
        end = longest;
    }
    (end > first).then_some(Match::new(end, Form::Word))
}

/// ASCII words with slashes between: `and/or`. At most three parts, of at most three hyphenated words each.
pub(super) fn slashed(text: &Scan, from: usize) -> Option<Match> {
    let mut end = slash_part(text, from)?;
    let mut slashes = 0;
    while slashes < 2 {
        let escaped = usize::from(text.at(end) == '\\');
        if text.at(end + escaped) != '/' {
            break;
        }
        let Some(next) = slash_part(text, end + escaped + 1) else { break };
        end = next;
        slashes += 1;
    }
    (slashes > 0).then_some(Match::new(end, Form::Word))
}

fn slash_part(text: &Scan, from: usize) -> Option<usize> {
    let mut end = text.run(from, |c| c.is_ascii_alphanumeric());
    if end == from {
        return None;
    }
    for _ in 0..2 {
        let next = text.run(end + 1, |c| c.is_ascii_alphabetic());
        if text.at(end) != '-' || next == end + 1 {
            break;
        }
        end = next;
    }
    Some(end)
}

/// Capital letters with `&` or `+` between: `AT&T`.
pub(super) fn joined_capitals(text: &Scan, from: usize) -> Option<Match> {
    let part = |place| Some(text.run(place, |c: char| c.is_ascii_uppercase())).filter(|&end| end > place);
    let mut end = part(from)?;
    let first = end;
    loop {
        let sign = match text.at(end) {
            '+' => Some(end + 1),
            '&' => text.literal(end, "&amp;").or(Some(end + 1)),
            _ => None,
        };
        match sign.and_then(part) {
            Some(next) => end = next,
            None => break,
        }
    }
    (end > first).then_some(Match::new(end, Form::Word))
}

/// A file name: letters and digits with points between, the last part a known ending.
pub(super) fn file_name(text: &Scan, from: usize) -> Option<Match> {
    let belongs = |c| is_letter(c) || is_digit(c);
    let mut end = text.run(from, belongs);
    let mut best = None;
    while end > from && text.at(end) == '.' {
        let part = text.run(end + 1, belongs);
        if part == end + 1 {
            break;
        }
        let is_ending = FILE_ENDINGS.iter().any(|ending| text.literal(end + 1, ending) == Some(part));
        let next = text.at(part);
        if is_ending && (is_space(next) || matches!(next, '\n' | '.' | ',' | '!' | '?')) {
            best = Some(Match::before(part, part + 1, Form::Plain));
        }
        end = part;
    }
    best
}

/// `pro-` and `anti-` without a word after them. The reference keeps the hyphen of these two prefixes only.
pub(super) fn prefix(text: &Scan, from: usize) -> Option<Match> {
    text.any_literal(from, &["pro-", "anti-"]).map(|end| Match::new(end, Form::Plain))
}

/// Names of programming languages.
pub(super) fn language(text: &Scan, from: usize) -> Option<Match> {
    text.any_literal(from, &["c++", "c#", "f#"]).map(|end| Match::new(end, Form::Plain))
}

fn hashtag_letters(text: &Scan, from: usize) -> usize {
    let mut place = from;
    while let Some(end) = letter_or_mark(text, place) {
        place = end;
    }
    place
}

/// `@name`, or `#tag` of letters only.
pub(super) fn handle(text: &Scan, from: usize) -> Option<Match> {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    let end = match text.at(from) {
        '@' if begins(text.at(from + 1)) => text.run(from + 1, |c| begins(c) || c.is_ascii_digit()),
        '#' => hashtag_letters(text, from + 1),
        _ => return None,
    };
    (end > from + 1).then_some(Match::new(end, Form::Plain))
}
