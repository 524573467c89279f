//! What templates, labels and `[images]` make of the values of a row, through the binary.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int32Builder, ListBuilder, MapBuilder, StringBuilder, StructBuilder,
};
use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use arrow_schema::{DataType, Field};
use serde_json::{Value, json};

use crate::common::{Place, bodies, endpoint, eyechart, jpeg, rule, run_at, stderr};

/// A task over `file` with more lines for `[dataset]`.
fn task(place: &Place, file: &str, dataset: &str, prompt: &str) -> PathBuf {
    let text = format!(
        "name = \"t\"\n[dataset]\nfile = \"{file}\"\nid = \"id\"\n{dataset}\n[prompt]\ntext = '''{prompt}'''\n"
    );
    place.write("t.toml", text)
}

/// Runs the task; what it prints on stderr in one line, and the prompts in the order of their texts.
fn run(place: &Place, task: &std::path::Path, code: i32) -> (String, Vec<String>) {
    let _ = std::fs::remove_dir_all(place.runs());
    let server = endpoint(vec![rule(json!({"answer": "B"}))]);
    let output = run_at(&server, place, task).assert().code(code).get_output().clone();
    let mut prompts: Vec<String> = bodies(&server)
        .iter()
        .map(|body| body["messages"][0]["content"].clone())
        .map(|content| {
            content.as_str().map_or_else(|| content[0]["text"].as_str().unwrap().to_owned(), str::to_owned)
        })
        .collect();
    prompts.sort();
    (stderr(&output).split_whitespace().collect::<Vec<_>>().join(" "), prompts)
}

#[test]
fn a_text_that_is_written_as_a_list_is_not_sent_in_pieces() {
    let place = Place::new();
    place.write("t.csv", "id,options,note\na,\"['cat', 'dog']\",plain\n");
    for prompt in
        ["{{ options[0] }}", "{{ options | first }}", "{{ options[:1] }}", "{{ options | length }} options"]
    {
        let (_, prompts) = run(&place, &task(&place, "t.csv", "", prompt), 1);
        assert_eq!(prompts, [] as [&str; 0], "{prompt}");
        let error = place.run().sample("a")["error"]["message"].as_str().unwrap().to_owned();
        assert!(error.contains("literal = [\"options\"]"), "{prompt}: {error}");
        let literal = task(&place, "t.csv", "literal = [\"options\"]", prompt);
        let expected = if prompt.contains("length") { "2 options" } else { "cat" };
        assert!(run(&place, &literal, 0).1[0].contains(expected), "{prompt}");
    }
    let plain = task(&place, "t.csv", "", "{{ note[0] }}{{ note | last }}{{ note | length }}");
    assert_eq!(run(&place, &plain, 0).1, ["pn5"]);
}

/// Where every row has null, the key is a column all the same.
#[test]
fn a_key_that_is_null_in_all_rows_is_a_column() {
    let place = Place::new();
    let prompt = "{{ q }}{% if hint %} Hint: {{ hint }}{% endif %}{{ hint | default(\"!\") }}";
    let rows = ["a", "b"].map(|id| json!({"id": id, "q": id, "hint": null}));
    place.write_jsonl("t.jsonl", &rows);
    place.write("t.json", Value::from(rows.to_vec()).to_string());
    for file in ["t.jsonl", "t.json"] {
        let with_nulls = task(&place, file, "", prompt);
        assert_eq!(run(&place, &with_nulls, 0).1, ["a!", "b!"], "{file}");
        let printed = task(&place, file, "", "{{ hint }}");
        run(&place, &printed, 1);
        let error = place.run().sample("a")["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            error.contains("needs the column \"hint\", which is null in this row; the row has"),
            "{error}"
        );
    }
    place.write_jsonl("t.jsonl", &rows.map(|row| json!({"id": row["id"], "q": row["q"]})));
    let (said, _) = run(&place, &task(&place, "t.jsonl", "", prompt), 2);
    assert!(said.contains("no column \"hint\""), "{said}");
}

