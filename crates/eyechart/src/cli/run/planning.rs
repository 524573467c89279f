//! From the command line to plans: what would be asked, of whom, and as which run. Nothing is sent or written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eyechart::log::RunFolder;
use eyechart::provider::{ApiKey, HttpSettings, MOST_CONNECTIONS, ModelName, Provider, RetryPolicy};
use eyechart::run::{
    AnswersFrom, Job, Plan, RunError, RunOptions, find_matching, options_of, plan, refuse_differences,
};
use eyechart::scorer::Scorer;
use eyechart::task::{DataAccess, LoadedTask, load};
use eyechart::types::{Answers, Connections, Control, Endpoint, EvalSpec, Execution, Price};

use super::super::fetching::{FETCHES, FetchProgress, web_for};
use super::super::output;
use super::Run;

/// A task with everything it needs to be carried out.
pub struct Planned {
    pub(super) plan: Plan,
    /// The run it goes on as; a new one, if absent.
    pub(super) job: Option<Job>,
    /// Who is asked; nobody where the answers exist already, or in a dry run.
    pub(super) provider: Option<Provider>,
}

impl Planned {
    /// Fetches what the samples that are left to ask need, and exchanges their pictures where the run is shuffled.
    fn bring(&mut self, allow_private_urls: bool) -> anyhow::Result<()> {
        let is_shuffled = self.plan.spec.control == Some(Control::ShuffleImages) && !self.to_ask().is_empty();
        let picked = &self.plan.spec.picked;
        // The exchange is among all picked samples, so that a resumed run goes on with the same one.
        let needed = match &self.job {
            Some(job) if !is_shuffled => &job.to_ask,
            _ => picked,
        };
        let brought = self.plan.dataset.bring(needed, &FetchProgress::default());
        brought.map_err(RunError::Config)?;
        if let Some(preparer) = self.tryer().filter(|_| is_shuffled) {
            let (name, count) = (&self.plan.spec.task.name, self.plan.spec.picked.len());
            output::say(&format!("{name}: comparing the pictures of {count} samples"));
            let web = web_for(&self.plan.task, allow_private_urls)?.map(Arc::new);
            self.plan.exchange_pictures(&preparer, web.as_ref(), FETCHES)?;
        }
        Ok(())
    }

    /// Whether there is anything to score.
    pub(super) fn scores(&self) -> bool {
        !self.plan.task.score.is_empty()
    }

    /// The programs that score, each with its arguments.
    pub(super) fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.plan.spec.commands.iter().map(|command| command.argv.as_slice())
    }

    /// Whether scoring takes an encoder.
    pub(super) fn needs_encoder(&self) -> bool {
        let scorers = self.plan.task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
        scorers.into_iter().any(|scorer| scorer.needs_encoder())
    }
}

impl Run {
    /// The plan of each task, with all that its samples need on this machine: a night's run must not wait for the Hub.
    pub fn planned(&self) -> anyhow::Result<Vec<Planned>> {
        let mut planned = self.plans()?;
        planned.iter_mut().try_for_each(|planned| planned.bring(self.going.allow_private_urls))?;
        Ok(planned)
    }

    fn plans(&self) -> anyhow::Result<Vec<Planned>> {
        if let (Some(path), true) = (&self.resume, self.tasks.is_empty()) {
            return Ok(vec![self.resumed_alone(&open_run(path)?)?]);
        }
        let mut planned = Vec::new();
        for loaded in self.loaded()? {
            let plan = plan(&loaded, &self.options(&loaded)?, &FetchProgress::default())?;
            plan.notices.iter().for_each(|text| output::notice(text));
            loaded.hint().iter().for_each(|text| output::hint(text));
            let job = self.job(&plan)?;
            planned.push(self.with_provider(plan, job)?);
        }
        Ok(planned)
    }

    fn control(&self) -> Option<Control> {
        self.control.map(Control::from)
    }

