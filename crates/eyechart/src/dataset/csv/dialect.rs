//! What a table of text does not say of itself: the byte between its cells, and names for columns that have none.

use std::collections::HashSet;

use ::csv::ByteRecord;

use super::records::QuoteState;

/// The bytes that are looked for between cells. Of two that are equally frequent, the first counts.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// How the rows of a table are written.
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// Whether the first line is only for spreadsheet programs: `sep=;`.
    pub(super) has_separator_line: bool,
    is_guessed: bool,
}

impl Dialect {
    /// The dialect of a text that begins with `start`: the delimiter that is `given`, that its first line names, or that
    /// its header row has most often outside quotes.
    pub(super) fn of(start: &[u8], given: Option<u8>) -> Self {
        let named = separator_line(start);
        Self {
            delimiter: given.or(named).unwrap_or_else(|| most_frequent(start)),
            has_separator_line: named.is_some(),
            is_guessed: given.is_none() && named.is_none(),
        }
    }

    /// What the user should know, if the delimiter is a guess.
    pub(super) fn notice(&self) -> Option<String> {
        let name = if self.delimiter == b'\t' { "tabs" } else { "semicolons" };
        (self.is_guessed && self.delimiter != b',').then(|| {
            format!("it is read with {name} between the cells: if that is wrong, name its `delimiter` in [dataset]")
        })
    }
}

/// The delimiter that a line `sep=;` at the start names.
fn separator_line(start: &[u8]) -> Option<u8> {
    let line = start.split(|byte| *byte == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [name @ .., delimiter] if name.eq_ignore_ascii_case(b"sep=") && is_delimiter(*delimiter) => {
            Some(*delimiter)
        }
        _ => None,
    }
}

/// Whether a byte can stand between cells.
pub(in crate::dataset) fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r' | 0)
}

fn most_frequent(start: &[u8]) -> u8 {
    let (mut counts, mut state, mut has_text) = ([0_usize; 3], QuoteState::CellStart, false);
    for &byte in start {
        if byte == b'\n' && state != QuoteState::Quoted {
            if has_text {
                break;
            }
            continue;
        }
        has_text |= byte != b'\r';
        let found = DELIMITERS.iter().position(|delimiter| *delimiter == byte);
        if let Some(found) = found.filter(|_| state != QuoteState::Quoted) {
            counts[found] += 1;
        }
        state = state.after(byte, |byte| DELIMITERS.contains(&byte));
    }
    let mut best = 0;
    for (at, count) in counts.iter().enumerate() {
        if *count > counts[best] {
            best = at;
        }
    }
    DELIMITERS[best]
}

/// The names of the columns, each once.
pub(in crate::dataset) struct Named {
    pub(in crate::dataset) names: Vec<String>,
    /// What the user should know.
    pub(in crate::dataset) notices: Vec<String>,
}

/// The names in a header row. A column without a name is called after its place (`column_3`); of several columns with
/// one name, the first keeps it and the others get a number (`answer_2`).
///
/// # Errors
/// The reason why the row has no names.
pub(in crate::dataset) fn named_columns(header: &ByteRecord) -> Result<Named, String> {
    let names = header.iter().map(std::str::from_utf8).collect::<Result<Vec<_>, _>>();
    let given = names.map_err(|_| "its header row is not UTF-8".to_owned())?;
    let mut taken: HashSet<String> = HashSet::new();
    let mut named = Named { names: Vec::new(), notices: Vec::new() };
    for (at, name) in given.iter().enumerate() {
        let is_nameless = name.trim().is_empty();
        let own = if is_nameless { format!("column_{}", at + 1) } else { (*name).to_owned() };
        // A name that a column has of its own is not given to another one.
        let is_free = |name: &str, taken: &HashSet<String>| !taken.contains(name) && !given.contains(&name);
        let mut unique = own.clone();
        let mut number = 2;
        while if unique == *name { taken.contains(&unique) } else { !is_free(&unique, &taken) } {
            unique = format!("{own}_{number}");
            number += 1;
        }
        if !is_nameless && unique != own {
            named.notices.push(format!(
                "column {} has a name that an earlier column has, {own:?}, and is called {unique:?}",
                at + 1
            ));
        }
        taken.insert(unique.clone());
        named.names.push(unique);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_most_frequent_one_of_the_header_outside_quotes() {
        let cases: [(&[u8], u8); 9] = [
            (b"id,question\n1;2;3;4", b','),
            (b"id;question;answer\r\n1;a, b, c, d;x", b';'),
            (b"id\tquestion\n", b'\t'),
            (b"\"a;b;c\",d\n", b','),
            (b"\"a,b\";\"c,d\"\n", b';'),
            (b"\r\n\nid;question\n1,2,3", b';'),
            (b"question\n1;2", b','),
            (b"a,b;c", b','),
            (b"", b','),
        ];
        for (text, delimiter) in cases {
            let dialect = Dialect::of(text, None);
            assert_eq!((dialect.delimiter, dialect.has_separator_line), (delimiter, false), "{text:?}");
        }
    }

    #[test]
    fn a_line_for_spreadsheet_programs_names_the_delimiter() {
        for (text, delimiter) in
            [(&b"sep=;\r\na,b,c"[..], b';'), (b"SEP=|\na", b'|'), (b"\"sep=\t\"\na", b'\t'), (b"sep=,", b',')]
        {
            let dialect = Dialect::of(text, None);
            assert_eq!((dialect.delimiter, dialect.has_separator_line), (delimiter, true), "{text:?}");
            assert_eq!(dialect.notice(), None);
        }
        let given = Dialect::of(b"sep=;\na|b", Some(b'|'));
        assert_eq!((given.delimiter, given.has_separator_line), (b'|', true));
        assert!(!Dialect::of(b"sep=\"\na", None).has_separator_line);
        assert!(!Dialect::of(b"sep=;;\na", None).has_separator_line);
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let names = |header: &[&str]| named_columns(&ByteRecord::from(header.to_vec())).unwrap().names;
        assert_eq!(names(&["", "a", "b", " "]), ["column_1", "a", "b", "column_4"]);
        assert_eq!(names(&["a", "b", "a", "a"]), ["a", "b", "a_2", "a_3"]);
        assert_eq!(names(&["a", "a", "a_2", "a_2"]), ["a", "a_3", "a_2", "a_2_2"]);
        assert_eq!(names(&["", "column_1"]), ["column_1_2", "column_1"]);
        let notices = named_columns(&ByteRecord::from(vec!["a", "", "a"])).unwrap().notices;
        assert_eq!(notices, ["column 3 has a name that an earlier column has, \"a\", and is called \"a_2\""]);
    }
}
