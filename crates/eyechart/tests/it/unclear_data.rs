//! Values that could be compared, sent or counted as something else than they are: each is refused or reported.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType};
use serde_json::{Value, json};

use crate::common::{Place, endpoint, eyechart, jpeg, run_at, stderr, stdout};

/// A task over `file` with `dataset` in its table and `rest` at its end.
fn task(place: &Place, file: &str, dataset: &str, prompt: &str, rest: &str) -> PathBuf {
    let text = format!(
        "name = \"t\"\n[dataset]\nfile = \"{file}\"\n{dataset}\n[prompt]\ntext = '''{prompt}'''\n{rest}\n"
    );
    place.write("t.toml", text)
}

const EXACT: &str = "[[score]]\nscorer = \"exact_match\"\ntarget = ";

/// What a run over recorded answers prints on stderr, on one line.
fn recorded(place: &Place, task: &Path, arguments: &[&str], code: i32) -> String {
    let _ = std::fs::remove_dir_all(place.runs());
    let output = eyechart()
        .arg("run")
        .arg(task)
        .args(arguments)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(code)
        .get_output()
        .clone();
    one_line(&stderr(&output))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The prompt of the first row, or the reason why there is none.
fn shown(task: &Path) -> Result<String, String> {
    let output = eyechart()
        .args(["tasks", "show"])
        .arg(task)
        .args(["--model", "custom/m", "--base-url", "http://127.0.0.1:1/v1", "--sample", "row:0"])
        .output()
        .unwrap();
    match serde_json::from_str::<Value>(&stdout(&output)) {
        Ok(body) if output.status.success() => Ok(body["messages"][0]["content"][0]["text"].to_string()),
        _ => Err(one_line(&(stderr(&output) + &stdout(&output)))),
    }
}

fn failure(place: &Place, id: &str) -> String {
    place.run().sample(id)["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_line_of_outputs_in_another_shape_is_reported_with_its_number() {
    let place = Place::new();
    place.write_jsonl("t.jsonl", &[json!({"id": "a", "answer": "x"}), json!({"id": "b", "answer": "x"})]);
    let task = task(&place, "t.jsonl", "id = \"id\"", "?", &format!("{EXACT}\"answer\""));
    let mut lines = vec![json!({"id": "a", "output": "x"}), json!({"question_id": "b", "output": "x"})];
    lines.extend(vec![json!({"id": "b", "prediction": "x"}); 6]);
    let outputs = place.write_jsonl("o.jsonl", &lines);
    let said = recorded(&place, &task, &["--outputs", outputs.to_str().unwrap()], 1);
    assert!(
        said.contains("o.jsonl:2: expected {\"id\": …, \"output\": \"…\"}: the line has the keys"),
        "{said}"
    );
    assert!(said.contains("\"question_id\""), "{said}");
    assert!(said.contains("2 more bad lines in --outputs"), "{said}");
}

#[test]
fn half_a_surrogate_pair_costs_no_recorded_answer() {
    let place = Place::new();
    place.write_jsonl("t.jsonl", &["a", "b"].map(|id| json!({"id": id, "answer": "x"})));
    let task = task(&place, "t.jsonl", "id = \"id\"", "?", &format!("{EXACT}\"answer\""));
    let outputs = place.write(
        "o.jsonl",
        "{\"id\": \"a\", \"output\": \"x \\ud83d\"}\n{\"custom_id\": \"b\", \"response\": {\"status_code\": 200, \"body\": \
         {\"choices\": [{\"message\": {\"content\": \"y \\ud83d\"}, \"finish_reason\": \"stop\"}]}}}\n",
    );
    recorded(&place, &task, &["--outputs", outputs.to_str().unwrap()], 0);
    let text = |id: &str| place.run().sample(id)["output"]["text"].clone();
    assert_eq!([text("a"), text("b")], ["x \u{FFFD}", "y \u{FFFD}"]);
}

#[test]
fn a_target_with_objects_or_lists_in_lists_names_the_path_to_its_texts() {
    let place = Place::new();
    for (cell, target, path) in [
        (json!([[{"answer": "a"}]]), "answer", "answer[][].answer"),
        (json!([["a", "b"]]), "answer", "answer[][]"),
        (json!({"x": [{"y": ["a"]}]}), "answer.x[].y", "answer.x[].y[]"),
        (json!({"x": [{"y": {"z": "a"}}]}), "answer.x[].y", "answer.x[].y.z"),
        (json!({"text": ["a"]}), "answer", "answer.text"),
    ] {
        place.write_jsonl("t.jsonl", &[json!({"id": "a", "answer": cell})]);
        place.write_jsonl("o.jsonl", &[json!({"id": "a", "output": "a"})]);
        let outputs = place.path("o.jsonl");
        let run = |target: &str, code: i32| {
            let task = task(&place, "t.jsonl", "id = \"id\"", "?", &format!("{EXACT}{target:?}"));
            recorded(&place, &task, &["--outputs", outputs.to_str().unwrap()], code)
        };
        run(target, 1);
        let message = failure(&place, "a");
        assert!(message.contains(&format!("such as target = {path:?}")), "{cell}: {message}");
        run(path, 0);
        assert_eq!(place.run().lines("scores.jsonl")[0]["value"], 1.0, "{cell}: {path}");
    }
}

#[test]
fn an_object_is_not_compared_as_an_answer() {
    let place = Place::new();
    place.write_jsonl("t.jsonl", &[json!({"id": "a", "answer": "a", "pred": {"text": "a"}})]);
    place.write_jsonl("o.jsonl", &[json!({"id": "a", "output": "a"})]);
    let outputs = place.path("o.jsonl");
    let outputs = ["--outputs", outputs.to_str().unwrap()];
    let of_column = |column: &str| {
        let rest = format!("{EXACT}\"answer\"\ncolumn = {column:?}");
        task(&place, "t.jsonl", "id = \"id\"", "?", &rest)
    };
    recorded(&place, &of_column("pred"), &outputs, 1);
    assert!(failure(&place, "a").contains("such as column = \"pred.text\""), "{}", failure(&place, "a"));
    recorded(&place, &of_column("pred.text"), &outputs, 0);
    let task = task(&place, "t.jsonl", "id = \"id\"", "?", &format!("{EXACT}\"answer\""));
    recorded(&place, &task, &["--model", "recorded/pred"], 1);
    assert!(
        failure(&place, "a").contains("such as --model recorded/\"pred.text\""),
        "{}",
        failure(&place, "a")
    );
    recorded(&place, &task, &["--model", "recorded/pred.text"], 0);
    assert_eq!(place.run().lines("scores.jsonl")[0]["value"], 1.0);
}

#[test]
fn literal_takes_a_path_and_all_rows_are_looked_at_for_lists() {
    let place = Place::new();
    place.write_jsonl(
        "t.jsonl",
        &[
            json!({"id": "a", "meta": {"tags": "x"}}),
            json!({"id": "b", "meta": {"tags": "[\"a\", \"b\"]"}}),
            json!({"id": "c", "meta": "{'tags': \"['a']\"}"}),
        ],
    );
    place.write_jsonl("o.jsonl", &["a", "b", "c"].map(|id| json!({"id": id, "output": "a"})));
    let outputs = place.path("o.jsonl");
    let run = |literal: &str| {
        let task = task(
            &place,
            "t.jsonl",
            &format!("id = \"id\"\n{literal}"),
            "?",
            &format!("{EXACT}\"meta.tags\""),
        );
        let said = recorded(&place, &task, &["--outputs", outputs.to_str().unwrap()], 0);
        let scores = place.run().lines("scores.jsonl");
        (said, scores.iter().map(|score| score["value"].as_f64().unwrap()).collect::<Vec<_>>())
    };
    let (said, _) = run("");
    assert!(
        said.contains("(2 of the 3 rows looked at)") && said.contains("literal = [\"meta.tags\"]"),
        "{said}"
    );
    let (said, mut values) = run("literal = [\"meta.tags\"]");
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [0.0, 1.0, 1.0]);
    assert!(!said.contains("looked at"), "{said}");
}

#[test]
fn a_column_named_row_wins_and_a_row_is_not_printed_as_a_whole() {
    let place = Place::new();
    place.write_jsonl("with.jsonl", &[json!({"q": "Q", "row": 3, "answer": "SECRET"})]);
    place.write("with.csv", "q,row,answer\nQ,3,SECRET\n");
    place.write_jsonl("without.jsonl", &[json!({"q": "Q", "answer": "SECRET"})]);
    for file in ["with.jsonl", "with.csv"] {
        assert_eq!(shown(&task(&place, file, "", "Row {{ row }} {{ q }}", "")).unwrap(), "\"Row 3 Q\"");
        let named = task(&place, file, "", "Row {{ row[\"row\"] }} {{ row.q }}", "");
        assert_eq!(shown(&named).unwrap(), "\"Row 3 Q\"");
        for prompt in ["{{ row }} {{ row[\"q\"] }}", "{{ row }} {{ row.get('hint', '') }}"] {
            let said = shown(&task(&place, file, "", prompt, "")).unwrap_err();
            assert!(said.contains("the data has a column \"row\""), "{file} {prompt}: {said}");
        }
    }
    for prompt in ["{{ row }}", "{{ row | tojson }}", "{{ \"\" ~ row }}", "{% set r = row %}{{ r }}"] {
        let said = shown(&task(&place, "without.jsonl", "", prompt, "")).unwrap_err();
        assert!(said.contains("`row` as a whole would send the answer"), "{prompt}: {said}");
    }
}

#[test]
fn a_text_in_a_literal_column_is_not_taken_apart() {
    let place = Place::new();
    for (cell, expected) in [
        ("[\"cat\", \"dog\"]", Ok("First: cat")),
        ("('cat', 'dog')", Ok("First: cat")),
        ("cat", Err("has a text that is not written as a list")),
        ("[\"cat\", \"dog\"", Err("begins as a list and is not one")),
    ] {
        place.write_jsonl("t.jsonl", &[json!({"tags": cell})]);
        let found = shown(&task(&place, "t.jsonl", "literal = [\"tags\"]", "First: {{ tags[0] }}", ""));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, format!("{expected:?}")),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{cell}: {found}"),
            (found, _) => panic!("{cell}: {found:?}"),
        }
    }
    place.write_jsonl("t.jsonl", &[json!({"tags": "cat"})]);
    let whole = task(&place, "t.jsonl", "literal = [\"tags\"]", "{{ tags }}", "");
    assert_eq!(shown(&whole).unwrap(), "\"cat\"");
}

