//! `eyechart run`: the main job.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::log::RunFolder;
use eyechart::provider::{ApiKey, Gate, HttpSettings, ModelName, Provider, RetryPolicy};
use eyechart::report::{Entry, Format, render};
use eyechart::run::{
    AnswersFrom, Ended, Job, Live, Plan, RunError, RunOptions, execute, find_matching, options_of, plan,
    refuse_differences,
};
use eyechart::task::{LoadedTask, load};
use eyechart::types::{Answers, Endpoint, Execution};
use serde_json::{Map, Value};

use super::encoder::{EncoderArguments, LazyEncoder};
use super::interrupt::Interrupt;
use super::progress::RunProgress;
use super::score::{notice_bad_lines, score_run};
use super::{Exit, output};

const MAX_CONNECTIONS: usize = 32;
const MAX_RETRIES: u32 = 5;
const TIMEOUT: f64 = 120.0;

/// Ask a model about every sample of a task, record, score, show
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Built-in tasks, suites, or paths of TOML files (`eyechart tasks` lists what is built in)
    #[arg(required_unless_present = "resume", value_name = "TASK")]
    tasks: Vec<String>,

    /// PROVIDER/NAME: a preset (openai, mistral, openrouter, gemini, together, tune, ollama, vllm, lmstudio), any
    /// name with --base-url, or recorded/COLUMN to replay a column of the dataset
    #[arg(long, required_unless_present = "resume", value_name = "PROVIDER/NAME")]
    model: Option<String>,

    /// The endpoint's address, before /chat/completions
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// The folder that holds the dataset; for a suite, the folder that holds a folder for each
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Score these outputs, lines of {"id": …, "output": …}, instead of asking; --model then only names them
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "base_url")]
    outputs: Option<PathBuf>,

    /// Samples to ask [default: the task's own number, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,

    /// Which samples: the same seed picks the same ones everywhere
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    request: RequestArguments,

    #[command(flatten)]
    going: GoingArguments,

    /// Where runs are recorded, each in a folder of its own
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Go on with a run: its folder (alone, or with its command line repeated), or a folder of runs
    #[arg(long, value_name = "PATH")]
    resume: Option<PathBuf>,

    #[command(flatten)]
    encoder: EncoderArguments,

    #[command(flatten)]
    showing: ShowingArguments,
}

/// What is sent besides prompt and pictures.
#[derive(Debug, Args)]
struct RequestArguments {
    /// Add or override a request field, such as max_tokens=1024
    #[arg(long, value_name = "KEY=JSON", value_parser = parse_param)]
    param: Vec<(String, Value)>,

    /// Leave a request field out: newer models refuse max_tokens or temperature
    #[arg(long, value_name = "KEY")]
    drop_param: Vec<String>,

    /// Send a header; its value is never recorded
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header)]
    header: Vec<(String, String)>,
}

/// How the run goes about it. Free to differ on resume.
#[derive(Debug, Args)]
struct GoingArguments {
    /// Requests under way at once, at most [default: 32]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    max_connections: Option<usize>,

    /// Requests after the first that a sample may cost [default: 5]
    #[arg(long, value_name = "N")]
    max_retries: Option<u32>,

    /// Seconds an attempt may take [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    timeout: Option<f64>,

    /// Store every picture sent beside the runs, not only those that exist nowhere else
    #[arg(long)]
    keep_images: bool,
}

/// What happens with the answers.
#[derive(Debug, Args)]
struct ShowingArguments {
    /// Record only; `eyechart score` scores later
    #[arg(long)]
    no_score: bool,

    /// How to write the figures
    #[arg(long, value_enum, default_value_t = RunFormat::Table)]
    format: RunFormat,

    /// Share of failed samples, from 0 to 1, up to which the exit code is 0
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = parse_rate)]
    fail_on_error: f64,
}

const EXAMPLES: &str = "\
Examples:
  eyechart run vlm-benchmarks --model mistral/pixtral-12b-2409 --data data
  eyechart run charts.toml --model custom/my-model --base-url http://localhost:8000/v1 --limit 50
  eyechart run visit-bench-multi --model recorded/gpt4_prediction --data visit
  eyechart run --resume runs/20261124T101500Z-charts-custom-my-model-3f9a2b

Ctrl-C once finishes and records what is in flight; twice stops at once. Nothing recorded is lost.";

/// How a run's figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// For people
    Table,
    /// For machines
    Json,
}

impl From<RunFormat> for Format {
    fn from(format: RunFormat) -> Self {
        match format {
            RunFormat::Table => Self::Table,
            RunFormat::Json => Self::Json,
        }
    }
}

/// A task with everything it needs to be carried out.
struct Planned {
    plan: Plan,
    /// The run it goes on as; a new one, if absent.
    job: Option<Job>,
}

