//! Rules of web texts: addresses, e-mail, markup and its entities.

use super::lexer::{Form, Match};
use super::scan::{CachedSearch, Scan};

/// Entities and the texts that replace them.
const ENTITIES: [(&str, &str); 9] = [
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "''"),
    ("&apos;", "'"),
    ("&mdash;", "--"),
    ("&ndash;", "--"),
    ("&md;", "--"),
    ("&nbsp;", ""),
];

/// Returns whether `c` may be in an address: any character except spaces and `"<>|()`.
fn in_address(c: char) -> bool {
    !matches!(c, ' ' | '\t' | '\n' | '\u{c}' | '\r' | '"' | '<' | '>' | '|' | '(' | ')')
}

/// Returns whether `c` may end an address.
fn ends_address(c: char) -> bool {
    in_address(c) && !matches!(c, '.' | '!' | '?' | '{' | '}' | ',' | '-')
}

/// Returns the end of the rest of an address: two or more characters for which `belongs` holds.
fn address_rest(text: &Scan, from: usize, belongs: impl Fn(char) -> bool) -> Option<usize> {
    let mut end = text.run(from, belongs);
    while end > from && !ends_address(text.at(end - 1)) {
        end -= 1;
    }
    // The reference counts a character beyond U+FFFF as two.
    (end >= from + 2 || end > from && text.at(from).len_utf16() == 2).then_some(end)
}

/// An address with `http://` or `https://`.
pub(super) fn full_address(text: &Scan, from: usize) -> Option<Match> {
    let rest = text.any_literal(from, &["http://", "https://"])?;
    address_rest(text, rest, |c| in_address(c) && !matches!(c, '{' | '}'))
        .map(|end| Match::new(end, Form::Plain))
}

/// An address without a scheme: `www.example.org/path`, `example.com`.
pub(super) fn likely_address(text: &Scan, from: usize) -> Option<Match> {
    let known = known_host(text, from).map(|end| path(text, end).unwrap_or(end));
    let end = www_address(text, from).into_iter().chain(known).max()?;
    Some(Match::new(end, Form::Plain))
}

/// Returns the end of the path after a host; `None` if there is no path.
fn path(text: &Scan, host: usize) -> Option<usize> {
    (text.at(host) == '/').then(|| address_rest(text, host + 1, in_address)).flatten()
}

fn in_host(c: char) -> bool {
    in_address(c) && !matches!(c, '.' | '!' | '?' | '{' | '}' | ',')
}

/// Returns the end of an address that begins with `www.`.
fn www_address(text: &Scan, from: usize) -> Option<usize> {
    let first = text.literal(from, "www.")?;
    let known = text.www.get();
    if known.covers(from) {
        return (known.last_start > from).then_some(known.end);
    }
    let (mut place, mut best) = (first, None);
    loop {
        let end = text.run(place, in_host);
        if place > first {
            let last = text.run_up_to(place, 4, |c| c.is_ascii_alphabetic());
            if last >= place + 2 {
                best = Some(last);
                // A host may have slashes too, but no longer host reaches beyond the path.
                if let Some(end) = path(text, last) {
                    best = Some(end);
                    break;
                }
            }
        }
        if end == place || text.at(end) != '.' {
            break;
        }
        place = end + 1;
    }
    let until = place.max(from + 1);
    text.www.set(CachedSearch {
        from,
        until,
        last_start: best.map_or(0, |_| from + 1),
        end: best.unwrap_or_default(),
    });
    best
}

/// Returns whether `c` may be in a host without `www.`. The reference leaves out all characters from `,` to `_`.
fn in_known_host(c: char) -> bool {
    in_host(c) && !matches!(c, ','..='_' | '`' | '\'' | '$')
}

/// Returns the end of a host that ends in a well-known domain.
fn known_host(text: &Scan, from: usize) -> Option<usize> {
    if !in_known_host(text.at(from)) {
        return None;
    }
    let mut known = text.site.get();
    if !known.covers(from) {
        known = last_known_domain(text, from);
        text.site.set(known);
    }
    (known.last_start > from).then_some(known.end)
}

/// Finds the last well-known domain in the run of host characters from `from`.
fn last_known_domain(text: &Scan, from: usize) -> CachedSearch {
    let mut known = CachedSearch { from, until: from + 1, last_start: 0, end: 0 };
    let mut place = from;
    loop {
        let end = text.run(place, in_known_host);
        known.until = end.max(from + 1);
        if end == place || text.at(end) != '.' {
            return known;
        }
        place = end + 1;
        if let Some(domain) = text.any_literal(place, &["com", "net", "org", "edu"]) {
            known.last_start = end;
            known.end = domain;
        }
    }
}

