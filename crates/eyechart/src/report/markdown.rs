//! Tables in GitHub's Markdown.

use super::table::Table;

pub(super) fn render(table: &Table) -> String {
    let mut text = format!("### {}\n\n", escaped(&table.title));
    let heads = [table.group, table.name].into_iter().chain(table.heads.iter().map(String::as_str));
    text.push_str(&line(heads.map(escaped)));
    let rule = ["---", "---"].into_iter().chain(table.heads.iter().map(|_| "--:"));
    text.push_str(&line(rule.map(str::to_owned)));
    for row in &table.rows {
        let cells = [row.group.clone(), row.name.clone()].into_iter().chain(row.whole_cells());
        text.push_str(&line(cells.map(|cell| escaped(&cell))));
    }
    for note in &table.notes {
        text.push_str(&format!("\n{}\n", escaped(note)));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn escaped(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ")
}
