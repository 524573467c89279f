//! `--control`: runs without pictures, and with the pictures of other samples, beside the run that they belong to.

use crate::common::benchmarks;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::site::{Page, Site};
use crate::common::{
    CHARTS, Place, RunFiles, bodies, endpoint, eyechart, jpeg, rule, run_at, stderr, stdout,
};
use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use assert_cmd::Command;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyechart::rehearse::Server;
use eyechart::text::hex;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const NO_IMAGES: [&str; 2] = ["--control", "no-images"];
const SHUFFLE: [&str; 2] = ["--control", "shuffle-images"];

/// The pictures of each request, as bytes or addresses, by its prompt.
fn sent(server: &Server) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut sent = BTreeMap::new();
    for body in bodies(server) {
        let content = &body["messages"][0]["content"];
        let parts = content.as_array().map_or_else(|| vec![json!({"text": content})], Clone::clone);
        let prompt: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        let urls = parts.iter().filter_map(|part| part["image_url"]["url"].as_str());
        let picture = |url: &str| match url.split_once(";base64,") {
            Some((_, data)) => STANDARD.decode(data).unwrap(),
            None => url.as_bytes().to_vec(),
        };
        assert_eq!(sent.insert(prompt, urls.map(picture).collect()), None, "no sample was asked twice");
    }
    sent
}

fn prompt(number: usize) -> String {
    format!("What is shown in chart {number}?")
}

/// The pictures of the samples of `charts`, in their order.
fn sent_in_order(server: &Server, count: usize) -> Vec<Vec<Vec<u8>>> {
    let sent = sent(server);
    assert_eq!(sent.len(), count);
    (0..count).map(|number| sent[&prompt(number)].clone()).collect()
}

/// Rows with these pictures and the usual questions, over `charts.toml`.
fn charts_over(place: &Place, pictures: &[Value]) -> PathBuf {
    let row = |(number, picture): (usize, &Value)| json!({"id": format!("c-{number}"), "image": picture, "question": prompt(number), "answer": "A rise."});
    place.write_jsonl("charts.jsonl", &pictures.iter().enumerate().map(row).collect::<Vec<_>>());
    place.write("charts.toml", CHARTS)
}

/// The only run in another folder than [`Place::runs`].
fn run_in(place: &Place, folder: &str) -> RunFiles {
    let mut runs = std::fs::read_dir(place.path(folder)).unwrap().map(|entry| entry.unwrap().path());
    RunFiles(runs.find(|path| path.join("spec.json").is_file()).unwrap())
}

/// `run_at` into a folder of its own.
fn run_into(server: &Server, place: &Place, task: &Path, folder: &str) -> Command {
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "custom/m", "--base-url", &server.url(), "--no-score"]);
    command.arg("--out").arg(place.path(folder));
    command
}

fn refused(command: &mut Command, expected: &[&str]) {
    let said = stderr(command.assert().code(2).get_output());
    assert!(expected.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn without_images_the_same_prompts_are_sent_and_no_picture() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(5);
    let said = stderr(run_at(&server, &place, &task).args(NO_IMAGES).assert().code(0).get_output());
    assert!(said.contains("5 samples with custom/m (no images)"), "{said}");
    assert!(sent_in_order(&server, 5).iter().all(Vec::is_empty));
    let run = place.run();
    let spec = run.json("spec.json");
    assert_eq!(spec["control"], "no-images");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/spec.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &spec), "{spec}");
    for sample in run.samples() {
        assert_eq!((&sample["status"], sample.get("images")), (&json!("completed"), None));
        assert!(sample["cluster"].as_str().unwrap().starts_with("images/"), "{sample}");
    }
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn without_images_the_same_samples_are_asked_as_with_them() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(4);
    std::fs::remove_file(place.path("images/1.jpg")).unwrap();
    place.write("images/2.jpg", "no picture");
    for control in [NO_IMAGES, SHUFFLE] {
        std::fs::remove_dir_all(place.runs()).ok();
        run_at(&server, &place, &task).args(control).assert().code(1);
        let run = place.run();
        let failed = |id| run.sample(id)["error"]["kind"] == "image";
        assert_eq!(["c-0", "c-1", "c-2", "c-3"].map(failed), [false, true, true, false], "{control:?}");
    }
    assert_eq!(server.stats().requests, 4);
}

