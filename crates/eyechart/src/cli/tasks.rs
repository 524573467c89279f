//! `eyechart tasks`: what is built in, and what a task would send.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use eyechart::image::Preparer;
use eyechart::provider::{GateSettings, HttpSettings, ModelName, Provider, RetryPolicy, image_limits};
use eyechart::run::{
    AskingSetup, Meter, Settings, Spent, request_fields, sample_named, web_for, with_images,
};
use eyechart::score::figure_ids;
use eyechart::task::{DataAccess, LoadedTask, TaskData, builtin_tasks, load, suites};
use eyechart::types::{Budget, Endpoint};

use super::fetching::FetchProgress;
use super::images::ImageArguments;
use super::run::RequestArguments;
use super::score::one_task;
use super::{Exit, output};

/// The model whose request is shown where nobody names one.
const ANY_MODEL: (&str, &str) = ("custom/MODEL", "http://localhost:8000/v1");

/// List the built-in tasks and suites, or show one task
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Tasks {
    #[command(subcommand)]
    command: Option<TasksCommand>,
}

#[derive(Debug, Subcommand)]
enum TasksCommand {
    Show(Box<Show>),
    Check(Check),
}

/// Read task files and print their mistakes, without running them
///
/// No data is opened. Exit code 0: every file is a task; 2: a file is not.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
struct Check {
    /// Built-in tasks, suites, or paths of TOML files
    #[arg(required = true, value_name = "FILE")]
    tasks: Vec<String>,
}

/// Show a task's file, or the exact request for one of its samples
///
/// Without --sample, the text of the task as it is. With it, the JSON body that
/// `eyechart run` would post for that sample, made the same way, with each
/// picture's size and hash in place of its bytes. No key is needed and the model
/// is not asked; what the sample needs of the data is fetched where it is
/// elsewhere.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
struct Show {
    /// A built-in task, or the path of a TOML file
    #[arg(value_name = "TASK")]
    task: String,

    /// The sample's id as the record has it: the dataset's own, or the row number
    #[arg(long, value_name = "ID")]
    sample: Option<String>,

    /// The folder that holds the dataset [default: where the task says, else that of its file]
    #[arg(long, value_name = "DIR", requires = "sample")]
    data: Option<PathBuf>,

    /// The model that would be asked
    #[arg(long, value_name = "PROVIDER/NAME", requires = "sample")]
    model: Option<String>,

    /// The endpoint's address, before /chat/completions
    #[arg(long, value_name = "URL", requires = "model")]
    base_url: Option<String>,

    #[command(flatten)]
    request: RequestArguments,

    #[command(flatten)]
    images: ImageArguments,

    /// Fetch the picture from an address that is not public too (`send = "fetch"`)
    #[arg(long, requires = "sample")]
    allow_private_urls: bool,
}

const EXAMPLES: &str = "\
Examples:
  eyechart tasks
      what is built in, and where its data comes from
  eyechart tasks show vlm-benchmarks/arxivqa
      a task's file: a good place to copy from
  eyechart tasks show charts.toml --sample c-7
      the request that a run would send for one sample";

const CHECK_EXAMPLES: &str = "\
Examples:
  eyechart tasks check charts.toml
  eyechart tasks check *.toml";

const SHOW_EXAMPLES: &str = "\
Examples:
  eyechart tasks show vlm-benchmarks/arxivqa > mine.toml
  eyechart tasks show charts.toml --sample c-7
  eyechart tasks show vlm-benchmarks/arxivqa --data data --sample 1501.00713-7 \\
      --model mistral/pixtral-12b-2409 --param max_tokens=512";

impl Tasks {
    pub fn call(self) -> anyhow::Result<Exit> {
        match self.command {
            Some(TasksCommand::Show(show)) => show.call(),
            Some(TasksCommand::Check(check)) => check.call(),
            None => list(),
        }
    }
}

