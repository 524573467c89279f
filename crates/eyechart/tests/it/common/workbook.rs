//! Small workbooks (`.xlsx`), as spreadsheet programs write them.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A cell of a sheet.
#[derive(Clone, Copy)]
pub enum Cell {
    Empty,
    Text(&'static str),
    Number(f64),
    Bool(bool),
    /// Days since the end of 1899.
    Date(f64),
    /// A formula and the value that is stored with it.
    Formula(&'static str, &'static str),
    Error(&'static str),
}

const NAMESPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A workbook with the sheets, each with a name and rows.
pub fn of(sheets: &[(&str, &[Vec<Cell>])]) -> Vec<u8> {
    let texts: Vec<_> = sheets.iter().map(|(name, rows)| (*name, sheet(rows))).collect();
    packed(&texts, None)
}

/// A workbook whose only sheet has these rows, as XML.
pub fn of_rows(xml: &str) -> Vec<u8> {
    packed(&[("S", sheet_of(xml))], None)
}

/// A workbook whose only sheet has these rows, and more elements behind them, as XML.
pub fn of_rows_and(xml: &str, more: &str) -> Vec<u8> {
    packed(&[("S", sheet_of(xml).replace("</sheetData>", &format!("</sheetData>{more}")))], None)
}

/// A workbook whose only sheet has these rows, as XML, and that asks to be calculated, as libraries write it.
pub fn of_rows_to_calculate(xml: &str) -> Vec<u8> {
    packed_with(&[("S", sheet_of(xml))], "<calcPr calcId=\"124519\" fullCalcOnLoad=\"1\"/>", None)
}

/// A workbook with an empty sheet and one more part.
pub fn with_part(name: &str, bytes: &[u8]) -> Vec<u8> {
    packed(&[("S", sheet_of(""))], Some((name, bytes)))
}

fn packed(sheets: &[(&str, String)], more: Option<(&str, &[u8])>) -> Vec<u8> {
    packed_with(sheets, "", more)
}

/// `calculation` follows the list of sheets.
fn packed_with(sheets: &[(&str, String)], calculation: &str, more: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    };
    let (mut names, mut relations) = (String::new(), String::new());
    for (at, (name, text)) in sheets.iter().enumerate() {
        let id = at + 1;
        write!(names, "<sheet name=\"{name}\" sheetId=\"{id}\" r:id=\"rId{id}\"/>").unwrap();
        write!(relations, "<Relationship Id=\"rId{id}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>")
            .unwrap();
        add(&format!("xl/worksheets/sheet{id}.xml"), text.as_bytes());
    }
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let relations = format!(
        "<Relationships xmlns=\"{package}\">{relations}<Relationship Id=\"rId99\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/></Relationships>"
    );
    let root = format!(
        "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    add("_rels/.rels", root.as_bytes());
    let book = format!(
        "<workbook xmlns=\"{NAMESPACE}\" xmlns:r=\"{RELATIONS}\"><sheets>{names}</sheets>{calculation}</workbook>"
    );
    // The second style is that of dates.
    let styles = format!(
        "<styleSheet xmlns=\"{NAMESPACE}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
    );
    add("xl/workbook.xml", book.as_bytes());
    add("xl/_rels/workbook.xml.rels", relations.as_bytes());
    add("xl/styles.xml", styles.as_bytes());
    more.into_iter().for_each(|(name, bytes)| add(name, bytes));
    archive.finish().unwrap().into_inner()
}

fn sheet(rows: &[Vec<Cell>]) -> String {
    let mut text = String::new();
    for (row, cells) in rows.iter().enumerate() {
        write!(text, "<row r=\"{}\">", row + 1).unwrap();
        for (column, cell) in cells.iter().enumerate() {
            let place = format!("{}{}", char::from(b'A' + u8::try_from(column).unwrap()), row + 1);
            text.push_str(&match cell {
                Cell::Empty => String::new(),
                Cell::Text(value) => {
                    let value = value.replace('&', "&amp;").replace('<', "&lt;");
                    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{value}</t></is></c>")
                }
                Cell::Number(value) => format!("<c r=\"{place}\"><v>{value}</v></c>"),
                Cell::Bool(value) => format!("<c r=\"{place}\" t=\"b\"><v>{}</v></c>", u8::from(*value)),
                Cell::Date(value) => format!("<c r=\"{place}\" s=\"1\"><v>{value}</v></c>"),
                Cell::Formula(formula, value) => {
                    format!("<c r=\"{place}\" t=\"str\"><f>{formula}</f><v>{value}</v></c>")
                }
                Cell::Error(value) => format!("<c r=\"{place}\" t=\"e\"><v>{value}</v></c>"),
            });
        }
        text.push_str("</row>");
    }
    sheet_of(&text)
}

fn sheet_of(rows: &str) -> String {
    format!("<worksheet xmlns=\"{NAMESPACE}\"><sheetData>{rows}</sheetData></worksheet>")
}