#[test]
fn each_shuffled_sample_is_sent_the_picture_of_another_sample() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(12);
    // The same bytes under two paths are one picture.
    place.write("images/1.jpg", jpeg(0, 2_000));
    run_at(&server, &place, &task).args(SHUFFLE).assert().code(0);
    let own: Vec<Vec<u8>> =
        (0..12).map(|number| std::fs::read(place.path(&format!("images/{number}.jpg"))).unwrap()).collect();
    let sent = sent_in_order(&server, 12);
    let run = place.run();
    for (number, pictures) in sent.iter().enumerate() {
        assert_eq!(pictures.len(), 1);
        assert_ne!(pictures[0], own[number], "c-{number} kept its picture");
        let sample = run.sample(&format!("c-{number}"));
        assert_eq!(sample["images"][0]["sha256"], hex(&Sha256::digest(&pictures[0])));
        assert!(!sample["images"][0]["source"].as_str().unwrap().ends_with(&format!("/{number}.jpg")));
        assert_eq!(
            sample["cluster"],
            format!("images/{number}.jpg"),
            "the cluster is of the sample's own row"
        );
    }
    let sorted = |mut pictures: Vec<Vec<u8>>| {
        pictures.sort_unstable();
        pictures
    };
    assert_eq!(sorted(sent.concat()), sorted(own), "each picture is sent once");
    assert_eq!(run.json("spec.json")["control"], "shuffle-images");
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn the_seed_alone_says_whose_pictures_are_sent() {
    let place = Place::new();
    let task = place.charts(20);
    let shuffled = |folder: &str, arguments: &[&str]| {
        let server = endpoint(Vec::new());
        run_into(&server, &place, &task, folder).args(SHUFFLE).args(arguments).assert().code(0);
        sent_in_order(&server, 20)
    };
    let first = shuffled("a", &["--seed", "7"]);
    assert_eq!(first, shuffled("b", &["--seed", "7", "--max-connections", "1"]));
    assert_ne!(first, shuffled("c", &["--seed", "8"]));
}

#[test]
fn a_resumed_run_goes_on_with_the_same_exchange() {
    let place = Place::new();
    let task = place.charts(10);
    let whole = endpoint(Vec::new());
    run_into(&whole, &place, &task, "whole").args(SHUFFLE).assert().code(0);

    let server = endpoint(vec![
        rule(json!({"prompt": "chart 3?", "status": 400, "times": 1})),
        rule(json!({"prompt": "chart 6?", "status": 400, "times": 1})),
    ]);
    run_at(&server, &place, &task).args(SHUFFLE).assert().code(1);
    let run = place.run();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(server.stats().requests, 12);
    let pictures = |run: &RunFiles| {
        let picture = |sample: Value| (sample["id"].to_string(), sample["images"][0]["sha256"].clone());
        run.samples().into_iter().map(picture).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(pictures(&run), pictures(&run_in(&place, "whole")));
}

#[test]
fn a_run_does_not_go_on_as_another_control_or_as_none() {
    let place = Place::new();
    let task = place.charts(4);
    let server = endpoint(vec![rule(json!({"prompt": "chart 3?", "status": 400}))]);
    run_at(&server, &place, &task).args(SHUFFLE).assert().code(1);
    let run = place.run();
    let resumed = |arguments: &[&str]| {
        let mut command = run_at(&server, &place, &task);
        command.args(arguments).arg("--resume").arg(run.path());
        command
    };
    let asked = server.stats().requests;
    refused(&mut resumed(&NO_IMAGES), &["--control: the run has shuffled images, given was no images"]);
    refused(&mut resumed(&[]), &["--control: the run has shuffled images, given was none"]);
    let mut alone = eyechart();
    refused(alone.arg("run").arg("--resume").arg(run.path()).args(NO_IMAGES), &["--control"]);
    assert_eq!(server.stats().requests, asked);
    // In a folder of runs, a run without control is another run.
    run_at(&server, &place, &task).arg("--resume").arg(place.runs()).assert().code(1);
    assert_eq!(place.all_runs().len(), 2);
}

#[test]
fn a_control_of_a_run_that_sends_no_picture_is_refused() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(2);
    let outputs = place.write_jsonl("outputs.jsonl", &[json!({"id": "c-0", "output": "A rise."})]);
    let texts = place.texts(3);
    for control in [NO_IMAGES, SHUFFLE] {
        refused(run_at(&server, &place, &texts).args(control), &[control[1], "texts sends no pictures"]);
        let mut column = eyechart();
        column.arg("run").arg(&task).args(["--model", "recorded/answer"]).args(control);
        refused(
            column.arg("--out").arg(place.runs()),
            &[control[1], "recorded/answer", "asks the model again"],
        );
        let mut file = eyechart();
        file.arg("run")
            .arg(&task)
            .args(["--model", "recorded-model"])
            .args(control)
            .arg("--outputs")
            .arg(&outputs);
        refused(file.arg("--out").arg(place.runs()), &[control[1], "--outputs", "asks the model again"]);
    }
    refused(run_at(&server, &place, &task).args(["--control", "blur"]), &["no-images", "shuffle-images"]);
    assert_eq!((server.stats().requests, place.runs().exists()), (0, false));
}

