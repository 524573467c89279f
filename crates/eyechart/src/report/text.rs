//! Tables for a terminal: 80 columns, no colour, no lines.

use super::table::{Row, Table};

const WIDTH: usize = 80;
const GAP: usize = 2;
const INDENT: &str = "  ";

pub(super) fn render(table: &Table) -> String {
    let widths = column_widths(table);
    let numbers: usize = widths.iter().map(|width| width + GAP).sum();
    let longest = table.rows.iter().map(|row| chars(&row.name) + INDENT.len()).max().unwrap_or(0);
    let first = longest.max(chars(&table.title)).min(WIDTH.saturating_sub(numbers));
    let mut text = line(&table.title, first, table.heads.iter().copied(), &widths);
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
    let width = |(column, head): (usize, &&str)| {
        let cells = table.rows.iter().filter_map(|row: &Row| row.cells.get(column));
        cells.map(|cell| chars(cell)).max().unwrap_or(0).max(chars(head))
    };
    table.heads.iter().enumerate().map(width).collect()
}

fn line<'a>(name: &str, first: usize, cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let name = shortened(name, first);
    let mut line = format!("{name}{}", " ".repeat(first - chars(&name)));
    for (cell, width) in cells.zip(widths) {
        line.push_str(&format!("{}{cell}", " ".repeat(GAP + width - chars(cell))));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// On one line, whatever the name holds.
fn shortened(text: &str, width: usize) -> String {
    let text = &text.replace(['\n', '\r', '\t'], " ");
    if chars(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn wrapped(note: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in note.split_whitespace() {
        if !line.is_empty() && chars(&line) + 1 + chars(word) > WIDTH {
            lines.push_str(&format!("{line}\n"));
            line = INDENT.to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines + &line + "\n"
}

fn chars(text: &str) -> usize {
    text.chars().count()
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
            heads: vec!["win rate", "mean", "top-1", "top-5", "top-10", "n"],
            rows: vec![row("é"), row("m/")],
            notes: vec!["a word and another ".repeat(9)],
        };
        let text = render(&table);
        assert!(text.lines().all(|line| chars(line) <= WIDTH), "{text}");
        assert!(text.lines().nth(2).unwrap().contains('…'));
        assert!(text.lines().nth(2).unwrap().ends_with("  1000"), "{text}");
    }
}
