//! Carrying a plan out: the answers of one task, recorded.

use std::time::Duration;

use eyechart::image::Preparer;
use eyechart::log::RunFolder;
use eyechart::provider::{Gate, GateSettings, Provider, image_limits};
use eyechart::report::Entry;
use eyechart::run::{Ended, Job, Live, Plan, RunError, execute};
use eyechart::types::Answers;

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
    ) -> anyhow::Result<Option<RunFolder>> {
        let Planned { plan, job, provider } = planned;
        let job = match job {
            Some(job) => job,
            None => Job::create(&self.out(), &plan)?,
        };
        notice_bad_lines(&job.folder, &job.bad_lines);
        announce(&plan, &job);
        let live = provider.map(|provider| self.live(provider, &plan, &job)).transpose()?;
        let progress = RunProgress::default();
        let ended = interrupt.while_asking(|| execute(plan, &job, live, &interrupt.stop(), &progress));
        let can_go_on = |error: &RunError| !matches!(error, RunError::Config(_));
        if interrupt.ordered() || ended.as_ref().is_err_and(can_go_on) {
            output::say(&format!("to go on: eyechart run --resume {}", job.folder.path().display()));
        }
        match ended? {
            Ended::Interrupted => Ok(None),
            Ended::Finished if interrupt.ordered() => Ok(None),
            Ended::Finished => Ok(Some(job.folder)),
        }
    }

    fn live(&self, provider: Provider, plan: &Plan, job: &Job) -> anyhow::Result<Live> {
        let execution = plan.spec.execution;
        let gate = Gate::new(GateSettings {
            connections: execution.max_connections,
            requests_per_minute: execution.requests_per_minute,
            tokens_per_minute: execution.tokens_per_minute,
            give_up_after: Duration::try_from_secs_f64(execution.give_up_after)?,
        });
        Ok(Live {
            provider,
            gate,
            images: preparer(plan, job),
            web: web_for(&plan.task, self.going.allow_private_urls)?,
        })
    }
}

/// What prepares the pictures of a task that has some.
fn preparer(plan: &Plan, job: &Job) -> Option<Preparer> {
    let Answers::Endpoint(endpoint) = &plan.spec.answers else { return None };
    let limits = image_limits(&endpoint.base_url);
    let spec = plan.task.images.clone()?;
    Some(Preparer::new(spec, limits, job.folder.images_path(), plan.spec.execution.keep_images))
}

fn announce(plan: &Plan, job: &Job) {
    let (task, count) = (&plan.spec.task.name, job.to_ask.len());
    if count == 0 {
        return output::say(&format!("{task}: finished already in {}", job.folder.path().display()));
    }
    let already =
        if job.already > 0 { format!(" ({} recorded already)", job.already) } else { String::new() };
    output::say(&format!("{task}: {count} samples{already} with {}", plan.spec.model));
}

/// A run that is recorded only: its counts and its speed are known all the same.
pub(super) fn unscored(folder: &RunFolder) -> anyhow::Result<Entry> {
    let (spec, task) = (folder.spec()?, eyechart::score::task_of(folder)?);
    let results = eyechart::analyze::analyze(&spec, &task, &folder.outline()?.samples, &[]);
    Ok(Entry { folder: folder.path().to_owned(), results, task })
}