#[test]
fn what_cannot_be_shuffled_is_refused_with_the_reason_and_nothing_is_sent() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(5);
    for number in 0..3 {
        place.write(&format!("images/{number}.jpg"), jpeg(9, 2_000));
    }
    let shuffled = |arguments: &[&str], expected: &[&str]| {
        refused(run_at(&server, &place, &task).args(SHUFFLE).args(arguments), expected);
    };
    shuffled(&[], &["3 of 5 samples have the same picture (such as c-0, c-1, c-2)", "--control no-images"]);
    shuffled(&["--dry-run"], &["3 of 5 samples have the same picture"]);
    for number in 3..5 {
        place.write(&format!("images/{number}.jpg"), jpeg(9, 2_000));
    }
    shuffled(&[], &["5 of 5 samples have the same picture"]);
    shuffled(
        &["--limit", "1"],
        &["only 1 of 1 samples have usable pictures; shuffle-images needs at least two"],
    );
    for number in 0..5 {
        place.write(&format!("images/{number}.jpg"), "no picture");
    }
    shuffled(&[], &["only 0 of 5 samples have usable pictures"]);
    assert_eq!((server.stats().requests, place.runs().exists()), (0, false));
}

#[test]
fn of_samples_with_several_pictures_none_meets_one_of_its_own() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    for number in 0..6 {
        place.write(&format!("images/{number}.jpg"), jpeg(number, 2_000));
    }
    let named =
        |numbers: &[usize]| numbers.iter().map(|n| json!(format!("images/{n}.jpg"))).collect::<Value>();
    let sets = [vec![0, 1], vec![1, 2], vec![2, 3], vec![3, 4, 5], vec![0, 5], vec![4, 2]];
    let task = charts_over(&place, &sets.iter().map(|set| named(set)).collect::<Vec<_>>());
    run_at(&server, &place, &task).args(SHUFFLE).assert().code(0);
    for (set, pictures) in sets.iter().zip(sent_in_order(&server, 6)) {
        let own: Vec<Vec<u8>> = set.iter().map(|number| jpeg(*number, 2_000)).collect();
        assert!(pictures.iter().all(|picture| !own.contains(picture)), "{set:?}");
    }
    let entangled =
        charts_over(&place, &[named(&[0, 1]), named(&[1, 2]), named(&[2, 0]), named(&[3]), named(&[4])]);
    refused(run_at(&server, &place, &entangled).args(SHUFFLE), &["so many pictures in common"]);
}

