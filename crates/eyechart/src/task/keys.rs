//! The tables of keys in `docs/tasks.md` and `docs/schemas/task.schema.json`, generated from the types.
//!
//! Only tests: `EYECHART_REWRITE=1 cargo test -p eyechart --lib task::keys` writes both files, and without the
//! variable the tests compare them. A table is between `<!-- keys: TYPE -->` and `<!-- end -->`.

use std::fs;
use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::registry::builtin_tasks;
use crate::types::Task;

const HEAD: &str = "| key | type | default | meaning |\n|---|---|---|---|\n";

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// The schema as draft 7, which the TOML extensions of editors support.
fn schema() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Task>();
    schema.insert("title".to_owned(), "eyechart task file".into());
    schema.to_value()
}

/// The name and schema of each struct, the task first.
fn structs(schema: &Value) -> Vec<(String, &Map<String, Value>)> {
    let definitions = schema["definitions"].as_object().unwrap();
    let others = definitions.iter().map(|(name, schema)| (name.clone(), schema.as_object().unwrap()));
    let all = std::iter::once(("Task".to_owned(), schema.as_object().unwrap())).chain(others);
    all.filter(|(_, schema)| schema.contains_key("properties")).collect()
}

fn table(root: &Value, of: &Map<String, Value>) -> String {
    let required =
        |key: &str| of.get("required").is_some_and(|keys| keys.as_array().unwrap().contains(&key.into()));
    let row = |(key, property): (&String, &Value)| {
        let default = if required(key) { "required".to_owned() } else { default(property) };
        let cells = [format!("`{key}`"), kind(root, property), default, meaning(root, property)];
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    format!("{HEAD}{}", of["properties"].as_object().unwrap().iter().map(row).collect::<String>())
}

/// The definition that a property refers to, also through an `Option` or a comment of its own.
fn referred<'a>(root: &'a Value, property: &'a Value) -> Option<(&'a str, &'a Value)> {
    let through = ["anyOf", "allOf"].iter().find_map(|key| property.get(key)?.as_array()?.first());
    let name = through.unwrap_or(property).get("$ref")?.as_str()?.strip_prefix("#/definitions/")?;
    Some((name, &root["definitions"][name]))
}

fn kind(root: &Value, property: &Value) -> String {
    if let Some((_, definition)) = referred(root, property) {
        return match words(definition).as_slice() {
            [] if let Some(kinds) = definition["anyOf"].as_array() => {
                kinds.iter().map(|of| kind(root, of)).collect::<Vec<_>>().join(" or ")
            }
            [] => "table".to_owned(),
            words => words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        };
    }
    let types: Vec<&str> = match &property["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    let named = types.iter().map(|name| match *name {
        "string" => "text".to_owned(),
        "array" => list_kind(root, &property["items"]),
        "object" => "table".to_owned(),
        other => format!("{other}{}", range(property)),
    });
    named.collect::<Vec<_>>().join(" or ")
}

/// The bounds of a number that has both.
fn range(property: &Value) -> String {
    match (&property["minimum"], &property["maximum"]) {
        (Value::Number(least), Value::Number(most)) => format!(" from {least} to {most}"),
        _ => String::new(),
    }
}

fn list_kind(root: &Value, items: &Value) -> String {
    match kind(root, items).as_str() {
        "text" => "list of texts".to_owned(),
        "table" => "list of tables".to_owned(),
        other => format!("list of {other}"),
    }
}

/// The words of an enum, each with its meaning.
fn words(definition: &Value) -> Vec<(&str, String)> {
    let variants = definition["oneOf"].as_array().into_iter().flatten();
    let described = variants.filter_map(|variant| Some((variant["const"].as_str()?, text(variant))));
    let plain = definition["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|word| Some((word.as_str()?, String::new())));
    described.chain(plain).collect()
}

fn default(property: &Value) -> String {
    match property.get("default") {
        // Not an `Option`, so that the value is always present: an empty value is left out when the type is written.
        None if property["type"] == "array" || property["type"] == "object" => "empty".to_owned(),
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "empty".to_owned(),
        Some(Value::Object(fields)) if fields.is_empty() => "empty".to_owned(),
        Some(other) => format!("`{other}`"),
    }
}

fn meaning(root: &Value, property: &Value) -> String {
    let mut meaning = text(property);
    for (word, explained) in
        referred(root, property).map(|(_, definition)| words(definition)).unwrap_or_default()
    {
        if !explained.is_empty() {
            let mut letters = explained.chars();
            let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
            // A word in capitals stays as it is: `JPEG at …`.
            let is_name = explained.chars().take(2).all(char::is_uppercase);
            let explained = if is_name { explained.clone() } else { format!("{first}{}", letters.as_str()) };
            meaning.push_str(&format!(" `\"{word}\"`: {explained}"));
        }
    }
    meaning
}

/// The docstring as one line.
fn text(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `page` with the tables between the marks replaced by those of the types.
fn rewritten(page: &str) -> String {
    let schema = schema();
    let mut page = page.to_owned();
    for (name, of) in structs(&schema) {
        let mark = format!("<!-- keys: {name} -->\n");
        let Some(start) = page.find(&mark).map(|at| at + mark.len()) else {
            panic!("docs/tasks.md lacks a table for {name}: write {mark}<!-- end --> where it belongs")
        };
        let length = page[start..].find("<!-- end -->").expect("each table has its end");
        page.replace_range(start..start + length, &table(&schema, of));
    }
    page
}

/// Compares a file with the expected text, or writes it.
fn check(name: &str, expected: &str) {
    let path = docs(name);
    if std::env::var_os("EYECHART_REWRITE").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differing = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "docs/{name} is not what the types say, first at {differing:?}: EYECHART_REWRITE=1 cargo test -p eyechart \
         --lib task::keys writes it anew"
    );
}

#[test]
fn the_tables_of_keys_are_those_of_the_types() {
    check("tasks.md", &rewritten(&fs::read_to_string(docs("tasks.md")).unwrap()));
}

#[test]
fn the_schema_is_that_of_the_types() {
    check("schemas/task.schema.json", &format!("{:#}\n", schema()));
}

#[test]
fn the_schema_takes_every_built_in_task_and_refuses_an_unknown_key() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (name, text) in builtin_tasks() {
        let task = serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
        if let Err(error) = validator.validate(&task) {
            panic!("{name}: {error}");
        }
        let mut wrong = task;
        wrong["dataset"]["fiel"] = "x".into();
        assert!(!validator.is_valid(&wrong), "{name}");
    }
}
