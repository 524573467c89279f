//! Answers that exist already: replayed columns, outputs made elsewhere, scoring again.

use std::path::{Path, PathBuf};

use crate::common::shared::{shared, shared_json};
use crate::common::{Place, encoder, eyechart, stderr, stdout};
use eyechart::dataset::{Files, Pick, open};
use serde_json::{Value, json};

fn close(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() - expected).abs() < 1e-5
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn the_real_multi_image_sheet_is_read_whole() {
    let (folder, file) =
        (shared("data/visit-multi"), shared("data/visit-multi/visit_bench_multi_images.csv"));
    let reader = open(&Files::local(folder, vec![file]), None).unwrap();
    let columns = ["images".to_owned(), "reference_output".to_owned()];
    let rows: Vec<_> = reader.rows(Pick::Scan, &columns).unwrap().map(|row| row.unwrap().unwrap()).collect();
    assert_eq!(rows.len(), 50);
    assert_eq!(rows.iter().filter(|row| row.cells["reference_output"] == "").count(), 15);
    for row in rows {
        let images: Vec<String> = serde_json::from_str(row.cells["images"].as_str().unwrap()).unwrap();
        assert!(!images.is_empty() && images.iter().all(|url| url.starts_with("http")), "{images:?}");
    }
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn the_real_multi_image_sheet_gives_the_reference_tools_figures() {
    let (data, golden) = (shared("data/visit-multi"), shared_json("golden/seed_metrics.json"));
    let place = Place::new();
    eyechart()
        .args(["run", "visit-bench-multi", "--model", "recorded/gpt4_prediction", "--data"])
        .arg(data)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    let run = place.run();
    for (metric, name) in [
        ("share_above", "win_rate"),
        ("mean", "average_similarity"),
        ("top_1", "top_1_score"),
        ("top_5", "top_5_average_score"),
        ("top_10", "top_10_average_score"),
    ] {
        let value = run.figure("answer", "reference_output", metric);
        assert!(
            close(&value, golden[name].as_f64().unwrap()),
            "{metric}: {value}, expected {}",
            golden[name]
        );
    }
    let results = run.json("results.json");
    assert_eq!(results["samples"], json!({"total": 50, "completed": 50, "failed": 0, "truncated": 0}));
    assert_eq!(results["figures"][0]["n"], 35);
    let unscored = run.lines("scores.jsonl").iter().filter(|score| score.get("unscored").is_some()).count();
    assert_eq!(unscored, 15, "rows with an empty target are unscored for it");
    let targets: Vec<Value> =
        results["figures"].as_array().unwrap().iter().map(|f| f["target"].clone()).collect();
    assert!(!targets.contains(&json!("gpt4_prediction")), "a column is not compared with itself");
}

/// Captions with two references and a recorded column, as CSV.
fn captions(place: &Place) -> PathBuf {
    place.write(
        "captions.csv",
        "file_name,gpt,references\n\
         a.jpg,A dog runs.,\"[\"\"A dog runs.\"\", \"\"A cat sleeps on a sofa.\"\"]\"\n\
         b.jpg,A red car.,\"[\"\"A red car is parked.\"\", \"\"\"\"]\"\n\
         c.jpg,,\"[\"\"Nothing.\"\"]\"\n\
         d.jpg,A tree.,\n",
    );
    place.write(
        "captions.toml",
        "name = \"captions\"\n[dataset]\nfile = \"captions.csv\"\nid = \"file_name\"\nliteral = [\"references\"]\n\
         [prompt]\ntext = \"Describe.\"\n[images]\ncolumn = \"file_name\"\n[[compare]]\ntarget = \"references\"\n",
    )
}

fn run(place: &Place, task: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    eyechart().arg("run").arg(task).args(arguments).arg("--out").arg(place.runs()).assert()
}

#[test]
fn a_column_is_replayed_without_touching_a_picture_and_every_reference_counts() {
    let place = Place::new();
    let task = captions(&place);
    run(&place, &task, &["--model", "recorded/gpt"]).code(1);
    let run = place.run();
    assert_eq!(run.sample("c.jpg")["error"]["kind"], "empty");
    assert!(run.sample("a.jpg").get("images").is_none(), "no picture is there, and none is missed");
    let of = |id: &str| -> Vec<Value> {
        run.lines("scores.jsonl").into_iter().filter(|score| score["id"] == id).collect()
    };
    assert_eq!(of("a.jpg").len(), 2);
    assert!(close(&of("a.jpg")[0]["value"], 1.0));
    assert_eq!(of("a.jpg")[1]["reference"], 1);
    assert_eq!(of("b.jpg")[1]["unscored"], "the reference is empty");
    assert_eq!(of("c.jpg"), [] as [Value; 0], "a failure is no score");
    assert_eq!(of("d.jpg")[0]["unscored"], "the target is empty");
    let results = run.json("results.json");
    assert_eq!(results["figures"][0]["n"], 3);
    assert_eq!(results["samples"]["failures"], json!({"empty": 1}));
    assert_eq!(run.figure("answer", "references", "top_5"), Value::Null, "absent over fewer than five");
}

#[test]
fn outputs_made_elsewhere_are_scored_and_missing_ones_counted() {
    let place = Place::new();
    let task = captions(&place);
    let outputs = place.write(
        "outputs.jsonl",
        "{\"id\": \"a.jpg\", \"output\": \"A dog runs.\"}\nnot json\n\n{\"id\": \"b.jpg\", \"output\": \"A red car.\"}\n\
         {\"id\": \"zz.jpg\", \"output\": \"Who?\"}\n",
    );
    let output = run(&place, &task, &["--model", "theirs", "--outputs", outputs.to_str().unwrap()])
        .code(1)
        .get_output()
        .clone();
    let said = stderr(&output);
    assert!(said.contains("outputs.jsonl:2") && said.contains("zz.jpg"), "{said}");
    let run = place.run();
    assert_eq!(run.sample("c.jpg")["error"]["kind"], "not_recorded");
    assert_eq!(run.json("results.json")["model"], "theirs");
    assert!(close(&run.figure("answer", "references", "top_1"), 1.0));
    assert!(stdout(&output).contains("2 of 4 failed (2 not_recorded)"));
}

#[test]
fn a_run_of_outputs_is_resumed_with_the_name_of_its_model_and_no_other() {
    let place = Place::new();
    let task = captions(&place);
    let outputs = place.write("outputs.jsonl", "{\"id\": \"a.jpg\", \"output\": \"A dog runs.\"}\n");
    let outputs = outputs.to_str().unwrap();
    run(&place, &task, &["--model", "theirs", "--outputs", outputs, "--no-score"]).code(1);
    let folder = place.run();
    let resume = |model: &str| {
        let mut command = eyechart();
        command.args(["run", "--no-score", "--model", model, "--resume"]).arg(folder.path()).assert()
    };
    resume("theirs").code(1);
    let refused = resume("ours").code(2);
    assert!(stderr(refused.get_output()).contains("model"), "{}", stderr(refused.get_output()));
}

#[test]
fn scoring_again_needs_nothing_but_the_run() {
    let place = Place::new();
    let task = captions(&place);
    run(&place, &task, &["--model", "recorded/gpt"]).code(1);
    let run = place.run();
    let before = ["scores.jsonl", "results.json"].map(|name| std::fs::read(run.path().join(name)).unwrap());
    for name in ["scores.jsonl", "results.json"] {
        std::fs::remove_file(run.path().join(name)).unwrap();
    }
    std::fs::remove_file(place.path("captions.csv")).unwrap();
    std::fs::remove_file(task).unwrap();
    eyechart().arg("score").arg(run.path()).assert().code(0);
    let after = ["scores.jsonl", "results.json"].map(|name| std::fs::read(run.path().join(name)).unwrap());
    assert_eq!(before, after);
}

#[test]
fn parts_of_an_answer_are_compared_each_with_its_own_target() {
    let place = Place::new();
    place.write_jsonl(
        "qa.jsonl",
        &[
            json!({"label": "B", "rationale": "The bar is the tallest.", "said": "B\nThe bar is the tallest.\n"}),
            json!({"label": "C", "rationale": "It falls.", "said": "C"}),
        ],
    );
    let task = place.write(
        "qa.toml",
        "name = \"qa\"\n[dataset]\nfile = \"qa.jsonl\"\n[prompt]\ntext = \"?\"\n\
         [[compare]]\npart = \"label\"\ntake = \"first_line\"\ntarget = \"label\"\n\
         [[compare]]\npart = \"rationale\"\ntake = \"other_lines\"\ntarget = \"rationale\"\n",
    );
    run(&place, &task, &["--model", "recorded/said"]).code(0);
    let run = place.run();
    assert_eq!(run.figure("label", "label", "share_above"), 1.0);
    assert_eq!(
        run.figure("rationale", "rationale", "share_above"),
        0.5,
        "an empty part is compared as the empty text"
    );
    assert_eq!(run.samples()[0]["id"], "0", "without an id column the row number is the id");
}

#[test]
fn a_bad_row_is_reported_with_file_and_line_and_the_rest_goes_on() {
    let place = Place::new();
    let rows = "{\"a\": \"x\", \"q\": \"1\"}\n{\"a\": \n{\"a\": \"y\", \"q\": \"2\"}\n";
    place.write("rows.jsonl", rows);
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\n[prompt]\ntext = \"{{ q }}\"\n[[compare]]\ntarget = \"a\"\n",
    );
    let output = run(&place, &task, &["--model", "recorded/a", "--no-score"]).code(0).get_output().clone();
    assert!(stderr(&output).contains("rows.jsonl:2"), "{}", stderr(&output));
    let run = place.run();
    assert_eq!(run.json("spec.json")["data"]["bad_rows"], 1);
    assert_eq!(
        run.samples().iter().map(|sample| sample["id"].clone()).collect::<Vec<_>>(),
        [json!("0"), json!("2")]
    );
}

