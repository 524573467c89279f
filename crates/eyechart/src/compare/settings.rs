//! What differs between runs besides their answers: model, prompt, settings, data.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ScoredRun;
use super::comparison::DifferingSetting;
use crate::text::shown_value;
use crate::types::{Answers, EvalSpec};

/// Settings by name, in the order in which they are shown.
#[derive(Default)]
struct Settings(Vec<(String, String)>);

impl Settings {
    fn add(&mut self, name: &str, value: impl ToString) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    fn add_some(&mut self, name: &str, value: Option<impl ToString>) {
        self.0.extend(value.map(|value| (name.to_owned(), value.to_string())));
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The settings in which at least two of `runs` differ.
pub(super) fn differing(runs: &[ScoredRun]) -> Vec<DifferingSetting> {
    let settings: Vec<Settings> = runs.iter().map(settings_of).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in settings.iter().flat_map(|settings| &settings.0) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let values = |name: &str| settings.iter().map(|settings| settings.get(name)).collect::<Vec<_>>();
    let differs = |values: &[Option<&str>]| values.windows(2).any(|pair| pair[0] != pair[1]);
    let differing = names.into_iter().map(|name| (name, values(name))).filter(|(_, values)| differs(values));
    let shown = |value: Option<&str>| value.map(shown_value);
    differing
        .map(|(name, values)| DifferingSetting {
            name: name.to_owned(),
            values: values.into_iter().map(shown).collect(),
        })
        .collect()
}

fn settings_of(run: &ScoredRun) -> Settings {
    let (spec, results) = (&run.spec, &run.scored.results);
    let mut settings = Settings::default();
    settings.add("model", &spec.model);
    settings.add_some("label", spec.label.as_ref());
    settings.add_some("control", spec.control);
    settings.add("task", &spec.task.name);
    add_answers(&mut settings, &spec.answers);
    add_task(&mut settings, &spec.task.text);
    settings
        .add_some("place of pictures", spec.place.as_ref().map(|place| text_of(&serde_json::json!(place))));
    let overrides = serde_json::json!(spec.images);
    add_fields(&mut settings, "image option", overrides.as_object().into_iter().flatten());
    add_data(&mut settings, spec);
    settings.add_some("scored by", results.scored_by.as_ref().map(|task| &task.name));
    settings.add("eyechart", &spec.eyechart);
    settings
}

fn add_answers(settings: &mut Settings, answers: &Answers) {
    match answers {
        Answers::Endpoint(endpoint) => {
            settings.add("endpoint", &endpoint.base_url);
            settings.add("protocol", &endpoint.protocol);
            settings.add("keep_reasoning", endpoint.keeps_reasoning);
            add_fields(settings, "", &endpoint.params);
        }
        Answers::Column(column) => settings.add("recorded column", column),
        Answers::Outputs(file) => settings.add("outputs", file.path.display()),
    }
}

fn add_fields<'a>(
    settings: &mut Settings,
    prefix: &str,
    fields: impl IntoIterator<Item = (&'a String, &'a Value)>,
) {
    for (key, value) in fields {
        settings.add(format!("{prefix} {key}").trim_start(), text_of(value));
    }
}

/// A text without quotes, other values as JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The keys of the task that decide what is sent. Scorers are compared elsewhere.
fn add_task(settings: &mut Settings, text: &str) {
    let Ok(task) = toml::from_str::<Map<String, Value>>(text) else { return };
    for section in ["prompt", "images", "dataset"] {
        let mut keys = BTreeMap::new();
        if let Some(value) = task.get(section) {
            flatten(section, value, &mut keys);
        }
        keys.into_iter().for_each(|(key, value)| settings.add(&key, value));
    }
}

fn flatten(name: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(table) => {
            table.iter().for_each(|(key, value)| flatten(&format!("{name}.{key}"), value, keys));
        }
        other => drop(keys.insert(name.to_owned(), text_of(other))),
    }
}

fn add_data(settings: &mut Settings, spec: &EvalSpec) {
    let files: Vec<_> = spec.data.files.iter().map(|file| (&file.path, file.bytes, &file.sha256)).collect();
    // The names without the hashes would look alike.
    let shown = |(path, bytes, sha256): &(&std::path::PathBuf, u64, &String)| {
        format!("{} ({bytes} bytes, {})", path.display(), sha256.get(..8).unwrap_or(sha256))
    };
    settings.add("data", files.iter().map(shown).collect::<Vec<_>>().join(", "));
    settings.add("samples picked", spec.picked.len());
    settings.add("epochs", spec.epochs);
    settings.add("seed", spec.seed);
}
