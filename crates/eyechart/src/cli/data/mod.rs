//! `eyechart data`: lists, fetches, checks and finds the data of tasks on this machine.

mod check;
mod fetch;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use eyechart::run::RunError;
use eyechart::task::{DataAccess, LoadedTask, Survey, TaskData, builtin_tasks, load};
use eyechart::types::{PickedSample, Progress};

use super::values::{at_least_one, parse_whole};
use super::{Exit, output, report_error};

/// List, fetch, check or find the data of tasks
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Data {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    List(list::List),
    Fetch(fetch::Fetch),
    Check(check::Check),
    Path(list::Path),
}

const EXAMPLES: &str = "\
Examples:
  eyechart data list
      where the data of the built-in tasks comes from, and which of it is here
  eyechart data fetch vlm-benchmarks --limit 100
      fetch the data of 100 samples per task
  eyechart data check vlm-benchmarks/arxivqa
      check the files, rows and pictures on this machine
  ls $(eyechart data path vlm-benchmarks/arxivqa)

HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE mean the same as in Python.";

impl Data {
    pub fn call(self) -> anyhow::Result<Exit> {
        match self.command {
            DataCommand::List(list) => list.call(),
            DataCommand::Fetch(fetch) => fetch.call(),
            DataCommand::Check(check) => check.call(),
            DataCommand::Path(path) => path.call(),
        }
    }
}

/// The samples that a run with the same options would pick.
#[derive(Debug, Clone, Args)]
struct SampleChoice {
    /// Number of samples [default: the task's own number, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,

    /// Seed of the choice of samples: the same seed picks the same samples
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = parse_whole::<u64>)]
    seed: u64,

    /// Folder of the data, instead of the place that the task names
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// The output format.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum DataFormat {
    /// Lines of text
    Text,
    /// A JSON list
    Json,
}

/// A task, and its name on the command line.
struct NamedTask {
    argument: String,
    task: LoadedTask,
}

/// A task's data with the samples that would be picked.
struct ChosenSamples {
    task: LoadedTask,
    dataset: TaskData,
    survey: Survey,
    picked: Vec<PickedSample>,
}

impl SampleChoice {
    /// The places that data may be read from.
    fn access(&self) -> DataAccess {
        DataAccess::new(self.data.clone())
    }

    fn choose(
        &self,
        task: LoadedTask,
        access: &DataAccess,
        progress: &dyn Progress,
    ) -> Result<ChosenSamples, RunError> {
        let dataset = TaskData::find(&task, access, progress)?;
        let survey = dataset.survey()?;
        let limit = self.limit.or(task.task.dataset.sample_size).unwrap_or(usize::MAX);
        let picked = dataset.pick(&survey.eligible, limit, self.seed, &mut Vec::new())?;
        Ok(ChosenSamples { task, dataset, survey, picked })
    }
}

/// Access to the data on this machine only.
fn offline(mut access: DataAccess) -> DataAccess {
    access.env.hf_hub_offline = true;
    access
}

/// The named tasks and the tasks of the named suites; all built-in tasks if no name is given.
fn tasks(names: &[String]) -> anyhow::Result<Vec<NamedTask>> {
    let named = names.iter().map(String::as_str);
    let all = builtin_tasks().iter().map(|(name, _)| *name).filter(|_| names.is_empty());
    let mut tasks = Vec::new();
    for name in named.chain(all) {
        let of_name = |task: LoadedTask| NamedTask {
            argument: if task.in_suite { task.task.name.clone() } else { name.to_owned() },
            task,
        };
        tasks.extend(load(name)?.into_iter().map(of_name));
    }
    Ok(tasks)
}

/// Does `job` for each task. An error is printed and does not keep the other tasks from their turn.
fn each(names: &[String], mut job: impl FnMut(NamedTask) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    let mut worst = Exit::Success;
    for named in tasks(names)? {
        let exit = job(named).unwrap_or_else(|error| report_error(&error));
        if exit as u8 > worst as u8 {
            worst = exit;
        }
    }
    Ok(worst)
}
