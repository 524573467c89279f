//! Data in the cache that is not what it should be: only a part of it there, cut off, damaged, or wanted by two at once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::common::hub_data::{QUESTIONS, cached, online, picture, questions, run};
use crate::common::hub_server::{COMMIT, HubServer, Repo};
use crate::common::site::{Page, Site};
use crate::common::{self, Place, RunFiles, endpoint, jpeg, stderr, stdout};
use serde_json::{Value, json};

/// Two files of questions without pictures.
fn parts() -> Repo {
    let part = |from: usize| {
        (from..from + 3).map(|index| format!("{{\"q\": \"Question {index}?\"}}\n")).collect::<String>()
    };
    Repo::dataset("them/parts").large("part-1.jsonl", part(0)).large("part-2.jsonl", part(3))
}

const PARTS: &str = "name = \"parts\"\n[dataset]\nhub = \"them/parts\"\nfile = \"part-*.jsonl\"\n[prompt]\ntext = \"{{ q }}\"\n";

/// The run with the most samples: those of one second are in no order.
fn largest(place: &Place) -> RunFiles {
    place.all_runs().into_iter().max_by_key(|run| run.samples().len()).unwrap()
}

/// Takes away what says which files a commit has, as a cache that another program filled lacks it.
fn forget_listings(place: &Place, repository: &str) {
    fs::remove_dir_all(place.path("hf/hub").join(repository).join("trees")).unwrap();
}

#[test]
fn without_a_network_a_part_of_a_dataset_is_never_taken_for_all_of_it() {
    let (place, hub, server) = (Place::new(), HubServer::start([parts()]), endpoint(Vec::new()));
    let task = place.write("parts.toml", PARTS);
    run(&place, &hub, &server, &task).assert().code(0);
    assert_eq!(place.run().samples().len(), 6);
    forget_listings(&place, "datasets--them--parts");
    fs::remove_file(place.path("hf/hub/datasets--them--parts/snapshots").join(COMMIT).join("part-2.jsonl"))
        .unwrap();
    let output =
        run(&place, &hub, &server, &task).env("HF_HUB_OFFLINE", "1").assert().code(2).get_output().clone();
    let said = stderr(&output);
    assert!(
        said.contains("only some files of the dataset them/parts") && said.contains("unset HF_HUB_OFFLINE"),
        "{said}"
    );
    // One file by its whole name is what it is.
    let one = place.write("one.toml", PARTS.replace("part-*", "part-1"));
    run(&place, &hub, &server, &one).env("HF_HUB_OFFLINE", "1").assert().code(0);
}