#[test]
fn the_encoder_alone_writes_a_numpy_array() {
    let place = Place::new();
    let input = place.write(
        "texts.jsonl",
        "{\"text\": \"a red bicycle\"}\n{\"text\": \"\"}\n{\"text\": \"a red bicycle\"}\n",
    );
    let output = place.path("vectors.npy");
    eyechart().args(["embed", "--input"]).arg(input).arg("--output").arg(&output).assert().code(0);
    let bytes = std::fs::read(output).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + header) % 64, 0);
    let head = std::str::from_utf8(&bytes[10..10 + header]).unwrap();
    assert_eq!(head.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), }");
    let numbers: Vec<f32> =
        bytes[10 + header..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(numbers.len(), 3 * 384);
    assert_eq!(numbers[..384], numbers[768..]);
    let norm: f32 = numbers[..384].iter().map(|number| number * number).sum();
    assert!((norm - 1.0).abs() < 1e-5);
}

#[test]
fn a_bad_line_of_texts_is_named() {
    let place = Place::new();
    let input = place.write("texts.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n");
    let output = place.path("vectors.npy");
    let failed =
        eyechart().args(["embed", "--input"]).arg(input).arg("--output").arg(&output).assert().code(2);
    assert!(stderr(failed.get_output()).contains("texts.jsonl:2"));
    assert!(!output.exists());
}

