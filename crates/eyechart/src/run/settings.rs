//! The settings of a run, merged with those that a resumed run has recorded.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::planned::PlannedRun;
use super::prices::Prices;
use super::{
    AnswersFrom, Job, Plan, RunError, RunOptions, find_matching, options_of, plan, refuse_differences,
    refuse_insecure,
};
use crate::provider::{Header, HttpLog, ModelName, Protocol, ProviderError, QueryParameter, protocol};
use crate::record::{RunFolder, name_one_of};
use crate::task::{DataAccess, LoadedTask};
use crate::types::{
    Answers, Budget, Connections, Control, Endpoint, Epoch, EvalSpec, Execution, ImagesOverride, Price,
    Progress,
};

/// The settings of a run besides its task. A setting that is absent comes from the resumed run, else from the task or the
/// defaults.
///
/// ```
/// let settings = eyechart::run::Settings {
///     model: Some("custom/my-model".to_owned()),
///     base_url: Some("http://localhost:8000/v1".to_owned()),
///     limit: Some(50),
///     ..Default::default()
/// };
/// ```
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The model's name, `provider/name`. Required for a new run.
    pub model: Option<String>,
    /// The address of the endpoint, before `/chat/completions`; that of the provider, if absent.
    pub base_url: Option<String>,
    /// A file of outputs that are scored. No request is sent then.
    pub outputs: Option<PathBuf>,
    /// A text that tells this run from other runs of the same model.
    pub label: Option<String>,
    /// The change of what is sent, if the run is a control.
    pub control: Option<Control>,
    /// Number of samples to pick. If absent, the number of the task, or all samples.
    pub limit: Option<usize>,
    /// How often each sample is asked, from 1 to [`EvalSpec::MOST_EPOCHS`]. If absent, as often as the outputs have answers,
    /// else once.
    pub epochs: Option<Epoch>,
    /// Determines which samples are picked; 0, if absent.
    pub seed: Option<u64>,
    /// Request fields that take precedence over those of the task.
    pub params: Vec<(String, Value)>,
    /// Request fields that are not sent.
    pub dropped_params: Vec<String>,
    /// Additional headers. Their values are never recorded.
    pub headers: Vec<Header>,
    /// Parameters of the query of every request. Their values are never recorded.
    pub query: Vec<QueryParameter>,
    /// Changes of the task's `[images]`.
    pub images: ImagesOverride,
    /// How the run sends its requests, and its budget.
    pub execution: ExecutionSettings,
    /// When the run begins, and what its first replies must be.
    pub start: StartRules,
    /// A table of prices that takes precedence over the built-in one.
    pub prices: Option<PathBuf>,
    /// The folder that holds the dataset.
    pub data: Option<PathBuf>,
    /// Whether data and pictures may be fetched from addresses that are not public.
    pub allow_private_urls: bool,
    /// The folder in which runs are recorded; that of the runs to resume, else `runs`, if absent.
    pub out: Option<PathBuf>,
    /// Whether the key may be sent to the address that the run to resume has recorded, whatever it is.
    pub trusts_recorded_address: bool,
    /// A run to resume, or a folder of runs.
    pub resume: Option<PathBuf>,
    /// The wire protocol of the endpoint; that of the provider or of the run to resume, if absent.
    pub protocol: Option<&'static dyn Protocol>,
    /// The API key; the environment variable of the provider is read, if absent.
    pub api_key: Option<String>,
    /// Where requests and replies are logged.
    pub log: Option<Arc<HttpLog>>,
    /// Whether the run is only inspected. Then no key is needed, nothing is written, and the run cannot be started.
    pub is_dry_run: bool,
}

/// When a run begins, and what its first replies must be. Not recorded: holds for one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartRules {
    /// Time in which the endpoint may start; if absent, it is not waited for.
    pub wait_for_endpoint: Option<Duration>,
    /// Number of samples that stop the run if they are its first ones and all fail with the same error; unlimited, if
    /// absent.
    pub stop_after_same_error: Option<usize>,
}

impl Default for StartRules {
    fn default() -> Self {
        Self { wait_for_endpoint: None, stop_after_same_error: Some(10) }
    }
}

