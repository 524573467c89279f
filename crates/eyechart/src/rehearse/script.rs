//! The replies of the server: a list of rules, of which the first that matches applies.
//!
//! A rule is read as a flat JSON object, checked, and converted to conditions and one action. This module does not know
//! HTTP connections.

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
use crate::files::{read_regular, read_regular_text};
use crate::text::json_mistake;

/// A rule, as written in a line of a script. A condition that is absent matches every request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Condition: `/chat/completions` or `/embeddings`.
    pub path: Option<String>,
    /// Condition: the exact model name.
    pub model: Option<String>,
    /// Condition: a substring of the text of the request.
    pub prompt: Option<String>,
    /// Condition: a picture inside the request, as a path relative to the folder of the script, or as a SHA-256 in hex.
    pub image: Option<String>,
    /// Action: answer with this text and status 200. The text may be empty.
    pub answer: Option<String>,
    /// With `answer`: the text of `reasoning_content`.
    pub reasoning: Option<String>,
    /// With `answer`: the finish reason. Default: `stop`.
    pub finish_reason: Option<String>,
    /// Action: answer with this status, from 200 to 599, and with `body`, or an error in the format of OpenAI.
    pub status: Option<u16>,
    /// With any reply: headers to add. They replace headers of the same name.
    pub headers: BTreeMap<String, String>,
    /// Action: answer with this body. The default of `status` is 200.
    pub body: Option<String>,
    /// The latency of the reply in milliseconds. Default: the latency of the server.
    pub latency_ms: Option<u64>,
    /// Action: if true, close the connection without a reply.
    pub drop: bool,
    /// Action: the [`Fault`] with this name.
    pub fault: Option<String>,
    /// The number of matching requests to which the rule applies. Default: all.
    pub times: Option<u64>,
}

impl Rule {
    /// Returns a rule that answers every request with `text`.
    pub fn answer(text: impl Into<String>) -> Self {
        Self { answer: Some(text.into()), ..Self::default() }
    }

    /// Returns a rule that answers every request with `status`.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }
}

/// The reason why a script cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {path}: {source}")]
    Io {
        /// The path of the script.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A line is not a rule.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// The path of the script.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What was given and what was expected.
        reason: String,
    },
    /// A rule that was built in code is not valid.
    #[error("rule {number}: {reason}")]
    Rule {
        /// The number of the rule, from 1.
        number: usize,
        /// What was given and what was expected.
        reason: String,
    },
}

/// A list of rules. An empty script answers each request with a text that no answer was scripted.
#[derive(Debug, Clone, Default)]
pub struct Script {
    rules: Vec<Entry>,
}

impl Script {
    /// Creates a script from rules. Paths of pictures are relative to the current folder.
    ///
    /// # Errors
    /// [`ScriptError::Rule`] for the first rule that is not valid.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, ScriptError> {
        let check = |(at, rule)| {
            Entry::new(rule, Path::new("")).map_err(|reason| ScriptError::Rule { number: at + 1, reason })
        };
        Ok(Self { rules: rules.into_iter().enumerate().map(check).collect::<Result<_, _>>()? })
    }

    /// Reads a script with one rule per line. Blank lines are skipped. Paths of pictures are relative to the folder of
    /// the script.
    ///
    /// # Errors
    /// [`ScriptError`] with the path and, if a rule is not valid, its line.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text =
            read_regular_text(path).map_err(|source| ScriptError::Io { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let check = |(at, line): (usize, &str)| {
            let rule = serde_json::from_str(line).map_err(|error| json_mistake(&error));
            rule.and_then(|rule| Entry::new(rule, folder)).map_err(|reason| ScriptError::Line {
                path: path.to_owned(),
                line: at + 1,
                reason,
            })
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        Ok(Self { rules: lines.map(check).collect::<Result<_, _>>()? })
    }

    /// Returns the models that the rules name, without repetition, in the order of the rules.
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

/// A script with the number of uses of each rule, which belongs to one server.
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

    /// Returns the first rule that matches and is not used up, and counts the use.
    pub(super) fn pick(&self, request: &ChatRequest<'_>) -> Option<&Entry> {
        let mut rules = self.script.rules.iter().zip(&self.used);
        rules.find(|(rule, used)| rule.when.match_request(request) && rule.take(used)).map(|(rule, _)| rule)
    }
}

/// A checked rule.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    when: Conditions,
    times: Option<u64>,
    /// The latency of the reply; `None` for the latency of the server.
    pub(super) latency: Option<Duration>,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
struct Conditions {
    path: Option<String>,
    model: Option<String>,
    prompt: Option<String>,
    image: Option<Sha>,
}

/// The action of a rule.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Answers with a chat completion.
    Answer { text: String, reasoning: Option<String>, finish_reason: String, headers: Headers },
    /// Answers with a status and a body. Without a body, the reply is an error in the format of OpenAI.
    Raw { status: u16, body: Option<String>, headers: Headers },
    /// Closes the connection.
    Drop,
    /// Applies a fault to the default answer.
    Fault(Fault),
}

impl Action {
    /// Returns the fault; `None` for other actions.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Fault(fault) => Some(*fault),
            _ => None,
        }
    }
}

/// Headers that have been checked.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

impl Conditions {
    fn match_request(&self, request: &ChatRequest<'_>) -> bool {
        // The picture is last, because only this condition is expensive.
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
        let when = Conditions { path: rule.path, model: rule.model, prompt: rule.prompt, image };
        Ok(Self { when, times: rule.times, latency: rule.latency_ms.map(Duration::from_millis), action })
    }

    fn take(&self, used: &AtomicU64) -> bool {
        let Some(times) = self.times else { return true };
        used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < times).then_some(used + 1))
            .is_ok()
    }
}

/// Checks that the fields of a rule can be combined.
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
            return Err("has no action: expected `answer`, `status`, `body`, `drop` or `fault`".to_owned());
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
        return Err("`headers` belong to a reply: expected no headers with `drop` or `fault`".to_owned());
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
        header.ok_or_else(|| format!("{name:?}: {value:?} is not an HTTP header"))
    };
    given.iter().map(parse).collect()
}

/// Returns the hash of a picture that is given as 64 hex digits or as a path.
fn picture(given: &str, folder: &Path) -> Result<Sha, String> {
    if let Some(sha) = from_hex(given) {
        return Ok(sha);
    }
    let path = folder.join(given);
    let bytes = read_regular(&path)
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
