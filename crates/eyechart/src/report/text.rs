//! Tables for a terminal: no colour, no rules, no line wider than the terminal.

use unicode_width::UnicodeWidthStr;

use super::table::{Row, Table};
use crate::text::wrapped;

/// Columns between two cells.
const GAP: usize = 2;
/// Columns that a name is left with at least, if it has as many, before a table is split.
const LEAST_NAME: usize = 16;
const INDENT: &str = "  ";

/// The table in at most `width` columns. Intervals stand behind their figures; in a table that is too wide with them they
/// stand below their row. A table with more cells than fit is split into several, one below the other.
pub(super) fn render(table: &Table, width: usize) -> String {
    let longest = table.rows.iter().map(|row| columns(&row.name) + INDENT.len()).max().unwrap_or(0);
    let longest = longest.max(columns(&table.title));
    let room = width.saturating_sub(longest.min(LEAST_NAME));
    let with_intervals = Table { rows: table.rows.iter().map(whole).collect(), ..table.clone() };
    let has_room = parts(&column_widths(&with_intervals), room).len() == 1;
    let shown = if has_room { &with_intervals } else { table };
    let cells = column_widths(shown);
    let mut text = String::new();
    for part in parts(&cells, room) {
        let cells = &cells[part.clone()];
        let numbers: usize = cells.iter().map(|cell| cell + GAP).sum();
        let layout = Layout { first: longest.min(width.saturating_sub(numbers)), cells };
        text.push_str(&layout.head(&table.title, &table.heads[part.clone()], width));
        text.push_str(&layout.rows(shown, part.clone(), width));
    }
    for note in &table.notes {
        let note = note.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("{}\n", wrapped(&note, width, INDENT.len())));
    }
    text
}

/// The row with its intervals behind the cells.
fn whole(row: &Row) -> Row {
    Row { cells: row.whole_cells(), intervals: Vec::new(), ..row.clone() }
}

/// The intervals of a row in one line, such as `accuracy [77.1, 88.2], readable [95.1, 99.0]`; empty without any.
fn intervals_of(row: &Row, heads: &[String], part: std::ops::Range<usize>) -> String {
    let named = heads[part.clone()].iter().zip(row.intervals.iter().skip(part.start));
    let intervals = named.filter(|(_, interval)| !interval.is_empty());
    intervals.map(|(head, interval)| format!("{head} {interval}")).collect::<Vec<_>>().join(", ")
}

/// Ranges of columns that fit into `room` together, one column at least.
fn parts(cells: &[usize], room: usize) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, cell) in cells.iter().enumerate() {
        if at > start && used + cell + GAP > room {
            parts.push(start..at);
            (start, used) = (at, 0);
        }
        used += cell + GAP;
    }
    parts.push(start..cells.len());
    parts
}

fn column_widths(table: &Table) -> Vec<usize> {
    let width = |(column, head): (usize, &String)| {
        let cells = table.rows.iter().filter_map(|row: &Row| row.cells.get(column));
        cells.map(|cell| columns(cell)).max().unwrap_or(0).max(columns(head))
    };
    table.heads.iter().enumerate().map(width).collect()
}

/// The widths of the columns.
struct Layout<'a> {
    first: usize,
    cells: &'a [usize],
}

