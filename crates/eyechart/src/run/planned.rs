//! A planned run: its plan, the samples that are left to ask, and the client of the endpoint.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::settings::is_at_preset;
use super::{
    AskingSetup, Cache, DryRun, DryRunTools, Forecast, Job, Meter, Plan, RequestSizer, RunError, Settings,
    Spent, StartRules, dry_run, execute, forecast,
};
use crate::engine::{EndReason, Stop, Stopper};
use crate::hub::Environment;
use crate::image::Preparer;
use crate::net::Certificates;
use crate::provider::protocol::Parameter;
use crate::provider::{
    ApiKey, FIRST_REPLY_WITHIN, GateSettings, Header, HttpLog, HttpSettings, MOST_CONNECTIONS, ModelName,
    Protocol, Provider, QueryParameter, RetryPolicy, image_limits,
};
use crate::record::RunFolder;
use crate::scorer::Scorer;
use crate::text::counted;
use crate::types::{
    Answers, Connections, Control, Endpoint, EvalSpec, Execution, Observers, PickedSample, Progress, SendAs,
    Silent, Task, ToAsk,
};
use crate::web::{Web, WebSettings};

/// Maximum number of pictures that are fetched at once.
pub const FETCHES: usize = 32;
/// Number of samples that a forecast measures. A dry run measures all samples.
const MEASURED: usize = 20;

/// A run that can start.
pub struct PlannedRun {
    /// The plan.
    pub plan: Plan,
    /// The run that is resumed; absent for a new run.
    pub job: Option<Job>,
    /// The model at its endpoint; absent if the answers exist already, and in a dry run.
    pub(super) provider: Option<Provider>,
    connection: Connection,
    /// Whether only the record of the resumed run names the endpoint's address, and a secret would be sent there.
    pub(super) has_unconfirmed_address: bool,
}

/// The settings that are needed once the run starts.
struct Connection {
    /// The wire protocol of the endpoint; absent if no endpoint is asked.
    protocol: Option<&'static dyn Protocol>,
    out: PathBuf,
    headers: Vec<Header>,
    query: Vec<QueryParameter>,
    certificates: Certificates,
    api_key: Option<String>,
    log: Option<Arc<HttpLog>>,
    allow_private_urls: bool,
    is_dry_run: bool,
    start: StartRules,
}

/// An endpoint and the protocol that it speaks.
#[derive(Clone, Copy)]
struct Target<'a> {
    endpoint: &'a Endpoint,
    protocol: &'static dyn Protocol,
}

impl Target<'_> {
    /// Whether requests ask for the same answer each time: at temperature 0.
    fn has_stable_answers(self) -> bool {
        let temperature = self.protocol.parameter(&self.endpoint.params, Parameter::Temperature);
        temperature.and_then(|(_, temperature)| temperature.as_f64()) == Some(0.0)
    }
}

impl PlannedRun {
    pub(super) fn new(mut plan: Plan, job: Option<Job>, settings: &Settings) -> Result<Self, RunError> {
        let protocol = match &plan.spec.answers {
            Answers::Endpoint(endpoint) => Some(settings.protocol_of(endpoint)?),
            _ => None,
        };
        let connection = Connection {
            protocol,
            out: settings.out(),
            headers: settings.headers.clone(),
            query: settings.query.clone(),
            certificates: if settings.execution.insecure {
                Certificates::Unverified
            } else {
                Certificates::Verified
            },
            api_key: settings.api_key.clone(),
            log: settings.log.clone(),
            allow_private_urls: settings.allow_private_urls,
            is_dry_run: settings.is_dry_run,
            start: settings.start,
        };
        let target = connection.target(&plan.spec);
        if plan.spec.execution.cache && target.is_some_and(|target| !target.has_stable_answers()) {
            let notice = "--cache: the temperature is not 0, so answers are neither reused nor kept";
            plan.notices.push(notice.to_owned());
        }
        let target = connection.target(&plan.spec).filter(|_| !settings.is_dry_run);
        let provider = target.map(|target| connection.provider(&plan.spec, target)).transpose()?;
        let notice = "--insecure: the endpoint's certificate is not verified, so anyone on the way can read and change what is sent";
        let is_insecure = target.is_some() && connection.certificates == Certificates::Unverified;
        plan.notices.extend(is_insecure.then(|| notice.to_owned()));
        Ok(Self { plan, job, provider, connection, has_unconfirmed_address: false })
    }

