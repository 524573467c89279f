//! Workbooks (`.xlsx`) as spreadsheet programs and libraries write them.

use serde_json::json;

use crate::common::Place;
use crate::common::workbook::{self, Cell};
use crate::text_data::{dry_run, samples};

#[test]
fn a_workbook_is_read_with_numbers_dates_and_the_values_of_its_formulas() {
    let place = Place::new();
    let rows = [
        vec![],
        ["id", "question", "answer", "image", "", "shown"].map(Cell::Text).to_vec(),
        vec![
            Cell::Number(1.0),
            Cell::Text("Où <&> là?"),
            Cell::Number(2.5),
            Cell::Text("g.jpg"),
            Cell::Empty,
            Cell::Date(46355.0),
        ],
        vec![Cell::Empty],
        vec![
            Cell::Number(9_007_199_254_740_991.0),
            Cell::Formula("A1+1", "drei"),
            Cell::Bool(true),
            Cell::Text("g.jpg"),
        ],
    ];
    place.write("d.xlsx", workbook::of(&[("Fragen", &rows), ("Rest", &[])]));
    let (said, _) = dry_run(&place, "d.xlsx", "", 0);
    assert!(said.contains("d.xlsx: it has 2 sheets, of which the first is read, \"Fragen\""), "{said}");
    let expected = [["1", "Où <&> là?", "2.5"], ["9007199254740991", "drei", "true"]];
    assert_eq!(samples(&place, "d.xlsx", "keep = [\"shown\"]"), expected.map(|row| row.map(str::to_owned)));
    let shown: Vec<_> =
        place.run().samples().iter().map(|sample| sample["fields"]["shown"].clone()).collect();
    assert_eq!(shown, ["2026-11-29", ""]);
}

#[test]
fn an_error_in_a_workbook_is_a_bad_row_and_what_is_no_workbook_is_refused() {
    let place = Place::new();
    let header = ["id", "question", "answer", "image"].map(Cell::Text).to_vec();
    let row = |question| vec![Cell::Number(1.0), question, Cell::Text("A"), Cell::Text("g.jpg")];
    let rows = [header, row(Cell::Text("Q")), row(Cell::Error("#REF!"))];
    place.write("d.xlsx", workbook::of(&[("S", &rows)]));
    let (said, found) = dry_run(&place, "d.xlsx", "", 1);
    assert!(said.contains("d.xlsx:3: column 2 has the error #REF!"), "{said}");
    assert_eq!((&found[0]["rows"], &found[0]["bad_rows"]), (&json!(2), &json!(1)));
    place.write("d.xlsx", "PK no workbook");
    assert!(dry_run(&place, "d.xlsx", "", 2).0.contains("expected a workbook"));
}

/// A formula that no spreadsheet program has evaluated, as libraries write it, in each spelling.
#[test]
fn a_formula_without_a_value_is_a_bad_row_and_an_empty_text_as_its_value_is_none() {
    let place = Place::new();
    let text =
        |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let row = |number: u64, cells: &str| format!("<row r=\"{number}\">{cells}</row>");
    let named = ["id", "question", "answer", "image"].iter().zip('A'..);
    let header: String = named.map(|(name, column)| text(&format!("{column}1"), name)).collect();
    let with = |number: u64, question: &str| {
        let at = |column: &str| format!("{column}{number}");
        let cells =
            [text(&at("A"), &at("r")), question.to_owned(), text(&at("C"), "A"), text(&at("D"), "g.jpg")];
        row(number, &cells.concat())
    };
    let rows = [
        row(1, &header),
        with(2, "<c r=\"B2\"><f>A2&amp;\"?\"</f><v></v></c>"),
        with(3, "<c r=\"B3\"><f>A3&amp;\"?\"</f><v/></c>"),
        with(4, "<c r=\"B4\" t=\"str\"><f>A4</f></c>"),
        with(5, "<c r=\"B5\"><f t=\"shared\" si=\"0\"/></c>"),
        with(6, "<c r=\"B6\" t=\"str\"><f>\"\"</f><v></v></c>"),
        with(7, "<c r=\"B7\" t=\"str\"><f>A7&amp;\"?\"</f><v>r7?</v></c>"),
    ];
    place.write("d.xlsx", workbook::of_rows(&rows.concat()));
    let (said, found) = dry_run(&place, "d.xlsx", "", 1);
    assert_eq!((&found[0]["rows"], &found[0]["bad_rows"]), (&json!(6), &json!(4)));
    for cell in ["B2", "B3", "B4", "B5"] {
        let reason = format!(
            "the cell {cell} of the sheet \"S\" has a formula that no spreadsheet program has evaluated"
        );
        assert!(said.contains(&reason), "{said}");
    }
    let prompts: Vec<_> = samples(&place, "d.xlsx", "").into_iter().map(|[_, prompt, _]| prompt).collect();
    assert_eq!(prompts, ["", "r7?"]);
    place.write("d.xlsx", workbook::of_rows(&row(1, "<c r=\"AB1\"><f>A2</f></c>")));
    let (said, _) = dry_run(&place, "d.xlsx", "", 2);
    assert!(
        said.contains(
            "the cell AB1 of the sheet \"S\" has a formula that no spreadsheet program has evaluated"
        ),
        "{said}"
    );
}

