//! What is frozen before a run's first request: `spec.json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Budget, CommandRecord, Control, ImagesOverride, Place, Price};

/// Everything that determines a run's answers and scores, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalSpec {
    /// [`EvalSpec::FORMAT`]; [`EvalSpec::FORMAT_1`] in runs of earlier versions.
    pub format: String,
    /// The version of eyechart that made the run.
    pub eyechart: String,
    /// When it was made: UTC, RFC 3339.
    pub created: String,
    /// The task, word for word.
    pub task: TaskSource,
    /// The model's name, `provider/name`.
    pub model: String,
    /// `--label`, where it was given: tells runs of one model apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `--control`, where it was given: what is done to the pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// Where its answers come from.
    pub answers: Answers,
    /// What the model's tokens cost, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where the pictures are in the message; absent if the task sends none. Its task file need not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What the command line said over the task's `[images]`.
    #[serde(default, skip_serializing_if = "ImagesOverride::is_empty")]
    pub images: ImagesOverride,
    /// The data as it was.
    pub data: DataSpec,
    /// The seed of the pick.
    pub seed: u64,
    /// `--limit`, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The picked samples, in the order in which they are asked.
    pub picked: Vec<PickedSample>,
    /// The programs that the task's scorers start, as they were when the run was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandRecord>,
    /// How the run goes about it: free to differ on resume.
    pub execution: Execution,
}

/// The task's text, so that the run can be understood and resumed without the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSource {
    /// The task's name.
    pub name: String,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// The TOML text.
    pub text: String,
}

/// Where answers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Asked of an endpoint.
    Endpoint(Endpoint),
    /// Replayed from a dataset column.
    Column(String),
    /// Read from a file of outputs made elsewhere.
    Outputs(DataFile),
}

/// An endpoint and what is sent to it besides prompt and pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The provider's name: a preset or `custom`.
    pub provider: String,
    /// The name of the wire protocol, such as `openai-chat`. Runs of earlier versions do not record it.
    #[serde(default = "Endpoint::first_protocol")]
    pub protocol: String,
    /// The address before the path of the protocol.
    pub base_url: String,
    /// The model's name as the endpoint knows it.
    pub model: String,
    /// The environment variable that held the key, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// Names of `--header`s. Their values can be secrets and are not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Request fields besides model and messages, after `--param` and `--drop-param`.
    pub params: Map<String, Value>,
}

impl Endpoint {
    /// The protocol of runs that do not record one: no other existed.
    fn first_protocol() -> String {
        "openai-chat".to_owned()
    }
}

/// The dataset as it was when the samples were picked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSpec {
    /// The data folder, absolute.
    pub folder: PathBuf,
    /// Where the data was fetched from; absent for a folder of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<DataOrigin>,
    /// Its data files (pictures are covered by each sample's record).
    pub files: Vec<DataFile>,
    /// Rows in them, bad ones included.
    pub rows: u64,
    /// Rows that could be picked.
    pub eligible: u64,
    /// Rows that could not be read.
    pub bad_rows: u64,
    /// Rows whose label names none of their options.
    pub unresolved_labels: u64,
}

/// Where a dataset was fetched from, to the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataOrigin {
    /// The Hugging Face Hub.
    Hub {
        /// The dataset, such as `organisation/name`.
        repository: String,
        /// What was asked for: a branch, a tag or a commit.
        revision: String,
        /// The commit that it was, 40 hex digits.
        commit: String,
    },
    /// An address.
    Url {
        /// The address.
        url: String,
        /// SHA-256 of what was there, in hex.
        sha256: String,
    },
}

/// One file, by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its path; for data files relative to the data folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}

/// A picked sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickedSample {
    /// Its id, unique within the run.
    pub id: String,
    /// Its row, from 0.
    pub row: u64,
}

/// How a run goes about its requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Requests under way at once.
    pub max_connections: Connections,
    /// Requests after the first that a sample may cost.
    pub max_retries: u32,
    /// Seconds an attempt may take.
    pub timeout: f64,
    /// Requests a minute, where `--rpm` limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<f64>,
    /// Tokens a minute, where `--tpm` limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<f64>,
    /// Seconds after which an endpoint that answers nobody stops the run.
    #[serde(default = "five_minutes")]
    pub give_up_after: f64,
    /// Bytes that prepared requests may hold in memory together.
    #[serde(default = "default_request_memory")]
    pub max_request_memory: u64,
    /// Whether every picture sent is stored beside the runs.
    #[serde(default)]
    pub keep_images: bool,
    /// Whether answers that earlier runs were given are reused, and those of this one kept for others.
    #[serde(default)]
    pub cache: bool,
    /// What the command that made the run may use up.
    #[serde(default, skip_serializing_if = "Budget::is_empty")]
    pub budget: Budget,
}

/// 256 MiB: nine requests with pictures of 20 MB, more than 2,000 with pictures of 90 KB.
fn default_request_memory() -> u64 {
    256 << 20
}

fn five_minutes() -> f64 {
    300.0
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            max_connections: Connections::Auto,
            max_retries: 5,
            timeout: 120.0,
            requests_per_minute: None,
            tokens_per_minute: None,
            give_up_after: five_minutes(),
            max_request_memory: default_request_memory(),
            keep_images: false,
            cache: false,
            budget: Budget::default(),
        }
    }
}