impl Run {
    pub fn call(self) -> anyhow::Result<Exit> {
        let interrupt = Interrupt::listen()?;
        let entries = if self.showing.no_score {
            self.record(&interrupt)?
        } else {
            // Found before the first request: a night's answers must not wait for it in the morning.
            self.measure(&interrupt, &self.encoder.lazy()?)?
        };
        let Some(entries) = entries else { return Ok(Exit::Interrupted) };
        output::result(&render(&entries, self.showing.format.into()));
        for entry in &entries {
            output::say(&format!("record: {}", entry.folder.display()));
        }
        Ok(self.exit(&entries))
    }

    /// Asks, records and scores, task after task; `None` where Ctrl-C came first.
    pub fn measure(
        &self,
        interrupt: &Interrupt,
        encoder: &LazyEncoder,
    ) -> anyhow::Result<Option<Vec<Entry>>> {
        self.each_task(interrupt, |folder| score_run(folder, encoder.get()?))
    }

    fn record(&self, interrupt: &Interrupt) -> anyhow::Result<Option<Vec<Entry>>> {
        self.each_task(interrupt, unscored)
    }

    fn each_task(
        &self,
        interrupt: &Interrupt,
        show: impl Fn(&RunFolder) -> anyhow::Result<Entry>,
    ) -> anyhow::Result<Option<Vec<Entry>>> {
        // Everything that can be wrong with any task is found before the first request of the first.
        let planned = self.planned()?;
        let keys =
            planned.iter().map(|planned| self.key(&planned.plan)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut entries = Vec::new();
        for (planned, key) in planned.into_iter().zip(keys) {
            let Some(folder) = self.carry_out(planned, key, interrupt)? else { return Ok(None) };
            entries.push(show(&folder)?);
        }
        Ok(Some(entries))
    }

    fn exit(&self, entries: &[Entry]) -> Exit {
        let (failed, total) = entries.iter().fold((0, 0), |(failed, total), entry| {
            (failed + entry.results.samples.failed, total + entry.results.samples.total)
        });
        if failed as f64 > self.showing.fail_on_error * total as f64 {
            Exit::SamplesFailed
        } else {
            Exit::Success
        }
    }

    fn planned(&self) -> anyhow::Result<Vec<Planned>> {
        if let (Some(path), true) = (&self.resume, self.tasks.is_empty() && self.model.is_none()) {
            return Ok(vec![self.resumed_alone(RunFolder::open(path)?)?]);
        }
        let mut planned = Vec::new();
        for loaded in self.loaded()? {
            let plan = plan(&loaded, &self.options()?)?;
            plan.notices.iter().for_each(|text| output::notice(text));
            let job = self.job(&plan)?;
            planned.push(Planned { plan, job });
        }
        Ok(planned)
    }

    fn loaded(&self) -> anyhow::Result<Vec<LoadedTask>> {
        let mut tasks = Vec::new();
        for name in &self.tasks {
            tasks.extend(load(name)?);
        }
        anyhow::ensure!(!tasks.is_empty(), "no task given: `eyechart tasks` lists what is built in");
        Ok(tasks)
    }

    /// The run that `--resume` says to go on with, if it says one.
    fn job(&self, plan: &Plan) -> anyhow::Result<Option<Job>> {
        let Some(path) = &self.resume else { return Ok(None) };
        if let Ok(folder) = RunFolder::open(path) {
            refuse_differences(&folder, &folder.spec()?, plan)?;
            return Ok(Some(Job::resume(folder, &plan.spec)?));
        }
        Ok(find_matching(path, plan)?)
    }

    /// With nothing but the run's folder: its spec has the rest.
    fn resumed_alone(&self, folder: RunFolder) -> anyhow::Result<Planned> {
        let spec = folder.spec()?;
        let loaded = LoadedTask::parse(&spec.task.name, spec.task.text.clone(), None)?;
        let mut options = options_of(&spec, &loaded.task);
        if let Some(data) = &self.data {
            options.data = Some(data.clone());
        }
        options.execution = self.going.over(spec.execution);
        let plan = plan(&loaded, &options)?;
        refuse_differences(&folder, &spec, &plan)?;
        let job = Some(Job::resume(folder, &plan.spec)?);
        Ok(Planned { plan, job })
    }

    fn options(&self) -> anyhow::Result<RunOptions> {
        let model = self.model.clone().unwrap_or_default();
        let defaults = Execution {
            max_connections: MAX_CONNECTIONS,
            max_retries: MAX_RETRIES,
            timeout: TIMEOUT,
            keep_images: false,
        };
        Ok(RunOptions {
            answers: self.answers(&model)?,
            model,
            data: self.data.clone(),
            limit: self.limit,
            seed: self.seed,
            execution: self.going.over(defaults),
        })
    }

    fn answers(&self, model: &str) -> anyhow::Result<AnswersFrom> {
        if let Some(path) = &self.outputs {
            anyhow::ensure!(!model.is_empty(), "--model is empty: it names the outputs in the report");
            return Ok(AnswersFrom::Outputs(path.clone()));
        }
        let name: ModelName = model.parse()?;
        if name.provider == "recorded" {
            return Ok(AnswersFrom::Column(name.model));
        }
        let endpoint = Endpoint {
            base_url: name.base_url(self.base_url.as_deref())?,
            key_variable: Some(name.key_variable().to_owned()),
            headers: self.request.header.iter().map(|(name, _)| name.clone()).collect(),
            params: self.request.param.iter().cloned().collect::<Map<_, _>>(),
            provider: name.provider,
            model: name.model,
        };
        Ok(AnswersFrom::Endpoint { endpoint, dropped: self.request.drop_param.clone() })
    }

    /// The key that `plan` needs; none for recorded answers.
    fn key(&self, plan: &Plan) -> anyhow::Result<Option<ApiKey>> {
        let Answers::Endpoint(endpoint) = &plan.spec.answers else { return Ok(None) };
        let name: ModelName = plan.spec.model.parse()?;
        let variable = name.key_variable();
        let own_address = name.base_url(None).ok().as_ref() != Some(&endpoint.base_url);
        let authorized = endpoint.headers.iter().any(|header| header.eq_ignore_ascii_case("authorization"));
        let required = name.key_required(own_address) && !authorized;
        Ok(ApiKey::check(variable, std::env::var(variable).ok(), required)?)
    }

    /// Gets the answers; `None` where Ctrl-C came first.
    fn carry_out(
        &self,
        planned: Planned,
        key: Option<ApiKey>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Option<RunFolder>> {
        let Planned { plan, job } = planned;
        let job = match job {
            Some(job) => job,
            None => Job::create(&self.out, &plan)?,
        };
        let task = plan.spec.task.name.clone();
        notice_bad_lines(&job.folder, &job.bad_lines);
        if job.to_ask.is_empty() {
            output::say(&format!("{task}: finished already in {}", job.folder.path().display()));
            return Ok(Some(job.folder));
        }
        let count = job.to_ask.len();
        let already =
            if job.already > 0 { format!(" ({} recorded already)", job.already) } else { String::new() };
        output::say(&format!("{task}: {count} samples{already} with {}", plan.spec.model));
        let live = self.live(&plan, &job, key)?;
        let progress = RunProgress::default();
        let ended = interrupt.while_asking(|| execute(plan, &job, live, &interrupt.stop(), &progress));
        if interrupt.ordered() || matches!(ended, Err(RunError::Halt(_) | RunError::Log(_))) {
            output::say(&format!("to go on: eyechart run --resume {}", job.folder.path().display()));
        }
        match ended? {
            Ended::Interrupted => Ok(None),
            Ended::Finished if interrupt.ordered() => Ok(None),
            Ended::Finished => Ok(Some(job.folder)),
        }
    }

    fn live(&self, plan: &Plan, job: &Job, key: Option<ApiKey>) -> anyhow::Result<Option<Live>> {
        let Answers::Endpoint(endpoint) = &plan.spec.answers else { return Ok(None) };
        let execution = plan.spec.execution;
        let headers = self.request.header.clone();
        if let Some(missing) =
            endpoint.headers.iter().find(|name| !headers.iter().any(|(given, _)| given == *name))
        {
            anyhow::bail!(
                "the run was made with --header {missing}, whose value is never recorded: give it again"
            );
        }
        let http = HttpSettings {
            timeout: std::time::Duration::try_from_secs_f64(execution.timeout)?,
            connections: execution.max_connections,
            headers,
        };
        let policy = RetryPolicy { max_retries: execution.max_retries };
        let provider = Provider::new(endpoint, key, &http, policy).map_err(anyhow::Error::msg)?;
        Ok(Some(Live {
            provider,
            gate: Gate::new(execution.max_connections),
            images: plan.task.images.clone(),
            store: job.folder.images_path(),
            keep_images: execution.keep_images,
        }))
    }
}

impl GoingArguments {
    fn over(&self, execution: Execution) -> Execution {
        Execution {
            max_connections: self.max_connections.unwrap_or(execution.max_connections),
            max_retries: self.max_retries.unwrap_or(execution.max_retries),
            timeout: self.timeout.unwrap_or(execution.timeout),
            keep_images: self.keep_images || execution.keep_images,
        }
    }
}

/// A run that is recorded only: its counts and its speed are known all the same.
fn unscored(folder: &RunFolder) -> anyhow::Result<Entry> {
    let (spec, task) = (folder.spec()?, eyechart::score::task_of(folder)?);
    let results = eyechart::analyze::analyze(&spec, &task, &folder.record()?.samples, &[]);
    Ok(Entry { folder: folder.path().to_owned(), results, task })
}

fn parse_param(text: &str) -> Result<(String, Value), String> {
    let (key, json) = text.split_once('=').ok_or("expected KEY=JSON, such as max_tokens=1024")?;
    let value = serde_json::from_str(json)
        .map_err(|error| format!("{json:?} is no JSON ({error}); a text needs quotes: {key}='\"text\"'"))?;
    Ok((key.to_owned(), value))
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("expected a whole number from 1 up".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("expected a number of seconds above 0, at most 86400".to_owned()),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("expected a share from 0 to 1".to_owned()),
    }
}
