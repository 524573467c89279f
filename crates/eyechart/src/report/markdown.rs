//! Tables in GitHub's Markdown.

use super::table::Table;

pub(super) fn render(table: &Table) -> String {
    let mut text = format!("### {}\n\n", escaped(&table.title));
    let group = |group: &str| (!table.group.is_empty()).then(|| group.to_owned());
    let heads = group(table.group).into_iter().chain([table.name.to_owned()]).chain(table.heads.clone());
    text.push_str(&line(heads.map(|head| escaped(&head))));
    let names = group("---").into_iter().chain(["---".to_owned()]);
    text.push_str(&line(names.chain(table.heads.iter().map(|_| "--:".to_owned()))));
    for row in &table.rows {
        let cells = group(&row.group).into_iter().chain([row.name.clone()]).chain(row.whole_cells());
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

pub(super) fn escaped(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ")
}
