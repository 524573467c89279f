//! `eyechart tasks`: lists the built-in tasks, checks task files, and shows the request for a sample.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use eyechart::image::Preparer;
use eyechart::net::Certificates;
use eyechart::provider::{GateSettings, HttpSettings, ModelName, Provider, RetryPolicy, image_limits};
use eyechart::run::{
    AskingSetup, Meter, Settings, Spent, StartRules, request_fields, sample_named, web_for, with_images,
};
use eyechart::score::figure_ids;
use eyechart::task::{DataAccess, LoadedTask, TaskData, builtin_tasks, load, suites};
use eyechart::text::wrapped;
use eyechart::types::{Budget, Endpoint};

use super::fetching::FetchProgress;
use super::images::ImageArguments;
use super::network::NetworkArguments;
use super::run::RequestArguments;
use super::score::one_task;
use super::{Exit, output};

/// The model and address of the request that is shown without `--model`.
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
/// Reads no data. The exit code is 2 if a file has a mistake.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
struct Check {
    /// Built-in tasks, suites, or paths of TOML files
    #[arg(required = true, value_name = "FILE")]
    tasks: Vec<String>,
}

/// Show a task's file, or the exact request for one of its samples
///
/// Without --sample, prints the file. With it, prints the JSON body that
/// `eyechart run` would send for that sample, with the size and hash of each
/// picture in place of its bytes. Needs no key and sends no request to the
/// model. Fetches missing data of the sample.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
struct Show {
    /// A built-in task, or the path of a TOML file
    #[arg(value_name = "TASK")]
    task: String,

    /// Id of the sample: that of the dataset, or the row number; row:N is the row N in any case
    #[arg(long, value_name = "ID|row:N")]
    sample: Option<String>,

    /// Folder of the data [default: the place that the task names, else the folder of its file]
    #[arg(long, value_name = "DIR", requires = "sample")]
    data: Option<PathBuf>,

    /// Model of the request
    #[arg(long, value_name = "PROVIDER/NAME", requires = "sample")]
    model: Option<String>,

    /// Address of the endpoint, without /chat/completions
    #[arg(long, value_name = "URL", requires = "model")]
    base_url: Option<String>,

    #[command(flatten)]
    network: NetworkArguments,

    #[command(flatten)]
    request: RequestArguments,

    #[command(flatten)]
    images: ImageArguments,

    /// Fetch pictures also from addresses that are not public (`send = "fetch"`)
    #[arg(long, requires = "sample")]
    allow_private_urls: bool,
}

const EXAMPLES: &str = "\
Examples:
  eyechart tasks
      list the built-in tasks and where their data comes from
  eyechart tasks show vlm-benchmarks/arxivqa
      print the file of a task, to copy from
  eyechart tasks show charts.toml --sample c-7
      print the request that a run would send for one sample";

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
    output::result(&(wrapped(&text, output::width(), 8) + "\n"));
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
    let line = match figure_ids(&loaded.task).as_slice() {
        [] => format!("{name}: answers are recorded and not scored"),
        ids => format!("{name}: {}", ids.join(", ")),
    };
    wrapped(&line, output::width(), 2) + "\n"
}

impl Show {
    fn call(self) -> anyhow::Result<Exit> {
        self.network.apply()?;
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
        // A run stores pictures that are re-encoded beside its folder. There is no run here.
        let store = tempfile::tempdir()?;
        let http = HttpSettings {
            timeout: Duration::from_secs(1),
            connections: 1,
            headers: Vec::new(),
            query: Vec::new(),
            certificates: Certificates::Verified,
            log: None,
        };
        let provider = Provider::new(&endpoint, protocol, None, &http, RetryPolicy { max_retries: 0 });
        let setup = AskingSetup {
            provider: provider?,
            limits: GateSettings::default(),
            start: StartRules::default(),
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
        output::progress(&format!("POST {}", preview.url));
        output::result(&format!("{}\n", preview.body));
        Ok(())
    }

    /// The given address. A model without a known address gets that of [`ANY_MODEL`], because nothing is sent.
    fn address_of(&self, model: &str) -> anyhow::Result<Option<&str>> {
        let name: ModelName = model.parse()?;
        if self.base_url.is_some() || name.base_url(None).is_ok() {
            return Ok(self.base_url.as_deref());
        }
        output::notice(&format!("without --base-url the address shown is {}", ANY_MODEL.1));
        Ok(Some(ANY_MODEL.1))
    }

    fn endpoint(&self, loaded: &LoadedTask) -> anyhow::Result<Endpoint> {
        let (model, base_url) = match &self.model {
            Some(model) => (model.as_str(), self.address_of(model)?),
            None => {
                output::notice("without --model the request has MODEL in place of its name");
                (ANY_MODEL.0, Some(ANY_MODEL.1))
            }
        };
        let name: ModelName = model.parse()?;
        anyhow::ensure!(name.provider != "recorded", "{model} replays recorded answers: nothing is sent");
        let settings = Settings {
            base_url: base_url.map(str::to_owned),
            params: self.request.param.clone(),
            headers: self.request.header.clone(),
            query: self.request.query.clone(),
            ..Settings::default()
        };
        let endpoint = settings.endpoint(name)?;
        let params = request_fields(&loaded.task.generation, &endpoint.params, &self.request.drop_param)?;
        Ok(Endpoint { params, ..endpoint })
    }
}
