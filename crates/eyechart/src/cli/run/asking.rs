//! Carrying a plan out: the answers of one task, recorded.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use eyechart::analyze::{Outcomes, analyze};
use eyechart::engine::Ended;
use eyechart::hub::Environment;
use eyechart::image::Preparer;
use eyechart::log::{RunFolder, for_each_last};
use eyechart::provider::{Gate, GateSettings, Provider, image_limits};
use eyechart::report::Entry;
use eyechart::run::{Cache, Job, Live, Meter, Plan, RunError, execute};
use eyechart::types::{Answers, Control, Observers};

use super::super::fetching::web_for;
use super::super::interrupt::Interrupt;
use super::super::output;
use super::super::progress::RunProgress;
use super::super::score::notice_bad_lines;
use super::Run;
use super::planning::Planned;

impl Run {
    /// Gets the answers; `None` where Ctrl-C came first.
    pub(super) fn carry_out(
        &self,
        planned: Planned,
        interrupt: &Interrupt,
        meter: &Arc<Meter>,
    ) -> anyhow::Result<Option<RunFolder>> {
        let Planned { plan, job, provider } = planned;
        let needs_more = job.as_ref().is_none_or(|job| !job.to_ask.is_empty());
        if provider.is_some() && needs_more {
            meter.check().inspect_err(|error| say_how_to_go_on(error, job.as_ref()))?;
        }
        let job = match job {
            Some(job) => job,
            None => Job::create(&self.out(), &plan)?,
        };
        notice_bad_lines(&job.folder, &job.bad_lines);
        announce(&plan, &job);
        let live = provider.map(|provider| self.live(provider, (&plan, &job), meter)).transpose()?;
        let progress = RunProgress::new(live.as_ref().map(|live| Arc::clone(&live.gate)));
        let observers = Observers::default().with(meter.clone()).with(Arc::new(progress));
        let ended = interrupt.while_asking(|| execute(plan, &job, live, &interrupt.stop(), observers));
        match &ended {
            Err(RunError::Config(_)) => {}
            Err(error) => say_how_to_go_on(error, Some(&job)),
            Ok(_) if interrupt.ordered() => say_to_go_on(&job, ""),
            Ok(_) => {}
        }
        match ended? {
            Ended::Interrupted => Ok(None),
            Ended::Finished if interrupt.ordered() => Ok(None),
            Ended::Finished => Ok(Some(job.folder)),
        }
    }

    fn live(
        &self,
        provider: Provider,
        (plan, job): (&Plan, &Job),
        meter: &Arc<Meter>,
    ) -> anyhow::Result<Live> {
        let execution = plan.spec.execution;
        let gate = Gate::new(GateSettings {
            connections: execution.max_connections,
            requests_per_minute: execution.requests_per_minute,
            tokens_per_minute: execution.tokens_per_minute,
            give_up_after: Duration::try_from_secs_f64(execution.give_up_after)?,
        });
        let images = preparer(plan, job.folder.images_path());
        let web = web_for(&plan.task, self.going.allow_private_urls)?;
        let withholds_images = plan.spec.control == Some(Control::NoImages);
        let (meter, memory, cache) = (Arc::clone(meter), execution.max_request_memory, self.cache(plan)?);
        Ok(Live { provider, gate, images, withholds_images, web, meter, memory, cache })
    }

    /// Where answers of earlier runs are, if they may be used.
    fn cache(&self, plan: &Plan) -> anyhow::Result<Option<Cache>> {
        let Answers::Endpoint(endpoint) = &plan.spec.answers else { return Ok(None) };
        if !plan.spec.execution.cache {
            return Ok(None);
        }
        if !Cache::holds_for(endpoint) {
            output::notice("--cache: the temperature is not 0, so answers are neither reused nor kept");
            return Ok(None);
        }
        let folder = Environment::from_process()
            .own_cache()
            .context("nothing says where answers are kept: set XDG_CACHE_HOME or HOME")?;
        let cache = Cache::open(&folder, endpoint, &self.request.header);
        cache.map(Some).with_context(|| format!("--cache cannot keep answers in {}", folder.display()))
    }
}

/// What prepares the pictures of a task that has some, and keeps those that have to be kept in `store`.
pub(super) fn preparer(plan: &Plan, store: PathBuf) -> Option<Preparer> {
    let Answers::Endpoint(endpoint) = &plan.spec.answers else { return None };
    let limits = image_limits(&endpoint.base_url);
    let spec = plan.task.images.clone()?;
    Some(Preparer::new(spec, limits, store, plan.spec.execution.keep_images))
}

/// `job` is absent where the run has not begun.
fn say_how_to_go_on(error: &RunError, job: Option<&Job>) {
    let Some(job) = job else { return };
    match error {
        RunError::Budget(exhausted) => say_to_go_on(job, &format!(" {}", exhausted.remedy())),
        _ => say_to_go_on(job, ""),
    }
}

fn say_to_go_on(job: &Job, options: &str) {
    output::say(&format!("to go on: eyechart run --resume {}{options}", job.folder.path().display()));
}

fn announce(plan: &Plan, job: &Job) {
    let (task, count) = (&plan.spec.task.name, job.to_ask.len());
    if count == 0 {
        return output::say(&format!("{task}: finished already in {}", job.folder.path().display()));
    }
    let already =
        if job.already > 0 { format!(" ({} recorded already)", job.already) } else { String::new() };
    let control = plan.spec.control.map(|control| format!(" ({control})")).unwrap_or_default();
    output::say(&format!("{task}: {count} samples{already} with {}{control}", plan.spec.model));
}

/// A run that is recorded only: its counts and its speed are known all the same.
pub(super) fn unscored(folder: &RunFolder) -> anyhow::Result<Entry> {
    let (spec, task) = (folder.spec()?, eyechart::score::task_of(folder)?);
    let mut outcomes = Outcomes::default();
    for_each_last(&folder.samples_path(), |record| outcomes.add(record))?;
    let results = analyze(&spec, &[], outcomes, &[]);
    Ok(Entry { folder: folder.path().to_owned(), results, task })
}
