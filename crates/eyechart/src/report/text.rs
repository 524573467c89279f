//! Tables for a terminal: 80 columns, no colour, no lines.

use unicode_width::UnicodeWidthStr;

use super::table::{Row, Table};

const WIDTH: usize = 80;
const GAP: usize = 2;
const INDENT: &str = "  ";

pub(super) fn render(table: &Table) -> String {
    let widths = column_widths(table);
    let numbers: usize = widths.iter().map(|width| width + GAP).sum();
    let longest = table.rows.iter().map(|row| columns(&row.name) + INDENT.len()).max().unwrap_or(0);
    let first = longest.max(columns(&table.title)).min(WIDTH.saturating_sub(numbers));
    let mut text = line(&table.title, first, table.heads.iter().map(String::as_str), &widths);
    let mut group = "";
    for row in &table.rows {
        if row.group != group {
            group = &row.group;
            text.push_str(&format!("{}\n", shortened(group, WIDTH)));
        }
        let name = format!("{INDENT}{}", row.name);
        text.push_str(&line(&name, first, row.cells.iter().map(String::as_str), &widths));
    }
    for note in &table.notes {
        text.push_str(&wrapped(note));
    }
    text
}

fn column_widths(table: &Table) -> Vec<usize> {
    let width = |(column, head): (usize, &String)| {
        let cells = table.rows.iter().filter_map(|row: &Row| row.cells.get(column));
        cells.map(|cell| columns(cell)).max().unwrap_or(0).max(columns(head))
    };
    table.heads.iter().enumerate().map(width).collect()
}

fn line<'a>(name: &str, first: usize, cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let name = shortened_name(name, first);
    let mut line = format!("{name}{}", " ".repeat(first.saturating_sub(columns(&name))));
    for (cell, width) in cells.zip(widths) {
        line.push_str(&format!("{}{cell}", " ".repeat((GAP + width).saturating_sub(columns(cell)))));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// On one line, whatever the name holds.
fn shortened(text: &str, width: usize) -> String {
    let text = &text.replace(['\n', '\r', '\t'], " ");
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if columns(&short) + columns(c.encode_utf8(&mut [0; 4])) + 1 > width {
            break;
        }
        short.push(c);
    }
    short + "…"
}

/// As [`shortened`], but what tells runs of one model apart stays: a label in brackets and a control in parentheses, at
/// the end.
fn shortened_name(name: &str, width: usize) -> String {
    let start = name.find(" [").or_else(|| name.rfind(" (")).filter(|_| name.ends_with([')', ']']));
    let (model, mark) = name.split_at(start.unwrap_or(name.len()));
    let mark = shortened(mark, width.saturating_sub(INDENT.len() + 2));
    match width.checked_sub(columns(&mark)) {
        Some(rest) if rest > INDENT.len() => shortened(model, rest) + &mark,
        _ => shortened(name, width),
    }
}

fn wrapped(note: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in note.split_whitespace() {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > WIDTH {
            lines.push_str(&format!("{line}\n"));
            line = INDENT.to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines + &line + "\n"
}

/// Columns of a terminal: characters of Chinese, Japanese and Korean take two.
fn columns(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_80_columns_whatever_the_names_are() {
        let row = |name: &str| Row {
            group: "labels".to_owned(),
            name: name.repeat(60),
            cells: ["20.2", "–", "100.0", "84.3", "77.2", "1000"].map(str::to_owned).to_vec(),
        };
        let table = Table {
            title: "ArxivQA".to_owned(),
            group: "comparison",
            name: "model",
            heads: ["win rate", "mean", "top-1", "top-5", "top-10", "n"].map(str::to_owned).to_vec(),
            rows: vec![row("é"), row("m/"), row("図")],
            notes: vec!["a word and another ".repeat(9)],
        };
        let text = render(&table);
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
        assert!(text.lines().nth(2).unwrap().contains('…'));
        assert!(text.lines().nth(2).unwrap().ends_with("  1000"), "{text}");
    }

    #[test]
    fn a_long_name_is_cut_before_its_mark() {
        assert_eq!(shortened_name("  provider/model (no images)", 22), "  provide… (no images)");
        assert_eq!(shortened_name("  provider/model (no images)", 28), "  provider/model (no images)");
        assert_eq!(shortened_name("  provider/model [first] (no images)", 26), "  pro… [first] (no images)");
        assert_eq!(shortened_name("  provider/model (no images)", 10), "  p… (no …");
        assert_eq!(shortened_name("  provider/model", 10), "  provide…");
    }
}
