//! `eyechart data`: the data of tasks on this machine: what is there, fetching it, checking it, finding it.

mod check;
mod fetch;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use eyechart::run::RunError;
use eyechart::task::{DataAccess, LoadedTask, Survey, TaskData, builtin_tasks, load};
use eyechart::types::{PickedSample, Progress};

use super::values::at_least_one;
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
      where the data of the built-in tasks comes from, and what of it is here
  eyechart data fetch vlm-benchmarks --limit 100
      what a run of 100 samples a task needs, so that the run needs no network but its endpoint
  eyechart data check vlm-benchmarks/arxivqa
      whether files, rows and pictures here are whole
  ls $(eyechart data path vlm-benchmarks/arxivqa)

HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE hold as in Python.";

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

/// Which samples it is about: those that a run with the same options would pick.
#[derive(Debug, Clone, Args)]
struct Choice {
    /// Samples to pick [default: the task's own number, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,

    /// Which samples: the same seed picks the same ones everywhere
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// The folder that holds the data, instead of where the task says
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// How what was found is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum DataFormat {
    /// For people
    Text,
    /// For machines
    Json,
}

/// A task, and what somebody who means it writes on the command line.
struct Named {
    argument: String,
    task: LoadedTask,
}

/// A task's data with the samples that would be picked.
struct Chosen {
    task: LoadedTask,
    dataset: TaskData,
    survey: Survey,
    picked: Vec<PickedSample>,
}

impl Choice {
    /// Where the data may be taken from.
    fn access(&self) -> DataAccess {
        DataAccess::new(self.data.clone())
    }

    fn choose(
        &self,
        task: LoadedTask,
        access: &DataAccess,
        progress: &dyn Progress,
    ) -> Result<Chosen, RunError> {
        let dataset = TaskData::find(&task, access, progress)?;
        let survey = dataset.survey()?;
        let limit = self.limit.or(task.task.dataset.sample_size).unwrap_or(usize::MAX);
        let picked = dataset.pick(&survey.eligible, limit, self.seed)?;
        Ok(Chosen { task, dataset, survey, picked })
    }
}

/// The data as it is here, with nobody asked.
fn offline(mut access: DataAccess) -> DataAccess {
    access.env.hf_hub_offline = true;
    access
}

/// The named tasks and the tasks of the named suites; all that are built in where none is named.
fn tasks(names: &[String]) -> anyhow::Result<Vec<Named>> {
    let named = names.iter().map(String::as_str);
    let all = builtin_tasks().iter().map(|(name, _)| *name).filter(|_| names.is_empty());
    let mut tasks = Vec::new();
    for name in named.chain(all) {
        let of_name = |task: LoadedTask| Named {
            argument: if task.in_suite { task.task.name.clone() } else { name.to_owned() },
            task,
        };
        tasks.extend(load(name)?.into_iter().map(of_name));
    }
    Ok(tasks)
}

/// Does `job` for each task: one whose data is not to be had is no obstacle to the others.
fn each(names: &[String], mut job: impl FnMut(Named) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    let mut worst = Exit::Success;
    for named in tasks(names)? {
        let exit = job(named).unwrap_or_else(|error| report_error(&error));
        if exit as u8 > worst as u8 {
            worst = exit;
        }
    }
    Ok(worst)
}
