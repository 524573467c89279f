//! A user's own data: `init` writes a task file that runs, `tasks show` shows what it sends, mistakes are shown.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::common::{self, Place, bodies, endpoint, eyechart, jpeg, run_at, stderr, stdout};
use arrow_array::builder::{BinaryBuilder, ListBuilder, OffsetBufferBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What `init` says about `data` in `place`.
fn init(place: &Place, data: &str) -> String {
    let output = eyechart().arg("init").arg(place.path(data)).assert().code(0).get_output().clone();
    stdout(&output)
}

/// Runs the task file; the prompts that were sent, sorted, and how many pictures went with them.
fn run(place: &Place, task: &str) -> (Vec<String>, usize) {
    let server = endpoint(Vec::new());
    run_at(&server, place, &place.path(task)).assert().code(0);
    let bodies = bodies(&server);
    let parts = || bodies.iter().flat_map(|body| body["messages"][0]["content"].as_array().unwrap());
    let mut prompts: Vec<_> = parts().filter_map(|part| part["text"].as_str().map(str::to_owned)).collect();
    prompts.sort();
    (prompts, parts().filter(|part| part["type"] == "image_url").count())
}

fn pictures(place: &Place, folder: &str, count: usize) {
    for number in 0..count {
        place.write(&format!("{folder}/{number}.jpg"), jpeg(number, 2_000));
    }
}

#[test]
fn a_jsonl_file_becomes_a_task_that_runs_and_its_first_prompt_is_shown() {
    let place = Place::new();
    place.charts(3);
    fs::remove_file(place.path("charts.toml")).unwrap();
    let said = init(&place, "charts.jsonl");
    for text in ["What is shown in chart 0?", "images/0.jpg", "question", "by its name", "eyechart run"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let (prompts, pictures) = run(&place, "charts.toml");
    assert_eq!(prompts, [0, 1, 2].map(|number| format!("What is shown in chart {number}?")));
    assert_eq!(pictures, 3);
    let sample = place.run().sample("c-1");
    assert_eq!(sample["targets"], json!({"answer": ["A rise in year 1."]}));
}

#[test]
fn a_csv_file_with_a_column_for_each_option_becomes_a_task_that_scores_choices() {
    let place = Place::new();
    pictures(&place, "images", 2);
    place.write(
        "quiz.csv",
        "index,image,question,A,B,C,answer,category\n0,images/0.jpg,Which?,Red,Blue,,A,x\n1,images/1.jpg,Who?,Ann,Bob,Cy,B,x\n",
    );
    init(&place, "quiz.csv");
    let (prompts, pictures) = run(&place, "quiz.toml");
    let end = "\n\nAnswer with the letter of the right option.";
    assert_eq!(prompts[0], format!("Which?\n\nA. Red\nB. Blue{end}"));
    assert_eq!(prompts[1], format!("Who?\n\nA. Ann\nB. Bob\nC. Cy{end}"));
    assert_eq!(pictures, 2);
    let text = fs::read_to_string(place.path("quiz.toml")).unwrap();
    for line in ["# keep = [\"category\"]", "scorer = \"choice\"", "\ntemperature = 0\n", "\nmax_tokens = "] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(place.run().sample("0")["choices"], json!({"options": ["Red", "Blue"], "label": "A"}));
}

#[test]
fn options_in_a_list_get_letters_where_they_have_none() {
    let place = Place::new();
    pictures(&place, "images", 1);
    place.write_jsonl(
        "quiz.jsonl",
        &[json!({"image": "images/0.jpg", "question": "Which?", "choices": ["Red", "Blue"], "answer": "B"})],
    );
    init(&place, "quiz.jsonl");
    let (prompts, _) = run(&place, "quiz.toml");
    assert_eq!(prompts, ["Which?\n\nA. Red\nB. Blue\n\nAnswer with the letter of the right option."]);
    assert_eq!(place.run().json("spec.json")["data"]["unresolved_labels"], 0);
}

#[test]
fn labels_that_are_positions_get_a_form_and_unclear_ones_a_warning() {
    let place = Place::new();
    let row = |label: i64| json!({"question": format!("Which {label}?"), "choices": ["Red", "Blue", "Green"], "answer": label});
    place.write_jsonl("zero.jsonl", &[row(0), row(2)]);
    init(&place, "zero.jsonl");
    let text = fs::read_to_string(place.path("zero.toml")).unwrap();
    assert!(text.contains("label = \"answer\", form = \"position\", first = 0 }"), "{text}");
    place.write_jsonl("one.jsonl", &[row(1), row(2)]);
    let output = eyechart().arg("init").arg(place.path("one.jsonl")).assert().code(0).get_output().clone();
    assert!(stderr(&output).contains("counted from 0 or from 1"), "{}", stderr(&output));
}

#[test]
fn columns_of_any_name_are_asked_and_short_answers_are_compared_literally() {
    let place = Place::new();
    place.write(
        "names.csv",
        "id,Question Text,Answer Text\na,What colour is the ball?,Red\nb,What colour is the sky?,Blue\n",
    );
    init(&place, "names.csv");
    let (prompts, _) = run(&place, "names.toml");
    assert!(prompts[0].starts_with("What colour is the ball?\nAnswer with a word"), "{prompts:?}");
    let text = fs::read_to_string(place.path("names.toml")).unwrap();
    assert!(text.contains("scorer = \"exact_match\"\ntarget = \"Answer Text\""), "{text}");
    place.write_jsonl(
        "zh.jsonl",
        &[json!({"问题": "什么?", "答案": "红"}), json!({"问题": "谁?", "答案": "蓝"})],
    );
    init(&place, "zh.jsonl");
    let text = fs::read_to_string(place.path("zh.toml")).unwrap();
    assert!(text.contains("row[\"问题\"]") && text.contains("target = \"答案\""), "{text}");
}

#[test]
fn rows_that_cannot_be_read_and_pictures_that_are_not_sent_are_told() {
    let place = Place::new();
    pictures(&place, "images", 2);
    let row = "{\"image\": \"images/0.jpg\", \"overlay\": \"images/1.jpg\", \"question\": \"Q?\", \"answer\": \"A\"}\n";
    place.write("rows.jsonl", format!("{row}no json\n{{\n{row}"));
    let output = eyechart().arg("init").arg(place.path("rows.jsonl")).assert().code(0).get_output().clone();
    let said = stderr(&output);
    assert!(
        said.contains("2 of the first 4 rows cannot be read, such as") && said.contains("rows.jsonl:2"),
        "{said}"
    );
    assert!(said.contains("pictures in overlay are not sent"), "{said}");
}

#[test]
fn a_series_of_picture_columns_is_sent_in_its_order() {
    let place = Place::new();
    pictures(&place, "p", 2);
    place.write_jsonl(
        "s.jsonl",
        &[json!({"image_2": "p/1.jpg", "image_1": "p/0.jpg", "question": "Same?", "answer": "No"})],
    );
    init(&place, "s.jsonl");
    assert_eq!(run(&place, "s.toml").1, 2);
    let images = place.run().samples()[0]["images"].clone();
    assert!(images[0]["source"].as_str().unwrap().ends_with("0.jpg"), "{images}");
}

#[test]
fn shards_of_parquet_become_one_task_by_a_pattern_or_by_their_folder() {
    let place = Place::new();
    for shard in 0..2 {
        write_shard(&place.path(&format!("flickr/data/test-0000{shard}-of-00002.parquet")), shard);
    }
    let said = init(&place, "flickr/data/test-*.parquet");
    assert!(said.contains("original_alt_text") && said.contains("it holds pictures"), "{said}");
    let (prompts, pictures) = run(&place, "flickr/data/test.toml");
    assert_eq!((prompts.len(), prompts[0].as_str(), pictures), (2, "Describe this image.", 2));
    assert_eq!(
        place.run().sample("1.jpg")["targets"]["original_alt_text"],
        json!(["One of 1.", "Two of 1."])
    );

    let said = init(&place, "flickr");
    assert!(said.contains("data/test-*.parquet"), "{said}");
}

#[test]
fn a_parquet_file_that_is_damaged_in_the_middle_stops_the_run_instead_of_failing_its_samples() {
    let place = Place::new();
    let texts = |word: &str| Arc::new(StringArray::from(vec![word; 4])) as ArrayRef;
    for number in 0..2 {
        let path = place.path(&format!("data/{number}.parquet"));
        write_parquet(&path, vec![("question", texts("Is it?")), ("answer", texts("yes"))]);
    }
    let second = place.path("data/1.parquet");
    let mut bytes = fs::read(&second).unwrap();
    bytes[4..40].fill(0xEE);
    fs::write(&second, bytes).unwrap();
    let task = "name = \"t\"\n[dataset]\nfile = \"data/*.parquet\"\n[prompt]\ntext = \"{{ question }}\"\n\
         [[score]]\nscorer = \"exact_match\"\ntarget = \"answer\"\n";
    let task = place.write("t.toml", task);
    let server = endpoint(Vec::new());
    let output = run_at(&server, &place, &task).assert().code(3).get_output().clone();
    assert!(
        stderr(&output).contains("1.parquet as Parquet: it is damaged from row 1 on"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("to resume the run"), "{}", stderr(&output));
    let samples = place.run().samples();
    assert_eq!((samples.len(), bodies(&server).len()), (4, 4), "those of the first file");
}

#[test]
fn all_of_a_list_of_pictures_in_parquet_are_sent() {
    let place = Place::new();
    let pictures = picture_column(&[0, 1]);
    let item = Arc::new(Field::new_list_field(pictures.data_type().clone(), true));
    let mut both = OffsetBufferBuilder::new(1);
    both.push_length(2);
    let lists = ListArray::new(item, both.finish(), pictures, None);
    let questions: ArrayRef = Arc::new(StringArray::from(vec!["Which is larger?"]));
    write_parquet(&place.path("pairs.parquet"), vec![("images", Arc::new(lists)), ("question", questions)]);
    eyechart().arg("init").arg(place.path("pairs.parquet")).assert().code(0);
    assert_eq!(run(&place, "pairs.toml"), (vec!["Which is larger?".to_owned()], 2));
}

#[test]
fn a_folder_of_pictures_with_metadata_is_compared_with_its_captions() {
    let place = Place::new();
    pictures(&place, "photos", 2);
    place.write("photos/metadata.csv", "file_name,text\n0.jpg,A rise.\n1.jpg,A fall.\n");
    init(&place, "photos");
    let (prompts, pictures) = run(&place, "photos.toml");
    assert_eq!((prompts, pictures), (vec!["Describe this image.".to_owned(); 2], 2));
    assert_eq!(place.run().sample("1.jpg")["targets"], json!({"text": ["A fall."]}));
}

#[test]
fn a_folder_of_pictures_alone_is_described_and_recorded_without_scores_or_an_encoder() {
    let place = Place::new();
    pictures(&place, "photos/deep", 2);
    let output = eyechart().arg("init").arg(place.path("photos")).assert().code(0).get_output().clone();
    assert!(stderr(&output).contains("no column looks like an answer"), "{}", stderr(&output));
    let text = fs::read_to_string(place.path("photos.toml")).unwrap();
    assert!(text.contains("There is nothing to compare with") && text.contains("# [[score]]"), "{text}");
    let server = endpoint(Vec::new());
    let mut command = eyechart();
    command.arg("run").arg(place.path("photos.toml")).args([
        "--model",
        "custom/m",
        "--base-url",
        &server.url(),
    ]);
    command.arg("--out").arg(place.runs()).env("EYECHART_ENCODER", place.path("nowhere")).assert().code(0);
    assert_eq!(place.run().sample("deep/1.jpg")["prompt"], "Describe this image.");
    eyechart().arg("score").arg(place.run().path()).assert().code(0);
}

#[test]
fn a_task_file_is_written_over_by_force_alone_and_can_lie_elsewhere() {
    let place = Place::new();
    let task = place.charts(1);
    let before = fs::read_to_string(&task).unwrap();
    let refused =
        || eyechart().arg("init").arg(place.path("charts.jsonl")).assert().code(2).get_output().clone();
    assert!(stderr(&refused()).contains("--force"), "{}", stderr(&refused()));
    assert_eq!(fs::read_to_string(&task).unwrap(), before);

    place.write("tasks/keep", "");
    let out = place.path("tasks/mine.toml");
    let mut command = eyechart();
    command
        .arg("init")
        .arg(place.path("charts.jsonl"))
        .arg("--out")
        .arg(&out)
        .args(["--name", "mine/charts"]);
    let said = stdout(&command.assert().code(0).get_output().clone());
    assert!(said.contains("--data"), "{said}");
    let server = endpoint(Vec::new());
    run_at(&server, &place, &out).arg("--data").arg(place.path("")).assert().code(0);
    assert_eq!(place.run().json("spec.json")["task"]["name"], "mine/charts");

    eyechart().arg("init").arg(place.path("charts.jsonl")).arg("--force").assert().code(0);
    assert_ne!(fs::read_to_string(&task).unwrap(), before);
}

#[test]
fn data_that_says_nothing_is_refused_with_its_columns_and_what_to_write() {
    let place = Place::new();
    let refused = |data: &str| {
        let output = eyechart().arg("init").arg(place.path(data)).assert().code(2).get_output().clone();
        stderr(&output)
    };
    place.write("table.csv", "height,width\n1,2\n");
    let said = refused("table.csv");
    for text in ["height, width", "[images] column", "[prompt] text", "table.toml"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(!place.path("table.toml").exists());
    place.write("empty.jsonl", "\n");
    assert!(refused("empty.jsonl").contains("has no rows"));
    place.write("notes/readme.txt", "x");
    assert!(refused("notes").contains("neither pictures nor data files"));
    place.write("table.jsonl", "{}");
    let said = refused("");
    assert!(said.contains("several data files") && said.contains("table.csv"), "{said}");
    assert!(refused("nothing.csv").contains("no data file nothing.csv"));
}

#[test]
fn the_request_shown_is_the_one_that_a_run_sends() {
    let place = Place::new();
    place.charts(3);
    let text = common::CHARTS.replace("[[compare]]", "[generation]\ntemperature = 0.5\n\n[[compare]]");
    let task = place.write("charts.toml", &text);
    let output = eyechart().args(["tasks", "show"]).arg(&task).assert().code(0).get_output().clone();
    assert_eq!(stdout(&output), text, "without a sample the file as it is");

    let server = endpoint(Vec::new());
    let model = ["--model", "custom/m", "--base-url", &server.url(), "--param", "max_tokens=7"];
    let mut command = eyechart();
    command.args(["tasks", "show"]).arg(&task).args(["--sample", "c-1"]).args(model);
    let output = command.assert().code(0).get_output().clone();
    assert_eq!(server.stats().requests, 0, "nothing is sent");
    assert!(stderr(&output).ends_with(&format!("POST {}/chat/completions\n", server.url())));

    run_at(&server, &place, &task).args(["--param", "max_tokens=7"]).assert().code(0);
    let sent = bodies(&server).into_iter().find(|body| body.to_string().contains("chart 1?")).unwrap();
    let picture = jpeg(1, 2_000);
    let sha256 = eyechart::text::hex(&Sha256::digest(&picture));
    let size = picture.len().to_string();
    let (thousands, rest) = size.split_at(size.len() - 3);
    let mut expected = sent.clone();
    expected["messages"][0]["content"][0]["image_url"]["url"] = json!(format!(
        "data:image/jpeg;base64,… ({thousands},{rest} bytes, 560 × 600, sha256 {}…)",
        &sha256[..8]
    ));
    let shown: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(shown, expected);
}

#[test]
fn a_request_is_shown_without_an_address_and_for_a_row() {
    let place = Place::new();
    let task = place.charts(3);
    let show = |sample: &str| {
        let mut command = eyechart();
        command.args(["tasks", "show"]).arg(&task).args(["--sample", sample, "--model", "custom/m"]);
        command.assert().code(0).get_output().clone()
    };
    let output = show("row:2");
    assert!(stdout(&output).contains("chart 2?"), "{}", stdout(&output));
    assert!(stderr(&output).contains("without --base-url"), "{}", stderr(&output));
    assert_eq!(stdout(&show("c-2")), stdout(&output));
}

#[test]
fn a_sample_that_is_not_there_or_cannot_be_sent_says_why() {
    let place = Place::new();
    let task = place.charts(9);
    let refused = |id: &str| {
        let mut command = eyechart();
        command.args(["tasks", "show"]).arg(&task).args(["--sample", id]);
        stderr(&command.assert().code(2).get_output().clone())
    };
    let said = refused("C-7x");
    assert!(said.contains("no sample \"C-7x\" among 9") && said.contains("c-7, c-0, c-1"), "{said}");
    place.write("images/2.jpg", "no picture");
    let said = refused("c-2");
    assert!(said.contains("would fail before it is sent") && said.contains("2.jpg"), "{said}");
    let output = eyechart().args(["tasks", "show", "vlm-benchmarks"]).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("vlm-benchmarks/flickr30k"), "{}", stderr(&output));
}

#[test]
fn a_mistake_in_a_task_file_is_shown_like_a_compilers() {
    let place = Place::new();
    place.charts(1);
    let task = place.write("charts.toml", common::CHARTS.replace("column = ", "colum = "));
    let output = eyechart().args(["tasks", "show"]).arg(&task).assert().code(2).get_output().clone();
    let said = stderr(&output);
    for text in ["charts.toml", "line 11, column 1", "11 | colum = \"image\"", "did you mean `column`?"] {
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[test]
fn a_column_that_the_data_lacks_is_named_with_the_nearest_whatever_the_format() {
    let place = Place::new();
    place.charts(1);
    place.write("charts.csv", "id,image,question,answer\nc-0,images/0.jpg,What?,A rise.\n");
    for file in ["charts.jsonl", "charts.csv"] {
        let text = common::CHARTS.replace("charts.jsonl", file).replace("\"answer\"", "\"anwser\"");
        let task = place.write("charts.toml", text);
        let server = endpoint(Vec::new());
        let output = run_at(&server, &place, &task).assert().code(2).get_output().clone();
        let expected = format!("{file} has no column \"anwser\" (did you mean \"answer\"?); it has ");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
        assert!(!place.runs().exists(), "nothing was started");
    }
}

/// A shard of one row, as the Hub's captioning datasets have them.
fn write_shard(path: &Path, number: usize) {
    let mut references = ListBuilder::new(StringBuilder::new());
    for word in ["One", "Two"] {
        references.values().append_value(format!("{word} of {number}."));
    }
    references.append(true);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("image", picture_column(&[number])),
        ("filename", Arc::new(StringArray::from(vec![format!("{number}.jpg")]))),
        ("original_alt_text", Arc::new(references.finish())),
        ("alt_text", Arc::new(StringArray::from(vec![format!("A long caption of {number}.")]))),
    ];
    write_parquet(path, columns);
}

/// `struct<bytes, path>`.
fn picture_column(numbers: &[usize]) -> ArrayRef {
    let (mut bytes, mut paths) = (BinaryBuilder::new(), StringBuilder::new());
    for number in numbers {
        bytes.append_value(jpeg(*number, 2_000));
        paths.append_value(format!("{number}.jpg"));
    }
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    let fields: Fields = fields.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
    Arc::new(StructArray::new(fields, vec![Arc::new(bytes.finish()), Arc::new(paths.finish())], None))
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