    /// The frozen spec.
    #[must_use]
    pub fn spec(&self) -> &EvalSpec {
        &self.plan.spec
    }

    /// The folder in which the run is or will be.
    #[must_use]
    pub fn out(&self) -> &Path {
        let resumed = self.job.as_ref().and_then(|job| job.folder.path().parent());
        resumed.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(&self.connection.out)
    }

    /// The samples that are left to ask in any epoch.
    #[must_use]
    pub fn to_ask(&self) -> Cow<'_, [PickedSample]> {
        match &self.job {
            Some(job) => job.to_ask.samples(),
            None => Cow::Borrowed(&self.plan.spec.picked),
        }
    }

    /// Number of answers that are left to ask for: a sample counts once for each epoch.
    #[must_use]
    pub fn answers_to_ask(&self) -> usize {
        self.job.as_ref().map_or_else(|| self.plan.spec.answers_due(), |job| job.to_ask.answers())
    }

    /// What the resumed run has used up.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.job.as_ref().map(|job| job.spent).unwrap_or_default()
    }

    /// Whether the task has scorers.
    #[must_use]
    pub fn scores(&self) -> bool {
        !self.plan.task.score.is_empty()
    }

    /// Whether scoring needs an encoder.
    #[must_use]
    pub fn needs_encoder(&self) -> bool {
        let mut scorers = self.plan.task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
        scorers.any(|scorer| scorer.needs_encoder())
    }

    /// The programs of the scorers, each with its arguments.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.plan.spec.commands.iter().map(|command| command.argv.as_slice())
    }

    /// Whether the answers come from an endpoint. Otherwise they exist already.
    #[must_use]
    pub fn asks_endpoint(&self) -> bool {
        matches!(self.plan.spec.answers, Answers::Endpoint(_))
    }

    /// The error of the run if the API key is missing or not valid.
    #[must_use]
    pub fn missing_key(&self) -> Option<RunError> {
        let spec = &self.plan.spec;
        self.connection.key(&spec.model, self.connection.target(spec)?).err()
    }

    /// Fetches the data of the samples to ask to this machine, and exchanges their pictures if the run is shuffled.
    ///
    /// # Errors
    /// [`RunError`] if something cannot be fetched, or the pictures cannot be exchanged.
    pub fn bring(&mut self, progress: &dyn Progress) -> Result<(), RunError> {
        let is_shuffled = self.plan.spec.control == Some(Control::ShuffleImages) && self.answers_to_ask() > 0;
        // The exchange is among all picked samples, so that a resumed run repeats the same one.
        let needed = match &self.job {
            Some(job) if !is_shuffled => job.to_ask.samples(),
            _ => Cow::Borrowed(self.plan.spec.picked.as_slice()),
        };
        self.plan.dataset.fetch(&needed, progress)?;
        self.plan.refuse_hidden_option_orders(&needed)?;
        if let Some(preparer) = self.checking_preparer().filter(|_| is_shuffled) {
            let (name, count) = (&self.plan.spec.task.name, self.plan.spec.picked.len());
            progress.announce(&format!("{name}: comparing the pictures of {}", counted(count, "sample")));
            let web = web_for(&self.plan.task, self.connection.allow_private_urls)?.map(Arc::new);
            self.plan.exchange_pictures(&preparer, web.as_ref(), FETCHES)?;
        }
        Ok(())
    }

    /// The forecast, from the first few samples. Nothing if no request is sent.
    ///
    /// # Errors
    /// [`RunError::Data`] if the samples cannot be read.
    pub fn forecast(&self) -> Result<Option<Forecast>, RunError> {
        let to_ask = self.to_ask();
        if to_ask.is_empty() || !self.asks_endpoint() {
            return Ok(None);
        }
        let first = to_ask.iter().take(MEASURED).cloned().collect();
        let preparer = self.checking_preparer();
        let sizer = RequestSizer::new(&self.plan.spec, preparer.as_ref());
        let samples = self.plan.dataset.collect_samples(first)?;
        let measured = samples.iter().flatten().map(|sample| sizer.size_of(sample)).sum();
        let Plan { spec, task, .. } = &self.plan;
        let requests = self.answers_to_ask() as u64;
        let forecast = forecast(spec, self.connection.protocol, requests, &measured, &self.spent());
        Ok(Some(forecast.with_detectable(task, spec.picked.len())))
    }

    /// Inspects every sample without sending a request: the forecast, and what is wrong.
    ///
    /// # Errors
    /// [`RunError`] if the data cannot be read.
    pub fn dry_run(self) -> Result<DryRun, RunError> {
        let (spent, preparer) = (self.spent(), self.checking_preparer());
        let to_ask = self.job.map_or_else(|| ToAsk::all(&self.plan.spec), |job| job.to_ask);
        let web = web_for(&self.plan.task, self.connection.allow_private_urls)?;
        let tools = DryRunTools {
            preparer: preparer.as_ref(),
            web: web.as_ref(),
            protocol: self.connection.protocol,
        };
        dry_run(self.plan, to_ask, &tools, &spent)
    }

    /// Fetches the data and gets all answers, without observers and without an order to stop. Blocks. Works inside an async
    /// program too.
    ///
    /// # Errors
    /// [`RunError`]. What was recorded before the error stays, and the run can be resumed.
    pub fn run(mut self) -> Result<RunFolder, RunError> {
        self.bring(&Silent)?;
        let meter = Arc::new(meter_of(std::slice::from_ref(&self)));
        let run = self.start(&meter)?;
        let folder = run.folder().clone();
        run.ask(&Stopper::default().stop(), Observers::default())?;
        Ok(folder)
    }

    /// Creates the folder of a new run and the client of the endpoint. Sends nothing yet.
    ///
    /// # Errors
    /// [`RunError`] if the plan is for looking only, the budget of `meter` is used up, or the folder cannot be
    /// created.
    pub fn start(self, meter: &Arc<Meter>) -> Result<StartedRun, RunError> {
        self.refuse_unconfirmed_address()?;
        let Self { plan, job, provider, connection, .. } = self;
        if connection.is_dry_run {
            return Err(RunError::Config(
                "a dry run cannot be started: plan it without is_dry_run".to_owned(),
            ));
        }
        let needs_more = job.as_ref().is_none_or(|job| !job.to_ask.is_empty());
        if provider.is_some() && needs_more {
            meter.check()?;
        }
        let job = match job {
            Some(job) => {
                job.folder.raise_epochs(plan.spec.epochs)?;
                job
            }
            None => Job::create(&connection.out, &plan)?,
        };
        let setup = provider.map(|provider| connection.setup(provider, &plan, &job, meter)).transpose()?;
        Ok(StartedRun { plan, job, setup, meter: Arc::clone(meter) })
    }

    /// A preparer that stores no picture.
    fn checking_preparer(&self) -> Option<Preparer> {
        preparer(&self.plan, PathBuf::new())
    }
}