fn list() -> anyhow::Result<Exit> {
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
            if let Some(origin) = spec.origin_in_words() {
                text.push_str(&format!("      data: {origin}\n"));
            }
        }
    }
    output::result(&text);
    Ok(Exit::Success)
}

impl Check {
    fn call(self) -> anyhow::Result<Exit> {
        let mut exit = Exit::Success;
        for name in &self.tasks {
            match load(name) {
                Ok(tasks) => tasks.iter().for_each(|loaded| {
                    output::result(&in_words(loaded));
                    loaded.hint().iter().for_each(|text| output::hint(text));
                }),
                Err(error) => {
                    exit = Exit::Usage;
                    output::error(&error.to_string());
                }
            }
        }
        Ok(exit)
    }
}

/// Such as `charts: choice.accuracy, choice.readable`.
fn in_words(loaded: &LoadedTask) -> String {
    let name = &loaded.task.name;
    match figure_ids(&loaded.task).as_slice() {
        [] => format!("{name}: answers are recorded and not scored\n"),
        ids => format!("{name}: {}\n", ids.join(", ")),
    }
}

impl Show {
    fn call(self) -> anyhow::Result<Exit> {
        let loaded = one_task(&self.task)?;
        match &self.sample {
            None => output::result(&loaded.source.text),
            Some(id) => self.show_request(&loaded, id)?,
        }
        Ok(Exit::Success)
    }

    fn show_request(&self, loaded: &LoadedTask, id: &str) -> anyhow::Result<()> {
        let endpoint = self.endpoint(loaded)?;
        let protocol = Settings::default().protocol_of(&endpoint)?;
        loaded.place_note().iter().for_each(|text| output::notice(text));
        let task = with_images(loaded.task.clone(), self.images.given())?;
        let access =
            DataAccess { allow_private_urls: self.allow_private_urls, ..DataAccess::new(self.data.clone()) };
        let progress = FetchProgress::default();
        let dataset = TaskData::find(loaded, &access, &progress)?;
        let sample = sample_named(dataset, id, &progress)?;
        // Pictures that are re-encoded would be kept beside the runs; here there is none.
        let store = tempfile::tempdir()?;
        let http =
            HttpSettings { timeout: Duration::from_secs(1), connections: 1, headers: Vec::new(), log: None };
        let provider = Provider::new(&endpoint, protocol, None, &http, RetryPolicy { max_retries: 0 });
        let setup = AskingSetup {
            provider: provider?,
            limits: GateSettings::default(),
            web: web_for(&task, self.allow_private_urls)?,
            images: task.images.map(|spec| {
                let limits = image_limits(&endpoint.base_url);
                Preparer::new(spec, limits, store.path().to_owned(), false)
            }),
            withholds_images: false,
            cache: None,
            memory: u64::MAX,
            meter: Arc::new(Meter::new(Budget::default(), None, Spent::default())),
        };
        let preview = setup.preview(sample)?;
        output::say(&format!("POST {}", preview.url));
        output::result(&format!("{}\n", preview.body));
        Ok(())
    }

    fn endpoint(&self, loaded: &LoadedTask) -> anyhow::Result<Endpoint> {
        let (model, base_url) = match &self.model {
            Some(model) => (model.as_str(), self.base_url.as_deref()),
            None => {
                output::notice("no --model given: MODEL stands for its name");
                (ANY_MODEL.0, Some(ANY_MODEL.1))
            }
        };
        let name: ModelName = model.parse()?;
        anyhow::ensure!(name.provider != "recorded", "{model} replays recorded answers: nothing is sent");
        let settings = Settings {
            base_url: base_url.map(str::to_owned),
            params: self.request.param.clone(),
            headers: self.request.header.clone(),
            ..Settings::default()
        };
        let endpoint = settings.endpoint(name)?;
        let params = request_fields(&loaded.task.generation, &endpoint.params, &self.request.drop_param)?;
        Ok(Endpoint { params, ..endpoint })
    }
}