impl Layout<'_> {
    /// The lines of the rows. A name that would look like another one once it is cut has lines of its own, whole.
    fn rows(&self, table: &Table, part: std::ops::Range<usize>, width: usize) -> String {
        let rows = &table.rows;
        let names: Vec<String> = rows.iter().map(|row| format!("{INDENT}{}", row.name)).collect();
        let looks_alike = |name: &String| {
            let cut = shortened_name(name, self.first);
            names.iter().any(|other| other != name && shortened_name(other, self.first) == cut)
        };
        let mut text = String::new();
        let mut group = "";
        for (row, name) in rows.iter().zip(&names) {
            if row.group != group {
                group = &row.group;
                text.push_str(&format!("{}\n", shortened(group, width)));
            }
            let cells = &row.cells[part.clone()];
            if looks_alike(name) {
                text.push_str(&format!("{}\n", broken(name, width)));
                text.push_str(&self.line("", cells));
            } else {
                text.push_str(&self.line(name, cells));
            }
            let intervals = intervals_of(row, &table.heads, part.clone());
            if !intervals.is_empty() {
                let indented = format!("{INDENT}{INDENT}{intervals}");
                text.push_str(&format!("{}\n", wrapped(&indented, width, 2 * INDENT.len())));
            }
        }
        text
    }

    /// The line of the heads. A title that does not fit beside them has lines of its own.
    fn head(&self, title: &str, heads: &[String], width: usize) -> String {
        if columns(title) <= self.first {
            return self.line(title, heads);
        }
        format!("{}\n{}", wrapped(title, width, INDENT.len()), self.line("", heads))
    }

    fn line(&self, name: &str, cells: &[String]) -> String {
        let name = shortened_name(name, self.first);
        let mut line = format!("{name}{}", " ".repeat(self.first.saturating_sub(columns(&name))));
        for (cell, width) in cells.iter().zip(self.cells) {
            line.push_str(&format!("{}{cell}", " ".repeat((GAP + width).saturating_sub(columns(cell)))));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// One line of at most `width` columns: a longer text is cut in the middle, because names of models often differ at
/// their end.
fn shortened(text: &str, width: usize) -> String {
    let text = &text.replace(['\n', '\r', '\t'], " ");
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let end = fitting(text.chars().rev(), room / 2);
    let start = fitting(text.chars(), room - columns(&end));
    format!("{start}…{}", end.chars().rev().collect::<String>())
}

/// The whole name in lines of at most `width` columns, broken anywhere: it has no blanks.
fn broken(name: &str, width: usize) -> String {
    let mut lines = Vec::new();
    let mut rest = name.trim_start();
    while let Some(first) = rest.chars().next() {
        // One character at least, so that the loop ends.
        let length = fitting(rest.chars(), width.saturating_sub(INDENT.len())).len().max(first.len_utf8());
        lines.push(format!("{INDENT}{}", &rest[..length]));
        rest = &rest[length..];
    }
    lines.join("\n")
}

/// As many characters as fit into `width` columns.
fn fitting(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += columns(c.encode_utf8(&mut [0; 4]));
        used <= width
    };
    chars.take_while(fits).collect()
}

/// As [`shortened`], but keeps what tells runs of one model apart: a label in brackets and a control in parentheses, at
/// the end.
fn shortened_name(name: &str, width: usize) -> String {
    if columns(name) <= width {
        return shortened(name, width);
    }
    let start = name.find(" [").or_else(|| name.rfind(" (")).filter(|_| name.ends_with([')', ']']));
    let (model, mark) = name.split_at(start.unwrap_or(name.len()));
    let mark = shortened(mark, width.saturating_sub(INDENT.len() + 2));
    match width.checked_sub(columns(&mark)) {
        Some(rest) if rest > INDENT.len() => shortened(model, rest) + &mark,
        _ => shortened(name, width),
    }
}

/// Columns of a terminal: characters of Chinese, Japanese and Korean take two.
fn columns(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |name: &str| Row {
            group: "labels".to_owned(),
            name: name.repeat(60),
            cells: ["20.2", "–", "100.0", "84.3", "77.2", "1000"].map(str::to_owned).to_vec(),
            intervals: vec!["[19.0, 21.5]".to_owned()],
        };
        Table {
            title: "ArxivQA".to_owned(),
            group: "comparison",
            name: "model",
            heads: ["win rate", "mean", "top-1", "top-5", "top-10", "n"].map(str::to_owned).to_vec(),
            rows: vec![row("é"), row("m/"), row("図")],
            notes: vec!["a word and another ".repeat(9)],
        }
    }

    #[test]
    fn a_table_fits_80_columns_with_names_of_any_length() {
        let text = render(&table(), 80);
        assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
        assert!(text.lines().nth(2).unwrap().contains('…'));
        assert!(text.lines().nth(2).unwrap().ends_with("  1000"), "{text}");
    }

    #[test]
    fn a_table_that_does_not_fit_is_split_and_loses_no_cell() {
        let text = render(&table(), 40);
        assert!(text.lines().all(|line| columns(line) <= 40), "{text}");
        assert_eq!(text.matches("ArxivQA").count(), 2, "{text}");
        assert_eq!(text.matches("win rate [19.0,").count(), 3, "{text}");
        for cell in ["win rate", "top-10", "20.2", "77.2", "1000"] {
            assert!(text.contains(cell), "{cell} in {text}");
        }
    }

    #[test]
    fn a_long_name_is_cut_in_the_middle_and_keeps_its_mark() {
        assert_eq!(shortened_name("  provider/model (no images)", 22), "  pro…odel (no images)");
        assert_eq!(shortened_name("  provider/model (no images)", 28), "  provider/model (no images)");
        assert_eq!(shortened_name("  provider/model [first] (no images)", 26), "  p…el [first] (no images)");
        assert_eq!(shortened_name("  provider/model (no images)", 10), "  …l (n…s)");
        assert_eq!(shortened_name("  provider/model", 10), "  pro…odel");
        assert_eq!(shortened_name("  m [first try]", 15), "  m [first try]");
    }

    #[test]
    fn names_that_would_look_alike_are_whole() {
        let mut table = table();
        let base = "provider/a-model-with-a-very-long-name";
        for (row, middle) in table.rows.iter_mut().zip(["-small", "-large", "-small"]) {
            row.name = format!("{base}{middle}-and-an-end-that-is-the-same-for-all-of-them");
        }
        let text = render(&table, 60);
        assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
        let whole = text.replace("\n  ", "");
        assert!(
            whole.contains(&format!("{base}-small-and")) && whole.contains(&format!("{base}-large-and")),
            "{text}"
        );
    }
}