/// A run whose folder exists, locked for this process.
pub struct StartedRun {
    plan: Plan,
    /// The folder, and the samples that are left to ask.
    pub job: Job,
    setup: Option<AskingSetup>,
    meter: Arc<Meter>,
}

impl StartedRun {
    /// The folder of the run.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.job.folder
    }

    /// The frozen spec.
    #[must_use]
    pub fn spec(&self) -> &EvalSpec {
        &self.plan.spec
    }

    /// The folder of the task file; absent if the task is not from a file of this machine.
    #[must_use]
    pub fn task_folder(&self) -> Option<&Path> {
        self.plan.task_folder.as_deref()
    }

    /// Gets all missing answers. Blocks until the record is on the disk. Works inside an async program too.
    ///
    /// # Errors
    /// [`RunError`]. What was recorded before the error stays, and the run can be resumed.
    pub fn ask(self, stop: &Stop, observers: Observers) -> Result<EndReason, RunError> {
        execute(self.plan, &self.job, self.setup, stop, observers.with(self.meter))
    }
}

impl Connection {
    /// The endpoint of the run with its protocol; absent if no endpoint is asked.
    fn target<'a>(&self, spec: &'a EvalSpec) -> Option<Target<'a>> {
        match &spec.answers {
            Answers::Endpoint(endpoint) => Some(Target { endpoint, protocol: self.protocol? }),
            _ => None,
        }
    }

    fn provider(&self, spec: &EvalSpec, target: Target<'_>) -> Result<Provider, RunError> {
        let Target { endpoint, protocol } = target;
        let execution = spec.execution;
        let is_given = |name: &&String| self.headers.iter().any(|given| given.name == **name);
        if let Some(missing) = endpoint.headers.iter().find(|name| !is_given(name)) {
            return Err(RunError::Config(format!(
                "the run was made with --header {missing}, and values of headers are never recorded: give the header again"
            )));
        }
        let is_given = |name: &&String| self.query.iter().any(|given| given.name == **name);
        if let Some(missing) = endpoint.query.iter().find(|name| !is_given(name)) {
            return Err(RunError::Config(format!(
                "the run was made with --query {missing}, and values of parameters are never recorded: give the parameter again"
            )));
        }
        let http = HttpSettings {
            timeout: seconds(execution.timeout, "--timeout")?,
            connections: match execution.max_connections {
                Connections::Auto => MOST_CONNECTIONS,
                Connections::Fixed(limit) => limit,
            },
            headers: self.headers.clone(),
            query: self.query.clone(),
            certificates: self.certificates,
            log: self.log.clone(),
        };
        let policy = RetryPolicy { max_retries: execution.max_retries };
        let key = self.key(&spec.model, target)?;
        let unset = key.is_none().then(|| self.key_variable(&spec.model, target)).transpose()?.flatten();
        Ok(Provider::new(endpoint, protocol, key, &http, policy)?.without_key_in(unset))
    }

    /// The environment variable that is read for the key; nothing if a header has the key.
    fn key_variable(&self, model: &str, target: Target<'_>) -> Result<Option<&'static str>, RunError> {
        let Target { endpoint, protocol } = target;
        let name: ModelName = model.parse()?;
        let key_header = protocol.authentication("").name;
        let is_authorized = endpoint.headers.iter().any(|header| header.eq_ignore_ascii_case(&key_header));
        Ok(Some(name.key_variable()).filter(|_| !is_authorized))
    }

    /// The key that an endpoint needs; nothing if there is none and none is needed.
    fn key(&self, model: &str, target: Target<'_>) -> Result<Option<ApiKey>, RunError> {
        let endpoint = target.endpoint;
        let name: ModelName = model.parse()?;
        let (variable, unless_authorized) = (name.key_variable(), self.key_variable(model, target)?);
        let required = name.key_required(!is_at_preset(&name, endpoint)) && unless_authorized.is_some();
        let value = self.api_key.clone().map(Into::into).or_else(|| std::env::var_os(variable));
        Ok(ApiKey::check(variable, value, required)?)
    }

    fn setup(
        &self,
        provider: Provider,
        plan: &Plan,
        job: &Job,
        meter: &Arc<Meter>,
    ) -> Result<AskingSetup, RunError> {
        let execution = plan.spec.execution;
        Ok(AskingSetup {
            provider,
            limits: GateSettings {
                first_reply_within: self.start.wait_for_endpoint.unwrap_or_default().max(FIRST_REPLY_WITHIN),
                ..gate_settings(execution)?
            },
            // Answers of an earlier part of the run show that its requests are right.
            start: StartRules {
                stop_after_same_error: self.start.stop_after_same_error.filter(|_| job.already == 0),
                ..self.start
            },
            images: preparer(plan, job.folder.images_path()),
            withholds_images: plan.spec.control == Some(Control::NoImages),
            web: web_for(&plan.task, self.allow_private_urls)?,
            meter: Arc::clone(meter),
            memory: execution.max_request_memory,
            cache: self.cache(&plan.spec)?,
        })
    }

    /// The answers of earlier runs, if they may be used.
    fn cache(&self, spec: &EvalSpec) -> Result<Option<Cache>, RunError> {
        let usable = self.target(spec).filter(|target| spec.execution.cache && target.has_stable_answers());
        let Some(Target { endpoint, .. }) = usable else { return Ok(None) };
        let missing = "no folder for answers: set XDG_CACHE_HOME or HOME";
        let folder =
            Environment::from_process().own_cache().ok_or_else(|| RunError::Config(missing.to_owned()))?;
        let cache = Cache::open(&folder, endpoint, &self.headers, &self.query).map_err(|error| {
            RunError::Config(format!("--cache cannot keep answers in {}: {error}", folder.display()))
        })?;
        Ok(Some(cache))
    }
}