#[test]
fn files_of_a_folder_that_are_no_samples_are_counted_by_kind() {
    let place = Place::new();
    for name in ["a.jpg", "b.jfif", "c.JPE", "d.JPG_large", "e"] {
        place.write(&format!("im/{name}"), jpeg(1, 2_000));
    }
    for name in ["f.ppm", "g.ppm", "h.tga", "LICENSE", "a.txt", "Metadata.CSV"] {
        place.write(&format!("im/{name}"), "text");
    }
    let task = task(&place, "im", "", "Describe.", "[images]\ncolumn = \"image\"");
    let server = endpoint(Vec::new());
    let output = run_at(&server, &place, &task).assert().code(0).get_output().clone();
    let said = one_line(&stderr(&output));
    assert_eq!(place.run().lines("samples.jsonl").len(), 3);
    let kinds = "5 files in the folder not read, because the extension is none of PNG, JPEG, WebP, GIF, BMP or TIFF: 1 jpg_large, \
                 2 ppm, 1 tga, 1 without an extension";
    assert!(said.contains(kinds), "{said}");
    assert!(said.contains("Metadata.CSV in the folder is not read: expected metadata.csv"), "{said}");
}

#[test]
fn a_picture_object_with_nothing_in_it_is_skipped_and_one_in_a_text_is_read() {
    let place = Place::new();
    let object = |picture: &[u8]| {
        let base64 = base64::engine::general_purpose::STANDARD.encode(picture);
        json!({"bytes": base64, "path": null}).to_string()
    };
    let picture = object(&jpeg(1, 2_000));
    place.write_jsonl(
        "t.jsonl",
        &[
            json!({"image": [{}, {"path": null}, {"bytes": null, "path": null, "w": 2}, picture]}),
            json!({"image": picture}),
        ],
    );
    let task = task(&place, "t.jsonl", "", "Describe.", "[images]\ncolumn = \"image\"");
    run_at(&endpoint(Vec::new()), &place, &task).assert().code(0);
    let samples = place.run().lines("samples.jsonl");
    assert_eq!(samples.len(), 2);
    assert!(samples.iter().all(|sample| sample["images"].as_array().unwrap().len() == 1), "{samples:?}");
}