#[test]
fn pictures_at_addresses_are_told_apart_by_their_address_or_once_fetched_by_their_bytes() {
    let place = Place::new();
    let site = Site::start(|path, _| match path {
        "/gone.jpg" => Page::status(404),
        // Two addresses of one picture.
        "/0.jpg" | "/1.jpg" => Page::found(jpeg(0, 2_000)),
        path => Page::found(jpeg(path[1..2].parse().unwrap(), 2_000)),
    });
    let urls: Vec<Value> = (0..4).map(|number| json!(site.url(&format!("/{number}.jpg")))).collect();
    charts_over(&place, &urls);
    let sending = |how: &str, name: &str| {
        let keys = format!("column = \"image\"\nsend = \"{how}\"");
        place.write(name, CHARTS.replace("column = \"image\"", &keys))
    };

    let server = endpoint(Vec::new());
    run_into(&server, &place, &sending("url", "url.toml"), "url").args(SHUFFLE).assert().code(0);
    for (number, pictures) in sent_in_order(&server, 4).iter().enumerate() {
        assert_ne!(pictures[0], urls[number].as_str().unwrap().as_bytes());
    }
    assert_eq!(site.requests().len(), 0);

    let fetching = |server: &Server, folder: &str, control: [&str; 2]| {
        let mut command = run_into(server, &place, &sending("fetch", "fetch.toml"), folder);
        command.env("XDG_CACHE_HOME", place.path("cache")).arg("--allow-private-urls").args(control);
        command
    };
    let server = endpoint(Vec::new());
    fetching(&server, "fetch", SHUFFLE).assert().code(0);
    for (number, pictures) in sent_in_order(&server, 4).iter().enumerate() {
        let own = jpeg(if number == 1 { 0 } else { number }, 2_000);
        assert_ne!(pictures[0], own);
    }
    let dead = [urls.as_slice(), &[json!(site.url("/gone.jpg"))]].concat();
    charts_over(&place, &dead);
    for control in [NO_IMAGES, SHUFFLE] {
        let server = endpoint(Vec::new());
        fetching(&server, control[1], control).assert().code(1);
        assert_eq!(sent(&server).len(), 4);
        let run = run_in(&place, control[1]);
        assert_eq!(run.sample("c-4")["error"]["kind"], "picture_unavailable");
    }
}

/// `charts.parquet` with the pictures in it, in row groups of three.
fn parquet(place: &Place, pictures: &[Vec<u8>]) -> PathBuf {
    let (mut images, mut questions, mut answers) =
        (BinaryBuilder::new(), StringBuilder::new(), StringBuilder::new());
    for (number, picture) in pictures.iter().enumerate() {
        images.append_value(picture);
        questions.append_value(prompt(number));
        answers.append_value("A rise.");
    }
    let columns: [(&str, ArrayRef); 3] = [
        ("image", Arc::new(images.finish())),
        ("question", Arc::new(questions.finish())),
        ("answer", Arc::new(answers.finish())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(place.path("charts.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    for start in (0..pictures.len()).step_by(3) {
        writer.write(&batch.slice(start, 3.min(pictures.len() - start))).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    let task = CHARTS.replace("charts.jsonl", "charts.parquet").replace("id = \"id\"\n", "");
    place.write("charts.toml", task)
}

#[test]
fn pictures_that_rows_hold_are_exchanged_however_many_fit_in_memory() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    // More than are held in memory at a time: 64 MiB.
    let pictures: Vec<Vec<u8>> = (0..6).map(|number| jpeg(number, 12 << 20)).collect();
    let task = parquet(&place, &pictures);
    run_at(&server, &place, &task).args(SHUFFLE).assert().code(0);
    let sent = sent_in_order(&server, 6);
    let run = place.run();
    for (number, own) in pictures.iter().enumerate() {
        let at = pictures.iter().position(|picture| *picture == sent[number][0]).unwrap();
        assert_ne!(at, number);
        let sample = run.sample(&number.to_string());
        assert!(sample["images"][0]["source"].as_str().unwrap().contains(&format!("row {at} ")), "{sample}");
        assert_eq!(
            sample["cluster"],
            hex(&Sha256::digest(own)),
            "the cluster is of the sample's own picture"
        );
    }
}

#[test]
fn members_of_an_archive_are_exchanged_and_a_limit_draws_the_partners_too() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let mut archive = tar::Builder::new(Vec::new());
    for number in 0..9 {
        let picture = jpeg(number, 2_000);
        let mut header = tar::Header::new_gnu();
        header.set_size(picture.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("in/{number}.jpg"), picture.as_slice()).unwrap();
    }
    place.write("pictures.tar", archive.into_inner().unwrap());
    charts_over(&place, &(0..9).map(|number| json!(format!("in/{number}.jpg"))).collect::<Vec<_>>());
    let keys = "column = \"image\"\narchive = \"pictures.tar\"";
    let task = place.write("charts.toml", CHARTS.replace("column = \"image\"", keys));
    let mut command = run_at(&server, &place, &task);
    command.env("XDG_CACHE_HOME", place.path("cache")).args(SHUFFLE).args(["--limit", "4"]);
    command.assert().code(0);
    let number = |text: &Value| text.as_str().unwrap().trim_end_matches(".jpg").chars().next_back().unwrap();
    let numbers = |sample: &Value| (number(&sample["cluster"]), number(&sample["images"][0]["source"]));
    let pairs: Vec<(char, char)> = place.run().samples().iter().map(numbers).collect();
    assert!(pairs.iter().all(|(own, sent)| own != sent), "{pairs:?}");
    let (own, sent): (BTreeSet<_>, BTreeSet<_>) = pairs.iter().copied().unzip();
    assert_eq!((own.len(), &own), (4, &sent), "the pictures are those of the picked samples");
}

#[test]
fn a_dry_run_of_a_control_says_what_would_be_sent() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(4);
    place.write("images/2.jpg", "no picture");
    for (control, pictures) in [(NO_IMAGES, 0.0), (SHUFFLE, 3.0)] {
        let mut command = run_at(&server, &place, &task);
        command.args(control).args(["--dry-run", "--format", "json"]);
        let found: Value = serde_json::from_str(&stdout(command.assert().code(1).get_output())).unwrap();
        assert_eq!(found[0]["forecast"]["pictures"]["value"], pictures, "{control:?}");
        assert_eq!(found[0]["forecast"]["requests"]["value"], 3.0);
        assert_eq!((&found[0]["remarks"][0]["id"], &found[0]["would_fail"]), (&json!("c-2"), &json!(1)));
    }
    assert_eq!((server.stats().requests, place.runs().exists()), (0, false));
}

#[test]
fn the_cache_takes_no_answer_of_a_control_for_one_of_the_run() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    place.charts(4);
    let task = place.write("charts.toml", format!("{CHARTS}\n[generation]\ntemperature = 0\n"));
    for (arguments, asked) in
        [(&[][..], 4), (&NO_IMAGES[..], 8), (&SHUFFLE[..], 12), (&[][..], 12), (&NO_IMAGES[..], 12)]
    {
        let mut command = run_at(&server, &place, &task);
        command.env("XDG_CACHE_HOME", place.path("cache")).arg("--cache").args(arguments).assert().code(0);
        assert_eq!(server.stats().requests, asked, "{arguments:?}");
    }
}