/// How a run sends its requests, and its budget. These settings may differ when a run is resumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecutionSettings {
    /// Maximum number of requests in flight.
    pub max_connections: Option<Connections>,
    /// Maximum number of requests per minute.
    pub requests_per_minute: Option<f64>,
    /// Maximum number of tokens per minute.
    pub tokens_per_minute: Option<f64>,
    /// An endpoint that answers no request for this time stops the run. In seconds.
    pub give_up_after: Option<f64>,
    /// Maximum number of retries per sample.
    pub max_retries: Option<u32>,
    /// Maximum time of an attempt, in seconds.
    pub timeout: Option<f64>,
    /// Maximum memory of all prepared requests together, in bytes.
    pub max_request_memory: Option<u64>,
    /// Whether every picture that is sent is stored.
    pub keep_images: bool,
    /// Whether answers of earlier runs are reused and new ones are stored.
    pub cache: bool,
    /// Whether the endpoint's certificate is not verified. A resumed run does not inherit this setting.
    pub insecure: bool,
    /// Maximum cost, in US dollars.
    pub max_cost: Option<BudgetLimit<f64>>,
    /// Maximum number of tokens of prompts and answers.
    pub max_tokens: Option<BudgetLimit<u64>>,
    /// Maximum time, in seconds.
    pub max_seconds: Option<BudgetLimit<f64>>,
}

/// The setting of a limit of the budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BudgetLimit<T> {
    /// There is no limit, even if the resumed run has one.
    Unlimited,
    /// The limit.
    At(T),
}

impl<T> From<BudgetLimit<T>> for Option<T> {
    fn from(limit: BudgetLimit<T>) -> Self {
        match limit {
            BudgetLimit::Unlimited => None,
            BudgetLimit::At(value) => Some(value),
        }
    }
}

impl ExecutionSettings {
    /// `execution`, with these settings taking precedence.
    #[must_use]
    pub fn over(&self, execution: Execution) -> Execution {
        let recorded = execution.budget;
        Execution {
            max_connections: self.max_connections.unwrap_or(execution.max_connections),
            requests_per_minute: self.requests_per_minute.or(execution.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(execution.tokens_per_minute),
            give_up_after: self.give_up_after.unwrap_or(execution.give_up_after),
            max_retries: self.max_retries.unwrap_or(execution.max_retries),
            timeout: self.timeout.unwrap_or(execution.timeout),
            max_request_memory: self.max_request_memory.unwrap_or(execution.max_request_memory),
            keep_images: self.keep_images || execution.keep_images,
            cache: self.cache || execution.cache,
            insecure: self.insecure || execution.insecure,
            budget: Budget {
                cost: self.max_cost.map_or(recorded.cost, Option::from),
                tokens: self.max_tokens.map_or(recorded.tokens, Option::from),
                seconds: self.max_seconds.map_or(recorded.seconds, Option::from),
            },
        }
    }
}

impl Settings {
    /// Plans a run of `loaded`, or the rest of the run that [`Settings::resume`] names. Reads the data. Sends no request to
    /// the model, and writes only caches.
    ///
    /// # Errors
    /// [`RunError`] if the settings contradict each other, the data cannot be read, or the run to resume is another
    /// measurement.
    pub fn plan(&self, loaded: &LoadedTask, progress: &dyn Progress) -> Result<PlannedRun, RunError> {
        let options = self.options(loaded)?;
        let mut plan = plan(loaded, &options, progress)?;
        let job = self.job(&plan)?;
        match &job {
            Some(job) => {
                let recorded = job.folder.spec()?;
                refuse_insecure(&recorded, self.execution.insecure)?;
                plan.continue_as(&recorded);
                plan.spec.execution = self.execution.over(recorded.execution);
                plan.spec.price = self.price(&options.model, &options.answers, recorded.price)?;
            }
            None => {
                let is_asked = matches!(plan.spec.answers, Answers::Endpoint(_));
                let sends_pictures = is_asked && plan.spec.control != Some(Control::NoImages);
                plan.notices.extend(sends_pictures.then(|| loaded.place_note()).flatten());
            }
        }
        PlannedRun::new(plan, job, self)
    }

    /// Plans the rest of the run in `folder` from its spec. These settings must agree with the spec.
    ///
    /// # Errors
    /// [`RunError`] as for [`Settings::plan`].
    pub fn plan_rest(&self, folder: &RunFolder, progress: &dyn Progress) -> Result<PlannedRun, RunError> {
        let spec = folder.spec()?;
        refuse_insecure(&spec, self.execution.insecure)?;
        let loaded = LoadedTask::recorded(&spec.task)?;
        let recorded = options_of(&spec, &loaded.task);
        let (model, answers) =
            (self.model.clone().unwrap_or(recorded.model), self.answers_over(recorded.answers)?);
        let options = RunOptions {
            price: self.price(&model, &answers, recorded.price)?,
            model,
            label: self.label.clone().or(recorded.label),
            control: self.control.or(recorded.control),
            answers,
            data: self.access(recorded.data),
            limit: self.limit.or(recorded.limit),
            epochs: self.epochs.or(recorded.epochs),
            seed: self.seed.unwrap_or(recorded.seed),
            images: self.images.or(recorded.images),
            execution: self.execution.over(spec.execution),
        };
        let mut plan = plan(&loaded, &options, progress)?;
        refuse_differences(folder, &spec, &plan)?;
        plan.continue_as(&spec);
        let job = Some(self.job_in(folder.clone(), &plan.spec)?);
        Ok(PlannedRun::new(plan, job, self)?.of_recorded_address(self))
    }

