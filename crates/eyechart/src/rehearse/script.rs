//! What the server says to whom: ordered rules, the first that matches wins.
//!
//! A rule is read as a flat JSON object, checked, and turned into conditions and one action. It knows the request's
//! fields and nothing of HTTP connections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::fault::FaultError;
use super::request::{CHAT, ChatRequest, EMBEDDINGS, Sha};

/// One rule as a line of a script says it. Conditions that are absent hold for every request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Condition: `/chat/completions` or `/embeddings`.
    pub path: Option<String>,
    /// Condition: the exact model name.
    pub model: Option<String>,
    /// Condition: a part of the request's text.
    pub prompt: Option<String>,
    /// Condition: a picture inside the request, as a path from the script's folder or as a sha256 in hex.
    pub image: Option<String>,
    /// Action: this answer, status 200. Empty is an answer too.
    pub answer: Option<String>,
    /// With `answer`: sent as `reasoning_content`.
    pub reasoning: Option<String>,
    /// With `answer`: `stop`, if absent.
    pub finish_reason: Option<String>,
    /// Action: this status from 200 to 599, with `body` or else an error in OpenAI's format.
    pub status: Option<u16>,
    /// With any reply: headers that replace the server's own of the same name.
    pub headers: BTreeMap<String, String>,
    /// Action: these bytes as the reply, status 200 where `status` says nothing.
    pub body: Option<String>,
    /// How long the reply takes, instead of the server's latency.
    pub latency_ms: Option<u64>,
    /// Action: true closes the connection without a reply.
    pub drop: bool,
    /// Action: the [`Fault`] of this name.
    pub fault: Option<String>,
    /// The rule holds for the first so many matching requests; for all, if absent.
    pub times: Option<u64>,
}

impl Rule {
    /// A rule that answers every request so.
    pub fn answer(text: impl Into<String>) -> Self {
        Self { answer: Some(text.into()), ..Self::default() }
    }

    /// A rule that refuses every request so.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }
}

/// Why a script cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {path}: {source}")]
    Io {
        /// The script.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not a rule.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// The script.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What was given and what was expected.
        reason: String,
    },
    /// A rule built in code is not one.
    #[error("rule {number}: {reason}")]
    Rule {
        /// From 1.
        number: usize,
        /// What was given and what was expected.
        reason: String,
    },
}

/// Rules in order. The empty script answers each request with a line that says so.
#[derive(Debug, Clone, Default)]
pub struct Script {
    rules: Vec<Entry>,
}

impl Script {
    /// A script of these rules; paths of pictures are taken as they stand.
    ///
    /// # Errors
    /// [`ScriptError::Rule`] for the first rule that makes no sense.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, ScriptError> {
        let check = |(at, rule)| {
            Entry::new(rule, Path::new("")).map_err(|reason| ScriptError::Rule { number: at + 1, reason })
        };
        Ok(Self { rules: rules.into_iter().enumerate().map(check).collect::<Result<_, _>>()? })
    }

    /// Reads a script: one rule a line, blank lines skipped, paths of pictures relative to the script's folder.
    ///
    /// # Errors
    /// [`ScriptError`] naming the file and, for a bad rule, its line.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScriptError::Io { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let check = |(at, line): (usize, &str)| {
            let rule = serde_json::from_str(line).map_err(|error| without_line(&error));
            rule.and_then(|rule| Entry::new(rule, folder)).map_err(|reason| ScriptError::Line {
                path: path.to_owned(),
                line: at + 1,
                reason,
            })
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        Ok(Self { rules: lines.map(check).collect::<Result<_, _>>()? })
    }

    /// The models that rules name, each once, in the order of the rules.
    pub(super) fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = Vec::new();
        for model in self.rules.iter().filter_map(|rule| rule.when.model.as_deref()) {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        models
    }
}

/// serde_json counts lines within the text it got, which is always line 1 here.
fn without_line(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let message = whole.rfind(" at line ").map_or(whole.as_str(), |end| &whole[..end]);
    format!("{message} (column {})", error.column())
}

/// A script being played: which rules are used up is of one server, not of the script.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) script: Script,
    used: Vec<AtomicU64>,
}

impl Player {
    pub(super) fn new(script: Script) -> Self {
        let used = script.rules.iter().map(|_| AtomicU64::new(0)).collect();
        Self { script, used }
    }

    /// The first rule that matches and is not used up; counts this use.
    pub(super) fn pick(&self, request: &ChatRequest<'_>) -> Option<&Entry> {
        let mut rules = self.script.rules.iter().zip(&self.used);
        rules.find(|(rule, used)| rule.when.holds(request) && rule.take(used)).map(|(rule, _)| rule)
    }
}

/// A checked rule.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    when: When,
    times: Option<u64>,
    /// Instead of the server's.
    pub(super) latency: Option<Duration>,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