/// XlsxWriter stores 0 with each formula whose value it was not given.
#[test]
fn a_zero_of_a_formula_that_a_library_wrote_is_a_bad_row() {
    let place = Place::new();
    let text =
        |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let header = ["id", "question", "answer", "image"].iter().zip('A'..);
    let header: String = header.map(|(name, column)| text(&format!("{column}1"), name)).collect();
    let row = |number: u64, answer: &str| {
        let cells = [text(&format!("A{number}"), "r"), text(&format!("B{number}"), "Q")].concat();
        format!(
            "<row r=\"{number}\">{cells}<c r=\"C{number}\">{answer}</c>{}</row>",
            text(&format!("D{number}"), "g.jpg")
        )
    };
    let values = ["<f>1-1</f><v>0</v>", "<v>0</v>", "<f>1+1</f><v>2</v>"];
    let rows: String = values.iter().zip(2..).map(|(value, number)| row(number, value)).collect();
    let sheet = format!("<row r=\"1\">{header}</row>{rows}");
    place.write("d.xlsx", workbook::of_rows_to_calculate(&sheet));
    let (said, found) = dry_run(&place, "d.xlsx", "", 1);
    assert!(said.contains("the cell C2 of the sheet \"S\" has a formula that no spreadsheet"), "{said}");
    assert_eq!((&found[0]["rows"], &found[0]["bad_rows"]), (&json!(3), &json!(1)));
    place.write("d.xlsx", workbook::of_rows(&sheet));
    assert_eq!(dry_run(&place, "d.xlsx", "", 0).1[0]["bad_rows"], 0);
}

#[test]
fn merged_cells_of_a_workbook_are_named() {
    let place = Place::new();
    let cell =
        |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let rows: String =
        [["id", "question", "answer", "image"], ["a", "Q", "A", "g.jpg"], ["b", "", "B", "g.jpg"]]
            .iter()
            .zip(1..)
            .map(|(texts, number)| {
                let cells: String = texts
                    .iter()
                    .zip('A'..)
                    .map(|(text, column)| cell(&format!("{column}{number}"), text))
                    .collect();
                format!("<row r=\"{number}\">{cells}</row>")
            })
            .collect();
    let merged = "<mergeCells count=\"1\"><mergeCell ref=\"B2:B3\"/></mergeCells>";
    place.write("d.xlsx", workbook::of_rows_and(&rows, merged));
    let (said, _) = dry_run(&place, "d.xlsx", "", 0);
    assert!(said.contains("its sheet \"S\" has merged cells, such as B2:B3: only the first"), "{said}");
}

#[test]
fn a_workbook_that_unpacks_to_too_much_is_refused() {
    let place = Place::new();
    place.write("d.xlsx", workbook::with_part("xl/media/a.bin", &vec![0; 257 << 20]));
    let (said, _) = dry_run(&place, "d.xlsx", "", 2);
    assert!(said.contains("more than 256 MiB unpacked"), "{said}");
    let strings = "<sst uniqueCount=\"4000000000000\"><si><t>id</t></si></sst>";
    place.write("d.xlsx", workbook::with_part("xl/sharedStrings.xml", strings.as_bytes()));
    let (said, _) = dry_run(&place, "d.xlsx", "", 2);
    assert!(said.contains("announces 4000000000000 strings: refused"), "{said}");
}

#[test]
fn a_workbook_with_absurd_places_or_damage_is_refused_and_takes_no_memory() {
    let place = Place::new();
    let cell = |place| format!("<row r=\"1\"><c r=\"{place}\" t=\"inlineStr\"><is><t>id</t></is></c></row>");
    for (rows, reason) in [
        (cell("XFE1"), "beyond 16384"),
        (cell("ZZZZZZ1"), "cannot read"),
        (cell("A99999999999"), "cannot read"),
        ("<row r=\"1\"><c r=\"A1\"><v>1</v></row>".to_owned(), "cannot read"),
        (String::new(), "is empty"),
    ] {
        place.write("d.xlsx", workbook::of_rows(&rows));
        let (said, _) = dry_run(&place, "d.xlsx", "", 2);
        assert!(said.contains(reason), "{rows}: {said}");
    }
}
