//! The published comparison, over small data laid out as its origin has it, and the notebooks' own files.

use std::path::PathBuf;
use std::sync::Arc;

use crate::common::benchmarks::{lay_out, lay_out_arxivqa};
use crate::common::{self, Place, RunFiles, encoder, endpoint, eyechart, jpeg, rule, stdout};
use arrow_array::builder::{BinaryBuilder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Fields};
use serde_json::{Value, json};

fn read_csv(path: PathBuf) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let heads = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (heads, rows)
}

fn run_of(place: &Place, task: &str) -> RunFiles {
    let of = |run: &RunFiles| run.json("spec.json")["task"]["name"] == task;
    place.all_runs().into_iter().find(of).expect("the task was run")
}

#[test]
fn one_command_gives_the_three_tables_beside_the_published_figures_and_the_notebooks_files() {
    let place = Place::new();
    lay_out(&place);
    let server = endpoint(vec![
        rule(json!({"prompt": "Answer Query", "answer": " B\nThe mass curve rises.\n"})),
        rule(json!({"prompt": "Describe this image", "answer": "A man, smiling."})),
        rule(json!({"prompt": "Answer query based on the image\nWho", "answer": "He is a man."})),
        rule(json!({"prompt": "approximately 40 words", "answer": "Reference 0 of picture 0."})),
    ]);
    let output = eyechart()
        .args(["run", "vlm-benchmarks", "--model", "mistral/pixtral-12b-2409", "--base-url", &server.url()])
        .arg("--data")
        .arg(place.path("data"))
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0)
        .get_output()
        .clone();
    let table = stdout(&output);
    for text in [
        "ArxivQA",
        "VisIT-Bench",
        "Flickr30K",
        "published: Pixtral 12B",
        "20.2",
        "92.7",
        "37.5",
        "33.6",
        "98.7",
        "not measured by eyechart",
        "mistral/pixtral-12b-2409",
        "per hour",
    ] {
        assert!(table.contains(text), "no {text:?} in\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert_eq!(table.matches("similarity in %").count(), 3);

    sent_as_the_source_sends(&server);
    exported_as_the_notebooks_write(&place);
}

fn sent_as_the_source_sends(server: &eyechart::rehearse::Server) {
    let bodies = common::bodies(server);
    assert_eq!(bodies.len(), 12 + 2 + 2 + 6);
    let of = |text: &str| -> Value {
        let mut bodies = bodies.iter();
        bodies
            .find(|body| body["messages"][0]["content"][0]["text"].as_str().unwrap().contains(text))
            .unwrap()
            .clone()
    };
    let settings = |body: &Value| {
        (
            body["temperature"].clone(),
            body["max_tokens"].clone(),
            body["frequency_penalty"].clone(),
            body["stream"].clone(),
        )
    };
    let arxivqa = of("figure 3?");
    assert_eq!(arxivqa["model"], "pixtral-12b-2409");
    assert_eq!(
        arxivqa["messages"][0]["content"][0]["text"],
        "Answer Query Based on Image\n\nQuestion: What grows in figure 3?\nOptions: A) Energy, B) Mass"
    );
    assert_eq!(settings(&arxivqa), (json!(0.4), json!(300), json!(0.2), json!(false)));
    let visit = of("Answer query based on the image\nWho is it?");
    assert_eq!(visit["messages"][0]["content"][1]["image_url"]["url"], "https://a.example/1.jpg");
    assert_eq!(settings(&visit), (json!(0.9), json!(200), json!(0.2), json!(false)));
    assert_eq!(settings(&of("Describe this image")), (json!(0.9), json!(200), json!(0.2), json!(false)));
    let flickr = of("approximately 40 words");
    assert_eq!(settings(&flickr), (json!(0.4), json!(300), json!(0.2), json!(false)));
    let url = flickr["messages"][0]["content"][1]["image_url"]["url"].as_str().unwrap();
    assert!(url.starts_with("data:image/jpeg;base64,"));
}

fn exported_as_the_notebooks_write(place: &Place) {
    let out = place.path("csv");
    eyechart()
        .arg("export")
        .arg(place.runs())
        .args(["--layout", "vlm-benchmarks", "--out"])
        .arg(&out)
        .assert()
        .code(0);

    let (heads, rows) = read_csv(out.join("arxivqa_model_results.csv"));
    assert_eq!(
        heads.join(","),
        "filename,instruction,model_label,model_rationale,reference_label,reference_rationale,label_similarity,rationale_similarity"
    );
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[3][0], "images/3.jpg");
    assert_eq!(rows[3][1], "Question: What grows in figure 3?\nOptions: A) Energy, B) Mass");
    assert_eq!(rows[3][2..6], ["B", "The mass curve rises.", "B", "The mass curve rises."]);
    let (heads, rows) = read_csv(out.join("arxivqa_dataset_scores.csv"));
    assert_eq!(
        heads.join(","),
        "label_win_rate,rationale_win_rate,top_1_label_score,top_5_label_average_score,top_10_label_average_score,\
         top_1_rationale_score,top_5_rationale_average_score,top_10_rationale_average_score"
    );
    assert_eq!(rows[0][0], "1.0");

    let (heads, rows) = read_csv(out.join("visit_instruction.csv"));
    assert_eq!(heads.join(","), "instruction,reference_output,model_output,similarity_score");
    // Row 2 has no gpt4_prediction, row 3 no address.
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][..3], ["Who is it?", "He is a man.", "He is a man."]);
    let (heads, rows) = read_csv(out.join("visit_instruction_score.csv"));
    assert_eq!(
        heads.join(","),
        "win_rate,average_similarity,top_1_score,top_5_average_score,top_10_average_score"
    );
    assert_eq!(rows[0][3..], ["0.0", "0.0"], "a top-k over fewer than k is 0 in this layout");
    let (_, rows) = read_csv(out.join("visit_caption.csv"));
    assert_eq!(
        rows[1][..2],
        ["Where?", "A beach."],
        "the instruction is the dataset's, in the caption file too"
    );

    let (heads, rows) = read_csv(out.join("flickr30k_model_results.csv"));
    assert_eq!(
        heads.join(","),
        "filename,model_output,reference_outputs,similarity_scores,GPT similarity score"
    );
    assert_eq!((rows.len(), rows[4][0].as_str()), (6, "4.jpg"));
    let lists: Vec<Vec<Value>> =
        rows[4][2..].iter().map(|cell| serde_json::from_str(cell).unwrap()).collect();
    assert!(lists.iter().all(|list| list.len() == 5));
    let run = run_of(place, "vlm-benchmarks/flickr30k");
    let source = run.sample("4.jpg")["images"][0]["source"].as_str().unwrap().to_owned();
    assert!(source.contains("test-00001-of-00002.parquet"), "the shard that holds the picture: {source}");
    for (file, part) in
        [("flickr30k_dataset_scores.csv", "answer"), ("flickr30k_gpt4_scores.csv", "alt_text")]
    {
        let (heads, rows) = read_csv(out.join(file));
        assert_eq!(heads.join(","), "win_rate,top_1_score,top_5_average_score,top_10_average_score");
        let numbers: Vec<Value> = rows[0].iter().map(|cell| serde_json::from_str(cell).unwrap()).collect();
        let figure = |metric| run.figure(part, "original_alt_text", metric);
        assert_eq!(numbers, ["share_above", "top_1", "top_5", "top_10"].map(figure));
    }
    assert_eq!(run.json("results.json")["figures"][0]["n"], 30, "pooled over all references of all pictures");
}