fn gate_settings(execution: Execution) -> Result<GateSettings, RunError> {
    Ok(GateSettings {
        connections: execution.max_connections,
        requests_per_minute: execution.requests_per_minute,
        tokens_per_minute: execution.tokens_per_minute,
        give_up_after: seconds(execution.give_up_after, "--give-up-after")?,
        ..GateSettings::default().within_machine()
    })
}

fn seconds(seconds: f64, option: &str) -> Result<Duration, RunError> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| RunError::Config(format!("{option} {seconds}: expected a number of seconds above 0")))
}

/// Prepares the pictures of a task that has some. Stores pictures that exist nowhere else in `store`.
fn preparer(plan: &Plan, store: PathBuf) -> Option<Preparer> {
    let Answers::Endpoint(endpoint) = &plan.spec.answers else { return None };
    let limits = image_limits(&endpoint.base_url);
    let spec = plan.task.images.clone()?;
    Some(Preparer::new(spec, limits, store, plan.spec.execution.keep_images))
}

/// The client that fetches the pictures at addresses, if the task has them fetched.
///
/// # Errors
/// [`RunError::Config`] if no folder for fetched pictures is known.
pub fn web_for(task: &Task, allow_private: bool) -> Result<Option<Web>, RunError> {
    let Some(images) = task.images.as_ref().filter(|images| images.send == SendAs::Fetch) else {
        return Ok(None);
    };
    let check =
        if images.allow_truncated { crate::image::check_allowing_truncated } else { crate::image::check };
    let missing = "no folder for fetched pictures: set XDG_CACHE_HOME or HOME";
    let cache =
        Environment::from_process().own_cache().ok_or_else(|| RunError::Config(missing.to_owned()))?;
    let settings = WebSettings { allow_private, connections: FETCHES, ..WebSettings::new(cache, check) };
    Ok(Some(Web::new(settings)?))
}