    /// The folder in which runs are recorded.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        let resumed = self.resume.clone().filter(|path| RunFolder::open(path).is_err());
        self.out.clone().or(resumed).unwrap_or_else(|| PathBuf::from("runs"))
    }

    /// The run to resume, if these settings name one.
    fn job(&self, plan: &Plan) -> Result<Option<Job>, RunError> {
        let Some(path) = &self.resume else { return Ok(None) };
        if let Ok(folder) = RunFolder::open(path) {
            refuse_differences(&folder, &folder.spec()?, plan)?;
            return Ok(Some(self.job_in(folder, &plan.spec)?));
        }
        let Some(folder) = find_matching(path, plan)? else { return Ok(None) };
        self.job_in(folder, &plan.spec).map(Some)
    }

    /// The rest of the run in `folder`. A dry run writes nothing, so it takes no lock.
    fn job_in(&self, folder: RunFolder, spec: &EvalSpec) -> Result<Job, RunError> {
        if self.is_dry_run { Job::look_at(folder, spec) } else { Job::resume(folder, spec) }
    }

    /// Where the data may come from: these settings take precedence over the resumed run.
    fn access(&self, recorded: DataAccess) -> DataAccess {
        DataAccess {
            folder: self.data.clone().or(recorded.folder),
            allow_private_urls: self.allow_private_urls,
            ..DataAccess { recorded: recorded.recorded, ..DataAccess::new(None) }
        }
    }

    /// The version of the data of the resumed run, so that the run can be resumed after the Hub has a newer version.
    fn recorded(&self, loaded: &LoadedTask) -> Result<DataAccess, RunError> {
        let Some(path) = &self.resume else { return Ok(DataAccess::default()) };
        let specs = match RunFolder::open(path) {
            Ok(folder) => vec![folder.spec()],
            Err(_) => RunFolder::all_under(path)?.iter().rev().map(RunFolder::spec).collect(),
        };
        let is_it =
            |spec: &EvalSpec| spec.is_of(&loaded.source) && Some(&spec.model) == self.model_name().as_ref();
        let origin = specs.into_iter().flatten().find(is_it).and_then(|spec| spec.data.origin);
        Ok(DataAccess { recorded: origin, ..DataAccess::default() })
    }

    fn options(&self, loaded: &LoadedTask) -> Result<RunOptions, RunError> {
        let missing = "no --model given: expected PROVIDER/NAME, such as mistral/pixtral-12b-2409";
        let model = self.model_name().ok_or_else(|| RunError::Config(missing.to_owned()))?;
        let answers = self.answers(&model)?;
        Ok(RunOptions {
            price: self.price(&model, &answers, None)?,
            answers,
            model,
            label: self.label.clone(),
            control: self.control,
            data: self.access(self.recorded(loaded)?),
            limit: self.limit,
            epochs: self.epochs,
            seed: self.seed.unwrap_or(0),
            images: self.images,
            execution: self.execution.over(Execution::default()),
        })
    }

    /// Where the answers come from: these settings take precedence over the resumed run.
    fn answers_over(&self, recorded: AnswersFrom) -> Result<AnswersFrom, RunError> {
        if self.outputs.is_some() {
            return self.answers(self.model.as_deref().unwrap_or("outputs"));
        }
        let (mut endpoint, mut dropped) = match (recorded, self.model.as_deref()) {
            (AnswersFrom::Endpoint { endpoint, dropped }, _) => (endpoint, dropped),
            (AnswersFrom::Column(_), Some(model)) => return self.answers(model),
            // The model of outputs is any name; another one than the recorded one is a difference.
            (recorded, _) => return Ok(recorded),
        };
        if let Some(protocol) = self.protocol {
            endpoint.protocol = protocol.name().to_owned();
        }
        if let Some(given) = &self.base_url {
            endpoint.base_url = ModelName::custom(&endpoint.model).base_url(Some(given))?;
        }
        if let Some(given) = &self.model {
            endpoint.model = given.parse::<ModelName>()?.model;
        }
        endpoint.params.extend(self.params.iter().cloned());
        dropped.extend(self.dropped_params.iter().cloned());
        if !self.headers.is_empty() {
            endpoint.headers = self.header_names();
        }
        if !self.query.is_empty() {
            endpoint.query = self.query_names();
        }
        Ok(AnswersFrom::Endpoint { endpoint, dropped })
    }