struct When {
    path: Option<String>,
    model: Option<String>,
    prompt: Option<String>,
    image: Option<Sha>,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A chat completion.
    Answer { text: String, reasoning: Option<String>, finish_reason: String, headers: Headers },
    /// Something else over HTTP; an error in OpenAI's format where there is no body.
    Raw { status: u16, body: Option<String>, headers: Headers },
    /// The connection closes.
    Drop,
    /// The default answer meets this.
    Fault(Fault),
}

impl Action {
    /// The fault, where it is one.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Fault(fault) => Some(*fault),
            _ => None,
        }
    }
}

/// Headers that were checked.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

impl When {
    fn holds(&self, request: &ChatRequest<'_>) -> bool {
        // The picture last: it is the one condition that costs something.
        self.path.as_ref().is_none_or(|path| *path == request.path)
            && self.model.as_ref().is_none_or(|model| *model == request.model)
            && self.prompt.as_ref().is_none_or(|prompt| request.text.contains(prompt.as_str()))
            && self.image.as_ref().is_none_or(|sha| request.has_picture(sha))
    }
}

impl Entry {
    fn new(rule: Rule, folder: &Path) -> Result<Self, String> {
        check(&rule)?;
        let image = rule.image.as_deref().map(|image| picture(image, folder)).transpose()?;
        let headers = headers(&rule.headers)?;
        let fault = rule.fault.as_deref().map(str::parse).transpose();
        let fault = fault.map_err(|error: FaultError| error.to_string())?;
        let action = match rule.answer {
            _ if rule.drop => Action::Drop,
            _ if let Some(fault) = fault => Action::Fault(fault),
            Some(text) => {
                let finish_reason = rule.finish_reason.unwrap_or_else(|| "stop".to_owned());
                Action::Answer { text, reasoning: rule.reasoning, finish_reason, headers }
            }
            None => Action::Raw { status: rule.status.unwrap_or(200), body: rule.body, headers },
        };
        let when = When { path: rule.path, model: rule.model, prompt: rule.prompt, image };
        Ok(Self { when, times: rule.times, latency: rule.latency_ms.map(Duration::from_millis), action })
    }

    fn take(&self, used: &AtomicU64) -> bool {
        let Some(times) = self.times else { return true };
        used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < times).then_some(used + 1))
            .is_ok()
    }
}

/// Whether the fields of a rule go together.
fn check(rule: &Rule) -> Result<(), String> {
    let raw = rule.status.is_some() || rule.body.is_some();
    let given: Vec<&str> = [
        (rule.answer.is_some(), "answer"),
        (raw, "status or body"),
        (rule.drop, "drop"),
        (rule.fault.is_some(), "fault"),
    ]
    .into_iter()
    .filter_map(|(given, name)| given.then_some(name))
    .collect();
    match given[..] {
        [] => {
            return Err(
                "says nothing to do: expected `answer`, `status`, `body`, `drop` or `fault`".to_owned()
            );
        }
        [_] => {}
        _ => return Err(format!("has {} at once: expected one of them", given.join(" and "))),
    }
    if rule.answer.is_none() && (rule.reasoning.is_some() || rule.finish_reason.is_some()) {
        return Err(
            "`reasoning` and `finish_reason` belong to an `answer`: expected one (it may be \"\")".to_owned()
        );
    }
    if (rule.drop || rule.fault.is_some()) && !rule.headers.is_empty() {
        return Err("`headers` belong to a reply: expected none beside `drop` or `fault`".to_owned());
    }
    if let Some(status) = rule.status.filter(|status| !(200..600).contains(status)) {
        return Err(format!("`status` is {status}: expected 200 to 599"));
    }
    if let Some(path) = rule.path.as_ref().filter(|path| ![CHAT, EMBEDDINGS].contains(&path.as_str())) {
        return Err(format!("`path` is {path:?}: expected {CHAT:?} or {EMBEDDINGS:?}"));
    }
    if rule.times == Some(0) {
        return Err("`times` is 0: expected 1 or more".to_owned());
    }
    Ok(())
}

fn headers(given: &BTreeMap<String, String>) -> Result<Headers, String> {
    let parse = |(name, value): (&String, &String)| {
        let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        header.ok_or_else(|| format!("{name:?}: {value:?} is no HTTP header"))
    };
    given.iter().map(parse).collect()
}

/// The hash of a picture given as 64 hex digits or as a path.
fn picture(given: &str, folder: &Path) -> Result<Sha, String> {
    if let Some(sha) = from_hex(given) {
        return Ok(sha);
    }
    let path = folder.join(given);
    let bytes = std::fs::read(&path)
        .map_err(|error| format!("cannot read the picture {} of `image`: {error}", path.display()))?;
    Ok(Sha256::digest(bytes).into())
}

fn from_hex(text: &str) -> Option<Sha> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut sha = [0; 32];
    for (byte, at) in sha.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(sha)
}
