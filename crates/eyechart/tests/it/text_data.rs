//! Data files of text as people have them: from spreadsheets, packed, as one list, in other encodings. They are read as
//! what they mean, or refused with the reason.

use std::io::Write;
use std::path::PathBuf;

use crate::common::workbook::{self, Cell};
use crate::common::{Place, eyechart, jpeg, stderr};
use encoding_rs::{GBK, WINDOWS_1252};
use eyechart::dataset::{Files, Pick, open};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A table with commas where a spreadsheet may write something else.
const TABLE: &str = "id,question,answer,image\r\na,\"Où est, là, le ballon?\",Là,g.jpg\r\nb,Qui?,\"Il dit \"\"oui\"\"\",g.jpg\r\n";

/// The task `t.toml` over `file`, with more lines in `[dataset]`.
fn task(place: &Place, file: &str, dataset: &str) -> PathBuf {
    place.write("g.jpg", jpeg(0, 2_000));
    let text = format!(
        "name = \"t\"\n[dataset]\nfile = \"{file}\"\nid = \"id\"\n{dataset}\n[prompt]\ntext = \"{{{{ question }}}}\"\n\
         [images]\ncolumn = \"image\"\n[[compare]]\ntarget = \"answer\"\n"
    );
    place.write("t.toml", text)
}