    /// The model's name; for outputs without one, the name of their file without the extension.
    fn model_name(&self) -> Option<String> {
        let file = || Some(self.outputs.as_ref()?.file_stem()?.to_string_lossy().into_owned());
        self.model.clone().or_else(file)
    }

    fn answers(&self, model: &str) -> Result<AnswersFrom, RunError> {
        if let Some(path) = &self.outputs {
            if model.is_empty() {
                return Err(RunError::Config(
                    "--model is empty: it names the outputs in the report".to_owned(),
                ));
            }
            return Ok(AnswersFrom::Outputs(path.clone()));
        }
        let name: ModelName = model.parse()?;
        if name.provider == "recorded" {
            return Ok(AnswersFrom::Column(name.model));
        }
        Ok(AnswersFrom::Endpoint {
            endpoint: Box::new(self.endpoint(name)?),
            dropped: self.dropped_params.clone(),
        })
    }

    /// The endpoint of the model `name`, with the request fields and headers of these settings.
    ///
    /// # Errors
    /// [`RunError::Model`] if there is no address.
    pub fn endpoint(&self, name: ModelName) -> Result<Endpoint, RunError> {
        Ok(Endpoint {
            protocol: self.protocol.unwrap_or(name.protocol()).name().to_owned(),
            base_url: name.base_url(self.base_url.as_deref())?,
            key_variable: Some(name.key_variable().to_owned()),
            headers: self.header_names(),
            query: self.query_names(),
            params: self.params.iter().cloned().collect(),
            keeps_reasoning: false,
            provider: name.provider,
            model: name.model,
        })
    }

    /// The wire protocol of `endpoint`.
    ///
    /// # Errors
    /// [`RunError::Provider`] if neither these settings nor eyechart have a protocol of the recorded name.
    pub fn protocol_of(&self, endpoint: &Endpoint) -> Result<&'static dyn Protocol, RunError> {
        let given = self.protocol.filter(|protocol| protocol.name() == endpoint.protocol);
        let found = given.or_else(|| protocol::protocol(&endpoint.protocol));
        Ok(found.ok_or_else(|| ProviderError::UnknownProtocol { name: endpoint.protocol.clone() })?)
    }

    /// The names of the headers. Their values can be secrets.
    fn header_names(&self) -> Vec<String> {
        self.headers.iter().map(|header| header.name.clone()).collect()
    }

    fn query_names(&self) -> Vec<String> {
        self.query.iter().map(|parameter| parameter.name.clone()).collect()
    }

    /// The price of `model`: from the table of these settings, else as `recorded` by the resumed run, else from the built-in
    /// table, which holds only at the address of the provider.
    fn price(
        &self,
        model: &str,
        answers: &AnswersFrom,
        recorded: Option<Price>,
    ) -> Result<Option<Price>, RunError> {
        let AnswersFrom::Endpoint { endpoint, .. } = answers else { return Ok(None) };
        let is_own_address = is_at_preset(&model.parse()?, endpoint);
        let prices = Prices::load(self.prices.as_deref())?;
        Ok(prices.own(model).or(recorded).or_else(|| prices.find(model, is_own_address)))
    }
}

/// Whether the endpoint is at the address of its provider.
pub(super) fn is_at_preset(name: &ModelName, endpoint: &Endpoint) -> bool {
    name.base_url(None).is_ok_and(|address| address == endpoint.base_url)
}

/// The run in the folder `path`.
///
/// # Errors
/// [`RunError`] if `path` is not the folder of a run; for a folder of several runs, with the arguments that are missing.
pub fn one_run(path: &Path) -> Result<RunFolder, RunError> {
    RunFolder::open(path).map_err(|error| match RunFolder::all_under(path) {
        Ok(runs) if !runs.is_empty() => RunError::Config(format!(
            "{path} has {}, or the task and the model to resume (eyechart run TASK --model M --resume {path})",
            name_one_of(&runs),
            path = path.display()
        )),
        _ => error.into(),
    })
}