#[test]
fn a_recorded_column_of_the_suite_is_scored_from_parquet_without_pictures() {
    let place = Place::new();
    lay_out(&place);
    let _ = encoder();
    eyechart()
        .args(["run", "vlm-benchmarks/flickr30k", "--model", "recorded/alt_text", "--limit", "4", "--data"])
        .arg(place.path("data/flickr30k"))
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    let run = place.run();
    assert_eq!(run.samples().len(), 4);
    let (answer, column) = (
        run.figure("answer", "original_alt_text", "mean"),
        run.figure("alt_text", "original_alt_text", "mean"),
    );
    assert_eq!(answer, column);
}

#[test]
fn results_come_in_every_format() {
    let place = Place::new();
    lay_out_arxivqa(&place);
    eyechart()
        .args(["run", "vlm-benchmarks/arxivqa", "--model", "recorded/rationale", "--data"])
        .arg(place.path("data"))
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    let show = |format: &str| {
        let output = eyechart().arg("results").arg(place.runs()).args(["--format", format]).assert().code(0);
        stdout(output.get_output())
    };
    assert!(show("table").contains("published: Pixtral 12B"));
    assert!(show("markdown").contains("| labels | published: Pixtral 12B | 20.2 |"));
    assert!(show("csv").contains("published by aryankargwal/vlm-benchmarks,label,label,share_above,0.202"));
    let json: Value = serde_json::from_str(&show("json")).unwrap();
    assert_eq!(json[0]["format"], "eyechart.results/2");
    assert_eq!(json[0]["published"][0]["figures"]["share_above"], 0.202);
}

#[test]
fn several_pictures_in_a_list_of_a_parquet_file_are_sent_in_their_order() {
    let place = Place::new();
    let fields = Fields::from(vec![
        Field::new("bytes", DataType::Binary, true),
        Field::new("path", DataType::Utf8, true),
    ]);
    let mut lists = ListBuilder::new(StructBuilder::from_fields(fields, 3));
    for numbers in [&[1, 2][..], &[3]] {
        for &number in numbers {
            let item = lists.values();
            item.field_builder::<BinaryBuilder>(0).unwrap().append_value(jpeg(number, 500));
            item.field_builder::<StringBuilder>(1).unwrap().append_value(format!("{number}.jpg"));
            item.append(true);
        }
        lists.append(true);
    }
    let batch = RecordBatch::try_from_iter([
        ("images", Arc::new(lists.finish()) as ArrayRef),
        ("question", Arc::new(StringArray::from(vec!["Which is taller?", "What is it?"]))),
        ("answer", Arc::new(StringArray::from(vec!["The first.", "A scale."]))),
    ])
    .unwrap();
    let file = std::fs::File::create(place.path("pairs.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let text = common::CHARTS.replace("charts.jsonl", "pairs.parquet").replace("id = \"id\"\n", "");
    let task = place.write("pairs.toml", text.replace("column = \"image\"", "column = \"images\""));
    let server = endpoint(vec![]);
    common::run_at(&server, &place, &task).assert().code(0);
    let sources = |id: &str| {
        let sample = run_of(&place, "charts").sample(id);
        let images = sample["images"].as_array().unwrap().clone();
        images.iter().map(|image| image["source"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((sources("0").len(), sources("1").len()), (2, 1));
    assert!(sources("0")[1].ends_with("column images.1 (2.jpg)"), "{:?}", sources("0"));
}
