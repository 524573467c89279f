//! `eyechart data list` and `data path`: what is here, and where. Nobody is asked.

use clap::{Args, ValueEnum};
use eyechart::task::{DataAccess, Dataset, LoadedTask};
use eyechart::types::{DataOrigin, Silent};
use serde::Serialize;

use super::{Choice, Exit, offline, output, tasks};

/// Where data comes from, and what of it is on this machine
#[derive(Debug, Args)]
pub struct List {
    /// Tasks, suites, or paths of TOML files; all built-in tasks if absent
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: Choice,

    /// How to write it
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ListFormat {
    /// For people
    Text,
    /// For machines
    Json,
}

/// The folder in which the data of a task is
#[derive(Debug, Args)]
pub struct Path {
    /// A built-in task, or the path of a TOML file
    #[arg(value_name = "TASK")]
    task: String,
}

/// One task's data.
#[derive(Serialize)]
struct Entry {
    task: String,
    /// Where it comes from; absent where the task does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The version that is here; absent where there is none, or nobody gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<DataOrigin>,
    /// Whether a run of the picked samples would find all it needs here, pictures at addresses apart.
    ready: bool,
    /// Samples that would be picked; absent where the rows are not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<usize>,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

impl List {
    pub fn call(self) -> anyhow::Result<Exit> {
        let entries: Vec<Entry> = tasks(&self.tasks)?.into_iter().map(|task| self.entry(task)).collect();
        output::result(&match self.format {
            ListFormat::Text => entries.iter().map(Entry::text).collect::<String>(),
            ListFormat::Json => serde_json::to_string_pretty(&entries)? + "\n",
        });
        Ok(Exit::Success)
    }

    fn entry(&self, task: LoadedTask) -> Entry {
        let (name, from) = (task.task.name.clone(), task.task.dataset.origin_in_words());
        let entry = Entry { task: name, from, version: None, ready: false, samples: None, missing: None };
        let mut chosen = match self.choice.choose(task, &offline(self.choice.access()), &Silent) {
            Ok(chosen) => chosen,
            Err(error) => return Entry { missing: Some(error.to_string()), ..entry },
        };
        let missing = chosen.dataset.bring(&chosen.picked, &Silent).err();
        let version = chosen.dataset.origin().cloned();
        Entry { version, ready: missing.is_none(), samples: Some(chosen.picked.len()), missing, ..entry }
    }
}

impl Entry {
    fn text(&self) -> String {
        let from = self.from.as_ref().map(|from| format!("    from   {from}\n")).unwrap_or_default();
        let version = match &self.version {
            Some(DataOrigin::Hub { commit, .. }) => format!(" (commit {})", &commit[..12.min(commit.len())]),
            _ => String::new(),
        };
        let here = match (self.ready, self.samples) {
            (true, Some(samples)) => format!("all that its {samples} samples need{version}"),
            (_, Some(_)) => format!("its rows{version}, not all pictures: eyechart data fetch {}", self.task),
            _ if self.from.is_some() => format!("nothing: eyechart data fetch {}", self.task),
            _ => "nothing: --data DIR says where it is".to_owned(),
        };
        format!("{}\n{from}    here   {here}\n", self.task)
    }
}

impl Path {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut tasks = tasks(std::slice::from_ref(&self.task))?;
        let (Some(task), true) = (tasks.pop(), tasks.is_empty()) else {
            anyhow::bail!("{} is a suite, whose tasks have a folder each: name one of them", self.task);
        };
        let found = Dataset::find(&task, &offline(DataAccess::new(None)), &Silent);
        let dataset = found
            .map_err(|reason| anyhow::anyhow!("{reason}\nto fetch it: eyechart data fetch {}", self.task))?;
        output::result(&format!("{}\n", dataset.folder().display()));
        Ok(Exit::Success)
    }
}
