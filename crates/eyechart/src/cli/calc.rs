//! `eyechart calc`: the functions behind the tables, for any numbers.

use std::io::BufRead;

use clap::Args;
use eyechart::calc;
use eyechart::text::json_mistake;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Exit, output};

/// Apply the functions behind the tables to lines of JSON from stdin
///
/// Reads lines of {"fn": NAME, "args": {…}} and prints one JSON object for each.
/// A value that is not defined, such as a ratio over nothing, has no key. A bad
/// line gives {"error": …} and the exit code 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Calc {
    /// List the functions
    #[arg(long)]
    list: bool,
}

const EXAMPLES: &str = r#"Examples:
  echo '{"fn": "anls", "args": {"answer": "cat", "references": ["cats"]}}' |
      eyechart calc
      {"value":0.75}
  eyechart calc < lines.jsonl
  eyechart calc --list"#;

/// One line of stdin; other keys are ignored.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "fn")]
    function: String,
    #[serde(default)]
    args: Map<String, Value>,
}

impl Calc {
    pub fn call(self) -> anyhow::Result<Exit> {
        if self.list {
            let names: String = calc::names().map(|name| format!("{name}\n")).collect();
            output::result(&names);
            return Ok(Exit::Success);
        }
        let mut exit = Exit::Success;
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            if !line.trim_ascii().is_empty() {
                let answer = answer(&line).unwrap_or_else(|reason| {
                    exit = Exit::SamplesFailed;
                    json!({"error": reason})
                });
                output::result(&format!("{answer}\n"));
            }
            line.clear();
        }
        Ok(exit)
    }
}

fn answer(line: &[u8]) -> Result<Value, String> {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    let line: Line = serde_json::from_slice(line)
        .map_err(|error| format!("expected {{\"fn\": NAME, \"args\": {{…}}}}: {}", json_mistake(&error)))?;
    calc::call(&line.function, Value::Object(line.args)).map(Value::Object).map_err(|error| error.to_string())
}