fn in_mail(c: char) -> bool {
    in_address(c) && !matches!(c, '\u{a0}' | '{' | '}')
}

/// An e-mail address, with its angle brackets.
pub(super) fn mail(text: &Scan, from: usize) -> Option<Match> {
    let local = match text.at(from) {
        '<' => from + 1,
        '&' => text.literal(from, "&lt;").unwrap_or(from),
        _ => from,
    };
    if !text.at(local).is_ascii_alphanumeric() {
        return None;
    }
    let mut known = text.mail.get();
    if !known.covers(local) {
        known = last_mail(text, local);
        text.mail.set(known);
    }
    if known.last_start <= local {
        return None;
    }
    let end = text.literal(known.end, ">").or_else(|| text.literal(known.end, "&gt;")).unwrap_or(known.end);
    Some(Match::new(end, Form::Plain))
}

/// Finds the last `@` with a domain after it in the run of characters from `from`, and the end of the domain.
fn last_mail(text: &Scan, from: usize) -> CachedSearch {
    let run = text.run(from, in_mail);
    let mut known = CachedSearch { from, until: run.max(from + 1), last_start: 0, end: 0 };
    let in_domain = |c| in_mail(c) && c != '.';
    for sign in (from + 1..run).rev() {
        if text.at(sign) != '@' || !in_domain(text.at(sign + 1)) {
            continue;
        }
        let mut end = text.run(sign + 1, in_domain);
        while text.at(end) == '.' && in_domain(text.at(end + 1)) {
            end = text.run(end + 1, in_domain);
        }
        known.last_start = sign;
        known.end = end;
        break;
    }
    known
}

/// A markup tag; spaces within become no-break spaces.
pub(super) fn tag(text: &Scan, from: usize) -> Option<Match> {
    if text.at(from) != '<' {
        return None;
    }
    let begins = |c: char| c.is_ascii_alphabetic();
    let close = match text.at(from + 1) {
        '!' | '?' if begins(text.at(from + 2)) || text.at(from + 2) == '-' => text.next_angle(from)?,
        '/' if begins(text.at(from + 2)) => spaces(text, tag_name(text, from + 2)),
        c if begins(c) => {
            let end = attributes(text, tag_name(text, from + 1), Scan::tag_limit(from))?;
            if text.at(end) == '/' { spaces(text, end + 1) } else { end }
        }
        _ => return None,
    };
    (text.at(close) == '>').then_some(Match::new(close + 1, Form::Tag))
}

fn spaces(text: &Scan, from: usize) -> usize {
    text.run(from, |c| c == ' ')
}

fn tag_name(text: &Scan, from: usize) -> usize {
    text.run(from, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-'))
}

/// Returns the end of the attributes of a tag and of the spaces after them; `None` if it is beyond `limit`.
fn attributes(text: &Scan, from: usize, limit: usize) -> Option<usize> {
    let mut end = spaces(text, from);
    while end > from && text.at(end).is_ascii_alphabetic() {
        let name = tag_name(text, end);
        let sign = spaces(text, name);
        let value =
            if text.at(sign) == '=' { attribute_value(text, spaces(text, sign + 1), limit)? } else { name };
        end = spaces(text, value);
        if end == value && text.at(end) != '/' {
            break;
        }
        if end > limit {
            return None;
        }
    }
    Some(end)
}

fn attribute_value(text: &Scan, from: usize, limit: usize) -> Option<usize> {
    let quote = text.at(from);
    if matches!(quote, '\'' | '"') {
        let end = text.run_up_to(from + 1, limit.saturating_sub(from), |c| c != quote);
        return (text.at(end) == quote).then_some(end + 1);
    }
    None
}

/// An entity of a sign.
pub(super) fn entity(text: &Scan, from: usize) -> Option<Match> {
    if text.at(from) != '&' {
        return None;
    }
    if text.at(from + 1) == '#' {
        let end = text.run(from + 2, |c| c.is_ascii_digit());
        return (end > from + 2 && text.at(end) == ';').then_some(Match::new(end + 1, Form::Plain));
    }
    if let Some(end) = text.literal(from, "&quot;")
        && text.slice(from, end).iter().any(char::is_ascii_uppercase)
    {
        return Some(Match::new(end, Form::Plain));
    }
    ENTITIES.iter().find_map(|&(name, sign)| Some(Match::new(text.literal(from, name)?, Form::Fixed(sign))))
}
