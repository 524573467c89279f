//! `eyechart tasks`: what is built in.

use clap::Args;
use eyechart::task::{builtin_tasks, load, suites};

use super::{Exit, output};

/// List the built-in tasks and suites
#[derive(Debug, Args)]
pub struct ListTasks {}

impl ListTasks {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut text = String::from("Suites\n");
        for suite in suites() {
            text.push_str(&format!("  {}\n      {}\n", suite.name, suite.description));
        }
        text.push_str("Tasks\n");
        for (name, _) in builtin_tasks() {
            for loaded in load(name)? {
                let spec = &loaded.task.dataset;
                let description = loaded.task.description.unwrap_or_default();
                text.push_str(&format!("  {name}\n      {description}\n"));
                if let Some(origin) = &spec.origin {
                    text.push_str(&format!("      data: {origin}\n"));
                }
            }
        }
        output::result(&text);
        Ok(Exit::Success)
    }
}