/// How many requests may be under way at once: `"auto"` or a number in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ConnectionsText", into = "ConnectionsText")]
pub enum Connections {
    /// As many as the endpoint bears.
    #[default]
    Auto,
    /// This many, at least 1.
    Fixed(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Auto,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ConnectionsText {
    Auto(Word),
    Fixed(usize),
}

impl From<ConnectionsText> for Connections {
    fn from(text: ConnectionsText) -> Self {
        match text {
            ConnectionsText::Auto(Word::Auto) => Self::Auto,
            ConnectionsText::Fixed(limit) => Self::Fixed(limit.max(1)),
        }
    }
}

impl From<Connections> for ConnectionsText {
    fn from(connections: Connections) -> Self {
        match connections {
            Connections::Auto => Self::Auto(Word::Auto),
            Connections::Fixed(limit) => Self::Fixed(limit),
        }
    }
}

/// A setting in which two specs differ, so that one run cannot go on as the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecDifference {
    /// What it is called on the command line or in the data.
    pub what: &'static str,
    /// What the recorded run has.
    pub recorded: String,
    /// What was asked for now.
    pub given: String,
}

impl std::fmt::Display for SpecDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: the run has {}, given was {}", self.what, self.recorded, self.given)
    }
}

impl EvalSpec {
    /// The format's name and version.
    pub const FORMAT: &str = "eyechart.spec/2";

    /// The format before it, which has no `place`: pictures are sent after the text.
    pub const FORMAT_1: &str = "eyechart.spec/1";

    /// The spec with the place of its pictures, if it is of format 1.
    ///
    /// # Errors
    /// What is wrong with the format, if it is of another version.
    pub fn of_known_format(self) -> Result<Self, String> {
        match self.format.as_str() {
            Self::FORMAT => Ok(self),
            Self::FORMAT_1 => Ok(Self { place: Some(Place::OF_FORMAT_1), ..self }),
            other => {
                Err(format!("its format is {other:?}, expected {:?} or {:?}", Self::FORMAT, Self::FORMAT_1))
            }
        }
    }

    /// In what `given` differs such that it is not the same measurement. Empty: it can go on as this run.
    #[must_use]
    pub fn differences(&self, given: &Self) -> Vec<SpecDifference> {
        let mut found = Vec::new();
        let mut compare = |what, recorded: String, given: String| {
            if recorded != given {
                found.push(SpecDifference { what, recorded, given });
            }
        };
        compare("task", self.task.name.clone(), given.task.name.clone());
        if !self.is_of(&given.task) {
            compare("task text (sha256)", self.task.sha256.clone(), given.task.sha256.clone());
        }
        compare("model", self.model.clone(), given.model.clone());
        compare("--label", or_none(&self.label), or_none(&given.label));
        compare("--control", or_none(&self.control), or_none(&given.control));
        compare("data", hashes(&self.data.files), hashes(&given.data.files));
        compare("seed", self.seed.to_string(), given.seed.to_string());
        compare("number of samples", self.picked.len().to_string(), given.picked.len().to_string());
        compare("--image-… flags", in_words(self.images), in_words(given.images));
        self.answers.compare_with(&given.answers, &mut compare);
        if found.is_empty() && self.picked != given.picked {
            let (recorded, given) = ("another pick".to_owned(), "this one".to_owned());
            found.push(SpecDifference { what: "picked samples", recorded, given });
        }
        found
    }
}

impl EvalSpec {
    /// Whether the run was made of the task. A run of format 1 was, too, if the task file has got nothing but the line
    /// `place = "after"` since then: that is what it meant.
    #[must_use]
    pub fn is_of(&self, task: &TaskSource) -> bool {
        if self.task.sha256 == task.sha256 {
            return true;
        }
        let is_place = |line: &&str| line.split_whitespace().eq(["place", "=", "\"after\""]);
        let has_key = || {
            let table: Option<toml::Table> = toml::from_str(&task.text).ok();
            table.and_then(|table| Some(table.get("images")?.get("place")?.as_str() == Some("after")))
        };
        self.format == Self::FORMAT_1
            && task.text.lines().filter(is_place).count() == 1
            && self.task.text.lines().eq(task.text.lines().filter(|line| !is_place(line)))
            && has_key() == Some(true)
    }
}

impl Answers {
    fn compare_with(&self, given: &Self, compare: &mut impl FnMut(&'static str, String, String)) {
        if let (Self::Endpoint(recorded), Self::Endpoint(given)) = (self, given) {
            compare("protocol", recorded.protocol.clone(), given.protocol.clone());
            compare("base URL", recorded.base_url.clone(), given.base_url.clone());
            compare("model at the endpoint", recorded.model.clone(), given.model.clone());
            compare("request fields", json(&recorded.params), json(&given.params));
            compare("header names", recorded.headers.join(", "), given.headers.join(", "));
        } else {
            compare("source of the answers", self.in_words(), given.in_words());
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Endpoint(endpoint) => format!("the endpoint {}", endpoint.base_url),
            Self::Column(column) => format!("the recorded column {column}"),
            Self::Outputs(file) => format!("outputs with sha256 {}", file.sha256),
        }
    }
}

fn or_none(given: &Option<impl std::fmt::Display>) -> String {
    given.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn in_words(images: ImagesOverride) -> String {
    let fields = serde_json::to_value(images).unwrap_or_default();
    let said = fields.as_object().into_iter().flatten().map(|(key, value)| format!("{key} = {value}"));
    let said = said.collect::<Vec<_>>().join(", ");
    if said.is_empty() { "none".to_owned() } else { said }
}

fn json(params: &Map<String, Value>) -> String {
    Value::Object(params.clone()).to_string()
}

fn hashes(files: &[DataFile]) -> String {
    let each = files.iter().map(|file| format!("{} {}", file.path.display(), file.sha256));
    each.collect::<Vec<_>>().join(", ")
}
