//! The memory of a run with large pictures, many of them in flight.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::site::{Page, Site};
use crate::common::{Place, endpoint, jpeg, rule, run_at, stderr};
use eyechart::rehearse::{Options, Server};
use serde_json::json;

const SAMPLES: usize = 80;
const PICTURE_BYTES: usize = 20_000_000;

/// 64 bodies with such a picture in base64 would take 1.7 GB.
#[test]
fn sixty_four_connections_with_pictures_of_20_mb_stay_under_600_mb() {
    let place = Place::new();
    // A few files are enough: each sample reads its picture anew.
    for number in 0..4 {
        place.write(&format!("images/{number}.jpg"), jpeg(number, PICTURE_BYTES));
    }
    let row = |number: usize| {
        let image = format!("images/{}.jpg", number % 4);
        json!({"id": number, "question": "What is shown?", "image": image, "answer": "A chart."})
    };
    place.write_jsonl("charts.jsonl", &(0..SAMPLES).map(row).collect::<Vec<_>>());
    let task = place.write("charts.toml", crate::common::CHARTS);
    let server = Server::start(Options::default()).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("run")
        .arg(task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--max-connections", "64"])
        .arg("--out")
        .arg(place.runs())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (peak, output) = peak_of(child);
    assert!(output.status.success(), "{}", stderr(&output));
    let notices = stderr(&output).matches("--max-request-memory").count();
    assert_eq!(notices, 1, "{}", stderr(&output));
    match peak {
        Some(peak) => assert!(peak < 600, "the peak is {peak} MB"),
        None => eprintln!("left out: this system does not report the memory of a process"),
    }
}

/// Without a reservation before the fetch, 40 pictures of 20 MB are in memory at once.
#[test]
fn forty_connections_with_fetched_pictures_of_20_mb_stay_under_600_mb() {
    let (place, picture) = (Place::new(), jpeg(0, PICTURE_BYTES));
    let site = Site::start(move |_, _| Page::found(picture.clone()));
    let task = by_address(&place, &site, 40);
    let server = Server::start(Options::default()).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("run")
        .arg(task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--max-connections", "40"])
        .args(["--allow-private-urls", "--out"])
        .arg(place.runs())
        .env("XDG_CACHE_HOME", place.path("cache"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (peak, output) = peak_of(child);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(peak.is_none_or(|peak| peak < 600), "the peak is {peak:?} MB");
}

/// A task whose pictures are at so many addresses of `site`.
fn by_address(place: &Place, site: &Site, count: usize) -> PathBuf {
    let row = |number: usize| {
        let image = site.url(&format!("/{number}.jpg"));
        json!({"id": number, "question": format!("What is in chart {number}?"), "image": image, "answer": "A chart."})
    };
    place.write_jsonl("charts.jsonl", &(0..count).map(row).collect::<Vec<_>>());
    let fetched = crate::common::CHARTS.replace("column = \"image\"", "column = \"image\"\nsend = \"fetch\"");
    place.write("charts.toml", fetched)
}

/// The largest memory of a process while it runs, in MB, and how it ended.
fn peak_of(mut child: Child) -> (Option<u64>, std::process::Output) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = peak.max(kib.map(|kib| kib * 1024 / 1_000_000));
        std::thread::sleep(Duration::from_millis(5));
    }
    (peak, child.wait_with_output().unwrap())
}

#[test]
fn a_bad_sample_that_holds_all_the_memory_fails_and_the_others_are_asked() {
    let place = Place::new();
    let task = place.charts(4);
    for number in 0..4 {
        place.write(&format!("images/{number}.jpg"), jpeg(number, 2_000_000));
    }
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 0?", "status": 500})),
        rule(json!({"answer": "A rise."})),
    ]);
    let mut command = run_at(&server, &place, &task);
    command.args(["--max-request-memory", "1MB", "--max-retries", "1"]).assert().code(1);
    let statuses: Vec<_> = place.run().samples().iter().map(|sample| sample["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "completed", "completed", "completed"]);
}

#[test]
fn a_bad_sample_with_a_fetched_picture_that_holds_all_the_memory_fails_and_the_others_are_asked() {
    let place = Place::new();
    let site = Site::start(|_, _| Page::found(jpeg(0, 2_000_000)));
    let task = by_address(&place, &site, 4);
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 0?", "status": 500})),
        rule(json!({"answer": "A rise."})),
    ]);
    let mut command = run_at(&server, &place, &task);
    command.env("XDG_CACHE_HOME", place.path("cache")).timeout(Duration::from_secs(120));
    command
        .args(["--allow-private-urls", "--max-request-memory", "1MB", "--max-retries", "1"])
        .assert()
        .code(1);
    let statuses: Vec<_> = place.run().samples().iter().map(|sample| sample["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "completed", "completed", "completed"]);
}