#[test]
fn the_encoders_folder_can_be_named_and_a_wrong_one_is_refused() {
    let place = Place::new();
    let task = captions(&place);
    let encoder = encoder();
    let named = ["--model", "recorded/gpt", "--encoder", encoder.to_str().unwrap()];
    eyechart()
        .env_remove("EYECHART_ENCODER")
        .arg("run")
        .arg(&task)
        .args(named)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(1);
    let wrong = place.path("");
    let failed =
        run(&place, &task, &["--model", "recorded/gpt", "--encoder", wrong.to_str().unwrap()]).code(2);
    assert!(stderr(failed.get_output()).contains("model.safetensors"), "{}", stderr(failed.get_output()));
}

#[test]
fn labels_that_name_no_option_are_counted_and_repeated_ids_told_apart() {
    let place = Place::new();
    let row = |id: &str, label: &str| json!({"id": id, "options": ["A) Red", "B) Blue"], "label": label});
    place.write_jsonl("qa.jsonl", &[row("x", "(B)"), row("x", "E"), row("x#2", "Red"), row("y", "maybe")]);
    let task = place.write(
        "qa.toml",
        "name = \"qa\"\n[dataset]\nfile = \"qa.jsonl\"\nid = \"id\"\n\
         choices = { options = \"options\", label = \"label\" }\n[prompt]\ntext = \"?\"\n[[compare]]\ntarget = \"label\"\n",
    );
    let output =
        run(&place, &task, &["--model", "recorded/label", "--no-score"]).code(0).get_output().clone();
    assert!(stderr(&output).contains("2 rows with a label"), "{}", stderr(&output));
    let run = place.run();
    assert_eq!(run.json("spec.json")["data"]["unresolved_labels"], 2);
    let ids: Vec<Value> = run.samples().into_iter().map(|sample| sample["id"].clone()).collect();
    assert_eq!(ids, ["x", "x#3", "x#2", "y"], "the own id of a row stays");
    let said = "1 row has an id that an earlier row has, such as \"x\" in the rows 0 and 1";
    assert!(
        stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ").contains(said),
        "{}",
        stderr(&output)
    );
}