#[test]
fn templates_use_the_row_as_a_value_in_every_format() {
    let place = Place::new();
    place.write("t.csv", "id,Question Text,opt\na,Q,x\n");
    place.write_jsonl("t.jsonl", &[json!({"id": "a", "Question Text": "Q", "opt": "x", "none": null})]);
    let text = |text: &str| Arc::new(arrow_array::StringArray::from(vec![text])) as ArrayRef;
    write_parquet(
        &place,
        "t.parquet",
        vec![("id", text("a")), ("Question Text", text("Q")), ("opt", text("x"))],
    );
    for file in ["t.csv", "t.jsonl", "t.parquet"] {
        for (prompt, expected) in [
            ("{% for k in row %}{{ k }}={{ row[k] }};{% endfor %}", "Question Text=Q;id=a;opt=x;"),
            ("{% if 'opt' in row %}{{ row.get('opt') }}{% endif %}{% if 'absent' in row %}!{% endif %}", "x"),
            ("{{ row.get(\"Question Text\") }}{{ row.get('absent', '-') }}{{ row.opt }}", "Q-x"),
        ] {
            assert_eq!(run(&place, &task(&place, file, "", prompt), 0).1, [expected], "{file} {prompt}");
        }
    }
}

#[test]
fn labels_that_are_letters_and_texts_are_named_and_the_form_settles_them() {
    let place = Place::new();
    let row =
        |id: &str, label: &str| json!({"id": id, "q": "?", "options": ["B", "C", "D", "A"], "answer": label});
    place.write_jsonl("t.jsonl", &[row("a", "A"), row("b", "E"), row("c", "C")]);
    let choices = |form: &str| format!("choices = {{ options = \"options\", label = \"answer\"{form} }}");
    let (said, _) = run(&place, &task(&place, "t.jsonl", &choices(""), "{{ q }}"), 0);
    let expected = "2 rows with a label that is the letter of one option and the text of another, such as \"A\" in row 0: \
                    read as the text; write form = \"letter\" or form = \"text\" in `choices`";
    assert!(said.contains(expected), "{said}");
    assert_eq!(place.run().sample("a")["choices"]["label"], "D");
    for (form, label) in [("letter", "A"), ("text", "D")] {
        let own = choices(&format!(", form = \"{form}\""));
        let (said, _) = run(&place, &task(&place, "t.jsonl", &own, "{{ q }}"), 0);
        assert!(!said.contains("the letter of one option"), "{said}");
        assert_eq!(place.run().sample("a")["choices"]["label"], label);
    }
}

#[test]
fn pictures_in_the_objects_of_a_list_in_parquet_are_sent() {
    let place = Place::new();
    let fields =
        vec![Field::new("image", DataType::Binary, true), Field::new("caption", DataType::Utf8, true)];
    let mut items = ListBuilder::new(StructBuilder::from_fields(fields, 0));
    for number in [Some(0), None, Some(2)] {
        let item = items.values();
        let bytes = number.map(|number| jpeg(number, 2_000));
        item.field_builder::<BinaryBuilder>(0).unwrap().append_option(bytes);
        item.field_builder::<StringBuilder>(1).unwrap().append_value("c");
        item.append(true);
    }
    items.append(true);
    let id = FixedSizeBinaryArray::try_from_iter([&b"p-1\0"[..]].into_iter()).unwrap();
    let mut meta = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    meta.keys().append_value("year");
    meta.values().append_value(1999);
    meta.append(true).unwrap();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("id", Arc::new(id)), ("image", Arc::new(items.finish())), ("meta", Arc::new(meta.finish()))];
    write_parquet(&place, "t.parquet", columns);
    let task = task(&place, "t.parquet", "", "{{ meta.year }}?");
    let text = std::fs::read_to_string(&task).unwrap() + "[images]\ncolumn = \"image[].image\"\n";
    place.write("t.toml", text);
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(0);
    let sample = place.run().sample("p-1");
    let sizes: Vec<_> =
        sample["images"].as_array().unwrap().iter().map(|image| image["origin"].clone()).collect();
    assert_eq!(sizes.len(), 2, "{sample}");
    let content = bodies(&server)[0]["messages"][0]["content"].clone();
    assert_eq!(content.as_array().unwrap().len(), 3, "two pictures and the prompt");
    assert_eq!(content[2]["text"], "1999?");
    // `init` finds them too.
    eyechart().arg("init").arg(place.path("t.parquet")).arg("--force").assert().code(0);
    let written = std::fs::read_to_string(place.path("t.toml")).unwrap();
    assert!(written.contains("column = \"image[].image\""), "{written}");
}

fn write_parquet(place: &Place, file: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(place.path(file)).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
