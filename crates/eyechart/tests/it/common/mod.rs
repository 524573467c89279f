//! What the tests share: the binary, small data of the real shape, the built-in endpoint.

pub mod benchmarks;
#[cfg(unix)]
pub mod command;
pub mod compared;
pub mod hub_data;
pub mod hub_fixture;
pub mod hub_python;
pub mod hub_server;
pub mod process;
pub mod recorded;
pub mod shared;
#[expect(dead_code, reason = "the unit tests of `web` use the rest")]
pub mod site;
pub mod tiny_encoder;
pub mod tls;
pub mod workbook;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use eyechart::rehearse::{Options, Rule, Script, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The encoder's folder, set up by `scripts/test`.
pub fn encoder() -> PathBuf {
    match std::env::var_os("EYECHART_ENCODER") {
        Some(folder) => folder.into(),
        None => panic!("the encoder's weights are missing: run scripts/test, which fetches them"),
    }
}

/// `eyechart`, without a network, without keys, without anybody's settings.
pub fn eyechart() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    for variable in [
        "OPENAI_API_KEY",
        "MISTRAL_API_KEY",
        "EYECHART_API_KEY",
        "EYECHART_PRICES",
        "NO_COLOR",
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
        "SSL_CERT_FILE",
    ] {
        command.env_remove(variable);
    }
    // Vectors of an earlier build would hide what this one does.
    command.env("EYECHART_EMBED_CACHE", "off");
    command.env("HF_HUB_OFFLINE", "1").env("EYECHART_ENCODER", encoder());
    command
}

/// A place for data and runs that goes away with the test.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Lines of JSON.
    pub fn write_jsonl(&self, name: &str, rows: &[Value]) -> PathBuf {
        self.write(name, rows.iter().map(|row| format!("{row}\n")).collect::<String>())
    }

    pub fn runs(&self) -> PathBuf {
        self.path("runs")
    }

    /// The only run there is.
    pub fn run(&self) -> RunFiles {
        let mut runs = self.all_runs();
        assert_eq!(runs.len(), 1, "expected one run");
        runs.remove(0)
    }

    pub fn all_runs(&self) -> Vec<RunFiles> {
        let Ok(entries) = fs::read_dir(self.runs()) else { return Vec::new() };
        let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.retain(|path| path.join("spec.json").is_file());
        folders.sort();
        folders.into_iter().map(RunFiles).collect()
    }

    /// A task of `count` texts without pictures: `texts.toml`, `texts.jsonl`.
    pub fn texts(&self, count: usize) -> PathBuf {
        let row = |index| json!({"id": format!("t-{index}"), "question": format!("What is {index}?"), "answer": "A"});
        self.write_jsonl("texts.jsonl", &(0..count).map(row).collect::<Vec<_>>());
        let task = CHARTS.replace("charts", "texts").replace("[images]\ncolumn = \"image\"\n", "");
        self.write("texts.toml", task)
    }

    /// A task of `count` chart questions with a picture each: `charts.toml`, `charts.jsonl`, `images/`.
    pub fn charts(&self, count: usize) -> PathBuf {
        let row = |index: usize| {
            self.write(&format!("images/{index}.jpg"), jpeg(index, 2_000));
            json!({"id": format!("c-{index}"), "image": format!("images/{index}.jpg"),
                "question": format!("What is shown in chart {index}?"), "answer": format!("A rise in year {index}.")})
        };
        self.write_jsonl("charts.jsonl", &(0..count).map(row).collect::<Vec<_>>());
        self.write("charts.toml", CHARTS)
    }
}

/// A run's folder, read as a user's script would.
pub struct RunFiles(pub PathBuf);

impl RunFiles {
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.0.join(name)).unwrap()).unwrap()
    }

    pub fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.0.join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn samples(&self) -> Vec<Value> {
        self.lines("samples.jsonl")
    }

    pub fn sample(&self, id: &str) -> Value {
        self.samples().into_iter().find(|sample| sample["id"] == id).expect("the sample has a record")
    }

    /// The figure's value; null where it is absent.
    pub fn figure(&self, part: &str, target: &str, metric: &str) -> Value {
        let results = self.json("results.json");
        let figures = results["figures"].as_array().unwrap();
        let ours = |f: &&Value| f["part"] == part && f["target"] == target && f["metric"] == metric;
        figures.iter().find(ours).expect("the figure is there")["value"].clone()
    }
}

/// The twelve lines that a user writes.
pub const CHARTS: &str = r#"name = "charts"

[dataset]
file = "charts.jsonl"
id = "id"

[prompt]
text = "{{ question }}"

[images]
column = "image"

[[compare]]
target = "answer"
"#;

/// A small JPEG that no other call with another number returns, filled up to `size` bytes by a comment.
pub fn jpeg(number: usize, size: usize) -> Vec<u8> {
    let plain = include_bytes!("../../../demo/images/scale.jpg");
    // A comment may hold 65,533 bytes: a picture of the usual 90 KB takes two.
    let mut comments = Vec::new();
    let mut left = size.saturating_sub(plain.len()).max(16);
    while left > 0 {
        let length = left.min(65_000);
        comments.extend([0xFF, 0xFE]);
        comments.extend(u16::try_from(length + 2).unwrap().to_be_bytes());
        comments.extend(number.to_string().bytes().cycle().take(length));
        left -= length;
    }
    [&plain[..2], &comments, &plain[2..]].concat()
}

/// The built-in endpoint, keeping what it gets.
pub fn endpoint(rules: Vec<Rule>) -> Server {
    let script = Script::new(rules).unwrap();
    Server::start(Options { script, keep_requests: true, ..Options::default() }).unwrap()
}

/// A rule from its JSON, as a file of answers has it.
pub fn rule(json: Value) -> Rule {
    serde_json::from_value(json).unwrap()
}

/// `eyechart run TASK --model custom/m` at `server`, without scoring.
pub fn run_at(server: &Server, place: &Place, task: &Path) -> Command {
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "custom/m", "--base-url", &server.url(), "--no-score"]);
    command.arg("--out").arg(place.runs());
    command
}

/// The body of each request that the endpoint got.
pub fn bodies(server: &Server) -> Vec<Value> {
    server.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