#[test]
fn a_uuid_of_parquet_is_its_usual_text() {
    let place = Place::new();
    let schema = "message m { required fixed_len_byte_array(16) id (UUID); required binary q (STRING); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let file = std::fs::File::create(place.path("t.parquet")).unwrap();
    let mut writer = parquet::file::writer::SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let ids =
        [b"ABCDEFGHIJKLMNOP".to_vec(), vec![0x55; 16]].map(|id| FixedLenByteArray::from(ByteArray::from(id)));
    column.typed::<FixedLenByteArrayType>().write_batch(&ids, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&["x", "y"].map(ByteArray::from), None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let task = task(&place, "t.parquet", "id = \"id\"", "{{ id }}", "");
    assert_eq!(shown(&task).unwrap(), "\"41424344-4546-4748-494a-4b4c4d4e4f50\"");
}

#[test]
fn a_json_file_with_all_rows_of_each_column_is_refused() {
    let place = Place::new();
    for content in [
        json!({"q": {"0": "What?", "1": "Who?"}, "answer": {"0": "x", "1": "y"}}),
        json!({"q": ["What?", "Who?"], "answer": ["x", "y"]}),
    ] {
        place.write("t.json", content.to_string());
        let said = shown(&task(&place, "t.json", "", "{{ q }}", "")).unwrap_err();
        assert!(said.contains("orient=\"records\""), "{said}");
    }
    place.write("t.json", json!({"q": "What?", "tags": ["a"]}).to_string());
    assert_eq!(shown(&task(&place, "t.json", "", "{{ q }}", "")).unwrap(), "\"What?\"");
}

#[test]
fn quotes_behind_backslashes_in_csv_are_reported() {
    let place = Place::new();
    let note = "it has quotes behind backslashes";
    for (content, is_noted) in [
        ("q,answer\n\"say \\\"hi\\\" ok\",x\n", true),
        ("q,answer\n\"C:\\dir\\\",\"say \"\"hi\"\" ok\"\n", false),
    ] {
        place.write("t.csv", content);
        let task = task(&place, "t.csv", "", "{{ q }}", &format!("{EXACT}\"answer\""));
        let output = run_at(&endpoint(Vec::new()), &place, &task).arg("--dry-run").output().unwrap();
        assert_eq!(one_line(&stderr(&output)).contains(note), is_noted, "{content}");
        std::fs::remove_dir_all(place.runs()).unwrap_or_default();
    }
}
