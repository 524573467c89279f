//! The demo is the main job: these tests look at what it leaves behind.

use crate::common::{Place, eyechart, stderr, stdout};

#[test]
fn the_demo_asks_records_scores_and_shows() {
    let place = Place::new();
    let output = eyechart().arg("demo").arg("--out").arg(place.runs()).assert().code(0).get_output().clone();
    let shown = stdout(&output);
    for text in ["Charts", "Captions", "demo/large", "demo/small", "written for this demo", "samples.jsonl"] {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(stderr(&output).contains("http://127.0.0.1:"));

    let runs = place.all_runs();
    assert_eq!(runs.len(), 8, "two models, four tasks");
    for run in &runs {
        let results = run.json("results.json");
        assert_eq!(results["samples"]["failed"], 0);
        for sample in run.samples() {
            assert_eq!(sample["attempts"][0]["status"], 200, "answers came over HTTP");
            let answer = sample["output"]["text"].as_str().unwrap();
            assert!(!answer.contains("No answer was scripted"), "{}: {answer}", sample["id"]);
        }
    }
}

#[test]
fn a_second_demo_has_a_folder_of_its_own() {
    let place = Place::new();
    for expected in ["runs", "runs-2", "runs-3"] {
        let demo = eyechart().arg("demo").arg("--out").arg(place.runs()).assert().code(0);
        let folder = place.path(expected);
        let shown = stdout(demo.get_output());
        assert!(shown.contains(&format!("eyechart results {} --format", folder.display())), "{shown}");
        let runs = folder.read_dir().unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != "data");
        assert_eq!(runs.count(), 8, "{expected}");
    }
}

#[test]
fn the_better_model_of_the_demo_comes_out_better_everywhere() {
    let place = Place::new();
    eyechart().arg("demo").arg("--out").arg(place.runs()).assert().code(0);
    let results: Vec<_> = place.all_runs().iter().map(|run| run.json("results.json")).collect();
    let mean = |task: &serde_json::Value, model: &str| -> f64 {
        let run = results.iter().find(|run| run["task"] == *task && run["model"] == model).unwrap();
        let figures = run["figures"].as_array().unwrap();
        let mean =
            figures.iter().find(|figure| figure["metric"] == "mean" && figure["part"] != "alt_text").unwrap();
        mean["value"].as_f64().unwrap()
    };
    for run in &results {
        assert!(mean(&run["task"], "demo/large") > mean(&run["task"], "demo/small"), "{}", run["task"]);
    }
}

#[test]
fn the_demos_data_and_answers_serve_a_rehearsal_too() {
    let place = Place::new();
    eyechart().arg("demo").arg("--out").arg(place.runs()).assert().code(0);
    let data = place.runs().join("data");
    let mut endpoint = std::process::Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .args(["rehearse", "--port", "0", "--answers"])
        .arg(data.join("answers.jsonl"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut printed = std::io::BufReader::new(endpoint.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut printed, &mut url).unwrap();
    let again = place.path("again");
    let mut command = eyechart();
    command.arg("run").arg(data.join("charts.toml")).args([
        "--model",
        "demo/large",
        "--base-url",
        url.trim(),
    ]);
    command.arg("--out").arg(&again).assert().code(0);
    endpoint.kill().unwrap();
    endpoint.wait().unwrap();
}