#[test]
fn results_show_a_control_beneath_its_run_and_note_what_it_is_and_that_its_samples_differ() {
    let (place, server) = (Place::new(), endpoint(vec![rule(json!({"answer": "A rise."}))]));
    let task = place.charts(6);
    for arguments in
        [&["custom/b", "--seed", "1", "--control", "no-images"][..], &["custom/a"], &["custom/b"]]
    {
        let mut command = eyechart();
        command.arg("run").arg(&task).args(["--base-url", &server.url(), "--limit", "3", "--model"]);
        command.args(arguments).arg("--out").arg(place.runs()).assert().code(0);
    }
    let results = |format: &str| {
        let mut command = eyechart();
        command.arg("results").arg(place.runs()).args(["--format", format]);
        stdout(command.assert().code(0).get_output())
    };
    let text = results("table").split_whitespace().collect::<Vec<_>>().join(" ");
    for note in [
        "Rows marked (no images) are controls: the same prompts were sent without pictures,",
        "custom/b (no images) and custom/b were asked about different samples",
    ] {
        assert_eq!(text.matches(note).count(), 1, "{text}");
    }
    let runs: Value = serde_json::from_str(&results("json")).unwrap();
    let names =
        runs.as_array().unwrap().iter().map(|run| (run["model"].as_str().unwrap(), run.get("control")));
    let control = json!("no-images");
    let expected = [("custom/a", None), ("custom/b", None), ("custom/b", Some(&control))];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn a_control_is_not_exported_as_the_run_of_its_model() {
    let answer = rule(json!({"answer": "B\nThe mass curve rises."}));
    let (place, server) = (Place::new(), endpoint(vec![answer]));
    benchmarks::lay_out_arxivqa(&place);
    let mut command = eyechart();
    command.args(["run", "vlm-benchmarks/arxivqa", "--model", "custom/m", "--base-url", &server.url()]);
    command.args(NO_IMAGES).arg("--data").arg(place.path("data/arxivqa")).arg("--out").arg(place.runs());
    command.assert().code(0);
    let mut export = eyechart();
    export
        .arg("export")
        .arg(place.runs())
        .args(["--layout", "vlm-benchmarks", "--out"])
        .arg(place.path("csv"));
    refused(&mut export, &["is a control (no images)", "needs a run with its own pictures"]);
    assert!(!place.path("csv").exists());
}
