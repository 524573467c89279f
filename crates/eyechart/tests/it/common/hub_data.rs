//! A dataset of questions about pictures in an archive, as ArxivQA has them, on a Hub of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use eyechart::rehearse::Server;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::common::hub_server::{HubServer, Repo};
use crate::common::{Place, eyechart, jpeg};

/// `eyechart` with a Hub on this machine and caches of its own.
pub fn online(place: &Place, hub: &HubServer) -> Command {
    let mut command = eyechart();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HF_")) {
        command.env_remove(name);
    }
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", hub.url());
    command.env("XDG_CACHE_HOME", place.path("cache")).env("HF_HOME", place.path("hf"));
    command
}

pub fn run(place: &Place, hub: &HubServer, server: &Server, task: &Path) -> Command {
    let mut command = online(place, hub);
    command.arg("run").arg(task).args(["--model", "custom/m", "--base-url", &server.url(), "--no-score"]);
    command.arg("--out").arg(place.runs());
    command
}

pub fn tgz(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

pub fn picture(index: usize) -> (String, Vec<u8>) {
    (format!("images/{index}.jpg"), jpeg(index, 4_000))
}

/// Questions about pictures in an archive, as ArxivQA has them.
pub fn questions(count: usize) -> Repo {
    let row = |index: usize| json!({"id": format!("q-{index}"), "image": picture(index).0, "question": "What?", "answer": "That."});
    let rows: String = (0..count).map(|index| format!("{}\n", row(index))).collect();
    let pictures: Vec<_> = (0..count).map(picture).collect();
    Repo::dataset("them/charts")
        .large("data.jsonl", rows)
        .large("images.tgz", tgz(&pictures))
        .file("README.md", "#")
}

pub const QUESTIONS: &str = r#"name = "questions"
[dataset]
hub = "them/charts"
file = "data.jsonl"
id = "id"
[prompt]
text = "{{ question }} ({{ id }})"
[images]
column = "image"
archive = "images.tgz"
[[compare]]
target = "answer"
"#;

pub fn spec(place: &Place) -> Value {
    place.run().json("spec.json")
}

/// The files below `folder` in the Hugging Face cache, links included.
pub fn cached(place: &Place, folder: &str) -> Vec<String> {
    fn walk(folder: &Path, names: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, names) } else { names.push(path) }
        }
    }
    let (top, mut found) = (place.path("hf/hub").join(folder), Vec::new());
    walk(&top, &mut found);
    let mut names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(&top).unwrap().display().to_string()).collect();
    names.sort();
    names
}
