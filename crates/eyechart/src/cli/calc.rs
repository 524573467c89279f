//! `eyechart calc`: the functions behind the tables, for people's own numbers.

use std::io::BufRead;

use clap::Args;
use eyechart::calc;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Exit, output};

/// Apply the functions behind the tables to lines of JSON from stdin
///
/// Each line is {"fn": NAME, "args": {…}}; each gives one line with a JSON
/// object. A value that is not defined, such as a ratio over nothing, has no
/// key. A bad line gives {"error": …}, and exit code 1 at the end.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Calc {
    /// List the functions
    #[arg(long)]
    list: bool,
}

const EXAMPLES: &str = r#"Examples:
  echo '{"fn": "anls", "args": {"answer": "12/15/89", "references": ["12/15/88"]}}' | eyechart calc
      {"value":0.875}
  echo '{"fn": "choice", "args": {"answer": "I pick B.", "options": ["red", "blue"]}}' | eyechart calc
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
        .map_err(|error| format!("expected {{\"fn\": NAME, \"args\": {{…}}}}: {error}"))?;
    calc::call(&line.function, Value::Object(line.args)).map(Value::Object).map_err(|error| error.to_string())
}