/// What a dry run of the task prints on stderr, and its JSON if it ends with 0 or 1.
pub fn dry_run(place: &Place, file: &str, dataset: &str, code: i32) -> (String, Value) {
    let mut command = eyechart();
    command.arg("run").arg(task(place, file, dataset)).args(["--model", "custom/m", "--base-url"]);
    command.args(["http://127.0.0.1:1/v1", "--dry-run", "--format", "json"]);
    let output = command.assert().code(code).get_output().clone();
    // Messages are wrapped to the width of the terminal.
    let said = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    (said, serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// The prompts and the references of a run over the recorded column `answer`, by id.
pub fn samples(place: &Place, file: &str, dataset: &str) -> Vec<[String; 3]> {
    let _ = std::fs::remove_dir_all(place.runs());
    let mut command = eyechart();
    command.arg("run").arg(task(place, file, dataset)).args(["--model", "recorded/answer", "--no-score"]);
    command.arg("--out").arg(place.runs()).assert().code(0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of =
        |sample: Value| [text(&sample["id"]), text(&sample["prompt"]), text(&sample["targets"]["answer"][0])];
    place.run().samples().into_iter().map(of).collect()
}

fn assert_table(place: &Place, file: &str, dataset: &str) {
    let expected = [["a", "Où est, là, le ballon?", "Là"], ["b", "Qui?", "Il dit \"oui\""]]
        .map(|row| row.map(str::to_owned));
    assert_eq!(samples(place, file, dataset), expected, "{file}");
}

fn with(delimiter: &str) -> String {
    // The quotes of the cell with commas are not needed in every dialect, and harmless.
    let rows = [
        ["id", "question", "answer", "image"],
        ["a", "\"Où est, là, le ballon?\"", "Là", "g.jpg"],
        ["b", "Qui?", "\"Il dit \"\"oui\"\"\"", "g.jpg"],
    ];
    rows.map(|row| row.join(delimiter) + "\r\n").concat()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn tables_of_spreadsheets_are_read_whatever_their_delimiter_and_encoding() {
    let place = Place::new();
    let marked = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    let files = [
        ("comma.csv", TABLE.into()),
        ("semicolon.csv", with(";").into_bytes()),
        ("tab.csv", with("\t").into_bytes()),
        ("tab.tsv", with("\t").into_bytes()),
        ("line.csv", format!("sep=;\r\n{}", with(";")).into_bytes()),
        ("marked.csv", marked(b"\xEF\xBB\xBF", with(";").into_bytes())),
        ("marked-line.csv", marked(b"\xEF\xBB\xBF", format!("sep=|\n{}", with("|")).into_bytes())),
        ("utf16-le.csv", marked(b"\xFF\xFE", utf16(TABLE, u16::to_le_bytes))),
        ("utf16-be.csv", marked(b"\xFE\xFF", utf16(&with("\t"), u16::to_be_bytes))),
        ("utf16-unmarked.csv", utf16(TABLE, u16::to_le_bytes)),
        ("utf16-unmarked-be.tsv", utf16(&with("\t"), u16::to_be_bytes)),
        ("windows-1252.csv", WINDOWS_1252.encode(TABLE).0.into_owned()),
        ("windows-1252.tsv", WINDOWS_1252.encode(&with("\t")).0.into_owned()),
    ];
    for (name, bytes) in files {
        place.write(name, bytes);
        assert_table(&place, name, "");
    }
}

#[test]
fn a_guess_is_told_and_the_task_can_override_it() {
    let place = Place::new();
    place.write("d.csv", WINDOWS_1252.encode(&with(";")).0);
    let (said, _) = dry_run(&place, "d.csv", "", 0);
    for part in ["d.csv: it is read with semicolons", "is read as Windows-1252", "`encoding` in [dataset]"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let named = "delimiter = \";\"\nencoding = \"windows-1252\"";
    assert!(!dry_run(&place, "d.csv", named, 0).0.contains("note: d.csv"));

    place.write("d.csv", format!("a|b;c|id|question|answer|image\n1|2;3|a|{}|Là|g.jpg\n", "x;y"));
    assert_eq!(samples(&place, "d.csv", "delimiter = \"|\"")[0][1], "x;y");
    let question = "图中有什么颜色的气球";
    place.write("d.csv", GBK.encode(&format!("id,question,answer,image\na,{question},是,g.jpg\n")).0);
    let (refused, _) = dry_run(&place, "d.csv", "", 2);
    assert!(refused.contains("is not UTF-8, and its encoding cannot be guessed"), "{refused}");
    assert_eq!(samples(&place, "d.csv", "encoding = \"gbk\"")[0][1], question);
}

/// Polish in Windows-1250: read as Windows-1252, each `ł` would be `³`.
#[test]
fn letters_that_windows_1252_does_not_have_are_refused_with_a_hint_at_other_encodings() {
    let place = Place::new();
    let table = "id,question,answer,image\na,Jaki kolor ma piłka?,żółty,g.jpg\nb,Ile kółek?,biały,g.jpg\n";
    place.write("d.csv", encoding_rs::WINDOWS_1250.encode(table).0);
    let (said, _) = dry_run(&place, "d.csv", "", 2);
    assert!(
        said.contains("its encoding cannot be guessed") && said.contains("\"windows-1250\" (Central Europe)"),
        "{said}"
    );
    let read = samples(&place, "d.csv", "encoding = \"windows-1250\"");
    assert_eq!(read[0], ["a", "Jaki kolor ma piłka?", "żółty"]);
}

#[test]
fn a_delimiter_or_an_encoding_that_has_no_meaning_is_a_mistake_in_the_task() {
    let place = Place::new();
    place.write("d.csv", TABLE);
    for (line, reason) in [
        ("encoding = \"utf-9\"", "no encoding \"utf-9\": expected a name"),
        ("delimiter = \"x\"", "no delimiter 'x': expected one character"),
        ("delimiter = \";;\"", "expected a character"),
    ] {
        let (said, _) = dry_run(&place, "d.csv", line, 2);
        assert!(said.contains(reason) && said.contains(line), "{line}: {said}");
    }
}

#[test]
fn columns_without_a_name_of_their_own_get_one() {
    let place = Place::new();
    place.write("d.csv", ",id,question,answer,answer,image\n0,a,Where?,first,second,g.jpg\n");
    let (said, _) = dry_run(&place, "d.csv", "", 0);
    assert!(said.contains("column 5 has a name that an earlier column has"), "{said}");
    assert_eq!(samples(&place, "d.csv", "")[0][2], "first");
    assert_eq!(samples(&place, "d.csv", "keep = [\"column_1\", \"answer_2\"]").len(), 1);
    assert_eq!(
        place.run().samples()[0]["fields"],
        json!({"answer": "first", "column_1": "0", "answer_2": "second"})
    );
}

#[test]
fn an_open_quote_is_refused_with_its_line_and_nothing_is_swallowed() {
    let place = Place::new();
    let rows: String = (1..=1_000).map(|row| format!("{row},What is {row}?,Red,g.jpg\n")).collect();
    let rows = rows.replace("5,What is 5?", "5,\"What is 5 inches wide?");
    place.write("d.csv", format!("id,question,answer,image\n{rows}"));
    let (said, _) = dry_run(&place, "d.csv", "", 2);
    assert!(said.contains("the quote that opens on line 6 is not closed"), "{said}");
}

#[test]
fn lists_and_packed_files_are_read_as_the_rows_that_they_hold() {
    let place = Place::new();
    let rows = [
        json!({"id": "a", "question": "Où est, là, le ballon?", "answer": "Là", "image": "g.jpg"}),
        json!({"id": "b", "question": "Qui?", "answer": "Il dit \"oui\"", "image": "g.jpg"}),
    ];
    let list = serde_json::to_vec_pretty(&rows).unwrap();
    let lines: Vec<u8> = rows.iter().flat_map(|row| format!("{row}\n").into_bytes()).collect();
    let utf16_list = utf16(std::str::from_utf8(&list).unwrap(), u16::to_le_bytes);
    let parts = [gzip(&lines[..lines.len() / 2]), gzip(&lines[lines.len() / 2..])].concat();
    let files = [
        ("list.json", list.clone()),
        ("list.jsonl", list.clone()),
        ("lines.json", lines.clone()),
        ("utf16.json", [&b"\xFF\xFE"[..], &utf16_list].concat()),
        ("lines.jsonl.gz", gzip(&lines)),
        ("parts.jsonl.gz", parts),
        ("list.json.gz", gzip(&list)),
        ("lines.jsonl.zst", zstd::encode_all(&lines[..], 3).unwrap()),
        ("table.csv.gz", gzip(with(";").as_bytes())),
        ("table.tsv.zst", zstd::encode_all(with("\t").as_bytes(), 3).unwrap()),
        ("misnamed.jsonl", gzip(&lines)),
    ];
    for (name, bytes) in files {
        place.write(name, bytes);
        assert_table(&place, name, "");
    }
}

#[test]
fn a_list_or_a_packed_file_that_breaks_off_is_refused() {
    let place = Place::new();
    let rows: String =
        (0..2_000).map(|row| json!({"id": row, "question": "Q", "answer": "A"}).to_string() + "\n").collect();
    let packed = gzip(rows.as_bytes());
    place.write("d.jsonl.gz", &packed[..packed.len() / 2]);
    assert!(dry_run(&place, "d.jsonl.gz", "", 2).0.contains("cannot read"));
    place.write("d.jsonl.zst", &zstd::encode_all(rows.as_bytes(), 3).unwrap()[..60]);
    assert!(dry_run(&place, "d.jsonl.zst", "", 2).0.contains("cannot read"));
    place.write("d.json", "[{\"id\": 1, \"question\": \"Q\"},\n{\"id\": 2");
    assert!(dry_run(&place, "d.json", "", 2).0.contains("what begins on line 2 of its list has no end"));
    place.write("d.json", "{\n  \"data\": [\n    {\"id\": 1, \"question\": \"Q\"}\n  ]\n}\n");
    assert!(dry_run(&place, "d.json", "", 2).0.contains("it is one object on several lines"));
    place.write("d.json", "[{\"id\": 1}]\n[{\"id\": 2}]");
    assert!(dry_run(&place, "d.json", "", 2).0.contains("text after the end of its list on line 2"));
}

/// As a file may arrive from a disk or a network: no panic, no endless memory, and what is picked is what a scan finds.
#[test]
fn every_changed_byte_of_a_packed_file_or_a_workbook_gives_rows_or_a_reason() {
    let place = Place::new();
    let rows: String = (0..4).map(|id| json!({"id": id, "question": "Où?"}).to_string() + "\n").collect();
    let cells = [["id", "question"], ["a", "Où?"]].map(|row| row.map(Cell::Text).to_vec());
    let files = [
        ("d.jsonl.gz", gzip(rows.as_bytes())),
        ("d.jsonl.zst", zstd::encode_all(rows.as_bytes(), 3).unwrap()),
        ("d.csv", [&b"\xFF\xFE"[..], &utf16(&with(";"), u16::to_le_bytes)].concat()),
        ("d.xlsx", workbook::of(&[("S", &cells)])),
    ];
    for (name, whole) in files {
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= if at % 2 == 0 { 0xFF } else { 1 };
            let files = Files::local(place.path(""), vec![place.write(name, bytes)]);
            let read = |pick| -> Option<Vec<_>> {
                Some(open(&files, None).ok()?.rows(pick, &[]).ok()?.map_while(Result::ok).collect())
            };
            let Some(scanned) = read(Pick::Scan) else { continue };
            let picked = read(Pick::Rows((0..scanned.len() as u64).collect())).unwrap();
            assert_eq!(scanned, picked, "{name} with byte {at} changed");
        }
    }
}

#[test]
fn a_pointer_of_git_lfs_is_named_whatever_it_stands_for() {
    let place = Place::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for file in ["d.csv", "d.jsonl", "d.json", "d.tsv", "d.xlsx", "d.parquet", "d.tar", "d.jsonl.gz"] {
        place.write(file, pointer);
        let (said, _) = dry_run(&place, file, "", 2);
        assert!(
            said.contains("it is a pointer of Git LFS") && said.contains("git lfs pull"),
            "{file}: {said}"
        );
    }
    place.write("d.csv", TABLE);
    task(&place, "d.csv", "");
    place.write("h.jpg", pointer);
    place.write("d.csv", TABLE.replace("g.jpg", "h.jpg"));
    let (_, found) = dry_run(&place, "d.csv", "", 1);
    let message = found[0]["remarks"][0]["message"].as_str().unwrap();
    assert!(message.contains("it is a pointer of Git LFS"), "{message}");
}

#[test]
fn the_first_reasons_are_shown_if_every_row_is_bad() {
    let place = Place::new();
    let rows: String = (0..20).map(|row| format!("{{\"id\": {row}, \"question\": }}\n")).collect();
    place.write("d.jsonl", rows);
    let (said, _) = dry_run(&place, "d.jsonl", "", 2);
    assert!(said.contains("20 rows in d.jsonl, 20 of them bad"), "{said}");
    assert!(said.contains("d.jsonl:1: not JSON") && said.contains("d.jsonl:2: not JSON"), "{said}");
}

#[test]
fn a_dry_run_ends_with_1_if_more_than_one_row_in_a_hundred_is_bad() {
    let place = Place::new();
    let row = |id| json!({"id": id, "question": "Q", "answer": "A", "image": "g.jpg"}).to_string() + "\n";
    let good: String = (0..99).map(row).collect();
    for (bad, code) in [("bad\n", 0), ("bad\nbad\n", 1)] {
        place.write("d.jsonl", format!("{good}{bad}"));
        let (_, found) = dry_run(&place, "d.jsonl", "", code);
        assert_eq!(found[0]["would_fail"], 0);
    }
}

#[cfg(unix)]
#[test]
fn a_device_in_the_place_of_a_file_is_refused_at_once() {
    let place = Place::new();
    for file in ["d.jsonl", "d.csv", "d.xlsx"] {
        std::os::unix::fs::symlink("/dev/zero", place.path(file)).unwrap();
        let (said, _) = dry_run(&place, file, "", 2);
        assert!(said.contains("expected a file, found a pipe, socket or device"), "{said}");
    }
}

#[test]
fn init_writes_a_task_for_each_of_these_formats() {
    let row = json!({"id": "a", "question": "Where?", "answer": "There.", "image": "g.jpg"});
    let table = ["id", "question", "answer", "image"].map(Cell::Text).to_vec();
    let cells = ["a", "Where?", "There.", "g.jpg"].map(Cell::Text).to_vec();
    let files = [
        ("d.tsv", b"id\tquestion\tanswer\timage\na\tWhere?\tThere.\tg.jpg\n".to_vec()),
        ("d.json", format!("[{row}]").into_bytes()),
        ("d.jsonl.gz", gzip(format!("{row}\n").as_bytes())),
        ("d.xlsx", workbook::of(&[("S", &[table, cells])])),
    ];
    for (name, bytes) in files {
        let place = Place::new();
        place.write("g.jpg", jpeg(0, 2_000));
        place.write(name, bytes);
        // By its name, and as the only data file of its folder.
        for data in [place.path(name), place.path("")] {
            eyechart().arg("init").arg(data).arg("--force").assert().code(0);
        }
        let task = std::fs::read_to_string(place.path("d.toml")).unwrap();
        assert!(task.contains(&format!("file = \"{name}\"")) && task.contains("{{ question }}"), "{task}");
    }
}