    /// The folder that holds the runs.
    pub(super) fn out(&self) -> PathBuf {
        let resumed = self.resume.clone().filter(|path| RunFolder::open(path).is_err());
        self.out.clone().or(resumed).unwrap_or_else(|| PathBuf::from("runs"))
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

    /// Without a task: the run's spec has what the command line does not say. What it does say must agree.
    fn resumed_alone(&self, folder: &RunFolder) -> anyhow::Result<Planned> {
        let spec = folder.spec()?;
        let loaded = LoadedTask::recorded(&spec.task)?;
        let recorded = options_of(&spec, &loaded.task);
        let (model, answers) =
            (self.model.clone().unwrap_or(recorded.model), self.answers_over(recorded.answers)?);
        let options = RunOptions {
            price: self.price(&model, &answers, recorded.price)?,
            model,
            label: self.label.clone().or(recorded.label),
            control: self.control().or(recorded.control),
            answers,
            data: self.access(recorded.data),
            limit: self.limit.or(recorded.limit),
            seed: self.seed.unwrap_or(recorded.seed),
            images: self.images.given().or(recorded.images),
            execution: self.budget.over(self.going.over(spec.execution)),
        };
        let plan = plan(&loaded, &options, &FetchProgress::default())?;
        plan.notices.iter().for_each(|text| output::notice(text));
        refuse_differences(folder, &spec, &plan)?;
        let job = Some(Job::resume(folder.clone(), &plan.spec)?);
        self.with_provider(plan, job)
    }

    /// Where the data may be taken from: what the command line says, over what the run to go on with has.
    fn access(&self, recorded: DataAccess) -> DataAccess {
        DataAccess {
            folder: self.data.clone().or(recorded.folder),
            allow_private_urls: self.going.allow_private_urls,
            ..DataAccess { recorded: recorded.recorded, ..DataAccess::new(None) }
        }
    }

    /// The version of the data that the run to go on with was made of, so that a Hub that moved on is no obstacle.
    fn recorded(&self, loaded: &LoadedTask) -> anyhow::Result<DataAccess> {
        let Some(path) = &self.resume else { return Ok(DataAccess::default()) };
        let specs = match RunFolder::open(path) {
            Ok(folder) => vec![folder.spec()],
            Err(_) => RunFolder::all_under(path)?.iter().rev().map(RunFolder::spec).collect(),
        };
        let is_it = |spec: &EvalSpec| {
            spec.task.sha256 == loaded.source.sha256 && Some(&spec.model) == self.model.as_ref()
        };
        let origin = specs.into_iter().flatten().find(is_it).and_then(|spec| spec.data.origin);
        Ok(DataAccess { recorded: origin, ..DataAccess::default() })
    }

    fn options(&self, loaded: &LoadedTask) -> anyhow::Result<RunOptions> {
        let model = self.model.clone().ok_or_else(|| {
            anyhow::anyhow!("no --model given: expected PROVIDER/NAME, such as mistral/pixtral-12b-2409")
        })?;
        let answers = self.answers(&model)?;
        Ok(RunOptions {
            price: self.price(&model, &answers, None)?,
            answers,
            model,
            label: self.label.clone(),
            control: self.control(),
            data: self.access(self.recorded(loaded)?),
            limit: self.limit,
            seed: self.seed.unwrap_or(0),
            images: self.images.given(),
            execution: self.budget.over(self.going.over(Execution::default())),
        })
    }

    /// What the command line says of where answers come from, over what the run has.
    fn answers_over(&self, recorded: AnswersFrom) -> anyhow::Result<AnswersFrom> {
        if self.outputs.is_some() {
            return self.answers(self.model.as_deref().unwrap_or("outputs"));
        }
        let AnswersFrom::Endpoint { mut endpoint, mut dropped } = recorded else {
            return self.model.as_deref().map_or(Ok(recorded), |model| self.answers(model));
        };
        if let Some(given) = &self.base_url {
            endpoint.base_url = ModelName::custom(&endpoint.model).base_url(Some(given))?;
        }
        if let Some(given) = &self.model {
            endpoint.model = given.parse::<ModelName>()?.model;
        }
        endpoint.params.extend(self.request.param.iter().cloned());
        dropped.extend(self.request.drop_param.iter().cloned());
        if !self.request.header.is_empty() {
            endpoint.headers = self.request.header_names();
        }
        Ok(AnswersFrom::Endpoint { endpoint, dropped })
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
        let endpoint = self.request.endpoint(name, self.base_url.as_deref())?;
        Ok(AnswersFrom::Endpoint { endpoint, dropped: self.request.drop_param.clone() })
    }

    /// What asking costs, where anybody is asked.
    fn price(
        &self,
        model: &str,
        answers: &AnswersFrom,
        recorded: Option<Price>,
    ) -> anyhow::Result<Option<Price>> {
        let AnswersFrom::Endpoint { endpoint, .. } = answers else { return Ok(None) };
        Ok(self.budget.price(model, recorded, is_at_preset(&model.parse()?, endpoint))?)
    }

    fn with_provider(&self, plan: Plan, job: Option<Job>) -> anyhow::Result<Planned> {
        let provider = match &plan.spec.answers {
            Answers::Endpoint(endpoint) if !self.dry_run => Some(self.provider(&plan, endpoint)?),
            _ => None,
        };
        Ok(Planned { plan, job, provider })
    }

    fn provider(&self, plan: &Plan, endpoint: &Endpoint) -> anyhow::Result<Provider> {
        let execution = plan.spec.execution;
        let headers = self.request.header.clone();
        let is_given = |name: &&String| headers.iter().any(|given| given.name == **name);
        if let Some(missing) = endpoint.headers.iter().find(|name| !is_given(name)) {
            anyhow::bail!(
                "the run was made with --header {missing}, whose value is never recorded: give it again"
            );
        }
        let http = HttpSettings {
            timeout: Duration::try_from_secs_f64(execution.timeout)?,
            connections: match execution.max_connections {
                Connections::Auto => MOST_CONNECTIONS,
                Connections::Fixed(limit) => limit,
            },
            headers,
            log: self.going.log()?,
        };
        let policy = RetryPolicy { max_retries: execution.max_retries };
        let key = key_for(&plan.spec.model, endpoint)?;
        Provider::new(endpoint, key, &http, policy).map_err(anyhow::Error::msg)
    }
}

/// The key that an endpoint needs; none where none is set and none is needed.
pub(super) fn key_for(model: &str, endpoint: &Endpoint) -> anyhow::Result<Option<ApiKey>> {
    let name: ModelName = model.parse()?;
    let variable = name.key_variable();
    let authorized = endpoint.headers.iter().any(|header| header.eq_ignore_ascii_case("authorization"));
    let required = name.key_required(!is_at_preset(&name, endpoint)) && !authorized;
    Ok(ApiKey::check(variable, std::env::var(variable).ok(), required)?)
}

/// Whether the endpoint is at the address that the provider's preset has.
fn is_at_preset(name: &ModelName, endpoint: &Endpoint) -> bool {
    name.base_url(None).is_ok_and(|address| address == endpoint.base_url)
}

/// The run that `--resume` names alone.
fn open_run(path: &Path) -> anyhow::Result<RunFolder> {
    RunFolder::open(path).map_err(|error| match RunFolder::all_under(path) {
        Ok(runs) if !runs.is_empty() => anyhow::anyhow!(
            "{} holds {} runs: name one of them, or the tasks and the model to go on with (run TASK --model M --resume {})",
            path.display(),
            runs.len(),
            path.display()
        ),
        _ => error.into(),
    })
}