#[test]
fn a_picture_that_was_never_cached_is_not_said_to_be_missing_from_the_dataset() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let rows: String = (0..3).map(|index| format!("{}\n", json!({"id": format!("q-{index}"), "image": picture(index).0, "question": "What?", "answer": "That."}))).collect();
    let repo = (0..3).fold(Repo::dataset("them/charts").large("data.jsonl", rows), |repo, index| {
        let (name, bytes) = picture(index);
        repo.large(&name, bytes)
    });
    let hub = HubServer::start([repo]);
    let task = place.write("questions.toml", QUESTIONS.replace("archive = \"images.tgz\"\n", ""));
    run(&place, &hub, &server, &task).args(["--limit", "1"]).assert().code(0);
    forget_listings(&place, "datasets--them--charts");
    run(&place, &hub, &server, &task).env("HF_HUB_OFFLINE", "1").assert().code(1);
    let last = largest(&place);
    let failures: Vec<String> = last
        .samples()
        .iter()
        .filter_map(|sample| sample["error"]["message"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(failures.len(), 2);
    assert!(
        failures.iter().all(|failure| failure.contains("it is not in the cache, and the Hub is not asked")),
        "{failures:?}"
    );
}

#[test]
fn a_file_that_was_cut_off_in_the_cache_is_downloaded_again() {
    let (place, hub) = (Place::new(), HubServer::start([questions(12)]));
    let task = place.write("questions.toml", QUESTIONS);
    let data = |command: &str| {
        let mut line = online(&place, &hub);
        line.args(["data", command]).arg(&task).args(["--limit", "3"]);
        line
    };
    data("fetch").assert().code(0);
    let rows = fs::canonicalize(
        place.path("hf/hub/datasets--them--charts/snapshots").join(COMMIT).join("data.jsonl"),
    )
    .unwrap();
    let whole = fs::read(&rows).unwrap();
    fs::write(&rows, &whole[..100]).unwrap();
    let said = stderr(data("check").assert().code(2).get_output());
    assert!(said.contains("the cache has no file data.jsonl"), "{said}");
    data("fetch").assert().code(0);
    assert_eq!(fs::read(&rows).unwrap(), whole);
    data("check").assert().code(0);
}

/// A zip archive of pictures, each stored as it is.
fn zip_of(pictures: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in pictures {
        archive.start_file(name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn of_a_zip_archive_on_the_hub_the_picked_members_are_fetched_and_fetched_once() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let row = |index: usize| json!({"id": format!("q-{index}"), "image": picture(index).0, "question": "What?", "answer": "That."});
    let rows: String = (0..41).map(|index| format!("{}\n", row(index))).collect();
    let pictures: Vec<_> = (0..40).map(|index| (picture(index).0, jpeg(index, 200_000))).collect();
    let archive = zip_of(&pictures);
    let size = archive.len();
    let hub = HubServer::start([Repo::dataset("them/charts")
        .large("data.jsonl", rows)
        .large("images.zip", archive)]);
    let task = place.write("questions.toml", QUESTIONS.replace("images.tgz", "images.zip"));
    run(&place, &hub, &server, &task).args(["--limit", "3", "--seed", "1"]).assert().code(0);
    let fetched: usize = hub
        .ranges()
        .iter()
        .flatten()
        .map(|range| {
            let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            last.parse().map_or(size, |last: usize| last + 1) - first.parse::<usize>().unwrap()
        })
        .sum();
    assert!(fetched < size / 3, "{fetched} of {size} bytes");
    let asked = hub.asked().len();
    run(&place, &hub, &server, &task)
        .args(["--limit", "3", "--seed", "1"])
        .env("HF_HUB_OFFLINE", "1")
        .assert()
        .code(0);
    assert_eq!(hub.asked().len(), asked);
    // Of all, the one that the archive does not have fails, now and without a network.
    run(&place, &hub, &server, &task).assert().code(1);
    run(&place, &hub, &server, &task).env("HF_HUB_OFFLINE", "1").assert().code(1);
    let last = largest(&place);
    assert_eq!(
        last.sample("q-40")["error"]["message"],
        "images/40.jpg: images.zip: the archive has no such member"
    );
}

#[test]
fn a_dataset_that_is_not_to_be_had_does_not_keep_the_others_from_being_fetched() {
    let (place, hub) = (Place::new(), HubServer::start([parts().gated("hf_secret"), questions(3)]));
    let gated = place.write("parts.toml", PARTS);
    let open = place.write("questions.toml", QUESTIONS);
    let mut command = online(&place, &hub);
    let output = command.args(["data", "fetch"]).arg(&gated).arg(&open).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("them/parts is gated"), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("questions: the data of 3 samples is on this machine"),
        "{}",
        stdout(&output)
    );
    assert_eq!(cached(&place, "datasets--them--charts/snapshots"), [format!("{COMMIT}/data.jsonl")]);
}

fn pages(place: &Place, urls: &[String]) -> PathBuf {
    let rows: Vec<Value> = urls.iter().map(|url| json!({"image": url})).collect();
    place.write_jsonl("pages.jsonl", &rows);
    place.write(
        "pages.toml",
        "name = \"pages\"\n[dataset]\nfile = \"pages.jsonl\"\n[prompt]\ntext = \"What?\"\n[images]\ncolumn = \"image\"\nsend = \"fetch\"\n",
    )
}

#[test]
fn pictures_at_addresses_are_fetched_ahead_and_checked_where_they_are_kept() {
    let place = Place::new();
    let site = Site::start(
        |path, _| if path == "/gone.jpg" { Page::status(404) } else { Page::found(jpeg(1, 2_000)) },
    );
    let task = pages(&place, &[site.url("/0.jpg"), site.url("/1.jpg")]);
    let data = |command: &str, task: &Path| {
        let mut line = common::eyechart();
        line.args(["data", command]).arg(task).env("XDG_CACHE_HOME", place.path("cache"));
        line
    };
    let said = |command: &str, code: i32| stdout(data(command, &task).assert().code(code).get_output());
    assert!(said("list", 0).contains("not all pictures"), "{}", said("list", 0));
    assert!(said("check", 0).contains("0 pictures, 2 only at their\n"), "{}", said("check", 0));
    assert!(site.requests().is_empty(), "only fetching asks anybody");
    data("fetch", &task).arg("--allow-private-urls").assert().code(0);
    assert!(said("list", 0).contains("everything for 2 samples"), "{}", said("list", 0));
    assert!(said("check", 0).contains("2 samples, 2 pictures\n"), "{}", said("check", 0));
    let task = pages(&place, &[site.url("/0.jpg"), site.url("/gone.jpg")]);
    let output = data("fetch", &task).arg("--allow-private-urls").assert().code(1).get_output().clone();
    assert!(stdout(&output).contains("the data of 1 of 2 samples cannot be fetched"), "{}", stdout(&output));
}

#[test]
fn a_password_in_an_address_is_in_no_record_and_no_error() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    for send in ["fetch", "url"] {
        let task = pages(&place, &["http://user:secretpw@127.0.0.1:9/1.png".to_owned()]);
        let text = fs::read_to_string(&task).unwrap().replace("\"fetch\"", &format!("\"{send}\""));
        fs::write(&task, text).unwrap();
        let mut command = common::run_at(&server, &place, &task);
        let assert = command.env("XDG_CACHE_HOME", place.path("cache")).assert();
        let output = assert.get_output();
        assert!(
            !stderr(output).contains("secretpw") && !stdout(output).contains("secretpw"),
            "{}",
            stderr(output)
        );
    }
    assert_eq!(place.all_runs().len(), 2);
    for run in place.all_runs() {
        let record = fs::read_to_string(run.path().join("samples.jsonl")).unwrap();
        assert!(record.contains("http://…@127.0.0.1:9/1.png") && !record.contains("secretpw"), "{record}");
    }
}
