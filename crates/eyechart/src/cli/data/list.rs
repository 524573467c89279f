//! `eyechart data list` and `data path`: what is here, and where. Nobody is asked.

use clap::Args;
use eyechart::run::web_for;
use eyechart::task::{DataAccess, TaskData};
use eyechart::types::{DataOrigin, ImageSource, Silent};
use serde::Serialize;

use super::{Choice, Chosen, DataFormat, Exit, Named, offline, output, tasks};

/// Where data comes from, and what of it is on this machine
#[derive(Debug, Args)]
pub struct List {
    /// Tasks, suites, or paths of TOML files; all built-in tasks if absent
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: Choice,

    /// How to write it
    #[arg(long, value_enum, default_value_t = DataFormat::Text)]
    format: DataFormat,
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
    /// What names it on the command line.
    #[serde(skip)]
    argument: String,
    /// Where it comes from; absent where the task does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The version that is here; absent where there is none, or nobody gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<DataOrigin>,
    /// Whether a run of the picked samples would find all it needs here, pictures sent as addresses apart.
    ready: bool,
    /// Samples that would be picked; absent where the rows are not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<usize>,
    /// Whether it is fetched where it is missing, and not laid out by the user.
    #[serde(skip)]
    is_fetched: bool,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

impl List {
    pub fn call(self) -> anyhow::Result<Exit> {
        let entries: Vec<Entry> = tasks(&self.tasks)?.into_iter().map(|task| self.entry(task)).collect();
        output::result(&match self.format {
            DataFormat::Text => entries.iter().map(Entry::text).collect::<String>(),
            DataFormat::Json => serde_json::to_string_pretty(&entries)? + "\n",
        });
        Ok(Exit::Success)
    }

    fn entry(&self, Named { argument, task }: Named) -> Entry {
        let is_fetched = task.task.dataset.hub.is_some() || task.task.dataset.url.is_some();
        let mut entry = Entry {
            task: task.task.name.clone(),
            argument,
            from: task.task.dataset.origin_in_words(),
            version: None,
            ready: false,
            samples: None,
            is_fetched: self.choice.data.is_none() && is_fetched,
            missing: None,
        };
        match self.choice.choose(task, &offline(self.choice.access()), &Silent) {
            Ok(chosen) => entry.look_at(chosen),
            Err(error) => entry.missing = Some(error.to_string()),
        }
        entry
    }
}

impl Entry {
    fn look_at(&mut self, chosen: Chosen) {
        self.version = chosen.dataset.origin().cloned();
        self.samples = Some(chosen.picked.len());
        self.missing = check_fetched(chosen).err().map(|error| error.to_string());
        self.ready = self.missing.is_none();
    }

    fn text(&self) -> String {
        let from = self.from.as_ref().map(|from| format!("    from   {from}\n")).unwrap_or_default();
        let version = match &self.version {
            Some(DataOrigin::Hub { commit, .. }) => format!(" (commit {})", &commit[..12.min(commit.len())]),
            _ => String::new(),
        };
        let here = match (self.ready, self.samples) {
            (true, Some(samples)) => format!("all that its {samples} samples need{version}"),
            (_, Some(_)) => {
                format!("its rows{version}, not all pictures: eyechart data fetch {}", self.argument)
            }
            _ if self.is_fetched => format!("nothing: eyechart data fetch {}", self.argument),
            _ => self.missing.clone().unwrap_or_default(),
        };
        format!("{}\n{from}    here   {here}\n", self.task)
    }
}

/// An error if a run would have to fetch pictures.
fn check_fetched(mut chosen: Chosen) -> anyhow::Result<()> {
    chosen.dataset.fetch(&chosen.picked, &Silent)?;
    let Some(web) = web_for(&chosen.task.task, true)? else { return Ok(()) };
    for sample in chosen.dataset.samples(chosen.picked)? {
        let Ok(sample) = sample? else { continue };
        let is_missing =
            |image: &ImageSource| matches!(image, ImageSource::Url(url) if web.from_cache(url).is_none());
        let is_complete = !sample.messages.pictures().any(is_missing);
        anyhow::ensure!(is_complete, "not all pictures were fetched from their addresses");
    }
    Ok(())
}

impl Path {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut tasks = tasks(std::slice::from_ref(&self.task))?;
        let (Some(Named { task, .. }), true) = (tasks.pop(), tasks.is_empty()) else {
            anyhow::bail!("{} is a suite, whose tasks have a folder each: name one of them", self.task);
        };
        let found = TaskData::find(&task, &offline(DataAccess::new(None)), &Silent);
        let dataset = found
            .map_err(|reason| anyhow::anyhow!("{reason}\nto fetch it: eyechart data fetch {}", self.task))?;
        anyhow::ensure!(
            dataset.has_files(),
            "the data of {} is kept in pieces, of which no folder has files; for the whole files: \
             hf download {} --repo-type dataset",
            self.task,
            task.task.dataset.hub.as_deref().unwrap_or_default()
        );
        output::result(&format!("{}\n", dataset.folder().display()));
        Ok(Exit::Success)
    }
}
