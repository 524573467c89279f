//! `eyechart data list` and `data path`: which data is on this machine, and where. Sends no request.

use clap::Args;
use eyechart::run::web_for;
use eyechart::task::{DataAccess, TaskData};
use eyechart::text::{counted, wrapped};
use eyechart::types::{DataOrigin, ImageSource, Silent};
use serde::Serialize;

use super::{ChosenSamples, DataFormat, Exit, NamedTask, SampleChoice, offline, output, tasks};

/// List where data comes from and which of it is on this machine
#[derive(Debug, Args)]
pub struct List {
    /// Tasks, suites, or paths of TOML files; all built-in tasks if absent
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: SampleChoice,

    /// Output format
    #[arg(long, value_enum, default_value_t = DataFormat::Text)]
    format: DataFormat,
}

/// Print the folder with the data of a task
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
    /// The name of the task on the command line.
    #[serde(skip)]
    argument: String,
    /// Where the data comes from; absent if the task does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The version on this machine, if there is one with a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<DataOrigin>,
    /// Whether a run of the picked samples would fetch nothing.
    ready: bool,
    /// Samples that would be picked; absent if the rows are not on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<usize>,
    /// Whether eyechart fetches missing data, as opposed to the user.
    #[serde(skip)]
    is_fetched: bool,
    /// Why a run would have to fetch data.
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

    fn entry(&self, NamedTask { argument, task }: NamedTask) -> Entry {
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
    fn look_at(&mut self, chosen: ChosenSamples) {
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
        let (here, needs_fetching) = match (self.ready, self.samples) {
            (true, Some(samples)) => {
                (format!("everything for {}{version}", counted(samples, "sample")), false)
            }
            (_, Some(_)) => (format!("its rows{version}, not all pictures"), true),
            _ if self.is_fetched => ("nothing".to_owned(), true),
            _ => (self.missing.clone().unwrap_or_default(), false),
        };
        let text = format!("{}\n{from}    here   {here}", self.task);
        // A command in one line can be copied.
        let fetch = match needs_fetching {
            true => format!("    fetch  eyechart data fetch {}\n", self.argument),
            false => String::new(),
        };
        format!("{}\n{fetch}", wrapped(&text, output::width(), 11))
    }
}

/// An error if a run would have to fetch pictures.
fn check_fetched(mut chosen: ChosenSamples) -> anyhow::Result<()> {
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
        let (Some(NamedTask { task, .. }), true) = (tasks.pop(), tasks.is_empty()) else {
            anyhow::bail!("{} is a suite, whose tasks have a folder each: name one of them", self.task);
        };
        let found = TaskData::find(&task, &offline(DataAccess::new(None)), &Silent);
        let dataset = found
            .map_err(|reason| anyhow::anyhow!("{reason}\nto fetch it: eyechart data fetch {}", self.task))?;
        anyhow::ensure!(
            dataset.has_files(),
            "the data of {} is in the cache in pieces, not as files; to get the files: \
             hf download {} --repo-type dataset",
            self.task,
            task.task.dataset.hub.as_deref().unwrap_or_default()
        );
        let folder = std::path::absolute(dataset.folder())?;
        output::result(&format!("{}\n", folder.display()));
        Ok(Exit::Success)
    }
}