/// Rows without an id are named by their row, whatever ids other rows have.
#[test]
fn a_row_without_an_id_does_not_share_the_output_of_another_row() {
    let place = Place::new();
    let rows = [
        json!({"q": "?", "answer": "A"}),
        json!({"id": 0, "q": "?", "answer": "B"}),
        json!({"id": "", "q": "?", "answer": "C"}),
    ];
    place.write_jsonl("t.jsonl", &rows);
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"{{ q }}\"\n",
    );
    let theirs = place.write_jsonl(
        "theirs.jsonl",
        &[json!({"id": 0, "output": "B"}), json!({"id": "row:2", "output": "C"})],
    );
    let output = run(&place, &task, &["--outputs", theirs.to_str().unwrap()]).code(1).get_output().clone();
    assert!(stderr(&output).contains("2 rows have no id"), "{}", stderr(&output));
    let run = place.run();
    assert_eq!(run.sample("row:0")["error"]["kind"], "not_recorded");
    let text = |id: &str| run.sample(id)["output"]["text"].clone();
    assert_eq!([text("0"), text("row:2")], [json!("B"), json!("C")]);
}

/// A task of one text, and what `run --outputs` says about a file with `lines`.
fn outputs(place: &Place, lines: impl AsRef<[u8]>, code: i32) -> String {
    place.write_jsonl("t.jsonl", &[json!({"id": "a", "q": "What?", "answer": "Red"})]);
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"{{ q }}\"\n[[score]]\nscorer = \"exact_match\"\ntarget = \"answer\"\n",
    );
    let file = place.write("theirs.jsonl", lines);
    let mut command = eyechart();
    command.arg("run").arg(task).arg("--outputs").arg(file).arg("--out").arg(place.runs());
    stderr(&command.assert().code(code).get_output().clone())
}

#[test]
fn outputs_without_a_model_are_named_after_their_file() {
    let place = Place::new();
    outputs(&place, "{\"id\": \"a\", \"output\": \"red\"}\n", 0);
    assert_eq!(place.run().json("spec.json")["model"], "theirs");
}

