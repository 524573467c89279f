//! `spec.json`: everything that is fixed before a run's first request.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Budget, CommandRecord, Control, Epoch, ImagesOverride, Place, Price};

/// Everything that a run's answers and scores depend on, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalSpec {
    /// [`EvalSpec::FORMAT`]; [`EvalSpec::FORMAT_1`] in runs of earlier versions.
    pub format: String,
    /// The version of eyechart that made the run.
    pub eyechart: String,
    /// When the run was made: UTC, RFC 3339.
    pub created: String,
    /// The task with the text of its file.
    pub task: TaskSource,
    /// The model's name, `provider/name`.
    pub model: String,
    /// The value of `--label`, which distinguishes runs of one model; absent if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The value of `--control`: what is changed for a comparison; absent if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// Where the answers come from.
    pub answers: Answers,
    /// The price of the model's tokens; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where the pictures are in the message; absent if the task sends none. The task file may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The command line's changes to the task's `[images]`.
    #[serde(default, skip_serializing_if = "ImagesOverride::is_empty")]
    pub images: ImagesOverride,
    /// The data at the time of the pick.
    pub data: DataSpec,
    /// The random seed of the pick.
    pub seed: u64,
    /// The value of `--limit`; absent if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How often each sample is asked; absent in the file if once. A resumed run may raise it.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub epochs: Epoch,
    /// The picked samples, in the order in which they are asked.
    pub picked: Vec<PickedSample>,
    /// The programs that the task's scorers start, as they were when the run was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandRecord>,
    /// How requests are sent. These settings may differ when the run is resumed.
    pub execution: Execution,
}

fn once() -> Epoch {
    1
}

fn is_once(epochs: &Epoch) -> bool {
    *epochs == 1
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
    /// An endpoint is asked.
    Endpoint(Endpoint),
    /// Recorded answers in a column of the dataset.
    Column(String),
    /// A file of outputs that were made elsewhere.
    Outputs(DataFile),
}

/// An endpoint, and what is sent to it besides the messages.
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
    /// The environment variable of the API key; absent if no key was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// The names of `--header`s. Their values can be secrets and are not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// The names of `--query` parameters. Their values can be secrets and are not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<String>,
    /// Request fields other than model and messages, after `--param` and `--drop-param`.
    pub params: Map<String, Value>,
    /// Whether reasoning within the text of an answer stays in the text (`keep_reasoning` in `[generation]`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_reasoning: bool,
}

impl Endpoint {
    /// The protocol of runs that do not record one: no other existed.
    fn first_protocol() -> String {
        "openai-chat".to_owned()
    }
}

/// The dataset at the time of the pick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSpec {
    /// The data folder, absolute.
    pub folder: PathBuf,
    /// Where the data was downloaded from; absent for a local folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<DataOrigin>,
    /// The data files. Pictures are in each sample's record.
    pub files: Vec<DataFile>,
    /// The number of rows, including bad ones.
    pub rows: u64,
    /// The number of rows that could be picked.
    pub eligible: u64,
    /// The number of rows that could not be read.
    pub bad_rows: u64,
    /// The number of rows whose label is not one of their options.
    pub unresolved_labels: u64,
}

/// Where a dataset was downloaded from, with its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataOrigin {
    /// The Hugging Face Hub.
    Hub {
        /// The dataset, such as `organisation/name`.
        repository: String,
        /// The branch, tag or commit that was asked for.
        revision: String,
        /// The commit, 40 hex digits.
        commit: String,
    },
    /// A URL.
    Url {
        /// The address.
        url: String,
        /// SHA-256 of the content, in hex.
        sha256: String,
    },
}

/// One file, identified by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// The path. Data files have paths relative to the data folder.
    pub path: PathBuf,
    /// The size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
}

/// A picked sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickedSample {
    /// The id, unique within the run.
    pub id: String,
    /// The row's number, from 0.
    pub row: u64,
}

/// How a run sends its requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The largest number of requests in flight.
    pub max_connections: Connections,
    /// The number of retries for each sample.
    pub max_retries: u32,
    /// The longest time of an attempt, in seconds.
    pub timeout: f64,
    /// The limit of `--rpm` in requests per minute; absent if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<f64>,
    /// The limit of `--tpm` in tokens per minute; absent if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<f64>,
    /// Seconds after which the run stops if the endpoint answers no sample.
    #[serde(default = "five_minutes")]
    pub give_up_after: f64,
    /// The largest memory of prepared requests, in bytes.
    #[serde(default = "default_request_memory")]
    pub max_request_memory: u64,
    /// Whether every picture that is sent is stored in the runs' folder.
    #[serde(default)]
    pub keep_images: bool,
    /// Whether answers of earlier runs are reused, and the answers of this run stored for later ones.
    #[serde(default)]
    pub cache: bool,
    /// Whether the endpoint's certificate was not verified, at least for a part of the run (`--insecure`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// What the command may spend.
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
            insecure: false,
            budget: Budget::default(),
        }
    }
}

/// The largest number of requests in flight: `"auto"` or a number in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ConnectionsText", into = "ConnectionsText")]
pub enum Connections {
    /// As many requests as the endpoint can handle.
    #[default]
    Auto,
    /// This number, at least 1.
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

/// A setting in which two specs differ, so that one cannot continue the other's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecDifference {
    /// The setting's name on the command line or in the data.
    pub what: &'static str,
    /// The value of the recorded run.
    pub recorded: String,
    /// The value that was given now.
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

    /// The largest number of epochs.
    pub const MOST_EPOCHS: Epoch = 1_000;

    /// The format of earlier versions. It has no `place`: pictures are sent after the text.
    pub const FORMAT_1: &str = "eyechart.spec/1";

    /// The spec with the place of its pictures, if it is of format 1.
    ///
    /// # Errors
    /// A message that names the format, if it is unknown, or the number of epochs, if no run can have it.
    pub(crate) fn of_known_format(self) -> Result<Self, String> {
        if !(1..=Self::MOST_EPOCHS).contains(&self.epochs) {
            return Err(format!("it has {} epochs, expected 1 to {}", self.epochs, Self::MOST_EPOCHS));
        }
        match self.format.as_str() {
            Self::FORMAT => Ok(self),
            Self::FORMAT_1 => Ok(Self { place: Some(Place::OF_FORMAT_1), ..self }),
            other => {
                Err(format!("its format is {other:?}, expected {:?} or {:?}", Self::FORMAT, Self::FORMAT_1))
            }
        }
    }

    /// The differences that make `given` another measurement. Empty if `given` can continue this run.
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
        // More epochs than recorded continue the run.
        if given.epochs < self.epochs {
            compare("--epochs", self.epochs.to_string(), given.epochs.to_string());
        }
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
    /// The number of answers that the run asks for: a sample counts once for each epoch.
    #[must_use]
    pub fn answers_due(&self) -> usize {
        self.picked.len() * self.epochs as usize
    }

    /// What counts of records count: `sample`, or `answer` if each sample is asked several times.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        if self.epochs > 1 { "answer" } else { "sample" }
    }

    /// Whether the run is one of `task`. For a run of format 1, the task file may have gained the line `place = "after"`
    /// since then, which is what format 1 means.
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
            let kept = |endpoint: &Endpoint| endpoint.keeps_reasoning.to_string();
            compare("keep_reasoning", kept(recorded), kept(given));
            compare("header names", recorded.headers.join(", "), given.headers.join(", "));
            compare("query names", recorded.query.join(", "), given.query.join(", "));
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