/// Refuses runs with a limited cost whose model has no known price.
///
/// # Errors
/// [`RunError::Config`] with what to do about it.
pub fn refuse_unpriced(planned: &[PlannedRun]) -> Result<(), RunError> {
    let unpriced = |spec: &&EvalSpec| spec.execution.budget.cost.is_some() && spec.price.is_none();
    let Some(spec) = asked(planned).map(PlannedRun::spec).find(unpriced) else { return Ok(()) };
    Err(RunError::Config(format!(
        "no price is known for {} at its address, so --max-cost cannot be enforced: give its price with --prices FILE.toml \
         (docs/budgets.md), or limit the run with --max-tokens-total or --max-time",
        spec.model
    )))
}

/// One meter for all `planned` runs of a command. They have the same limits and price. The time starts now.
#[must_use]
pub fn meter_of(planned: &[PlannedRun]) -> Meter {
    let spec = asked(planned).next().map(PlannedRun::spec);
    let budget = spec.map(|spec| spec.execution.budget).unwrap_or_default();
    let spent = asked(planned).map(PlannedRun::spent).sum();
    Meter::new(budget, spec.and_then(|spec| spec.price.clone()), spent)
}

fn asked(planned: &[PlannedRun]) -> impl Iterator<Item = &PlannedRun> {
    planned.iter().filter(|planned| planned.asks_endpoint())
}