#[test]
fn outputs_are_read_in_other_encodings_packed_and_as_one_list() {
    let line = json!({"id": "a", "output": "Réd"}).to_string();
    let utf16: Vec<u8> = format!("\u{feff}{line}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let list = format!("[\n  {line},\n  {}\n]\n", json!({"id": "z", "output": null}));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, line.as_bytes()).unwrap();
    let zstd = zstd::encode_all(line.as_bytes(), 3).unwrap();
    for bytes in
        [utf16, list.clone().into_bytes(), gzip.finish().unwrap(), zstd, format!("{line}\n").into_bytes()]
    {
        let place = Place::new();
        outputs(&place, &bytes, 0);
        assert_eq!(place.run().sample("a")["output"]["text"], "Réd", "{bytes:?}");
    }
    let place = Place::new();
    let cut_off = outputs(&place, &list[..list.len() - 9], 2);
    assert!(cut_off.contains("cannot read --outputs"), "{cut_off}");
    assert!(!place.runs().exists(), "nothing was started");
}

/// Beyond 64 bits, a JSON library may keep 17 digits of an id.
#[test]
fn ids_of_any_length_are_compared_by_their_digits() {
    let place = Place::new();
    let ids = ["123456789012345678901", "123456789012345678902"];
    let rows: String = ids.map(|id| format!("{{\"id\": {id}, \"q\": \"?\"}}\n")).concat();
    place.write("t.jsonl", rows);
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"{{ q }}\"\n",
    );
    let lines: String = ids.map(|id| format!("{{\"id\": {id}, \"output\": \"{}\"}}\n", &id[19..])).concat();
    let theirs = place.write("theirs.jsonl", lines);
    run(&place, &task, &["--outputs", theirs.to_str().unwrap()]).code(0);
    let run = place.run();
    assert_eq!(ids.map(|id| run.sample(id)["output"]["text"].clone()), [json!("01"), json!("02")]);
}

#[test]
fn outputs_without_any_usable_line_say_what_the_lines_lack() {
    for (lines, expected) in [
        ("{\"key\": \"a\", \"text\": \"Red\"}\n", "theirs.jsonl:1 has the keys \"key\", \"text\"; expected"),
        ("[1]\n", "theirs.jsonl:1: expected"),
        ("{\"id\": \"a\", \"output\": 3}\n", "`output` is not a text"),
        ("{\"id\": \"a\", \"output\": null}\n", "has an output: expected"),
        ("", "theirs.jsonl is empty"),
    ] {
        let place = Place::new();
        let said = outputs(&place, lines, 2);
        assert!(said.contains(expected), "{lines}: {said}");
        assert!(!place.runs().exists(), "nothing was started");
    }
}

#[test]
fn the_results_of_a_batch_are_judged_as_replies_are() {
    let reply = |status: u16, body: serde_json::Value| {
        json!({"custom_id": "a", "error": null, "response": {"status_code": status, "body": body}})
            .to_string()
    };
    let choice = |content: serde_json::Value, reason: &str| json!({"choices": [{"message": {"content": content}, "finish_reason": reason}]});
    let other = json!({"custom_id": "z", "response": {"body": choice(json!("Red"), "stop")}}).to_string();
    for (line, kind) in [
        (reply(500, json!({"error": {"message": "overloaded"}})), "server_error"),
        (reply(200, choice(json!(""), "content_filter")), "refused"),
        (reply(200, choice(json!(null), "length")), "truncated"),
        (
            json!({"custom_id": "a", "error": {"message": "expired"}, "response": null}).to_string(),
            "not_recorded",
        ),
        (json!({"id": "a", "output": null}).to_string(), "not_recorded"),
    ] {
        let place = Place::new();
        outputs(&place, format!("\u{feff}{line}\n{other}\n"), 1);
        assert_eq!(place.run().sample("a")["error"]["kind"], kind, "{line}");
    }
    let place = Place::new();
    let parts = json!([{"type": "text", "text": "Red"}]);
    outputs(&place, format!("{}\n", reply(200, choice(parts, "length"))), 0);
    let output = place.run().sample("a")["output"].clone();
    assert_eq!((&output["text"], &output["stop_reason"]), (&json!("Red"), &json!("length")));
}

#[test]
fn the_results_of_a_batch_are_read_as_outputs() {
    let place = Place::new();
    let line = json!({"id": "batch_1", "custom_id": "a", "error": null, "response": {"status_code": 200,
        "body": {"choices": [{"message": {"role": "assistant", "content": "<think>Hm.</think>Red"}}]}}});
    outputs(&place, format!("{line}\n"), 0);
    assert_eq!(place.run().sample("a")["output"], json!({"text": "Red", "reasoning": "Hm."}));
}
